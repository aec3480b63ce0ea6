"""Hard days: each thing that goes wrong in the field, by its name, hour after hour.

A board measures every hour and tells its server. At each hour the fault strikes while it does so;
then a trigger is to be obeyed as ever, every value measured is to be known to the server, and the
board is to have paid no more Registers and modem starts than the fault is a reason for.
"""

from system.world import World

# Firmware, virtual modem, network and server in one process on a 64-bit machine.
HEAP_K = 704

_HOURS = 5
_HOUR_S = 3600
_PATH = "/3303/0/5700"
_PLACES = ("echo", "info", "ok", "before_prompt", "prompt", "data")


class _Day:
    """strike(world, hour): called when the board is awake to tell of what it measured.

    registers, starts: how many Registers and starts of the modem are allowed behind the first.
    The server observes anew what it observed before a Register; what was stored then is lost with
    the observation (its format has no time). spare_s: how much longer than ten minutes the board
    may take to tell.
    """

    def __init__(self, strike, link="sim7000", registers=0, starts=0, spare_s=0, **options):
        self.strike = strike
        self.registers = registers
        self.starts = starts
        self.spare_s = spare_s
        self.measured = 0
        self.told = set()
        self.world = World(link, setup=self._setup, **options)
        self.world.on_record = self._seen
        self.world.tail = 100

    def _setup(self, node):
        sensor = node.tree.get(3303, 0)

        def measure():
            self.measured += 1
            sensor.set(5700, float(self.measured))

        node.every(_HOUR_S * 1000, measure)

    def _seen(self, who, name, facts):
        if who != "server":
            return
        if name == "register":
            self.world.peer.observe(_PATH)
        elif name == "unanswered":
            self.world.peer.trigger()  # somebody waits for it
        elif name == "notification" or (name == "answer" and facts["name"] == "observe " + _PATH):
            self.told.add(facts["payload"])

    def _is_told(self):
        return b"%d" % self.measured in self.told

    async def play(self, world):
        await world.saw("server", "answer", name="observe " + _PATH)
        await world.sleeping()
        since = world.mark()
        for hour in range(_HOURS):
            await world.saw("device", "updating", _HOUR_S + 60)
            self.strike(world, hour)
            await world.until(self._is_told, 600 + self.spare_s, "told of %d" % self.measured)
            await world.sleeping()
        world.modem.clear_faults()
        world.mark()
        world.peer.read("/3/0/0")
        world.peer.trigger()
        await world.saw("server", "answer", 600 + self.spare_s, name="/3/0/0", code="2.05")
        await world.sleeping()
        registers = len(world.all("server", "register", since))
        assert registers <= self.registers, "%d Registers" % registers
        missing = [each for each in range(2, self.measured) if b"%d" % each not in self.told]
        assert len(missing) <= registers, "measured and never told: %s" % missing
        starts = len(world.all("modem", "modem_boot", since))
        assert starts <= self.starts, "%d starts of the modem" % starts
        assert world.modem.power.asleep or world.modem.state == "off"

    def run(self):
        self.world.play(self.play)


def _fault(name, value=None, **how):
    return lambda world, hour: world.modem.set_fault(name, value, **how)


def _at_each_place(name, value=None):
    return lambda world, hour: world.modem.set_fault(name, value, at=_PLACES[hour + 1])


def test_connect_fails():
    """TCP7000 §4 (CONNECT FAIL): the socket is opened once more."""

    def strike(world, hour):
        world.modem.set_fault("pdp_deact")
        world.modem.set_fault("connect_fail", 2)

    for link in ("sim800", "sim7000"):
        _Day(strike, link).run()


def test_already_connected():
    """AT800 8.2.2 (ALREADY CONNECT): a socket that the board does not know of is closed."""

    def strike(world, hour):
        world.node.bearer.links[0].peers[0] = None

    for link in ("sim800", "sim7000"):
        _Day(strike, link).run()


def test_context_lost_at_each_place():
    """AT800 19.3 (+PDP: DEACT): between echo and answer, behind it, at the prompt and in it."""
    for link in ("sim800", "sim7000"):
        _Day(_at_each_place("pdp_deact"), link).run()


def test_context_lost_instead_of_shut_ok():
    """AT800 8.2.5 (CIPSHUT): +PDP: DEACT in the place of SHUT OK."""

    def strike(world, hour):
        world.modem.set_fault("shut_deact")
        world.modem.set_fault("pdp_deact")

    for link in ("sim800", "sim7000"):
        _Day(strike, link).run()


