"""Simulated lives from fixed seeds, and that a life which does not hold is found out."""

from system.faults import KINDS, Schedule
from system.simulation import Life

# Firmware, virtual modem, network and server in one process on a 64-bit machine, and what is
# remembered of a life.
HEAP_K = 1024


def _fails(life):
    """Live a life; return what is wrong with it."""
    try:
        life.live()
    except AssertionError as error:
        return str(error)
    return ""


def test_lives_with_sim800():
    """DESIGN §7: days with faults drawn from a seed, after which all holds that has to."""
    for seed in (1, 2):
        Life(seed, 1.5, "sim800").live()


def test_lives_with_sim7000():
    """DESIGN §7: the same with the other modem."""
    for seed in (3, 4):
        Life(seed, 1.5, "sim7000").live()


def test_a_life_with_sim7080():
    """DESIGN §7: the same with the CA* commands."""
    Life(5, 1.5, "sim7080").live()


def test_a_life_without_faults():
    """CR 6.1: hourly reports cost one Register, and a modem that starts once."""
    summary = Life(7, 1, "sim7000", faults_a_day=0, report_s=3600).live()
    assert summary["registers"] == 1 and summary["modem_boots"] == 1, summary
    assert summary["struck"] == 0 and summary["crashes"] == 0 and not summary["errors"], summary


def test_lives_with_two_servers():
    """DESIGN §7: both servers reach the device after the faults; one is on CA* by SIM7080."""
    for seed in (25, 40):
        life = Life(seed, 1)
        assert life.world.other
        life.live()


def test_lives_without_text_messages():
    """DESIGN §7: a modem in PSM or off between two reports is called by nobody, and the server
    reaches the device at its next report."""
    for seed, idle in ((34, "psm"), (73, "off"), (1, "off")):
        life = Life(seed, 1)
        assert life.variant.idle == idle
        summary = life.live()
        assert summary["triggers"] == summary["sms_down"] == 0, summary


def test_lives_with_an_application_that_crashes():
    """DESIGN §7: for three hours, at a measurement and at the starts after it; through safe mode
    to the measurements that the server is told of."""
    for seed in (6, 74, 85):
        summary = Life(seed, 1).live()
        assert summary["crashes"] >= 3 and summary["safe"] >= 1, summary


def test_a_life_that_outlives_its_power():
    """DESIGN §7: where the record is kept on flash, a cut of the power costs no Register."""
    life = Life(16, 1, None, 12, ["power_cut", "power_off"])
    assert life.variant.outlive
    summary = life.live()
    assert summary["struck"] >= 3 and summary["registers"] <= 2, summary


def test_cuts_of_power():
    """DESIGN §7: power cut at any await, at any byte of the UART and at any step of the flash."""
    kinds = ["power_cut", "power_off", "brown_out", "cut_at_flash", "board_resets"]
    for seed in (11, 12):
        life = Life(seed, 1, None, 12, kinds)
        summary = life.live()
        assert summary["struck"] >= 3, summary


def test_a_life_is_the_same_again():
    """DESIGN §7: a seed says all of a life, so that what failed can be replayed."""
    first = Life(9, 0.5, faults_a_day=12).live()
    assert Life(9, 0.5, faults_a_day=12).live() == first
    assert Life(10, 0.5, faults_a_day=12).live() != first


def test_a_schedule_has_all_kinds():
    """DESIGN §7: over many seeds each kind of fault comes, and none lasts beyond the end."""
    found = set()
    for seed in range(60):
        schedule = Schedule(seed, 10)
        found.update(schedule.counts)
        for fault in schedule.faults:
            assert fault.at_ms + fault.minutes * 60_000 <= schedule.end_ms
    assert found == {row[0] for row in KINDS}, {row[0] for row in KINDS} - found


def test_a_board_that_stays_away_is_found():
    """DESIGN §7: a server that does not reach the device after the faults is a failure."""
    life = Life(1, 0.2, "sim7000", 0)
    life.world.modem.set_fault("sim", "puk")
    assert "not back within" in _fails(life)


def test_a_lost_write_is_found():
    """DESIGN §7: what was accepted and is not there at the end is a failure."""
    life = Life(1, 0.2, "sim7000", 0)
    life.values["/3/0/15"] = ("Europe/Oslo",)
    assert "/3/0/15: wrote Europe/Oslo" in _fails(life)


def test_a_stranger_is_found():
    """DESIGN §7: a datagram to anybody but the server is a failure."""
    life = _Astray(1, 0.2, "sim7000", 0)
    assert "192.0.2.1" in _fails(life)


class _Astray(Life):
    """A life whose network tells of a datagram to somebody else."""

    def _setup(self, node):
        self.world.record("network", "udp_up", {"host": "192.0.2.1", "port": 5683})
