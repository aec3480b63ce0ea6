"""One item of CBOR, by cbor2, with the checks it leaves to its caller."""

import datetime
import decimal
import io

import cbor2


def loads(payload: bytes):
    """Decode a payload that is one CBOR item; a tagged date is seconds since 1970.

    Raises ValueError for what follows the item, cbor2.CBORDecodeError for what is none.
    """
    stream = io.BytesIO(payload)
    item = cbor2.CBORDecoder(stream).decode()
    if stream.read(1):
        raise ValueError("more than one CBOR item")
    return plain(item)


def plain(item):
    """Replace dates (tags 0 and 1, TS 1.2 Core table C.2-1) by seconds since 1970, and decimal
    fractions by floats."""
    if isinstance(item, datetime.datetime):
        seconds = item.timestamp()
        return int(seconds) if seconds == int(seconds) else seconds
    if isinstance(item, decimal.Decimal):
        return float(item)
    if isinstance(item, list):
        return [plain(inner) for inner in item]
    if isinstance(item, dict):
        return {key: plain(inner) for key, inner in item.items()}
    return item


def is_scalar(item) -> bool:
    """Tell whether an item is null or a value that a Resource may have."""
    return item is None or isinstance(item, (bool, int, float, str, bytes))


dumps = cbor2.dumps
DecodeError = cbor2.CBORDecodeError
