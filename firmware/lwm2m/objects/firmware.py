"""Firmware Update (Object 5): a package pushed or pulled into a sink, and put to use.

    0 Idle          Write of Package begins, or of a Package URI            1 Downloading
    1 Downloading   the package is there and good                           2 Downloaded
                    it failed (results 2 to 7, 9), or Cancel (10)           0 Idle
    2 Downloaded    Execute of Update; Automatic Upgrade                    3 Updating
                    Cancel (10)                                             0 Idle
    3 Updating      the new firmware runs (1); its package is bad (2 to 7)  0 Idle
                    it does not (8), or is put off (11)                     2 Downloaded
    1, 2            Write of an empty Package URI, or of a Package that     0 Idle
                    is empty or one zero byte

Anything else is refused with 4.05. State, result, URI and what was fetched outlive a reset in the
record that the sink keeps: a pull goes on where it stopped, a push that was cut off ends with
result 4, and after Updating the sink says at the next boot what came of it.
"""

from micropython import const

from lwm2m.delivery import Delivery
from lwm2m.object import Object, OperationError

_PACKAGE = const(0)
_URI = const(1)
_UPDATE = const(2)
_STATE = const(3)
_RESULT = const(5)
_NAME = const(6)
_VERSION = const(7)
_PROTOCOLS = const(8)
_DELIVERY_METHOD = const(9)
_CANCEL = const(10)
_SEVERITY = const(11)
_LAST_CHANGE = const(12)
_DEFER_S = const(13)
_AUTOMATIC = const(14)

_IDLE = const(0)
_DOWNLOADING = const(1)
_DOWNLOADED = const(2)
_UPDATING = const(3)

_SUCCESS = const(1)
_FAILED = const(8)
_CANCELLED = const(10)
_DEFERRED = const(11)

_COAP = const(0)
_PUSH_AND_PULL = const(2)
_BAD_REQUEST = const(0x80)
_METHOD_NOT_ALLOWED = const(0x85)

_APPLY_AFTER_MS = const(1_000)  # the answer to the Execute and a notification go out first


