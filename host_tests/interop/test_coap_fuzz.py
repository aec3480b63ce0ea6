"""The CoAP codec under bytes of any kind, with aiocoap's as an oracle.

Examples are derived from the tests themselves, so every run tries the same ones.
"""

import aiocoap
import aiocoap.error
import pytest
from aiocoap.numbers import optionnumbers
from coap.message import FormatError, Message, decode
from hypothesis import example, given, settings
from hypothesis import strategies as st

# Option numbers with the shortest and longest value, and whether they may be repeated: RFC 7252
# §5.10, RFC 7641 §2, RFC 7959 §2.1 and §4, RFC 7967 §2, RFC 8768 §2, RFC 9175 §2.2.1 and §3.2.1.
_RULES = {
    3: (1, 255, False), 4: (1, 8, True), 6: (0, 3, False), 7: (0, 2, False), 8: (0, 255, True),
    11: (0, 255, True), 12: (0, 2, False), 14: (0, 4, False), 15: (0, 255, True),
    16: (1, 1, False), 17: (0, 2, False), 20: (0, 255, True), 23: (0, 3, False),
    27: (0, 3, False), 28: (0, 4, False), 60: (0, 4, False), 252: (1, 40, False),
    258: (0, 1, False), 292: (0, 8, True),
}

_settings = settings(derandomize=True, deadline=None, max_examples=300)

_numbers = st.one_of(
    st.integers(0, 300), st.integers(0, 65535), st.sampled_from(sorted(_RULES))
)
_values = st.one_of(st.binary(max_size=20), st.binary(min_size=250, max_size=300))
_codes = st.sampled_from([0x01, 0x02, 0x1F, 0x40, 0x45, 0x65, 0x84, 0xA0, 0xBF])


@st.composite
def messages(draw):
    message = Message(
        draw(_codes),
        draw(st.integers(0, 3)),
        draw(st.binary(max_size=8)),
        draw(st.binary(max_size=40)),
        draw(st.integers(0, 0xFFFF)),
    )
    for option in draw(st.lists(st.tuples(_numbers, _values), max_size=8)):
        message.add(*option)
    return message


@st.composite
def damaged(draw):
    """A message of which a few bytes are changed, cut off or doubled."""
    data = bytearray(draw(messages()).encode())
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data) - 1))
        data[at] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))])


datagrams = st.one_of(
    st.binary(max_size=60),
    st.builds(
        lambda first, rest: bytes((first,)) + rest,
        st.integers(0x40, 0x7F),
        st.binary(min_size=3, max_size=60),
    ),
    messages().map(lambda message: bytes(message.encode())),
    damaged(),
)


def _in_range(number, value) -> bool:
    shortest, longest, _ = _RULES.get(number, (0, len(value), True))
    return shortest <= len(value) <= longest


def _acted_on(listed) -> list:
    """Return those of the options that RFC 7252 §5.4.3 lets a recipient see."""
    return [(number, value) for number, value in listed if number & 1 or _in_range(number, value)]


@_settings
@given(messages())
def test_round_trip(message):
    """RFC 7252 §3: what is written is read, but for elective options of a length out of range."""
    data = bytes(message.encode())
    read = decode(data)
    assert (read.type, read.code, read.message_id) == (
        message.type, message.code, message.message_id,
    )
    assert read.token == message.token and read.payload == message.payload
    if not read.refused:
        assert read.options == _acted_on(message.options)
    if read.options == message.options:
        assert read.encode() == data
    assert message.exceeds(len(data) - 1) and not message.exceeds(len(data) + 1)


@_settings
@given(st.lists(st.tuples(_numbers, _values), max_size=12))
def test_options_are_sorted(listed):
    """RFC 7252 §3.1: in the order of their numbers, those of one number as they were added."""
    message = Message(1)
    for option in listed:
        message.add(*option)
    assert message.options == sorted(listed, key=lambda option: option[0])
    for number, _ in listed:
        values = [value for other, value in listed if other == number]
        assert message.all(number) == values and message.get(number) == values[0]
        left = Message(1)
        left.wire = message.without(number)
        assert left.options == [option for option in message.options if option[0] != number]
    for number in {number + 1 for number, _ in listed} - {number for number, _ in listed}:
        assert message.get(number) is None and message.all(number) == []


@_settings
@given(datagrams)
@example(bytes.fromhex("40010001e0fef210"))
@example(bytes.fromhex("40010001ff"))
def test_any_bytes_are_read_or_refused(data):
    """RFC 7252 §3: nothing but FormatError; what is read can be written and read again."""
    try:
        message = decode(data)
    except FormatError as error:
        assert (error.message_id is None) == (len(data) < 4 or data[0] >> 6 != 1)
        return
    again = decode(bytes(message.encode()))
    assert again.options == message.options and again.payload == message.payload
    assert not again.notes & ~message.notes
    message.path()
    message.queries()
    ids = message.ids()
    assert ids is None or [str(number) for number in ids] == [
        segment.lstrip("0") or "0" for segment in message.path()
    ]


def _wire_options(data):
    """Return every option of a well-formed datagram, read byte by byte."""
    rest = list(data[4 + (data[0] & 0xF) :])
    number = 0
    found = []
    while rest and rest[0] != 0xFF:
        fields = [rest[0] >> 4, rest[0] & 0xF]
        del rest[0]
        for at, field in enumerate(fields):
            if field == 13:
                fields[at] = 13 + rest.pop(0)
            elif field == 14:
                fields[at] = 269 + rest.pop(0) * 256 + rest.pop(0)
        number += fields[0]
        found.append((number, bytes(rest[: fields[1]])))
        del rest[: fields[1]]
    return found


