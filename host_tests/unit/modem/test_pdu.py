"""SMS PDUs: vectors decoded and encoded, and what is not a PDU."""

import binascii

from modem import pdu
from modem.concat import Assembler, split
from modem.pdu import PduError, alphabet, decode, from_hex, submit
from modem.wap import unwrap

A = "0791447700090000040C914477000910320004621122900000000E54020001C0FFEE01B13101300138"
B = (
    "0791447700090000440C9144770009103200F5621122900000001B"
    "0605040B84C002010603C4AF9A44020001C0FFEE01B13101300138"
)
C = "07914477000900000405812143F50004621122900000000E54020001C0FFEE01B13101300138"
D1 = (
    "0791447700090000440C9144770009103200046211229000000016"
    "0B000337020105040B84C002010603C4AF9A44020001"
)
D2 = (
    "0791447700090000440C9144770009103200046211229000000016"
    "0B000337020205040B84C002C0FFEE01B13101300138"
)
C1 = "07915155100000F0440B915155100021F300046230904150954911060504163316334101C00155B474656D70"
C2 = "0051000B915155100021F30004A711060504163316336145C00155FF32312E35"
C3 = (
    "0051010B915155100021F30004A78C0C0804BEEF02010504163316334102C00256B27264FF00070E151C232A31383F464D"
    "545B626970777E858C939AA1A8AFB6BDC4CBD2D9E0E7EEF5FC030A11181F262D343B424950575E656C737A81888F969DA4"
    "ABB2B9C0C7CED5DCE3EAF1F8FF060D141B222930373E454C535A61686F767D848B9299A0A7AEB5BCC3CAD1D8DFE6EDF4FB"
    "020910171E252C33",
    "0051020B915155100021F30004A75F0C0804BEEF02020504163316333A41484F565D646B727980878E959CA3AAB1B8BFC6"
    "CDD4DBE2E9F0F7FE050C131A21282F363D444B525960676E757C838A91989FA6ADB4BBC2C9D0D7DEE5ECF3FA01080F161D"
    "242B323940474E555C636A71",
)
C4 = (
    "07915155100000F0400B915155100021F30004623090416010328C" + C3[0][30:],
    "07915155100000F0440B915155100021F30004623090416020325F" + C3[1][30:],
)
COAP = bytes([0x41, 0x02, 0xC0, 0x02, 0x56, 0xB2, 0x72, 0x64, 0xFF]) + bytes(
    [i * 7 & 255 for i in range(200)]
)
TRIGGER = binascii.unhexlify("020001C0FFEE01B13101300138")


def refused(line, length=None):
    try:
        decode(from_hex(line), length)
    except PduError:
        return True
    return False


def test_bare_trigger():
    """TS 23.040 §9.2.2.1, vector A: 8-bit, no header."""
    message = decode(from_hex(A), 33)
    assert message.kind == pdu.DELIVER and message.number == "447700900123"
    assert message.address_type == 0x91 and message.alphabet == 8 and message.dcs == 4
    assert message.ports is None and message.part is None
    assert message.data == b"\x54" + TRIGGER
    assert unwrap(message.data) == message.data


def test_push_trigger():
    """LwM2M 1.1 Core Appendix L, vector B: WAP Push, class 1."""
    message = decode(from_hex(B), 46)
    assert message.dcs == 0xF5 and message.alphabet == 8 and message.ports == (2948, 0xC002)
    assert unwrap(message.data, 2948) == b"\x44" + TRIGGER


def test_short_code():
    """TS 23.040 §9.1.2.5, vector C: a sender of five digits."""
    message = decode(from_hex(C), 30)
    assert message.number == "12345" and message.address_type == 0x81


def test_parts_in_any_order():
    """TS 23.040 §9.2.3.24.1, vectors D1 and D2: both orders, and a part that comes twice."""
    for order in ((D1, D2), (D2, D1), (D2, D2, D1)):
        assembler = Assembler()
        reasons = []
        for i, line in enumerate(order):
            message = decode(from_hex(line), 41)
            assert message.ports == (2948, 0xC002)
            whole, marks, reason = assembler.add(
                message.number, message.ports, message.part, message.data, i, i
            )
            reasons.append(reason)
        assert unwrap(whole, 2948) == b"\x44" + TRIGGER
        assert sorted(marks) == list(range(len(order)))
        assert reasons.count("repeated") == len(order) - 2


def test_deliver_with_ports():
    """TS 23.040 §9.2.3.24.4 and §9.2.3.11, vector C1: port element, zone -03:30."""
    message = decode(from_hex(C1), 36)
    assert message.number == "15550100123"
    assert message.ports == (5683, 5683)
    assert message.data == binascii.unhexlify("4101C00155B474656D70")
    assert message.epoch_s == 1773077759  # 2026-03-09 14:05:59 at -03:30


