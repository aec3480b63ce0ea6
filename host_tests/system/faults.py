"""What goes wrong in a simulated life: a schedule drawn from a seed, and how each fault strikes.

`Schedule` is numbers only, the same on both runtimes for one seed. `Faults` brings them upon a
World (system/world.py). A fault that lasts is over after its minutes; all are over by the end of
the schedule.
"""

import asyncio

from system.chip import HARD_RESET, POWER_ON, WATCHDOG

_MINUTE_MS = 60_000
_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000
_AWAKE_WITHIN_S = 90_000  # a fault that waits for the board to be awake waits so long at most

# A row a kind: (name, weight, least minutes, most minutes, size: least, most). Minutes of 0: the
# fault strikes once. What the size is, is said behind the row.
KINDS = (
    # The network.
    ("loss", 6, 5, 240, 20, 600),  # permille
    ("duplicates", 4, 5, 240, 50, 500),  # permille
    ("delay", 5, 5, 120, 2_000, 180_000),  # up to so many ms, by which datagrams overtake others
    ("blackout", 5, 1, 300, 0, 0),
    ("nat_rebinds", 5, 0, 0, 0, 0),
    ("nat_short", 2, 60, 600, 10, 50),  # seconds
    # Text messages.
    ("sms_late", 4, 10, 600, 1, 360),  # minutes that each is late
    ("sms_twice", 3, 10, 600, 1, 600),  # seconds until the second
    ("sms_mixed", 3, 10, 600, 1, 60),  # minutes that some are late
    # The server.
    ("server_down", 6, 2, 720, 0, 0),
    ("server_restarts", 4, 0, 0, 0, 0),
    ("server_refuses", 4, 0, 0, 1, 6),  # how many Registers and Updates
    # The board.
    ("clock_steps", 3, 0, 0, 0, 11),  # by _STEPS_S
    ("board_resets", 4, 0, 0, 0, 400),  # turns of the loop
    ("power_cut", 5, 0, 0, 0, 400),  # turns of the loop
    ("power_off", 2, 1, 240, 0, 400),  # turns of the loop
    ("brown_out", 6, 0, 0, 0, 1_500),  # bytes of the UART
    ("cut_at_flash", 3, 0, 0, 0, 300),  # steps of the flash
    ("flash_full", 2, 5, 600, 0, 0),
    ("memory_damaged", 2, 0, 0, 0, 600),  # the byte
    ("reboot", 1, 0, 0, 0, 0),
    # The modem, at once, or at a place of its dialogue (tools/virtual/faults.py).
    ("modem.reset", 5, 0, 0, 0, 2),  # 0: silent
    ("modem.power_cut", 4, 0, 0, 0, 2),  # of 0, 5, 600 s
    ("modem.brown_out", 3, 0, 0, 20, 1_000),  # ms until it is off
    ("modem.hang", 4, 0, 0, 0, 3),  # 0: hard, for 10 minutes
    ("modem.pdp_deact", 5, 0, 0, 0, 0),
    ("modem.detach", 4, 0, 0, 0, 2),  # for 0, 60, 3600 s
    ("modem.garbage", 4, 0, 0, 1, 3_000),  # bytes
    ("modem.burst", 2, 0, 0, 200, 4_000),  # bytes
    ("modem.lose_in", 3, 0, 0, 1, 60),  # bytes
    ("modem.lose_out", 3, 0, 0, 1, 60),  # bytes
    ("modem.ri_pulse", 2, 0, 0, 0, 0),
    ("modem.storage_full", 2, 0, 0, 0, 0),
    ("modem.under_voltage", 1, 0, 0, 0, 0),
    # The modem, so many times.
    ("modem.error", 3, 0, 0, 1, 6),
    ("modem.no_answer", 3, 0, 0, 1, 4),
    ("modem.no_prompt", 3, 0, 0, 1, 3),
    ("modem.no_data", 2, 0, 0, 1, 3),
    ("modem.ciicr", 2, 0, 0, 1, 4),
    ("modem.ciicr_deact", 2, 0, 0, 1, 3),
    ("modem.shut_deact", 2, 0, 0, 1, 2),
    ("modem.connect_fail", 3, 0, 0, 1, 4),
    ("modem.send_fail", 3, 0, 0, 1, 4),
    ("modem.cmgs", 1, 0, 0, 1, 3),
    ("modem.cmti", 2, 0, 0, 1, 2),
    ("modem.cmti_lost", 2, 0, 0, 1, 2),
    # The modem, the next time.
    ("modem.cut", 3, 0, 0, 1, 40),  # bytes
    ("modem.cms", 1, 0, 0, 300, 532),  # the code
    ("modem.answer", 2, 0, 0, 0, 5),  # of _ANSWERS
    # The modem, for a while.
    ("modem.sim", 3, 1, 300, 0, 1),  # absent, busy
    ("modem.registration", 6, 1, 480, 0, 4),  # _STATS
    ("modem.signal", 1, 10, 300, 0, 1),  # 0, 99
    ("modem.answer_ms", 2, 5, 200, 100, 20_000),
    ("modem.prompt_ms", 2, 5, 200, 100, 20_000),
    ("modem.register_ms", 2, 30, 600, 10_000, 600_000),
    ("modem.attach_ms", 1, 30, 600, 1_000, 60_000),
    ("modem.pdp_ms", 1, 30, 600, 1_000, 80_000),
    ("modem.connect_ms", 1, 30, 600, 100, 70_000),
    ("modem.send_ms", 1, 30, 600, 100, 20_000),
    ("modem.sms_submit_ms", 1, 30, 600, 1_000, 50_000),
    ("modem.bit_flips", 2, 1, 60, 1, 50),  # permille of the bytes
    ("modem.forgetful", 1, 100, 600, 1, 1),
    ("modem.hold_codes", 1, 100, 600, 0, 0),
    ("modem.codes", 1, 100, 600, 0, 0),
    ("modem.ri", 2, 10, 300, 0, 1),  # dead, low
)
_STEPS_S = (-1, 1, -60, 60, -3600, 3600, -86400, 86400, -1_000_000, 1_000_000, -900_000_000, 10)
_STATS = (0, 2, 3, 4, 6)
_ANSWERS = (
    ("AT+CPIN?", "+CME ERROR: 14"),
    ("AT+CSQ", "+CME ERROR: 3"),
    ("AT+CPMS", "+CMS ERROR: 314"),
    ("AT+CIFSR", "ERROR"),
    ("AT+CIPSTART", "ERROR"),
    ("AT+CMGL", "+CMS ERROR: 500"),
)
_PLACES = ("echo", "info", "ok", "before_prompt", "prompt", "data")
_CODES = (0xA3, 0xA0, 0x80, 0x84, 0x83, 0x9D)  # 5.03, 5.00, 4.00, 4.04, 4.03, 4.29
_BOARD = ("board_resets", "power_cut", "power_off", "brown_out", "cut_at_flash", "memory_damaged")
# A datagram of which the modem misses a byte is filled up to free the line, and goes out damaged.
_NOISE = ("modem.bit_flips", "modem.lose_in", "modem.cut")


