"""AT+CGNSINF as modems answer it, and a search: bounded, and off when it is over."""

from modem.at import ModemError
from modem.gnss import parse, search
from modem.sim800 import Sim800
from modem.sim7000 import Sim7000
from modem.sim7080 import Sim7080
from unit.modem.on_virtual import each

HEAP_K = 320  # a virtual modem beside the driver

_KINDS = {
    "sim800l": ("sim800l", Sim800),
    "sim7000g": ("sim7000g", Sim7000),
    "sim7080g": ("sim7080g", Sim7080),
}

# Whole lines from public logs and manuals, without the prefix, and what they say.
_SIM7000 = (
    "1,1,20171103022632.000,31.222067,121.354368,34.700,0.00,0.0,1,,1.1,1.4,0.9,,21,6,,,45,,"
)
_SIM7080 = "1,1,20191024051848.000,31.221946,121.355565,3.417,0.00,,0,,1.4,1.7,0.9,,6,,12.4,12.0"
_SOUTH = (
    "1,1,20220311122236.000,-12.292858,49.297647,70.300,0.02,97.1,1,,0.8,1.5,1.3,,11,10,,,39,,"
)
_MOVING = (
    "1,1,20210218230108.000,50.468168,13.421028,385.700,3.39,209.6,1,,5.0,5.1,1.0,,9,3,,,27,,"
)
_NONE = (
    "1,0,,,,,,,0,,,,,,,,,,,,",
    "1,0,,,,,,,0,,,,,,1,,,,21,,",
    "1,0,19800106002148.000,,,,0.00,0.0,0,,,,,,0,0,,,,,",
    "1,0,20240626075200.000,,,,0.00,0.0,0,,,,,,3,0,2,,44,,",
    # SIM7070 and SIM7080: a place without a fix, 150 km off.
    "1,,,0.000000,0.000000,-18.000,,,1,,0.1,0.1,0.1,,,,9999000.0,6000.0",
    "1,,,44.060004,20.920002,-37.592,,,1,,0.1,0.1,0.1,,,,155976.0,6000.0",
    "1,,20230315095032.155,22.571717,113.887426,10.487,1.07,,1,,1.4,3.6,3.3,,4,,142.8,270.0",
)


def _near(value, wanted, error=2e-5):
    return abs(value - wanted) <= error


def test_positions_of_logs():
    """AT7000 AT+CGNSINF: 21 fields on a SIM7000, 18 on a SIM7080."""
    found = parse(_SIM7000)
    assert _near(found["latitude"], 31.222067) and _near(found["longitude"], 121.354368)
    assert found["timestamp"] == 1509675992 and _near(found["altitude"], 34.7)
    assert found["speed"] == 0 and found["velocity"] == b"\0\0\0\0" and "radius" not in found
    found = parse(_SIM7080)
    assert _near(found["latitude"], 31.221946) and _near(found["longitude"], 121.355565)
    assert found["timestamp"] == 1571894328
    assert _near(found["radius"], 12.4) and "velocity" not in found
    assert _near(parse(_SOUTH)["latitude"], -12.292858)
    # TS 23.032 §8.12: nine bits of bearing, sixteen of km/h.
    found = parse(_MOVING)
    assert found["velocity"] == b"\x00\xd2\x00\x03" and _near(found["speed"], 3.39 / 3.6, 1e-4)


def test_no_position():
    """AT7000 AT+CGNSINF: without fix status 1 there is no position, whatever the fields say."""
    for line in _NONE:
        assert parse(line) == {}, line
    for line in ("0,,,,,,,,,,,,,,,,,,,,", "0,,,,,,23,,,,,,,,,,,,,,", "0" + "," * 17):
        assert parse(line) == {"off": True}, line


def test_malformed_lines():
    """DESIGN §6: a line that noise has met says nothing, and raises nothing."""
    for line in ("", "1", "2,1", ",,,,,,,,,", "1,1,,,,,,,,,", "1,x" + "," * 19, "\xff" * 30):
        assert parse(line) is None, line
    fields = _SIM7000.split(",")
    for at, values in (
        (1, ("2", "-1", "11")),
        (2, ("", "2017", "20171303022632.000", "20171103992632.000", "2017110302263x.000")),
        (3, ("", "91", "nan", "1e1", "-", ".", "31.22.2067", "+31", "3 1", "0x1f", "inf")),
        (4, ("", "181.0", "-180.5", "1" * 400)),
    ):
        for value in values:
            line = ",".join(fields[:at] + [value] + fields[at + 1 :])
            assert parse(line) is None, line
    for at in (5, 6, 7, 19):
        found = parse(",".join(fields[:at] + ["?"] + fields[at + 1 :]))
        assert found and "latitude" in found
    for end in range(len(_SIM7000)):
        parse(_SIM7000[:end])  # raises nothing
    for at in range(len(_SIM7000)):
        parse(_SIM7000[:at] + "," + _SIM7000[at + 1 :])


