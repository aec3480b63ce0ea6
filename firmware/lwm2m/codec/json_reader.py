"""JSON (RFC 8259) read item by item, for SenML JSON and LwM2M JSON.

The built-in `json` takes text that is no JSON, and reads 1e3 or 1700000000.0 through a float,
which has 24 bits on an ESP32. Here whole numbers stay exact, whatever their notation, and depth is
bounded.
"""

from binascii import a2b_base64

from micropython import const

from lwm2m.codec import CodecError, is_digits

_MAX_DEPTH = const(6)
# Digits of the largest 64-bit number.
_MAX_DIGITS = const(20)
_ESCAPES = {0x62: b"\b", 0x66: b"\f", 0x6E: b"\n", 0x72: b"\r", 0x74: b"\t"}
_WORDS = {b"true": True, b"false": False, b"null": None}
_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


class Reader:
    """Reads items from data (bytes or memoryview of UTF-8 text), from index `at` on."""

    def __init__(self, data) -> None:
        self.data = data
        self.at = 0

    def peek(self) -> int:
        """Return the next byte that is not white space without taking it; -1 at the end."""
        data = self.data
        at = self.at
        while at < len(data) and data[at] in b" \t\n\r":
            at += 1
        self.at = at
        return data[at] if at < len(data) else -1

    def take(self, byte: int) -> None:
        """Take `byte` after any white space; CodecError when another is there."""
        if self.peek() != byte:
            raise CodecError("malformed JSON")
        self.at += 1

    def more(self, close: int, first: bool) -> bool:
        """Go to the next element of an opened array or object; False past its `close` bracket."""
        if self.peek() == close:
            self.at += 1
            return False
        if not first:
            self.take(0x2C)
        return True

    def key(self) -> str:
        """Read the name of an object's member, and its colon."""
        self.take(0x22)
        name = self._string()
        self.take(0x3A)
        return name

    def members(self, depth: int = 0) -> dict:
        """Read an object with all that it holds; a name given twice is refused."""
        self.take(0x7B)
        pairs = {}
        while self.more(0x7D, not pairs):
            name = self.key()
            if name in pairs:
                raise CodecError("a JSON name is given twice")
            pairs[name] = self.item(depth + 1)
        return pairs

    def item(self, depth: int = 0):
        """Read one item with all that it holds; numbers as `number` reads them."""
        byte = self.peek()
        if depth > _MAX_DEPTH:
            raise CodecError("malformed JSON")
        if byte == 0x22:
            self.at += 1
            return self._string()
        if byte == 0x7B:
            return self.members(depth)
        if byte == 0x5B:
            self.at += 1
            items = []
            while self.more(0x5D, not items):
                items.append(self.item(depth + 1))
            return items
        start = self.at
        data = self.data
        at = start
        while at < len(data) and data[at] not in b" \t\n\r,]}":
            at += 1
        self.at = at
        word = bytes(data[start:at])
        return _WORDS[word] if word in _WORDS else number(word)

    def end(self) -> None:
        """Raise CodecError unless only white space is left."""
        if self.peek() != -1:
            raise CodecError("malformed JSON")

    def _string(self) -> str:
        # The opening quote is taken already.
        data = self.data
        start = at = self.at
        out = bytearray()
        while True:
            if at >= len(data) or data[at] < 0x20:
                raise CodecError("malformed JSON")
            if data[at] == 0x22:
                break
            if data[at] == 0x5C:
                out += data[start:at]
                self.at = at + 1
                out += self._escape()
                start = at = self.at
            else:
                at += 1
        out += data[start:at]
        self.at = at + 1
        try:
            return str(out, "utf-8")
        except UnicodeError:
            raise CodecError("malformed JSON")

    def _escape(self) -> bytes:
        at = self.at
        byte = self.data[at] if at < len(self.data) else 0
        self.at = at + 1
        if byte in b'"\\/':
            return bytes((byte,))
        if byte != 0x75:
            if byte not in _ESCAPES:
                raise CodecError("malformed JSON")
            return _ESCAPES[byte]
        code = self._unit()
        if 0xD800 <= code < 0xDC00 and bytes(self.data[self.at : self.at + 2]) == b"\\u":
            self.at += 2
            low = self._unit()
            if not 0xDC00 <= low < 0xE000:
                raise CodecError("malformed JSON")
            code = 0x10000 + ((code - 0xD800) << 10) + low - 0xDC00
        elif 0xD800 <= code < 0xE000:
            raise CodecError("malformed JSON")
        return chr(code).encode()

    def _unit(self) -> int:
        # Four hexadecimal digits (RFC 8259 §7).
        digits = bytes(self.data[self.at : self.at + 4])
        self.at += 4
        if len(digits) < 4 or digits.strip(b"0123456789abcdefABCDEF"):
            raise CodecError("malformed JSON")
        return int(digits, 16)


def number(word: bytes):
    """Read a JSON number (RFC 8259 §6): an int when it is whole and of 64 bits, else a float."""
    try:
        text = str(word, "utf-8")
    except UnicodeError:
        raise CodecError("malformed JSON")
    sign = "-" if text[:1] == "-" else ""
    mantissa, mark, shift = text[len(sign) :].replace("E", "e").partition("e")
    whole, point, fraction = mantissa.partition(".")
    digits = whole + fraction
    bare = shift[1:] if shift[:1] in ("+", "-") else shift
    if (
        not whole
        or digits.strip("0123456789")
        or (len(whole) > 1 and whole[0] == "0")
        or bool(point) != bool(fraction)
        or (mark and not bare)
        or bare.strip("0123456789")
    ):
        raise CodecError("malformed JSON")
    digits = digits.lstrip("0")
    if is_digits(bare or "0"):
        kept = digits.rstrip("0")
        zeros = int(shift or "0") - len(fraction) + len(digits) - len(kept)
        if not kept:
            return -0.0 if sign and point else 0
        if zeros >= 0 and len(kept) + zeros <= _MAX_DIGITS:
            return int(sign + kept + "0" * zeros)
    try:
        value = float(text)
    except (ValueError, OverflowError):
        raise CodecError("malformed JSON")
    if value - value != 0:
        raise CodecError("number is too large")
    return value


def octets(text) -> bytes:
    """Read base64 of either alphabet, with its padding or without it."""
    if isinstance(text, str):
        text = text.replace("-", "+").replace("_", "/").rstrip("=")
        if not text.strip(_BASE64) and len(text) & 3 != 1:
            return a2b_base64(text + "=" * (-len(text) & 3))
    raise CodecError("malformed base64")