class Draw:
    """Numbers from a seed, the same on both runtimes (xorshift32)."""

    def __init__(self, seed):
        self._state = (seed * 2654435761 + 12345) & 0xFFFFFFFF or 1
        for _ in range(8):
            self.below(2)

    def below(self, limit) -> int:
        """Return a number below `limit`."""
        x = self._state
        x ^= x << 13 & 0xFFFFFFFF
        x ^= x >> 17
        x ^= x << 5 & 0xFFFFFFFF
        self._state = x
        return x % limit

    def between(self, least, most) -> int:
        """Return a number of least to most, small ones about as often as large ones."""
        if most <= least:
            return least
        span = most - least + 1
        while span > 10 and self.below(2):
            span = span // 10 or 1
        return least + self.below(span)

    def of(self, choices):
        """Return one of several."""
        return choices[self.below(len(choices))]

    def chance(self, permille) -> bool:
        """Whether so many of a thousand."""
        return self.below(1000) < permille


class Fault:
    """One fault: when it strikes, what, for how many minutes, how large; `awake`: it waits for
    the board to be awake, and for `after_ms` then.
    """

    def __init__(self, at_ms, kind, minutes, size, awake, after_ms):
        self.at_ms = at_ms
        self.kind = kind
        self.minutes = minutes
        self.size = size
        self.awake = awake
        self.after_ms = after_ms


