"""LWM2M Software Management (Object 9): a software component that comes as a package.

    0 Initial            Write of Package begins, or of a Package URI       1 Download started
    1 Download started   the package is there                               2 Downloaded
                         it failed (results 50 to 57)                       0 Initial
    2 Downloaded         it is good, which is known at once (3)             3 Delivered
    3 Delivered          Execute of Install: it is installed (2)            4 Installed
                         it is not (58)                                     3 Delivered
                         Execute of Uninstall                               0 Initial
                         another package, or URI                            1 Download started
                         while it is being installed, nothing of these
    4 Installed          Execute of Uninstall (0)                           0 Initial
                         Activate, Deactivate                               4 Installed

Anything else is refused with 4.05. It outlives a reset as lwm2m.objects.firmware does.
"""

from micropython import const

from lwm2m.delivery import Delivery
from lwm2m.object import Object, OperationError
from lwm2m.uri import parse_arguments

_PACKAGE = const(2)
_URI = const(3)
_INSTALL = const(4)
_UNINSTALL = const(6)
_STATE = const(7)
_ANNOUNCE = const(8)
_RESULT = const(9)
_ACTIVATE = const(10)
_ACTIVE = const(12)
_USER = const(14)
_PASSWORD = const(15)

_INITIAL = const(0)
_STARTED = const(1)
_DELIVERED = const(3)
_INSTALLED = const(4)

_DOWNLOADING = const(1)
_IS_INSTALLED = const(2)
_IS_THERE = const(3)
_INSTALLATION_FAILED = const(58)
_UNINSTALLATION_FAILED = const(59)
# By the results of lwm2m.delivery, 2 to 9, there is no protocol that is not supported: 56.
_RESULTS = b"\x00\x00\x32\x33\x34\x35\x36\x38\x39\x38"

_BAD_REQUEST = const(0x80)
_METHOD_NOT_ALLOWED = const(0x85)