def test_submit_is_the_vector():
    """TS 23.040 §9.2.2.2, vectors C2 and C3: encoded byte for byte and decoded again."""
    number = decode(from_hex(C2)).number
    data = binascii.unhexlify("6145C00155FF32312E35")
    ((header, chunk),) = split(data, 0, (5683, 5683))
    assert submit("+" + number, chunk, 0, header) == (C2, 31)
    parts = split(COAP, 0xBEEF, (5683, 5683), True)
    assert [len(chunk) for _, chunk in parts] == [127, 82]
    lengths = (154, 109)
    for i in range(2):
        assert submit("+" + number, parts[i][1], i + 1, parts[i][0]) == (C3[i], lengths[i])
        message = decode(from_hex(C3[i]), lengths[i])
        assert message.kind == pdu.SUBMIT and message.reference == i + 1
        assert message.part == (True, 0xBEEF, 2, i + 1) and message.data == parts[i][1]


def test_deliver_parts_16_bit_reference():
    """TS 23.040 §9.2.3.24.8, vectors C4: zone +05:45, both orders."""
    for order in ((0, 1), (1, 0)):
        assembler = Assembler()
        for i in order:
            message = decode(from_hex(C4[i]), (159, 114)[i])
            whole = assembler.add(
                message.number, message.ports, message.part, message.data, None, 0
            )[0]
        assert whole == COAP


def test_time_stamp_and_its_zone():
    """TS 23.040 §9.2.3.11: swapped digits, quarters of an hour, sign in bit 3."""
    stamp = pdu.time_stamp
    noon = stamp(from_hex("62309021000000"))
    assert noon == 1773057600  # 2026-03-09 12:00:00
    assert stamp(from_hex("62309080000032")) == 1773022500  # 08:00:00 at +05:45
    assert noon - stamp(from_hex("62309021000023")) == 32 * 900
    assert stamp(from_hex("6230902100002B")) - noon == 32 * 900
    assert stamp(from_hex("62309021000029")) - noon == 12 * 900
    # python-messaging: local 15:10:11 at -03:00 is 18:10:11 UTC
    assert stamp(from_hex("11707151011129")) == 1310926211
    assert stamp(from_hex("62319921000000")) is None and stamp(from_hex("6A309021000000")) is None


def test_every_dcs_group():
    """TS 23.038 §4: which octets mean 8-bit data."""
    for dcs in range(256):
        general = dcs >> 7 == 0 and dcs & 0x2C == 0x04
        assert (alphabet(dcs) == 8) == (general or dcs & 0xF4 == 0xF4), dcs
    assert [alphabet(dcs) for dcs in (0x00, 0x08, 0x11, 0x19, 0x24, 0xC8, 0xE0, 0xF1)] == [
        7,
        16,
        7,
        16,
        0,
        7,
        16,
        7,
    ]


def test_seven_bit_with_header():
    """TS 23.040 §9.2.3.24: UDL counts septets, the header's included."""
    text = decode(
        from_hex("0791447700090000040C9144770009103200006211229000000005E8329BFD06"), None
    )
    assert text.alphabet == 7 and len(text.data) == 5
    # 7 header septets and 10 more: 15 octets
    tail = "050003370201" + "00" * 9
    message = decode(from_hex("000405812143F50000621122900000" + "0011" + tail))
    assert message.part is None  # UDHI is not set: the octets are text
    message = decode(from_hex("004405812143F50000621122900000" + "0011" + tail))
    assert message.part == (False, 0x37, 2, 1) and len(message.data) == 9


def test_alphanumeric_sender_is_no_number():
    """TS 23.040 §9.1.2.5: type 5 is text; digits in it never match a number."""
    line = "00040CD0447700091032000462112290000000" + "0101"
    message = decode(from_hex(line))
    assert message.number is None and message.data == b"\x01"
    assert (
        decode(from_hex("000404" + "81" + "21A3" + "000462112290000000" + "0101")).number is None
    )


def test_status_report():
    """TS 23.040 §9.2.2.3: reference, recipient, discharge time, status."""
    line = "00" + "06" + "2A" + "0C91447700091032" + "62112290000000" + "62112290100000" + "00"
    report = decode(from_hex(line))
    assert report.kind == pdu.STATUS_REPORT and report.reference == 0x2A and report.status == 0
    assert report.number == "447700900123"
    assert refused(line[:-2]) and refused(line[:-20])


def test_truncation_anywhere():
    """TS 23.040 §9.2.2: every shorter PDU is refused, with and without a length."""
    for line, length in ((A, 33), (B, 46), (C, 30), (D1, 41), (C1, 36), (C2, 31), (C4[1], 114)):
        for end in range(0, len(line), 2):
            assert refused(line[:end]), (line, end)
            assert refused(line[:end], length), (line, end)
        assert refused(line, length + 1) and refused(line + "00", length)