def _search(profile, seconds=60, antenna=(), **sky):
    """Return (what a search finds, the seconds it took, the bench after it)."""
    results = []

    async def play(bench):
        bench.virtual.supply(True)
        bench.virtual.gnss.set(**sky)
        await bench.modem.up()
        began = bench.modem.now()
        results.append(await search(bench.modem, seconds * 1000, antenna))
        results.append((bench.modem.now() - began) // 1000)
        assert not bench.virtual.gnss.on
        await bench.modem.up()
        bench.modem.channel.close()
        results.append(bench)

    each(play, (_KINDS[profile],))
    return results


def test_search_on_both():
    """AT7000 AT+CGNSPWR: a SIM7000 stays attached meanwhile, a SIM7080 leaves the network."""
    for profile, detached in (("sim7000g", 0), ("sim7080g", 1)):
        found, seconds, bench = _search(profile, latitude=-33.5, longitude=151.25, fix_s=25)
        assert found and found["latitude"] == -33.5 and found["longitude"] == 151.25, profile
        assert 25 <= seconds <= 28
        names = [name for name, _ in bench.events]
        assert names.count("attached") == 1 + detached, names


def test_search_in_vain():
    """AT7000 AT+CGNSPWR: it ends in time, and the receiver is off."""
    for profile in ("sim7000g", "sim7080g"):
        found, seconds, _ = _search(profile)
        assert found is None and 60 <= seconds <= 63, (profile, seconds)
        found, _, _ = _search(profile, latitude=1, longitude=1, fix_s=90)
        assert found is None


def test_supply_of_the_antenna():
    """T-SIM7000G: the antenna is fed by pin 48 of the modem."""
    sky = {"latitude": 1, "longitude": 2, "fed": False}
    assert _search("sim7000g", **sky)[0] is None
    antenna = ("AT+CGPIO=0,48,1,1", "AT+CGPIO=0,48,1,0")
    found, _, bench = _search("sim7000g", antenna=antenna, **sky)
    assert found and bench.virtual.settings["+CGPIO"] == 0


def test_modems_that_refuse():
    """AT800 has no GNSS: the search says so at once, and the modem goes on."""

    async def play(bench):
        bench.virtual.supply(True)
        await bench.modem.up()
        if bench.virtual.gnss:
            bench.virtual.set_fault("answer", ("AT+CGNSPWR=1", "ERROR"))
        try:
            await search(bench.modem, 60_000)
            raise AssertionError("it searched")
        except ModemError as error:
            assert str(error) == "modem: AT+CGNSPWR answered ERROR", error
        await bench.modem.up()
        assert (await bench.modem.channel.command("AT")).ok
        bench.modem.channel.close()

    each(play, _KINDS.values())


def test_restarts_and_noise_in_a_search():
    """DESIGN §3: a modem that restarts is set up anew, and the receiver switched on again."""
    for fault in (("reset", None), ("reset", "silent"), ("no_answer", 1), ("bit_flips", 2)):
        _disturbed(fault)


def _disturbed(fault):
    async def play(bench):
        bench.virtual.supply(True)
        bench.virtual.gnss.set(latitude=60.5, longitude=-10.25, fix_s=20)
        await bench.modem.up()
        bench.timers.call_later(7000, bench.virtual.set_fault, *fault)
        found = await search(bench.modem, 180_000)
        assert found, fault
        assert _near(found["latitude"], 60.5) or fault[0] == "bit_flips"
        bench.virtual.clear_faults()
        if fault[0] != "bit_flips":  # AT+CGNSPWR=0 may have met one
            assert not bench.virtual.gnss.on
        bench.modem.channel.close()

    each(play, (_KINDS["sim7000g"],))


def test_a_search_that_was_broken_off():
    """T-SIM7080G, tips: the receiver is off before a start comes back to the network."""

    async def play(bench):
        bench.virtual.supply(True)
        await bench.modem.up()
        for command in ("AT+CFUN=4", "AT+CGNSPWR=1"):
            assert (await bench.modem.channel.command(command)).ok
        bench.modem.channel.close()
        bench.board()
        await bench.modem.up()
        assert not bench.virtual.gnss.on
        assert bench.virtual.radio.attached
        bench.modem.channel.close()

    each(play, (_KINDS["sim7080g"],))
