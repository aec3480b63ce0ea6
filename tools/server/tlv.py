"""The LwM2M TLV format, 11542 (TS Core 1.0 §6.4.3)."""

import struct

_OBJECT_INSTANCE, _RESOURCE_INSTANCE, _MULTIPLE, _RESOURCE = 0, 1, 2, 3


class TlvError(Exception):
    """A payload is not TLV, or a value cannot be written as TLV."""


def _items(payload: bytes):
    """Yield (kind, id, value) of the entries of one level."""
    index = 0
    while index < len(payload):
        head = payload[index]
        id_size = 2 if head & 0x20 else 1
        length_size = head >> 3 & 3
        start = index + 1 + id_size + length_size
        if start > len(payload):
            raise TlvError("truncated at octet %d" % index)
        id = int.from_bytes(payload[index + 1 : index + 1 + id_size], "big")
        length = head & 7
        if length_size:
            length = int.from_bytes(payload[index + 1 + id_size : start], "big")
        if start + length > len(payload):
            raise TlvError("truncated at octet %d" % index)
        yield head >> 6, id, payload[start : start + length]
        index = start + length


def decode_value(data: bytes, type: str | None):
    """Decode one value; of unknown type: text when it is printable, else the bytes."""
    if type == "string":
        return data.decode("utf-8")
    if type in ("integer", "time"):
        if len(data) not in (1, 2, 4, 8):
            raise TlvError("an integer has %d octets" % len(data))
        return int.from_bytes(data, "big", signed=True)
    if type == "unsigned":
        if len(data) not in (1, 2, 4, 8):
            raise TlvError("an unsigned integer has %d octets" % len(data))
        return int.from_bytes(data, "big")
    if type == "float":
        if len(data) not in (4, 8):
            raise TlvError("a float has %d octets" % len(data))
        return struct.unpack(">f" if len(data) == 4 else ">d", data)[0]
    if type == "boolean":
        if data not in (b"\0", b"\1"):
            raise TlvError("a boolean is %r" % data)
        return data == b"\1"
    if type == "objlnk":
        if len(data) != 4:
            raise TlvError("an object link has %d octets" % len(data))
        return "%d:%d" % struct.unpack(">HH", data)
    if type == "opaque":
        return data
    text = data.decode("utf-8", "replace")
    return text if text and text.isprintable() and "\ufffd" not in text else data


def decode(payload: bytes, base: tuple[int, ...], type_of) -> dict[tuple[int, ...], object]:
    """Decode a payload that answers a request for `base` into {path: value}.

    Raises TlvError or UnicodeDecodeError.
    """
    found: dict[tuple[int, ...], object] = {}

    def resource(path: tuple[int, ...], kind: int, data: bytes) -> None:
        if kind == _RESOURCE:
            found[path] = decode_value(data, type_of(path))
        elif kind == _MULTIPLE:
            for inner, id, value in _items(data):
                if inner != _RESOURCE_INSTANCE:
                    raise TlvError("kind %d inside a multiple resource" % inner)
                found[path + (id,)] = decode_value(value, type_of(path))
        else:
            raise TlvError("kind %d where a resource was expected" % kind)

    for kind, id, data in _items(payload):
        if kind == _OBJECT_INSTANCE:
            for inner, resource_id, value in _items(data):
                resource((base[0], id, resource_id), inner, value)
        elif kind == _RESOURCE_INSTANCE:
            if len(base) < 3:
                raise TlvError("a resource instance outside a resource")
            found[base[:3] + (id,)] = decode_value(data, type_of(base))
        else:
            instance = base[:2] if len(base) >= 2 else (base[0], 0)
            resource(instance + (id,), kind, data)
    return found


def encode_value(value, type: str | None) -> bytes:
    """Encode one value, by its type when known and else by the kind of Python value."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, bool) or type == "boolean":
        return b"\1" if value else b"\0"
    if type == "objlnk":
        return struct.pack(">HH", *(int(part) for part in str(value).split(":")))
    if type == "float" or isinstance(value, float):
        return _float(float(value))
    if isinstance(value, int):
        signed = type != "unsigned"
        for size in (1, 2, 4, 8):
            least, end = (
                (-(1 << 8 * size - 1), 1 << 8 * size - 1) if signed else (0, 1 << 8 * size)
            )
            if least <= value < end:
                return value.to_bytes(size, "big", signed=signed)
        raise TlvError("%d does not fit 64 bits" % value)
    return str(value).encode()


def _float(value: float) -> bytes:
    """Write a float in 32 bits where they hold it, else in 64."""
    try:
        short = struct.pack(">f", value)
    except OverflowError:
        return struct.pack(">d", value)
    return short if struct.unpack(">f", short)[0] == value else struct.pack(">d", value)


def _item(kind: int, id: int, data: bytes) -> bytes:
    head = kind << 6 | (0x20 if id > 255 else 0)
    length = len(data)
    size = 0 if length < 8 else (length.bit_length() + 7) // 8
    head |= length if size == 0 else size << 3
    id_part = id.to_bytes(2 if id > 255 else 1, "big")
    return bytes((head,)) + id_part + (length.to_bytes(size, "big") if size else b"") + data


def encode(entries: dict[tuple[int, ...], object], base: tuple[int, ...], type_of) -> bytes:
    """Encode {path: value}, every path under `base`, for a Write or Create there."""
    instances: dict[int, dict[int, object]] = {}
    for path, value in entries.items():
        resources = instances.setdefault(path[1], {})
        if len(path) == 4:
            resources.setdefault(path[2], {})[path[3]] = value  # type: ignore[index]
        else:
            resources[path[2]] = value
    out = b""
    for instance_id, resources in instances.items():
        body = b""
        for resource_id, value in resources.items():
            type = type_of((base[0], instance_id, resource_id))
            if isinstance(value, dict):
                inner = b"".join(
                    _item(_RESOURCE_INSTANCE, id, encode_value(v, type)) for id, v in value.items()
                )
                body += inner if len(base) == 4 else _item(_MULTIPLE, resource_id, inner)
            else:
                body += _item(_RESOURCE, resource_id, encode_value(value, type))
        out += body if len(base) >= 2 else _item(_OBJECT_INSTANCE, instance_id, body)
    return out
