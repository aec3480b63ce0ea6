"""What SIM800 and SIM7000 have in common: states, sleep and recovery.

States, and what moves them:

    off       settings unknown or no power   --start-->    ready
    ready     answers, SIM and SMS set up    --attach-->   attached
    attached  PDP context up, has an address --+PDP: DEACT, PDP cycle-->  ready
    any       --boot codes, echo is back, CFUN cycle, power off-->        off
"""

import asyncio

from micropython import const

from . import release
from .at import Channel, ModemError

_OFF = const(0)
_READY = const(1)
_ATTACHED = const(2)

_DTR_MS = const(60)
_HOUR_MS = const(3_600_000)


class SimCom:
    """A modem behind a UART; `Sim800` and `Sim7000` add what differs.

    uart: `async read() -> bytes`, `write(bytes)`, and `set_baudrate(rate)` where it can.
    power: `async pulse(ms)` on PWRKEY, `async reset(ms)` on RST, `dtr(asleep)`, and which of them
    are wired: `can_switch()`, `can_reset()`, `can_sleep()`.
    config: apn, user, password, pin, baudrate, local_port, sms_storing, and the switches that the
    drivers and links name. log: the first `on_event`. now: callable, milliseconds that never wrap.
    on_event(name, facts): started attached detached reset rested asleep awake voltage socket
    recovering refused power_saving sms_sent drop. info: what is known of the modem, SIM and
    network (info.py), and "ip".
    """

    sockets = 6
    udp_set = "cip"  # the commands of its UDP sockets, "cip" or "ca"
    gsm_only = True  # registers by CREG and CGREG; a radio with LTE by CEREG or CGREG
    pulse_on_ms = 1200
    pulse_off_ms = 1600
    boot_ms = 2500
    idle_sleep = 2  # AT+CSCLK mode without DTR, 0 for none
    direct_sms = "AT+CNMI=2,2,0,0,0"
    gnss_alone = False  # its receiver and the network take turns

    def __init__(self, uart, power, config: dict, log, now):
        self.power = power
        self.config = config
        self.now = now
        self.on_event = log
        self.on_restart = None  # set by the SMS link, which then starts the modem and reads
        self.read_due = self.now() + _HOUR_MS  # when the stored messages are looked at anyway
        self.info = {}
        self.state = _OFF
        self.asleep = False
        self.rests = False  # off or in PSM by design: its silence tells nothing, the key starts it
        self.generation = 0  # grows when sockets die, so that links know theirs are gone
        self.channel = Channel(uart, self.now, self.event, self._on_reset)
        self.channel.dozes = bool(self.idle_sleep) and not power.can_sleep()
        for prefix in ("+PDP: DEACT", "UNDER-VOLT", "OVER-VOLT"):
            self.channel.on(prefix, self._on_code)
        self.lock = asyncio.Lock()
        self.recoveries = [0] * 5  # how often each rung of the ladder was climbed
        self.pin_refused = False
        self.pin_tried: "object" = None  # of the owner: (pin, accepted or None) -> may it be tried
        self.radio_set = False
        self.searching = False  # for a network that it was waited for in vain
        if config.get("udp_set") == "ca":
            from .ca_udp import use_ca

            use_ca(self)

    # Life cycle

    async def up(self, goal: int = _ATTACHED) -> None:
        """Bring the modem to `attached`, or to `ready` for SMS, from wherever it is; returns at
        once when it is there.

        Raises ModemError naming what is missing (answer, SIM, PIN, network, context) after bounded
        tries.
        """
        async with self.lock:
            if self.asleep:
                await self._wake()
            if self.state < goal:
                from .bringup import bring_up

                try:
                    await bring_up(self, goal)
                finally:
                    release("bringup")

    async def resume(self) -> bool:
        """After the host slept and the modem did not: True when it is as it was then.

        One AT round trip. A modem that is silent, or echoes again because it has restarted, gives
        False; then `up` starts it anew.
        """
        await self.up(_OFF)
        return self.state != _OFF

    async def power_off(self) -> None:
        """Switch off, by command or else by key: state `off`. Without a key, the radio only."""
        async with self.lock:
            from .bringup import step

            await step(self, "power_off")
            release("bringup")

    async def sleep(self) -> None:
        """Let the modem sleep, its context and sockets open; needs DTR, or SIM800's own sleep, or
        one that goes into PSM by itself.
        """
        can = self.power.can_sleep() or self.idle_sleep or self.config.get("idle") == "psm"
        if can and not self.asleep and not self.rests:
            self.power.dtr(True)
            self.asleep = True
            self.event("asleep", {})

    async def _wake(self):
        # After a sleep of the host nobody reads yet, and the modem has been told not to echo.
        self.channel.open()
        self.channel.echo_off = True
        self.power.dtr(False)
        if self.power.can_sleep():
            await asyncio.sleep_ms(_DTR_MS)
        self.asleep = False
        psm = self.config.get("idle") == "psm"
        try:
            if await self.channel.probe(2 if psm else 5):
                self.event("awake", {})
                return
            self.rests = psm  # silence is what is expected of it then
        except ModemError:
            pass  # it has restarted, which the reader has told
        self.lost("silent", "rested" if self.rests else "reset")

    # What the modem says of itself

    def lost(self, reason: str, name: str = "reset") -> None:
        """Settings and sockets are gone."""
        if self.shut(_OFF):
            self.event(name, {"reason": reason})

    def shut(self, state: int) -> bool:
        """Fall back to `state`, which ends all sockets; returns whether it was higher."""
        if self.state <= state:
            return False
        self.state = state
        self.generation += 1
        return True

    def _on_reset(self, line):
        self.asleep = False
        self.lost(line)
        # One that went off for want of supply rests until something is to be sent.
        if self.on_restart and not line.endswith("POWER DOWN"):
            self.on_restart()

    def _on_code(self, line):
        if line[0] != "+":
            self.event("voltage", {"warning": line})
        elif self.shut(_READY):
            self.event("detached", {"reason": line})

    # Helpers for the other modules of this room

    async def ask(self, text: str, timeout_ms: int = 5000):
        """Send a command that the modem may refuse; returns its Response and reports a refusal."""
        response = await self.channel.command(text, timeout_ms)
        if not response.ok:
            self.event("refused", {"command": text.split("=", 1)[0], "answer": response.final})
        return response

    def event(self, name: str, facts: dict) -> None:
        """Tell the owner what happened."""
        if self.on_event:
            self.on_event(name, facts)