class SoftwareManagement(Object):
    """One software component.

    client: the node's client. sink: keeps the package and installs it by `apply`, see
    lwm2m.delivery, where 1 means that it is installed and None that `done` will tell. It also has

        remove(for_update)   uninstall it, wholly or to make room for another; a result or None
        activate(on)         start or stop it; raises OSError when it does not

    Its `name` and `version`, text, are PkgName and PkgVersion.
    """

    object_id = 9
    multiple = True
    resources = (
        b"\x00\x00\x11\x01"  # PkgName
        b"\x00\x01\x11\x01"  # PkgVersion
        b"\x00\x02\x02\x06"  # Package
        b"\x00\x03\x02\x01"  # Package URI
        b"\x00\x04\x14\x00"  # Install
        b"\x00\x05\x01\x08"  # Checkpoint
        b"\x00\x06\x14\x00"  # Uninstall
        b"\x00\x07\x11\x02"  # Update State
        b"\x00\x08\x03\x05"  # Update Supported Objects
        b"\x00\x09\x11\x02"  # Update Result
        b"\x00\x0a\x14\x00"  # Activate
        b"\x00\x0b\x14\x00"  # Deactivate
        b"\x00\x0c\x11\x05"  # Activation State
        b"\x00\x0d\x03\x08"  # Package Settings
        b"\x00\x0e\x02\x01"  # User Name
        b"\x00\x0f\x02\x01"  # Password
        b"\x00\x10\x01\x01"  # Status Reason
        b"\x00\x11\x09\x08"  # Software Component Link
        b"\x00\x12\x01\x02"  # Software Component tree length
    )

    def __init__(self, client, sink) -> None:
        super().__init__()
        self._client = client
        self._sink = sink
        self._delivery = Delivery(client, sink, self._save, self._delivered)
        self._state = _INITIAL
        self._result = 0
        self._active = False
        self._installs = False
        self._uri = ""
        self.values[_ANNOUNCE] = False
        kept = self._delivery.load()
        if kept:
            self._state, self._result, self._active, self._uri = kept
            if self._state == _STARTED:
                result = self._delivery.resume(self._uri)
                if result:
                    self._delivered(result)
        client.jobs += (self.step,)

    def has(self, rid: int) -> bool:
        """What is written only, and what the component says of itself, is always there."""
        return rid < _INSTALL or rid in (_STATE, _RESULT, _ACTIVE) or super().has(rid)

    def read(self, rid: int):
        """Return a value."""
        if rid < _PACKAGE:
            return getattr(self._sink, "version" if rid else "name", None) or ""
        if rid == _STATE:
            return self._state
        if rid == _RESULT:
            return self._result
        return bool(self._active) if rid == _ACTIVE else self.values[rid]

    def validate(self, rid: int, value) -> None:
        """Refuse with 4.05 a package in a state that does not allow one, with 4.00 a URI that is
        too long or empty, or a name or password that is too long.
        """
        if rid in (_URI, _USER, _PASSWORD) and not (rid == _URI) <= len(value) <= 255:
            raise OperationError(_BAD_REQUEST)
        if rid in (_PACKAGE, _URI) and not self._is_open():
            raise OperationError(_METHOD_NOT_ALLOWED)

    def write(self, rid: int, value, server) -> None:
        """Take a whole package, a URI to fetch one from, or what else may be written."""
        if rid not in (_PACKAGE, _URI):
            self.values[rid] = value
        elif not self.accepts():
            return  # one Write had both a package and a URI: the first of them goes
        elif rid == _PACKAGE:
            self._delivered(self._delivery.put(value))
        else:
            self._uri = value
            self._to(_STARTED, _DOWNLOADING)
            self._delivery.begin(value)

    def body_sink(self, request, rid: int, operations, server):
        """Take a Package that comes in blocks as it comes; for lwm2m.requests."""
        if rid != _PACKAGE:
            return True
        return self._delivery.push(request, self, rid, operations, server)

    def accepts(self) -> bool:
        """Begin with a package where the state allows one; for lwm2m.delivery."""
        if not self._is_open():
            return False
        self._uri = ""
        self._to(_STARTED, _DOWNLOADING)
        return True

    def execute(self, rid: int, arguments: bytes, server) -> None:
        """Install, Uninstall, Activate or Deactivate."""
        state = self._state
        if self._installs:
            raise OperationError(_METHOD_NOT_ALLOWED)
        if rid == _INSTALL and state == _DELIVERED:
            self._installs = True
            result = self._delivery.guarded(self._sink.apply)
            if result:
                self.done(result)
        elif rid == _UNINSTALL and state >= _DELIVERED:
            given = parse_arguments(arguments)
            for_update = bool(given) and given[0] in ((0, "1"), (1, None))
            failed = self._delivery.guarded(self._sink.remove, for_update)
            if failed:
                self._to(state, _UNINSTALLATION_FAILED)
                return
            if not for_update:
                self._active = False
                self.changed(_ACTIVE)
            self._to(_INITIAL, 0)
        elif rid >= _ACTIVATE and state == _INSTALLED:
            on = rid == _ACTIVATE
            if not self._delivery.guarded(self._sink.activate, on):
                self._active = on
                self.changed(_ACTIVE)
                self._save()
        else:
            raise OperationError(_METHOD_NOT_ALLOWED)

    def done(self, result: int) -> None:
        """Say what came of an installation: 1 it is there, another number it is not."""
        self._installs = False
        if result == 1:
            self._to(_INSTALLED, _IS_INSTALLED)
            self.changed(0)
            self.changed(1)
            if self.values[_ANNOUNCE]:
                self._client.update(reason="software")
        else:
            self._to(_DELIVERED, _INSTALLATION_FAILED)

    def step(self, now: int) -> "int | None":
        """Go on with a pull; return when to be called again."""
        return self._delivery.step(now)

    def _is_open(self):
        return self._state in (_INITIAL, _DELIVERED) and not self._installs

    def _delivered(self, result):
        if result:
            self._to(_INITIAL, _RESULTS[result])
        else:
            self._to(_DELIVERED, _IS_THERE)

    def _to(self, state, result):
        self._result = result
        self.changed(_RESULT)
        self._state = state
        self.changed(_STATE)
        self._save()
        self._client.emit("software", None, state=state, result=result, instance=self.instance_id)

    def _save(self):
        self._delivery.save(self._state, self._result, self._active, self._uri)
