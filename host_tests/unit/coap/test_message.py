"""RFC 7252 §3, §5.4, §5.10 and appendix A: messages as bytes."""

from coap.message import ACK, CON, NON, RST, FormatError, Message, decode, dotted
from coap.registry import code


def refused(hexadecimal):
    """Return the FormatError of a datagram."""
    try:
        decode(bytes.fromhex(hexadecimal))
    except FormatError as error:
        return error
    raise AssertionError(hexadecimal + " was read")


def test_appendix_a_examples():
    """RFC 7252 appendix A, figures 16 to 22: every message of the examples, as bytes."""
    path = "bb74656d7065726174757265"
    value = "ff32322e332043"
    for expected, type, number, message_id, token, uri_path, payload in (
        ("40017d34" + path, CON, code(0, 1), 0x7D34, b"", True, b""),
        ("60457d34" + value, ACK, code(2, 5), 0x7D34, b"", False, b"22.3 C"),
        ("41017d3520" + path, CON, code(0, 1), 0x7D35, b"\x20", True, b""),
        ("61457d3520" + value, ACK, code(2, 5), 0x7D35, b"\x20", False, b"22.3 C"),
        ("41017d3631" + path, CON, code(0, 1), 0x7D36, b"\x31", True, b""),
        ("41017d3742" + path, CON, code(0, 1), 0x7D37, b"\x42", True, b""),
        ("41017d3853" + path, CON, code(0, 1), 0x7D38, b"\x53", True, b""),
        ("60007d38", ACK, 0, 0x7D38, b"", False, b""),
        ("4145ad7b53" + value, CON, code(2, 5), 0xAD7B, b"\x53", False, b"22.3 C"),
        ("6000ad7b", ACK, 0, 0xAD7B, b"", False, b""),
        ("7000ad7c", RST, 0, 0xAD7C, b"", False, b""),
        ("51017d4075" + path, NON, code(0, 1), 0x7D40, b"\x75", True, b""),
        ("5145ad7d75" + value, NON, code(2, 5), 0xAD7D, b"\x75", False, b"22.3 C"),
    ):
        message = Message(number, type, token, payload, message_id)
        if uri_path:
            message.add(11, "temperature")
        assert message.encode() == bytes.fromhex(expected)
        read = decode(bytes.fromhex(expected))
        assert (read.code, read.type, read.message_id) == (number, type, message_id)
        assert read.token == token and bytes(read.payload) == payload
        assert read.path() == (["temperature"] if uri_path else [])


def test_codes_are_written_with_a_dot():
    """RFC 7252 §3: class, dot, two digits of detail."""
    assert dotted(code(2, 5)) == "2.05"
    assert dotted(code(0, 1)) == "0.01"
    assert dotted(code(4, 13)) == "4.13"
    assert dotted(code(7, 31)) == "7.31"


def test_option_deltas_of_each_size():
    """RFC 7252 §3.1: the delta in the first byte, in one more and in two more."""
    for number, head in (
        (1, "10"), (12, "c0"), (13, "d000"), (14, "d001"), (268, "d0ff"), (269, "e00000"),
        (270, "e00001"), (65535, "e0fef2"),
    ):
        data = bytes.fromhex("40010001" + head)
        assert Message(1, message_id=1).add(number, b"").encode() == data
        assert decode(data).options == [(number, b"")]
        assert decode(data).get(number) == b""


def test_option_lengths_of_each_size():
    """RFC 7252 §3.1: the length in the first byte, in one more and in two more."""
    for length, head in (
        (0, "b0"), (1, "b1"), (12, "bc"), (13, "bd00"), (268, "bdff"), (269, "be0000"),
        (270, "be0001"), (1034, "be02fd"),
    ):
        value = b"x" * length
        data = bytes.fromhex("40010001" + head) + value
        assert Message(1, message_id=1).add(11, value).encode() == data
        assert decode(data).options == [(11, value)]


def test_delta_and_length_extended_together():
    """RFC 7252 §3.1: the extended delta stands before the extended length."""
    data = bytes.fromhex("40010001ee00010001") + b"x" * 270
    assert Message(1, message_id=1).add(270, b"x" * 270).encode() == data
    assert decode(data).options == [(270, b"x" * 270)]


def test_options_are_kept_in_order():
    """RFC 7252 §3.1: ascending numbers; those of one number as they were added."""
    message = Message(1, message_id=1)
    for number, value in ((15, "b=1"), (11, "rd"), (2000, "z"), (11, "2"), (6, 0), (15, "a=2")):
        message.add(number, value)
    expected = [
        (6, b""), (11, b"rd"), (11, b"2"), (15, b"b=1"), (15, b"a=2"), (2000, b"z"),
    ]
    assert message.options == expected
    assert decode(bytes(message.encode())).options == expected
    assert message.path() == ["rd", "2"]
    assert message.queries() == ["b=1", "a=2"]


def test_insertion_rewrites_an_extended_delta():
    """RFC 7252 §3.1: a delta counts from the option before, also from one put in later."""
    message = Message(1, message_id=1).add(300, b"y" * 20).add(290, b"x").add(20, b"w")
    assert message.options == [(20, b"w"), (290, b"x"), (300, b"y" * 20)]
    assert decode(bytes(message.encode())).options == message.options


