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

import struct

from micropython import const

from lwm2m.delivery import CONNECTION_LOST, Delivery
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
_PUT = const(3)
_CONTENT_FORMAT = const(12)
_SIZE1 = const(60)
_OPAQUE = const(42)
_WRITE = const(2)
_BAD_REQUEST = const(0x80)
_METHOD_NOT_ALLOWED = const(0x85)
_TOO_LARGE = const(0x8D)

_RECORD = ">BBIB"  # state, result, size, length of the ETag; the ETag and the URI follow
_RECORD_BYTES = const(7)
_UNKNOWN = const(0xFFFFFFFF)
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
            result = self._delivery.pull(value)
            if result:
                self._delivered(result)
            self._nearer()

    def body_sink(self, request, rid: int, operations, server):
        """Take a Package that comes in blocks as it comes; for lwm2m.requests."""
        if rid != _PACKAGE or request.code != _PUT:
            return True
        if request.get_uint(_CONTENT_FORMAT, _OPAQUE) != _OPAQUE:
            return True  # wrapped up in a format, it has to be there as a whole
        try:
            if operations.access:
                operations.access.check(server, (5, self.instance_id, rid), _WRITE)
        except OperationError as error:
            return request.reply(error.code)
        if not self._allows(True):
            return request.reply(_METHOD_NOT_ALLOWED)
        self._to(_DOWNLOADING, 0, "")
        sink = self._delivery.push(request.get_uint(_SIZE1))
        if isinstance(sink, int):
            self._delivered(sink)
            return request.reply(_TOO_LARGE)
        return sink

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
        result = self._delivery.guarded(self._sink.apply)
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
        self._nearer()

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
            self._delivery.etag = self._delivery.size = None
        self._result = result
        self.set(_RESULT, result)
        self._state = state
        self.set(_STATE, state)
        if self._apply_at is None:
            self._save()
        self._client.emit("firmware", None, state=state, result=result)

    def _save(self):
        delivery = self._delivery
        etag = delivery.etag or b""
        size = _UNKNOWN if delivery.size is None else delivery.size
        record = struct.pack(_RECORD, self._state, self._result, size, len(etag))
        delivery.guarded(self._sink.save, record + etag + self._uri.encode())

    def _resume(self):
        record = self._sink.load()
        if len(record) < _RECORD_BYTES:
            return
        state, result, size, length = struct.unpack(_RECORD, record[:_RECORD_BYTES])
        try:
            etag = bytes(record[_RECORD_BYTES : _RECORD_BYTES + length])
            uri = bytes(record[_RECORD_BYTES + length :]).decode()
        except ValueError:
            return  # it was damaged: the state is Idle
        values = self.values
        self._uri = values[_URI] = uri
        self._state = values[_STATE] = state
        self._result = values[_RESULT] = result
        if state == _UPDATING:
            outcome = self._sink.outcome()
            if outcome is not None:
                self.done(outcome)
        elif state == _DOWNLOADING:
            result = CONNECTION_LOST
            if uri:
                size = None if size == _UNKNOWN else size
                result = self._delivery.pull(uri, etag or None, size, self._sink.held())
            if result:
                self._delivery.stop()
                self._to(_IDLE, result)

    def _nearer(self):
        if self._client.on_due:
            self._client.on_due()


def _is_reset(rid, value):
    return not len(value) or (rid == _PACKAGE and len(value) == 1 and value[0] == 0)


class FirmwareUpdate12(FirmwareUpdate):
    """The Object of version 1.2: Cancel, and what tells and governs more of it."""

    object_version = "1.2"
    resources = FirmwareUpdate.resources + (
        b"\x00\x0a\x04\x00"  # Cancel
        b"\x00\x0b\x03\x02"  # Severity
        b"\x00\x0c\x01\x07"  # Last State Change Time
        b"\x00\x0d\x03\x03"  # Maximum Defer Period (s)
        b"\x00\x0e\x03\x05"  # Automatic Upgrade at Download
    )