def test_context_refused():
    """AT800 8.2.10 (CIICR): ERROR, and ERROR behind +PDP: DEACT."""

    def strike(world, hour):
        world.modem.set_fault(("ciicr", "ciicr_deact")[hour & 1], 1 + hour // 2)
        world.modem.set_fault("pdp_deact")

    for link in ("sim800", "sim7000"):
        _Day(strike, link, spare_s=1800).run()


def test_packet_service_lost():
    """AT800 7.2.1 (CGATT: 0): attached again, also where that is refused for a minute."""

    def strike(world, hour):
        world.modem.set_fault("detach", None, ms=(None, 60_000)[hour & 1])

    for link in ("sim800", "sim7000"):
        _Day(strike, link, starts=2, spare_s=1800).run()


def test_send_fails():
    """AT800 8.2.3 (SEND FAIL): once, and as often as makes the ladder climb."""
    for link in ("sim800", "sim7000"):
        _Day(
            lambda world, hour: world.modem.set_fault("send_fail", 1 + hour), link, 0, 1, 900
        ).run()


def test_no_prompt():
    """AT800 8.2.3 (CIPSEND): the prompt does not come, or ERROR comes in its place."""

    def strike(world, hour):
        world.modem.set_fault(("no_prompt", "no_data")[hour & 1], 1 + hour // 2)

    for link in ("sim800", "sim7000"):
        _Day(strike, link, spare_s=900).run()


def test_data_cut_short():
    """AT800 8.2.3 (CIPSEND=length): bytes lost on the way to the modem leave it waiting for more;
    it is freed, and the datagram goes once more."""
    for link in ("sim800", "sim7000"):
        _Day(lambda world, hour: world.modem.set_fault("cut", 1 + 5 * hour), link, 0, 0, 900).run()


def test_prompt_late_and_bare():
    """AT800 8.2.3 (CIPSEND): a prompt after three seconds, and one without its space."""

    def strike(world, hour):
        world.modem.set_fault("prompt_ms", (3_000, None)[hour & 1])
        world.modem.set_fault("prompt", (None, "bare")[hour & 1])

    for link in ("sim800", "sim7000"):
        _Day(strike, link).run()


def test_late_results():
    """AT800 1.4: for ten seconds each result comes three late, within what comes next."""
    for link in ("sim800", "sim7000"):
        _Day(_fault("answer_ms", 3_000, ms=10_000), link, spare_s=900).run()


def test_sim_busy_and_gone():
    """AT800 18.1 (CME ERROR 10, 13, 14): a card that is busy or gone for a minute."""

    def strike(world, hour):
        world.modem.set_fault("sim", ("busy", "absent")[hour & 1], ms=60_000)

    for link in ("sim800", "sim7000"):
        _Day(strike, link, spare_s=1800).run()


def test_registration_comes_and_goes():
    """AT800 7.2.10 (CREG 0, 2, 3, 5, 6): searching, denied, roaming, SMS only."""

    def strike(world, hour):
        world.modem.set_fault("registration", (2, 3, 5, 6, 0)[hour], ms=120_000)

    for link in ("sim800", "sim7000"):
        _Day(strike, link, registers=3, spare_s=1800).run()


def test_no_signal_told():
    """AT800 3.2.25 (CSQ 0 and 99): a value that is no reason to do anything."""

    def strike(world, hour):
        world.modem.set_fault("signal", (0, 99, (0, 99), (99, 99), 31)[hour])

    for link in ("sim800", "sim7000"):
        _Day(strike, link).run()


def test_modem_restarts():
    """AT800 1.4, HW7000 3.2 (RDY): a restart seen by its codes, and one without a word."""

    def strike(world, hour):
        world.modem.set_fault("reset", (None, "silent")[hour & 1], after=1 + 9 * hour)

    for link in ("sim800", "sim7000"):
        _Day(strike, link, starts=_HOURS, spare_s=900).run()


def test_modem_loses_its_supply():
    """HW800L 4.1, HW7000 3.1 (VBAT): a sag, a moment without, a minute without."""

    def strike(world, hour):
        if hour & 1:
            world.modem.set_fault("power_cut", ms=(1, 60_000)[hour >> 1 & 1])
        else:
            world.modem.set_fault("brown_out", 100 * hour)

    for link in ("sim800", "sim7000"):
        _Day(strike, link, registers=1, starts=_HOURS, spare_s=900).run()


def test_modem_hangs():
    """HW800L 3.2.2, HW7000 3.3.2 (PWRKEY): a UART that is dead until the key switches off."""
    for link in ("sim800", "sim7000"):
        _Day(_fault("hang"), link, starts=_HOURS, spare_s=900).run()


def test_modem_hangs_while_nothing_is_said():
    """HW800L 3.2.2, HW7000 3.3.2 (PWRKEY): a board that stays awake, or dozes, and has nothing to
    tell finds out within the hour, and the trigger that waits is obeyed."""

    async def play(world):
        await world.saw("device", "registered")
        await world.sleep(600)
        world.modem.set_fault("hang")
        world.peer.read("/3/0/0")
        world.peer.trigger()
        await world.saw("server", "answer", 2 * _HOUR_S, code="2.05")

    for sleep in ("idle", "light"):
        World("sim800", sleep=sleep).play(play)


def test_noise_and_overflow():
    """AT800 1.4: noise, and more bytes at once than the UART's buffer takes."""

    def strike(world, hour):
        world.modem.set_fault("garbage", bytes(range(256)) * (1 + 2 * hour))
        world.modem.set_fault("burst", 2300, at=_PLACES[hour + 1])

    for link in ("sim800", "sim7000"):
        _Day(strike, link, spare_s=900).run()


def test_bytes_lost():
    """AT800 1.4: bytes lost on the UART, either way."""

    def strike(world, hour):
        world.modem.set_fault(("lose_out", "lose_in")[hour & 1], 1 + hour, after=hour * 3)

    for link in ("sim800", "sim7000"):
        _Day(strike, link, spare_s=900).run()


def test_codes_at_any_byte():
    """AT800 19.3: codes at byte positions of the dialogue, and while data goes in."""

    def strike(world, hour):
        world.modem.set_fault("hold_codes", False)
        for at in range(6):
            world.modem.set_fault(
                "urc", '*PSUTTZ: 2026,1,1,0,0,0, "+4",0', after=1 + 7 * at + hour
            )
            world.modem.set_fault("urc", "+CREG: 1", after=2 + 5 * at + hour)

    for link in ("sim800", "sim7000"):
        _Day(strike, link, spare_s=900).run()


def test_storage_full():
    """AT800 4.2.1 (CPMS): strangers' messages fill the SIM; the trigger comes through."""
    for link in ("sim800", "sim7000"):
        _Day(_fault("storage_full"), link, spare_s=3700).run()


def test_message_announced_without_a_place():
    """AT800 4.2.8 (+CMTI: ,-1): the storage is looked through instead."""
    for link in ("sim800", "sim7000"):
        _Day(_fault("cmti", 1), link).run()


def test_ri_dead_and_stuck():
    """HW800L 3.9, HW7000 3.8 (RI): not wired, or low for hours; the hour's wake goes on."""

    def strike(world, hour):
        world.modem.set_fault("ri", ("dead", "low")[hour & 1])

    for link in ("sim800", "sim7000"):
        _Day(strike, link).run()


def test_connections_of_the_other_commands():
    """TCP7080 §4 (CAOPEN results, CASTATE): refused, refused after 75 s, broken."""

    def strike(world, hour):
        if hour & 1:
            world.modem.set_fault("ca_lost")
        world.modem.set_fault("ca_open", (1, 2, 1, [1, 1], 4)[hour])
        if hour > 2:
            world.modem.set_fault("pdp_deact")

    _Day(strike, "sim7080", spare_s=900).run()


def test_server_that_forgets():
    """TS 1.0 5.3.2 (4.04 to an Update): each hour a new registration, and the value after it."""

    def strike(world, hour):
        world.peer.registrations.clear()

    for link in ("sim800", "sim7000"):
        _Day(strike, link, registers=_HOURS).run()


def test_nat_rebinds():
    """RFC 7252 §4 (a new address): the address of the sensor changes between any two datagrams."""
    for link in ("sim800", "sim7000"):
        _Day(lambda world, hour: world.network.expire(), link, registers=0).run()


def test_datagrams_lost_late_and_doubled():
    """RFC 7252 §4.2: a third lost, all doubled, up to twenty seconds late."""

    def strike(world, hour):
        world.network.loss_permille = 300
        world.network.duplicate_permille = 1000
        world.network.jitter_ms = 20_000

    for link in ("sim800", "sim7000"):
        _Day(strike, link, spare_s=7200, seed=3).run()