@_settings
@given(datagrams)
def test_refused_options(data):
    """RFC 7252 §5.4: refused is the first critical option that is unknown, of a bad length, or
    repeated against its rule; and no other."""
    try:
        message = decode(data)
    except FormatError:
        return
    expected = 0
    seen = set()
    for number, value in _wire_options(data):
        rule = _RULES.get(number)
        repeated = number in seen and rule and not rule[2]
        seen.add(number)
        if number & 1 and (rule is None or repeated or not _in_range(number, value)):
            expected = expected or number
    assert message.refused == expected


def _theirs(data):
    """Return what aiocoap reads: type, code, ID, token, options, payload; None if it refuses."""
    try:
        read = aiocoap.Message.decode(data)
        listed = [(int(option.number), option.encode()) for option in read.opt.option_list()]
    except (aiocoap.error.UnparsableMessage, UnicodeDecodeError):
        return None
    return int(read.mtype), int(read.code), read.mid, read.token, listed, read.payload


def _canonical(listed):
    """Tell whether values are as aiocoap writes them: text, numbers without leading zeros."""
    for number, value in listed:
        kind = optionnumbers.OptionNumber(number).format.__name__
        if kind == "StringOption":
            try:
                value.decode()
            except UnicodeDecodeError:
                return False
        elif kind != "OpaqueOption" and value[:1] == b"\0":
            return False
    return True


@_settings
@given(datagrams)
def test_aiocoap_reads_the_same(data):
    """RFC 7252 §3: aiocoap's decoder finds the same in what we accept, and refuses the options
    that we refuse."""
    try:
        ours = decode(data)
    except FormatError as error:
        if error.args[0] == "option" and data[0] & 0xF <= 8:
            theirs = _theirs(data)
            assert theirs is None or any(number > 0xFFFF for number, _ in theirs[4])
        return
    if not _canonical(ours.options):
        return
    theirs = _theirs(data)
    if theirs is None:  # what we ignore or refuse by its length may be no text either
        assert ours.refused or ours.encode() != data
        return
    assert theirs[:4] == (ours.type, ours.code, ours.message_id, ours.token)
    if ours.encode() == data:
        assert ours.options == theirs[4]
    else:  # elective options are left out, which aiocoap may have written otherwise
        assert [option for option in theirs[4] if option in ours.options] == ours.options
    assert theirs[5] == bytes(ours.payload)


_FORMATS = {
    "OpaqueOption": st.binary(max_size=300),
    "StringOption": st.text(max_size=60),
    "UintOption": st.integers(0, 0xFFFFFFFF),
    "ContentFormatOption": st.integers(0, 0xFFFF),
    "BlockOption": st.tuples(st.integers(0, 0xFFFFF), st.booleans(), st.integers(0, 6)),
}


@st.composite
def _written_by_aiocoap(draw):
    message = aiocoap.Message(
        code=aiocoap.Code(draw(st.sampled_from([1, 2, 3, 5, 0x41, 0x45, 0x84, 0xA3]))),
        payload=draw(st.binary(max_size=60)),
        _token=draw(st.binary(max_size=8)),
        _mtype=aiocoap.Type(draw(st.integers(0, 3))),
        _mid=draw(st.integers(0, 0xFFFF)),
    )
    numbers = st.one_of(_numbers, st.sampled_from(sorted(optionnumbers.OptionNumber, key=int)))
    for number in draw(st.lists(numbers, max_size=6)):
        number = optionnumbers.OptionNumber(number)
        kind = number.format.__name__
        value = draw(_FORMATS[kind])
        if kind == "ContentFormatOption":
            value = aiocoap.ContentFormat(value)
        option = number.create_option()
        option.value = option.BlockwiseTuple(*value) if kind == "BlockOption" else value
        message.opt.add_option(option)
    return message


@_settings
@given(_written_by_aiocoap())
def test_aiocoap_writes_what_we_read(message):
    """RFC 7252 §3: what aiocoap encodes is read as it means it."""
    data = message.encode()
    read = decode(data)
    assert (read.type, read.code, read.message_id, read.token) == (
        int(message.mtype), int(message.code), message.mid, message.token,
    )
    assert bytes(read.payload) == message.payload
    written = [(int(option.number), option.encode()) for option in message.opt.option_list()]
    if not read.refused:
        assert read.options == _acted_on(written)
    if read.options == written:
        assert read.encode() == data


@_settings
@given(st.integers(0, 0xFFFFF), st.booleans(), st.integers(0, 6))
def test_block_values(number, more, exponent):
    """RFC 7959 §2.2: NUM, M and SZX stand where aiocoap reads them."""
    value = number << 4 | more << 3 | exponent
    theirs = aiocoap.Message.decode(
        bytes(Message(1).add(23, value).add(27, value).encode())
    ).opt
    for block in (theirs.block1, theirs.block2):
        assert (block.block_number, block.more, block.size_exponent) == (number, more, exponent)


def test_the_oracle_is_the_one_meant():
    """The comparisons rest on option formats that aiocoap knows."""
    assert {number.format.__name__ for number in optionnumbers.OptionNumber} <= set(_FORMATS)
    with pytest.raises(aiocoap.error.UnparsableMessage):
        aiocoap.Message.decode(b"\x40")
