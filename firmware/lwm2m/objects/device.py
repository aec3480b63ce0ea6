"""Device (Object 3), version 1.1."""

from micropython import const

from lwm2m.object import Object, OperationError

_REBOOT = const(4)
_FACTORY_RESET = const(5)
_MEMORY_FREE = const(10)
_ERROR_CODE = const(11)
_RESET_ERROR_CODE = const(12)
_CURRENT_TIME = const(13)
_FLASH_WRITES = const(26241)
_MAX_ERRORS = const(8)
_LATEST_S = const(0xFFFFFFFF)
_BAD_REQUEST = const(0x80)
_NOT_FOUND = const(0x84)


class Device(Object):
    """The device itself.

    manufacturer, model, serial, firmware: text. binding: Supported Binding and Modes, "UQS".
    epoch: callable() -> seconds since 1970 or None while unknown; without it there is no Current
    Time. memory_free: callable() -> bytes. reboot, factory_reset: callables() that act after the
    answer is on its way; without factory_reset the resource is absent. on_time: callable(seconds
    since 1970), called when a server writes Current Time; without it the clock of this Object is
    shifted. on_reset: callable(codes there were), called after a server has reset the error codes,
    to report by `error` those that are still there. flash_writes: callable() -> how often the
    flash was written, the private resource 26241.

    Battery level, voltage and such come by `set`: device.set(9, 80), device.set(7, 3900, riid=0).
    """

    object_id = 3
    object_version = "1.1"
    resources = (
        b"\x00\x00\x01\x01"  # Manufacturer
        b"\x00\x01\x01\x01"  # Model Number
        b"\x00\x02\x01\x01"  # Serial Number
        b"\x00\x03\x01\x01"  # Firmware Version
        b"\x00\x04\x14\x00"  # Reboot
        b"\x00\x05\x04\x00"  # Factory Reset
        b"\x00\x06\x09\x02"  # Available Power Sources
        b"\x00\x07\x09\x02"  # Power Source Voltage (mV)
        b"\x00\x08\x09\x02"  # Power Source Current (mA)
        b"\x00\x09\x01\x02"  # Battery Level (%)
        b"\x00\x0a\x01\x02"  # Memory Free (KB)
        b"\x00\x0b\x19\x02"  # Error Code
        b"\x00\x0c\x04\x00"  # Reset Error Code
        b"\x00\x0d\x03\x07"  # Current Time
        b"\x00\x0e\x03\x01"  # UTC Offset
        b"\x00\x0f\x03\x01"  # Timezone
        b"\x00\x10\x11\x01"  # Supported Binding and Modes
        b"\x00\x11\x01\x01"  # Device Type
        b"\x00\x12\x01\x01"  # Hardware Version
        b"\x00\x13\x01\x01"  # Software Version
        b"\x00\x14\x01\x02"  # Battery Status
        b"\x00\x15\x01\x02"  # Memory Total (KB)
        b"\x00\x16\x09\x08"  # ExtDevInfo
        b"\x66\x81\x01\x02"  # Flash Writes, private
    )

    def __init__(
        self,
        manufacturer: "str | None" = None,
        model: "str | None" = None,
        serial: "str | None" = None,
        firmware: "str | None" = None,
        binding: str = "U",
        epoch=None,
        memory_free=None,
        reboot=None,
        factory_reset=None,
        on_time=None,
        on_reset=None,
        flash_writes=None,
    ) -> None:
        super().__init__()
        self._epoch = epoch
        self._memory_free = memory_free
        self._actions = (reboot, factory_reset)
        self._on_time = on_time
        self._on_reset = on_reset
        self._flash_writes = flash_writes
        values = (manufacturer, model, serial, firmware)
        for rid in range(4):
            if values[rid] is not None:
                self.values[rid] = values[rid]
        self.values[_ERROR_CODE] = {0: 0}
        self.values[16] = binding

    def error(self, code: int, present: bool = True) -> None:
        """Report an error code (1 low battery ... 8 peripheral malfunction, 16 to 32 the device's
        own), or its end.

        Each has an instance of the resource, which is there as long as the error is; a single 0 in
        instance 0 says that there is none.
        """
        errors = self.values[_ERROR_CODE]
        if (code in errors.values()) == present:
            return
        left = {riid: errors[riid] for riid in errors if errors[riid] not in (0, code)}
        if present:
            if len(left) >= _MAX_ERRORS:
                return
            riid = 0
            while riid in left:
                riid += 1
            left[riid] = code
        self.set(_ERROR_CODE, left or {0: 0})

    def has(self, rid: int) -> bool:
        """Live resources are there when they have a source."""
        if rid == _MEMORY_FREE:
            return self._memory_free is not None
        if rid == _CURRENT_TIME:
            return self._epoch is not None and self._epoch() is not None
        if rid == _FACTORY_RESET:
            return self._actions[1] is not None
        if rid == _FLASH_WRITES:
            return self._flash_writes is not None
        return super().has(rid)

    def read(self, rid: int):
        """Return a value, live for free memory, time and flash writes."""
        if rid == _MEMORY_FREE and self._memory_free:
            return self._memory_free() // 1024
        if rid == _CURRENT_TIME and self._epoch:
            return self._epoch() + self.values.get(_CURRENT_TIME, 0)
        if rid == _FLASH_WRITES and self._flash_writes:
            return self._flash_writes()
        return self.values[rid]

    def validate(self, rid: int, value) -> None:
        """Refuse with 4.04 to set a clock that is not there, with 4.00 a time that none has."""
        if rid == _CURRENT_TIME and not 0 <= value <= _LATEST_S:
            raise OperationError(_BAD_REQUEST)
        if rid == _CURRENT_TIME and not self.has(rid) and not self._on_time:
            raise OperationError(_NOT_FOUND)

    def write(self, rid: int, value, server) -> None:
        """Take a written value; Current Time sets or shifts the clock."""
        if rid != _CURRENT_TIME:
            self.values[rid] = value
        elif self._on_time:
            self._on_time(value)
        elif self._epoch:
            # By how much the clock is to be shifted; among the values a deep sleep keeps it.
            self.values[_CURRENT_TIME] = value - self._epoch()

    def execute(self, rid: int, arguments: bytes, server) -> None:
        """Reboot, factory reset, or back to no error."""
        if rid == _RESET_ERROR_CODE:
            codes = self.values[_ERROR_CODE].values()
            self.set(_ERROR_CODE, {0: 0})
            if self._on_reset:
                self._on_reset(codes)
            return
        action = self._actions[rid - _REBOOT]
        if action is None:
            raise OperationError(_NOT_FOUND)
        action()