class FirmwareUpdate(Object):
    """The Object of version 1.0, which every server knows.

    client: the node's client. sink: keeps the package and puts it to use, see lwm2m.delivery.
    With an update that goes on without a restart, call `done` at its end.
    """

    object_id = 5
    resources = (
        b"\x00\x00\x12\x06"  # Package
        b"\x00\x01\x13\x01"  # Package URI
        b"\x00\x02\x14\x00"  # Update
        b"\x00\x03\x11\x02"  # State
        b"\x00\x05\x11\x02"  # Update Result
        b"\x00\x06\x01\x01"  # PkgName
        b"\x00\x07\x01\x01"  # PkgVersion
        b"\x00\x08\x09\x02"  # Firmware Update Protocol Support
        b"\x00\x09\x11\x02"  # Firmware Update Delivery Method
    )

    def __init__(self, client, sink) -> None:
        super().__init__()
        self._client = client
        self._sink = sink
        self._apply_at = None
        self._delivery = Delivery(client, sink, self._save, self._delivered)
        values = self.values
        # These three are not kept in `values` alone, to which a node that slept deeply gives back
        # what they were then.
        self._uri = values[_URI] = ""
        self._state = values[_STATE] = _IDLE
        self._result = values[_RESULT] = 0
        values[_PROTOCOLS] = {0: _COAP}
        values[_DELIVERY_METHOD] = _PUSH_AND_PULL
        if self.definition(_SEVERITY):
            values[_SEVERITY] = 1  # its default
        self._resume()
        client.jobs += (self.step,)

    def has(self, rid: int) -> bool:
        """Package name and version are there when the sink tells them of one that is there."""
        if rid in (_NAME, _VERSION):
            return self._state >= _DOWNLOADED and self._told(rid) is not None
        return rid == _PACKAGE or super().has(rid)

    def read(self, rid: int):
        """Return a value."""
        if rid in (_NAME, _VERSION):
            return self._told(rid)
        if rid == _URI:
            return self._uri
        if rid == _STATE:
            return self._state
        return self._result if rid == _RESULT else self.values[rid]

    def validate(self, rid: int, value) -> None:
        """Refuse with 4.05 what the state does not allow, with 4.00 what is out of range."""
        if rid == _URI and len(value) > 255 or rid == _SEVERITY and not 0 <= value <= 2:
            raise OperationError(_BAD_REQUEST)
        if rid in (_PACKAGE, _URI) and not self._allows(not _is_reset(rid, value)):
            raise OperationError(_METHOD_NOT_ALLOWED)

    def write(self, rid: int, value, server) -> None:
        """Take a whole package, a URI to fetch one from, or what else may be written."""
        if rid > _URI:
            self.values[rid] = value
            if self._apply_at is None:
                self._save()
        elif _is_reset(rid, value):
            self._delivery.stop()
            self._to(_IDLE, 0, "")
        elif self._state != _IDLE:
            return  # one Write had both a package and a URI: the first of them goes
        elif rid == _PACKAGE:
            self._to(_DOWNLOADING, 0, "")
            self._delivered(self._delivery.put(value))
        else:
            self._to(_DOWNLOADING, 0, value)
            self._delivery.begin(value)

    def body_sink(self, request, rid: int, operations, server):
        """Take a Package that comes in blocks as it comes; for lwm2m.requests."""
        if rid != _PACKAGE:
            return True
        return self._delivery.push(request, self, rid, operations, server)

    def accepts(self) -> bool:
        """Begin with a package where the state allows one; for lwm2m.delivery."""
        if self._state != _IDLE:
            return False
        self._to(_DOWNLOADING, 0, "")
        return True

    def execute(self, rid: int, arguments: bytes, server) -> None:
        """Update, or Cancel."""
        state = self._state
        if rid == _CANCEL and state in (_DOWNLOADING, _DOWNLOADED) and self._apply_at is None:
            self._delivery.stop()
            self._to(_IDLE, _CANCELLED, "")
        elif rid == _UPDATE and state == _DOWNLOADED:
            self._update()
        else:
            raise OperationError(_METHOD_NOT_ALLOWED)

    def done(self, result: int) -> None:
        """Say what came of an update: 1 the new firmware runs, 8 it failed, 11 it is put off …"""
        if result in (_FAILED, _DEFERRED):
            self._to(_DOWNLOADED, result)
        else:
            self._delivery.stop()
            self._to(_IDLE, result, "")

    def step(self, now: int) -> "int | None":
        """Go on with a pull or an update; return when to be called again."""
        if self._apply_at is None or now < self._apply_at:
            due = self._delivery.step(now)
            return self._apply_at if due is None else due
        self._apply_at = None
        self._save()  # from here on a reset means that the update has begun
        try:
            result = self._sink.apply()
        except (OSError, MemoryError):
            result = _FAILED
        if result:
            self.done(result)
        return None

    def _allows(self, package) -> bool:
        """Tell whether a package, or the reset that an empty one stands for, may be written."""
        return self._state == _IDLE if package else self._state != _UPDATING

    def _told(self, rid):
        return getattr(self._sink, "name" if rid == _NAME else "version", None)

    def _update(self):
        self._apply_at = self._client.now + _APPLY_AFTER_MS
        self._to(_UPDATING, 0)
        self._client.nearer()

    def _delivered(self, result):
        if result:
            self._to(_IDLE, result)
        else:
            self._to(_DOWNLOADED, 0)
            if self.values.get(_AUTOMATIC):
                self._update()

    def _to(self, state, result, uri=None):
        """Be in a state; all three are reported where they are others."""
        if state != self._state and self.definition(_LAST_CHANGE):
            now_s = self._client.epoch and self._client.epoch()
            if now_s:
                self.set(_LAST_CHANGE, now_s)
        if uri is not None:
            self._uri = uri
            self.set(_URI, uri)
        if state == _IDLE:
            self._delivery.etag = None
        self._result = result
        self.set(_RESULT, result)
        self._state = state
        self.set(_STATE, state)
        if self._apply_at is None:
            self._save()
        self._client.emit("firmware", None, state=state, result=result)

    def _save(self):
        values = self.values
        # Twice the Severity and 2 more, and whether it is to go on by itself.
        told = (values.get(_SEVERITY, -1) + 1) * 2 + bool(values.get(_AUTOMATIC))
        self._delivery.save(self._state, self._result, told, self._uri)

    def _resume(self):
        kept = self._delivery.load()
        if kept is None:
            return
        values = self.values
        self._state, self._result, told, self._uri = kept
        if self.definition(_SEVERITY):
            if told > 1:
                values[_SEVERITY] = told // 2 - 1
            if told & 1:
                values[_AUTOMATIC] = True
        values[_URI] = self._uri
        values[_STATE] = self._state
        values[_RESULT] = self._result
        if self._state == _UPDATING:
            try:
                outcome = self._sink.outcome()
            except (OSError, MemoryError):
                outcome = _FAILED
            if outcome is not None:
                self.done(outcome)
        elif self._state == _DOWNLOADING:
            result = self._delivery.resume(self._uri)
            if result:
                self._to(_IDLE, result)


def _is_reset(rid, value):
    return not len(value) or (rid == _PACKAGE and len(value) == 1 and value[0] == 0)


class FirmwareUpdate12(FirmwareUpdate):
    """The Object of version 1.2: Cancel, and what tells and governs more of it.

    What its sink has put off goes on with `execute(2, b"", None)`, as when a server asks for it.
    """

    object_version = "1.2"
    resources = FirmwareUpdate.resources + (
        b"\x00\x0a\x04\x00"  # Cancel
        b"\x00\x0b\x03\x02"  # Severity
        b"\x00\x0c\x01\x07"  # Last State Change Time
        b"\x00\x0d\x03\x03"  # Maximum Defer Period (s)
        b"\x00\x0e\x03\x05"  # Automatic Upgrade at Download
    )
