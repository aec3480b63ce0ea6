"""The boot loader of an ESP32 on a pseudo-terminal, as esptool's documentation, "Serial Protocol",
has it: the one in ROM, and behind it the loader that esptool puts into RAM.
"""

import hashlib
import struct
import zlib

from programs.pty_wire import PtyWire

_FLASH_BEGIN, _FLASH_DATA, _FLASH_END = 0x02, 0x03, 0x04
_MEM_END, _SYNC, _WRITE_REG, _READ_REG = 0x06, 0x08, 0x09, 0x0A
_DEFL_BEGIN, _DEFL_DATA = 0x10, 0x11
_MD5, _SECURITY, _ERASE = 0x13, 0x14, 0xD0
_PLAIN = {0x05, 0x07, 0x0B, 0x0D, 0x0F, 0x12, _FLASH_END, _MEM_END, _ERASE}
_MAGIC_REG = 0x40001000
_SPI_CMD, _SPI_USR2, _SPI_W0 = 0x3FF42000, 0x3FF42024, 0x3FF42080
_RDID = 0x9F
_CAPACITIES = {"small": 0x14, "large": 0x18, "unsized": 0xFF}  # JEDEC: 2 to the power of that
_INVALID = b"\x01\x05"  # status: an invalid message was received
_BAD_SUM = b"\x01\x07"


class RomPeer(PtyWire):
    """A chip in its boot loader, with 4 MB of flash in `flash`.

    `faults`: "deaf" (it hears nothing), "silent" (it stops after `after` blocks), "pulled" (the
    cable is, then), "forgetful" (flash holds something else than was written), "other" (it is an
    ESP32-S3), "small", "large", "unsized" (its flash says that it has 1 MB, 16 MB, or what nobody
    knows).
    """

    def __init__(self, *faults, after=0):
        super().__init__()
        self.flash = bytearray(b"\x00" * (4 << 20))
        self.commands = []
        self._faults = faults
        capacity = next((_CAPACITIES[each] for each in faults if each in _CAPACITIES), 0x16)
        self._flash_id = capacity << 16 | 0x40EF
        self._after = after
        self._frame = None
        self._stub = False
        self._registers = {
            _MAGIC_REG: 0x9 if "other" in faults else 0x00F01D83,
            0x3FF40014: 347,  # the UART's divider: 40 MHz / 115200
            0x3FF5A004: 0x0A0B0C0D,  # MAC
            0x3FF5A008: 0x0000_240A,
        }
        self._at = self._size = self._blocks = 0
        self._inflate = None

    def received(self, data):
        if "deaf" in self._faults:
            return
        for byte in data:
            if byte == 0xC0:
                if self._frame:
                    self._command(
                        bytes(self._frame)
                        .replace(b"\xdb\xdc", b"\xc0")
                        .replace(b"\xdb\xdd", b"\xdb")
                    )
                    self._frame = None
                else:
                    self._frame = bytearray()
            elif self._frame is not None:
                self._frame.append(byte)

    def _frame_out(self, packet):
        packet = packet.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
        self.send(b"\xc0" + packet + b"\xc0")

    def _answer(self, code, value=0, data=b"", status=b"\x00\x00"):
        body = data + status + (b"" if self._stub else b"\x00\x00")
        self._frame_out(struct.pack("<BBHI", 1, code, len(body), value) + body)

    def _command(self, packet):
        _, code, _, checksum = struct.unpack("<BBHI", packet[:8])
        body = packet[8:]
        self.commands.append(code)
        if code == _SYNC:
            for _ in range(8):
                self._answer(code, 0 if self._stub else 0x20120707)
        elif code == _READ_REG:
            self._answer(code, self._registers.get(struct.unpack("<I", body)[0], 0))
        elif code == _WRITE_REG:
            address, value = struct.unpack("<II", body[:8])
            if address == _SPI_CMD:
                if self._registers.get(_SPI_USR2, 0) & 0xFF == _RDID:
                    self._registers[_SPI_W0] = self._flash_id
            else:
                self._registers[address] = value
            self._answer(code)
        elif code == _SECURITY and "other" in self._faults:
            self._answer(code, data=struct.pack("<IB7sII", 0, 0, bytes(7), 9, 0))
        elif code == _MD5:
            self._sum(*struct.unpack("<II", body[:8]))
        elif code in (_FLASH_BEGIN, _DEFL_BEGIN):
            size, _, self._size, self._at = struct.unpack("<IIII", body[:16])
            self._inflate = zlib.decompressobj() if code == _DEFL_BEGIN else None
            self.flash[self._at : self._at + size] = b"\xff" * size
            self._answer(code)
        elif code in (_FLASH_DATA, _DEFL_DATA):
            self._block(code, body, checksum)
        elif code in _PLAIN:
            if code == _ERASE:
                self.flash[:] = b"\xff" * len(self.flash)
            self._answer(code)
            if code == _MEM_END:
                self._stub = True
                self._frame_out(b"OHAI")
        else:
            self._answer(code, status=_INVALID)

    def _block(self, code, body, checksum):
        length, sequence = struct.unpack("<II", body[:8])
        data = body[16 : 16 + length]
        total = 0xEF
        for byte in data:
            total ^= byte
        if total != checksum:
            self._answer(code, status=_BAD_SUM)
            return
        self._blocks += 1
        if self._blocks > self._after:
            if "silent" in self._faults:
                return
            if "pulled" in self._faults:
                self.pull()
                return
        if self._inflate:
            data = self._inflate.decompress(data)
            self.flash[self._at : self._at + len(data)] = data
            self._at += len(data)
        else:
            at = self._at + sequence * self._size
            self.flash[at : at + len(data)] = data
        self._answer(code)

    def _sum(self, at, size):
        digest = hashlib.md5(self.flash[at : at + size])
        if "forgetful" in self._faults:
            digest = hashlib.md5(b"another")
        self._answer(_MD5, data=digest.digest() if self._stub else digest.hexdigest().encode())
