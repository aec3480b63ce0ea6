"""Event Log (Object 20), version 1.0: the text that the last panic left."""

from micropython import const

from lwm2m.object import Object, OperationError
from lwm2m.uri import parse_arguments

_LOG_CLASS = const(4010)
_LOG_START = const(4011)
_LOG_STATUS = const(4013)
_LOG_DATA = const(4014)
_DATA_FORMAT = const(4015)
_PANIC = const(5)
_STOPPED = const(1)
_VALID = const(2)
_BAD_REQUEST = const(0x80)


class EventLog(Object):
    """What ended a run of the device: LogData has the text, which is of class 5, panic.

    data: UTF-8. on_clear: callable() or None, called when a server has emptied the log: by
    LogStart unless its argument 0 is 1 (extend), by LogStop where its argument 0 is 1 (empty).
    """

    object_id = 20
    resources = (
        b"\x0f\xaa\x03\x02"  # LogClass
        b"\x0f\xab\x04\x00"  # LogStart
        b"\x0f\xac\x04\x00"  # LogStop
        b"\x0f\xad\x01\x02"  # LogStatus
        b"\x0f\xae\x11\x06"  # LogData
        b"\x0f\xaf\x03\x02"  # LogDataFormat
    )

    def __init__(self, data: bytes = b"", on_clear=None) -> None:
        super().__init__()
        self._on_clear = on_clear
        self.values[_LOG_CLASS] = _PANIC
        self.values[_DATA_FORMAT] = 0  # a sequence of bytes
        self.values[_LOG_STATUS] = 0
        self.fill(data)

    def fill(self, data: bytes) -> None:
        """Set LogData, and in LogStatus whether there is any."""
        self.set(_LOG_DATA, data)
        stopped = self.values[_LOG_STATUS] & _STOPPED
        self.set(_LOG_STATUS, stopped | (_VALID if data else 0))

    def validate(self, rid: int, value) -> None:
        """Refuse with 4.00 another class of events or another format than there is."""
        if value != self.values[rid]:
            raise OperationError(_BAD_REQUEST)

    def execute(self, rid: int, arguments: bytes, server) -> None:
        """Start or stop the log, and empty it."""
        starts = rid == _LOG_START
        wanted = dict(parse_arguments(arguments)).get(0)
        if wanted not in (None, "0", "1"):
            raise OperationError(_BAD_REQUEST)
        self.set(_LOG_STATUS, self.values[_LOG_STATUS] & _VALID | (0 if starts else _STOPPED))
        if starts != (wanted == "1"):
            self.fill(b"")
            if self._on_clear:
                self._on_clear()
