"""RFC 7252 §3, §5.4, §5.10 and appendix A: messages as bytes."""

from coap import options
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


def test_options_without_some():
    """RFC 7252 §3.1: what is left keeps its order; the message keeps all."""
    message = Message(1).add(11, "a").add(12, 60).add(12, 0).add(15, "c").add(300, "d")
    wire = message.without(12, 15)
    left = Message(1)
    left.wire = wire
    assert left.options == [(11, b"a"), (300, b"d")]
    assert message.get(12) == b"<" and len(message.options) == 5
    assert Message(1).without(12) == b""


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
    for content_format, expected in (
        (None, []), (0, [(12, b"")]), (112, [(12, b"p")]), (11542, [(12, b"\x2d\x16")]),
    ):
        response = request.reply(code(2, 5), b"x", content_format)
        assert response.token == b"ABCD" and response.payload == b"x"
        assert response.options == expected


def read(message):
    """Return a message as it comes over the wire."""
    return decode(bytes(message.encode()))


def test_critical_options_are_noted():
    """RFC 7252 §5.4.1: the first critical option that is not recognised."""
    assert read(Message(1).add(11, "rd").add(15, "ep=x").add(17, 112)).refused == 0
    assert read(Message(1).add(11, "rd").add(9, b"").add(2049, b"")).refused == 9
    assert read(Message(1).add(65535, b"x")).refused == 65535
    assert read(Message(1).add(2050, b"x").add(65534, b"")).refused == 0


def test_host_and_port_are_recognised():
    """RFC 7252 §5.10.1: Uri-Host and Uri-Port, which servers may put into any request."""
    message = Message(1).add(3, "device.example").add(7, 5683).add(11, "rd")
    assert read(message).refused == 0 and read(message).path() == ["rd"]
    assert read(Message(1).add(3, b"x" * 255)).refused == 0


def test_critical_options_of_a_length_out_of_range():
    """RFC 7252 §5.4.3: a length out of range makes an option one that is not recognised; a
    critical one is refused."""
    for number, shortest, longest in (
        (3, 1, 255), (7, 0, 2), (11, 0, 255), (15, 0, 255), (17, 0, 2), (23, 0, 3), (27, 0, 3),
    ):
        for length in (shortest, longest):
            assert read(Message(1).add(number, b"\x01" * length)).refused == 0, (number, length)
        assert read(Message(1).add(number, b"\x01" * (longest + 1))).refused == number
        if shortest:
            assert read(Message(1).add(number, b"")).refused == number


def test_elective_options_of_a_length_out_of_range():
    """RFC 7252 §5.4.3: an elective option of such a length is ignored, the others are read."""
    for number, shortest, longest in (
        (4, 1, 8), (6, 0, 3), (8, 0, 255), (12, 0, 2), (14, 0, 4), (20, 0, 255), (28, 0, 4),
        (60, 0, 4), (252, 1, 40), (258, 0, 1), (292, 0, 8),
    ):
        for length in (shortest, longest):
            message = read(Message(1).add(number, b"\x01" * length).add(11, "a").add(2050, "b"))
            assert message.get(number) == b"\x01" * length, (number, length)
        wrong = [longest + 1] + ([0] if shortest else [])
        for length in wrong:
            message = Message(1).add(number, b"\x01" * length).add(11, "a").add(2050, "b")
            message = read(message)
            assert message.refused == 0 and message.get(number) is None, (number, length)
            assert message.path() == ["a"] and message.get(2050) == b"b"
            message = Message(1).add(number, b"\x01" * length).add(number, b"\x02" * longest)
            assert read(message).all(number) == [b"\x02" * longest]


def test_repetition():
    """RFC 7252 §5.4.5: a critical option that may not be repeated is refused; an elective one is
    ignored from its second occurrence on."""
    for number in (3, 7, 17, 23, 27):
        assert read(Message(1).add(number, 1).add(number, 2)).refused == number
    for number in (11, 15):
        assert read(Message(1).add(number, "a").add(number, "b")).refused == 0
    message = read(Message(1).add(12, 60).add(12, 0).add(4, b"a").add(4, b"b"))
    assert message.refused == 0 and message.get_uint(12) == 60
    assert message.all(4) == [b"a", b"b"]


def test_further_options_of_an_application():
    """RFC 7252 §5.4.1: what an application acts on reaches it, within the lengths it names."""
    number = 65001
    assert read(Message(1).add(number, b"x")).refused == number
    options.recognise(number, 1, 4, False)
    message = read(Message(1).add(number, b"x"))
    assert message.refused == 0 and message.get(number) == b"x"
    assert read(Message(1).add(number, b"")).refused == number
    assert read(Message(1).add(number, b"12345")).refused == number
    assert read(Message(1).add(number, b"x").add(number, b"y")).refused == number
    options.recognise(number, 0, 8, True)
    assert read(Message(1).add(number, b"").add(number, b"12345678")).refused == 0


def test_path_as_ids():
    """RFC 7252 §5.10.1, OMA LwM2M 6.4: the path as numbers 0..65535 without leading signs."""
    for path, expected in (
        ("", ()), ("3", (3,)), ("3/0/13", (3, 0, 13)), ("65535/0/0/65534", (65535, 0, 0, 65534)),
        ("65536", None), ("99999", None), ("100000", None), ("4294967299", None), ("a", None),
        ("3/", None), ("3/x", None), ("3/-1", None), ("3/+1", None), ("3/0x1", None),
        ("3/1 ", None), ("3/1.0", None), ("3/\u0663", None),
    ):
        message = Message(1)
        for segment in path.split("/") if path else ():
            message.add(11, segment)
        assert read(message).ids() == expected, path
    message = Message(1).add(6, 0).add(11, "bs").add(11, "3").add(11, "7").add(15, "pmin=1")
    assert read(message).ids() is None
    assert read(message).ids(1) == (3, 7)
    assert read(message).ids(2) == (7,)
    assert read(message).ids(3) == ()
    # Other options before and behind, and segments of more than 12 bytes.
    message = Message(1).add(3, "a" * 20).add(11, "12").add(12, 0).add(17, 112)
    assert read(message).ids() == (12,)
    assert read(Message(1).add(11, "3").add(11, "1" * 13)).ids() is None
    assert read(Message(1).add(11, "long segment 14").add(11, "3")).ids(1) == (3,)
    for size in (12, 13, 14, 32, 269, 300):
        message = Message(1).add(11, "a").add(11, "b" * size).add(11, "c" * size).add(11, "3")
        assert read(message).ids(3) == (3,), size
        assert read(message).ids(2) is None


def test_size_of_a_message():
    """RFC 7252 §4.6: whether a message fits a datagram."""
    message = Message(0x45, CON, b"1234", b"x" * 50).add(12, 0)
    size = len(message.encode())
    assert message.exceeds(size - 1) and not message.exceeds(size)
    assert message.encode_as(CON, 0, size - 1) is None
    assert message.encode_as(CON, 0, size) == message.encode()
    message.payload = b""
    size = len(message.encode())
    assert message.exceeds(size - 1) and not message.exceeds(size)