def test_noise_raises_nothing_else():
    """TS 23.040 §9.2: every change of one octet decodes or is a PduError."""
    for line in (B, D1, C1):
        raw = bytearray(from_hex(line))
        for i in range(len(raw)):
            kept = raw[i]
            for value in (0, 0xFF, 0x7F, 0x80, kept ^ 1, kept ^ 0x40):
                raw[i] = value
                try:
                    message = decode(bytes(raw))
                    unwrap(message.data, message.ports and message.ports[0])
                except PduError:
                    pass
            raw[i] = kept
    for text in ("", "0", "zz", "07", "0791", "é0"):
        assert refused(text)


def test_header_element_too_long():
    """TS 23.040 §9.2.3.24: an element that leaves the header is refused."""
    for header in ("0600FF3702010B", "FF0003370201", "04000337", "010B", "0305"):
        data = header + "00" * 4
        line = "004405812143F50004" + "62112290000000" + "%02X" % (len(data) // 2) + data
        assert refused(line), header


def test_incomplete_sets_are_given_up():
    """TS 23.040 §9.2.3.24.1: time-out, number of sets, parts that cannot be."""
    assembler = Assembler(1000)
    assert assembler.add("1", None, (False, 1, 2, 1), b"a", 4, 0) == (None, (), None)
    assert assembler.expire(999) == [] and assembler.expire(1000) == [[4]]
    assert assembler.add("1", None, (False, 1, 2, 2), b"b", 5, 1001)[0] is None
    for reference in range(2, 8):
        assembler.add("1", None, (False, reference, 2, 1), b"c", 10 + reference, 1002)
        assembler.expire(1002)
    assert [mark for mark, _ in assembler.waiting()] == [14, 15, 16, 17]
    for part in ((False, 1, 0, 0), (False, 1, 2, 3), (False, 1, 2, 0), (False, 1, 255, 1)):
        assert assembler.add("1", None, part, b"", 9, 0) == (None, (9,), "bad_part")
    # The same reference from another sender is another message.
    assert assembler.add("2", None, (False, 7, 2, 2), b"d", 9, 1003)[0] is None


def test_split_sizes():
    """TS 23.040 §9.2.3.24: 140 octets alone, 134 and 128 in parts."""
    assert len(split(bytes(140), 1)) == 1 and split(b"x", 1) == [(b"", b"x")]
    assert [len(chunk) for _, chunk in split(bytes(141), 1)] == [134, 7]
    assert [len(chunk) for _, chunk in split(bytes(133), 1, (5683, 5683))] == [133]
    assert [len(chunk) for _, chunk in split(bytes(134), 1, (5683, 5683))] == [128, 6]
    assert split(bytes(141), 0x137)[1][0] == bytes([0, 3, 0x37, 2, 2])


def test_submit_refuses():
    """TS 23.040 §9.2.2.2: no number, too much data."""
    for number, data in (
        ("", b"x"),
        ("+", b"x"),
        ("abc", b"x"),
        ("1" * 21, b"x"),
        ("1", bytes(141)),
    ):
        try:
            submit(number, data)
            raise AssertionError(number)
        except PduError:
            pass
    assert submit("12345", b"x", 0, b"", 0x91)[0][6:10] == "0591"


def push(hexadecimal, port=2948):
    try:
        return unwrap(binascii.unhexlify(hexadecimal), port)
    except PduError:
        return None


def test_push_variants():
    """WAP-230 §8.2.4.1: other transaction ids, header lengths and content types."""
    assert push("FF0603C4AF9A4402") == b"\x44\x02"
    assert push("00060A" + "03CE8181" + "84AA" + "8DF0" + "AF9A" + "4402") == b"\x44\x02"
    assert push("0006" + "8003" + "C4AF9A" + "44") == b"\x44"
    text = binascii.hexlify(b"application/x\0").decode()
    assert push("0006%02X" % (len(text) // 2 + 2) + text + "AF9A" + "44") == b"\x44"
    # other application, not a Push, headers longer than the message, endless length
    for wrong in (
        "010603C4AF82440200",
        "010703C4AF9A4402",
        "010613C4AF9A4402",
        "0106FFFFFFFFFF7F",
        "01",
        "",
        "0106",
    ):
        assert push(wrong) is None, wrong


def test_bare_or_push_without_a_port():
    """LwM2M 1.1 Core §6.8 and Appendix L: octet 2 decides when there is no port."""
    assert push("010603C4AF9A4402", None) == b"\x44\x02"
    assert push("40020001", None) == b"\x40\x02\x00\x01"
    assert push("40060001", None) == b"\x40\x06\x00\x01"  # CoAP PATCH, RFC 8132
    assert push("01060001", None) is None and push("02", None) is None
    assert push("40020001", 5683) == b"\x40\x02\x00\x01"
    assert push("40020001", 2948) is None