def test_remove_takes_every_option_of_a_number():
    """RFC 7252 §3.1: what is left keeps its order."""
    message = Message(1).add(11, "a").add(12, 60).add(12, 0).add(15, "c")
    message.remove(12)
    assert message.options == [(11, b"a"), (15, b"c")]
    assert message.get(12) is None


def test_uint_is_as_short_as_can_be():
    """RFC 7252 §3.2: no leading zero bytes, nothing for 0; leading zeros are read."""
    for value, coded in (
        (0, b""), (1, b"\x01"), (255, b"\xff"), (256, b"\x01\x00"), (11542, b"\x2d\x16"),
        (0xFFFFFF, b"\xff\xff\xff"), (0xFFFFFFFF, b"\xff\xff\xff\xff"),
    ):
        message = Message(1).add(60, value)
        assert message.get(60) == coded
        assert message.get_uint(60) == value
    assert Message(1).add(6, b"\x00\x05").get_uint(6) == 5
    assert Message(1).get_uint(6) is None
    assert Message(1).get_uint(6, 7) == 7


def test_token_lengths():
    """RFC 7252 §3: 0 to 8 bytes; 9 to 15 are a format error."""
    for length in range(9):
        token = b"ABCDEFGH"[:length]
        data = bytes((0x40 | length, 1, 0, 1)) + token
        assert decode(data).token == token
        assert Message(1, CON, token, b"", 1).encode() == data
    for length in range(9, 16):
        error = refused("%02x010203" % (0x40 | length) + "00" * length)
        assert error.args[0] == "token length"
        assert (error.type, error.message_id) == (CON, 0x0203)


def test_header_that_cannot_be_read():
    """RFC 7252 §3: shorter than a header, or of an unknown version, tells no type and ID."""
    for data in ("", "40", "4001", "400100", "00010001", "80010001", "c0010001ff"):
        error = refused(data)
        assert error.type is None and error.message_id is None


def test_message_format_errors():
    """RFC 7252 §3, §4.1 and §4.2: each is refused, with the type and message ID of the header."""
    for data, reason in (
        ("42010203aa", "token"),
        ("41000203aa", "empty with content"),
        ("40000203ff00", "empty with content"),
        ("4000020310", "empty with content"),
        ("41000203", "token"),
        ("40200203", "reserved class"),
        ("40c00203", "reserved class"),
        ("40ff0203", "reserved class"),
        ("40010203ff", "no payload"),
        ("40010203b161ff", "no payload"),
        ("40010203f0", "option"),
        ("400102030f", "option"),
        ("40010203f1", "option"),
        ("40010203b2aa", "option"),
        ("40010203d0", "option"),
        ("40010203e000", "option"),
        ("40010203be00", "option"),
        ("40010203dd00", "option"),
        ("40010203bdff" + "61" * 267, "option"),
        ("40010203beffff" + "61" * 300, "option"),
        ("40010203e0fef210", "option"),
        ("40010203e0ffff", "option"),
    ):
        error = refused(data)
        assert error.args[0] == reason, data
        assert (error.type, error.message_id) == (CON, 0x0203), data


def test_payload_may_hold_the_marker():
    """RFC 7252 §3: only the first 0xFF where an option could begin ends the options."""
    message = decode(bytes.fromhex("40020001b1ffffffff"))
    assert message.options == [(11, b"\xff")]
    assert bytes(message.payload) == b"\xff\xff"
    assert message.encode() == bytes.fromhex("40020001b1ffffffff")


def test_text_that_is_not_utf8_names_nothing():
    """RFC 7252 §5.10.1: segments are UTF-8; other bytes give a segment no resource has."""
    message = Message(1).add(11, b"\xc3\x28").add(11, b"\xc3\xbc").add(15, b"\xff")
    assert message.path() == ["\ufffd", "\u00fc"]
    assert message.queries() == ["\ufffd"]


def test_reply_has_the_token():
    """RFC 7252 §5.3.1: a response echoes the token; Content-Format is a uint (§5.10.3)."""
    request = decode(bytes.fromhex("4401123441424344"))
    for content_format, options in (
        (None, []), (0, [(12, b"")]), (112, [(12, b"p")]), (11542, [(12, b"\x2d\x16")]),
    ):
        response = request.reply(code(2, 5), b"x", content_format)
        assert response.token == b"ABCD" and response.payload == b"x"
        assert response.options == options


def test_screen_finds_critical_options():
    """RFC 7252 §5.4.1: the first critical option that is not recognised."""
    assert Message(1).add(11, "rd").add(15, "ep=x").add(17, 112).screen() == 0
    assert Message(1).add(11, "rd").add(9, b"").add(2049, b"").screen() == 9
    assert Message(1).add(65535, b"x").screen() == 65535


def test_screen_refuses_lengths_out_of_range():
    """RFC 7252 §5.4.3: a length out of range makes an option one that is not recognised."""
    assert Message(1).add(17, b"\x00\x00\x70").screen() == 17
    assert Message(1).add(3, b"").screen() == 3
    message = Message(1).add(6, b"\x01\x02\x03\x04").add(12, 60)
    assert message.screen() == 0
    assert message.options == [(12, b"\x3c")]


def test_screen_refuses_repetition():
    """RFC 7252 §5.4.5: a critical option that may not be repeated is refused; an elective one is
    ignored from its second occurrence on."""
    assert Message(1).add(17, 0).add(17, 112).screen() == 17
    message = Message(1).add(12, 60).add(12, 0)
    assert message.screen() == 0
    assert message.get_uint(12) == 60