class Schedule:
    """The faults of a life of so many days, `a_day` of them in the mean; `end_ms` ends the last.

    kinds: those that are drawn, None for all. faults: in the order in which they strike. counts:
    {kind: how many}. The first hour of a life is quiet, so that the board has been there once.
    """

    def __init__(self, seed, days, a_day=4, kinds=None):
        draw = Draw(seed)
        self.end_ms = int(days * _DAY_MS)
        self.faults = []
        self.counts = {}
        rows = [row for row in KINDS if kinds is None or row[0] in kinds]
        weights = sum([row[1] for row in rows])
        at_ms = _HOUR_MS
        while a_day:
            at_ms += draw.below(2 * _DAY_MS // a_day)
            if at_ms >= self.end_ms - _HOUR_MS:
                break
            weight = draw.below(weights)
            for row in rows:
                weight -= row[1]
                if weight < 0:
                    break
            kind, _, least, most, small, large = row
            # No longer than the schedule.
            most = min(most, (self.end_ms - at_ms) // _MINUTE_MS)
            minutes = draw.between(min(least, most), most)
            awake = draw.chance(850 if minutes == 0 else 300)
            fault = Fault(
                at_ms, kind, minutes, draw.between(small, large), awake, draw.between(0, 60_000)
            )
            self.faults.append(fault)
            self.counts[kind] = self.counts.get(kind, 0) + 1

    def of_modem(self) -> int:
        """Return how many faults are the modem's."""
        return sum([self.counts[kind] for kind in self.counts if kind.startswith("modem.")])


class TroubledSms:
    """Puts itself before an SMS centre's delivery: messages are late, doubled and out of order."""

    def __init__(self, centre, timers, draw):
        self.late_ms = 0
        self.twice_ms = 0
        self.mixed_ms = 0
        self._deliver = centre.deliver_pdu
        self._timers = timers
        self._draw = draw
        centre.deliver_pdu = self._take

    def _take(self, to_number, pdu):
        delay_ms = self.late_ms
        if self.mixed_ms:
            delay_ms += self._draw.below(self.mixed_ms)
        self._later(delay_ms, to_number, pdu)
        if self.twice_ms:
            self._later(delay_ms + self._draw.below(self.twice_ms), to_number, pdu)

    def _later(self, delay_ms, to_number, pdu):
        if delay_ms:
            self._timers.call_later(delay_ms, self._deliver, to_number, pdu)
        else:
            self._deliver(to_number, pdu)


class Faults:
    """Brings the faults of a Schedule upon a World; on_strike(fault) is told of each.

    struck: how many have struck. noise: whether the UART may have damaged what the board said.
    """

    def __init__(self, world, schedule, seed, on_strike=None):
        self.world = world
        self.schedule = schedule
        self.struck = 0
        self.noise = False
        self._on_strike = on_strike
        self._draw = Draw(seed + 1)
        self._lasting = {}  # kind -> how many of them last: the last to end ends it
        self.sms = TroubledSms(world.network.sms, world.timers, self._draw)

    async def run(self) -> None:
        """Strike, one fault after the other, until the schedule is over and all have ended."""
        start_ms = self.world.timers.now()
        lasting = []
        for fault in self.schedule.faults:
            await self._until(start_ms + fault.at_ms)
            lasting = [task for task in lasting if not task.done()]
            lasting.append(asyncio.create_task(self._strike(fault)))
        await self._until(start_ms + self.schedule.end_ms)
        await ended(lasting)
        self._over()

    async def _until(self, at_ms):
        left_ms = at_ms - self.world.timers.now()
        if left_ms > 0:
            await self.world.sleep(left_ms / 1000)

    async def _strike(self, fault):
        world = self.world
        if fault.awake:
            await self._awake()
            await asyncio.sleep_ms(fault.after_ms)
        self.struck += 1
        self.noise = self.noise or fault.kind in _NOISE
        if self._on_strike:
            self._on_strike(fault)
        world.record("world", "fault", {"kind": fault.kind, "size": fault.size})
        kind = fault.kind
        if fault.minutes and kind != "power_off":
            self._lasting[kind] = self._lasting.get(kind, 0) + 1
            self._set(kind, fault)
            await asyncio.sleep_ms(fault.minutes * _MINUTE_MS)
            self._lasting[kind] -= 1
            if not self._lasting[kind]:
                self._set(kind, None)
        elif kind in _BOARD:
            await self._board(fault)
        elif kind.startswith("modem."):
            self._modem(kind[6:], fault.size)
        else:
            {
                "nat_rebinds": self._nat_rebinds,
                "server_restarts": self._server_restarts,
                "server_refuses": self._server_refuses,
                "clock_steps": self._clock_steps,
                "reboot": self._reboot,
            }[kind](fault)

    async def _awake(self):
        world = self.world
        if not world.running:
            try:
                await world.until(lambda: world.running, _AWAKE_WITHIN_S)
            except AssertionError:
                pass  # it strikes the sleeping board

    # What lasts.

    def _set(self, kind, fault):
        """Begin something that lasts, or end it (None)."""
        world = self.world
        network = world.network
        size = fault.size if fault else 0
        if kind == "loss" or kind == "blackout":
            network.loss_permille = 0
            for name, permille in (("loss", size), ("blackout", 1000)):
                if self._lasting.get(name):
                    network.loss_permille = max(network.loss_permille, permille)
        elif kind == "duplicates":
            network.duplicate_permille = size
        elif kind == "delay":
            network.jitter_ms = size
        elif kind == "nat_short":
            network.nat_timeout_s = size or 60
        elif kind == "sms_late":
            self.sms.late_ms = size * _MINUTE_MS
        elif kind == "sms_twice":
            self.sms.twice_ms = size * 1000
        elif kind == "sms_mixed":
            self.sms.mixed_ms = size * _MINUTE_MS
        elif kind == "server_down":
            world.peer.silent = fault is not None
        elif kind == "flash_full":
            world.flash.full = fault is not None
        else:
            world.modem.set_fault(kind[6:], _held(kind[6:], size) if fault else None)

    def _over(self):
        """All that lasts is over."""
        for kind in list(self._lasting):
            if self._lasting[kind]:
                self._lasting[kind] = 0
                self._set(kind, None)
        self.world.peer.refusals.clear()
        self.world.modem.clear_faults()
        self.world.calm()

    # What strikes once.

    def _modem(self, name, size):
        """Strike at once, or when a place of the dialogue is reached, or behind some bytes."""
        draw = self._draw
        value, ms = size or None, None
        if name == "garbage":
            value = bytes([draw.below(256) for _ in range(size)])
        elif name == "reset":
            value = None if size else "silent"
        elif name == "hang":
            value, ms = (None, None) if size else ("hard", 600_000)
        elif name == "power_cut":
            value, ms = None, (None, 5_000, 600_000)[size]
        elif name == "detach":
            value, ms = None, (None, 60_000, 3_600_000)[size]
        elif name == "answer":
            value = _ANSWERS[size]
        where = draw.below(10)
        after = 1 + draw.between(0, 500) if where in (0, 1, 2) else None
        after_in = 1 + draw.between(0, 300) if where == 3 else None
        at = draw.of(_PLACES) if where in (4, 5, 6) else None
        self.world.modem.set_fault(name, value, ms, after, after_in, at)

    def _nat_rebinds(self, fault):
        self.world.network.expire()

    def _server_restarts(self, fault):
        self.world.peer.restart()

    def _server_refuses(self, fault):
        for _ in range(fault.size):
            code = self._draw.of(_CODES)
            max_age = self._draw.below(900) if code in (0xA3, 0x9D) else None
            self.world.peer.refusals.append((code, max_age))

    def _clock_steps(self, fault):
        world = self.world
        world.clock.set_epoch(max(0, world.clock.epoch_s() + _STEPS_S[fault.size]))

    def _reboot(self, fault):
        self.world.command(do="reboot")

    async def _board(self, fault):
        world = self.world
        kind = fault.kind
        size = fault.size
        if kind == "memory_damaged":
            if size < len(world.memory) and not world.running:
                memory = bytearray(world.memory)
                memory[size] ^= 1 << self._draw.below(8)
                world.memory = bytes(memory)
        elif kind == "brown_out":
            # The modem, at the same battery, goes with the chip.
            both = self._draw.chance(700)
            world.fail_at_byte(size, POWER_ON, 500, self._draw.chance(700), both)
        elif kind == "cut_at_flash":
            world.fail_at_flash_step(size)
        else:
            for _ in range(size):
                await asyncio.sleep_ms(0)
            if kind == "board_resets":
                world.fail(self._draw.of((HARD_RESET, WATCHDOG)), 10, False)
            elif kind == "power_cut":
                world.fail(POWER_ON, 300)
            else:
                world.fail(POWER_ON, fault.minutes * _MINUTE_MS)


def _held(name, size):
    """The value of a fault that holds, of the virtual modem."""
    if name == "sim":
        return ("absent", "busy")[size]
    if name == "registration":
        return _STATS[size]
    if name == "signal":
        return (0, 99)[size]
    if name == "ri":
        return ("dead", "low")[size]
    return {"forgetful": True, "hold_codes": False, "codes": "double"}.get(name, size)


async def ended(tasks) -> None:
    """Cancel tasks and wait until they have ended."""
    for task in tasks:
        # CPython's wait_for loses a cancellation that meets what it waited for.
        while not task.done():
            task.cancel()
            await asyncio.sleep_ms(0)
