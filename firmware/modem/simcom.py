"""What SIM800 and SIM7000 have in common: power, boot, SIM, settings, sleep and recovery.

States, and what moves them:

    off       settings unknown or no power   --start-->    ready
    ready     answers, SIM and SMS set up    --attach-->   attached
    attached  PDP context up, has an address --+PDP: DEACT, PDP cycle-->  ready
    any       --boot codes, echo is back, CFUN cycle, power off-->        off
"""

import asyncio
import time

from micropython import const

from .at import Channel, ModemError, ModemReset

OFF = const(0)
READY = const(1)
ATTACHED = const(2)
STATES = ("off", "ready", "attached")

_RATES = (115200, 9600, 57600, 38400, 19200)
_BOOT_TRIES = const(20)
_SIM_TRIES = const(20)
_DTR_MS = const(60)
_CHARACTER_MS = const(120)
_OFF_MS = const(8000)
_REST_MS = const(2500)

# CME error numbers, 3GPP TS 27.007 §9.2
_SIM_ABSENT = const(10)
_SIM_PIN = const(11)
_SIM_PUK = const(12)
_SIM_FAILURE = const(13)


def _ticks():
    return time.ticks_ms()


class SimCom:
    """A modem behind a UART; `Sim800` and `Sim7000` add what differs.

    uart: `async read() -> bytes`, `write(bytes)`, and `set_baudrate(rate)` where it can.
    power: `async pulse(ms)` on PWRKEY, `dtr(asleep)`, `can_sleep()` whether DTR is wired.
    config: apn, user, password, pin, baudrate, local_port, sms_storing, and the switches that the
    drivers and links name. log: callable(name, facts) or None. now: callable, milliseconds that never
    wrap. on_event(name, facts), set by the owner: started attached detached reset asleep awake reopened
    recovering drop. info: what is known of the modem, SIM and network (info.py), and "ip".
    """

    sockets = 6
    registrations = ("CREG", "CGREG")
    registration_needs_all = True
    pulse_on_ms = 1200
    pulse_off_ms = 1600
    boot_ms = 2500
    saves_profile = False
    cnmi_stored = "AT+CNMI=2,1,0,0,0"
    cnmi_direct = "AT+CNMI=2,2,0,0,0"
    clock_sleep_without_dtr = 0

    def __init__(self, uart, power, config: dict, log=None, now=None):
        self.power = power
        self.config = config
        self.log = log
        self.now = now or _ticks
        self.on_event = None
        self.info = {}
        self.state = OFF
        self.asleep = False
        self.generation = 0  # grows when sockets die, so that links know theirs are gone
        self.channel = Channel(uart, self.now, self._on_drop)
        self.channel.on_reset = self._on_reset
        self.channel.on("+PDP: DEACT", self._on_deactivated)
        self._lock = asyncio.Lock()
        self.recoveries = [0] * 5  # how often each rung of the ladder was climbed
        self._pin_refused = False

    # Life cycle

    async def up(self) -> None:
        """Bring the modem to `attached` from wherever it is; returns at once when it is there.

        Raises ModemError naming what is missing (answer, SIM, PIN, network, context) after bounded tries.
        """
        async with self._lock:
            for _ in range(3):
                try:
                    if self.asleep:
                        await self._wake()
                    if self.state == OFF:
                        await self._start()
                    if self.state == READY:
                        await self._attach()
                    return
                except ModemReset:
                    continue
            raise ModemError("modem: keeps restarting; check its supply")

    async def start(self) -> None:
        """Switch on where needed, and set up: state `ready`. Raises ModemError."""
        async with self._lock:
            await self._start()

    async def attach(self) -> None:
        """Register and bring up the PDP context: state `attached`. Raises ModemError."""
        async with self._lock:
            await self._attach()

    async def resume(self) -> bool:
        """After the host slept and the modem did not: True when it is as `thaw` described it.

        One AT round trip; a modem that is silent or echoes again is started anew and False returned.
        """
        async with self._lock:
            self.channel.open()
            if self.state != OFF:
                self.channel.echo_off = True
                try:
                    await self._wake()
                    return True
                except ModemError:
                    self._lost("resume")
            await self._start()
            return False

    async def _attach(self):
        from .attach import attach

        await attach(self)

    async def _start(self):
        channel = self.channel
        channel.open()
        channel.booting = True
        self.state = OFF
        self.asleep = False
        self.power.dtr(False)
        try:
            if not await self._find():
                for _ in range(3):
                    await self.power.pulse(self.pulse_on_ms)
                    await asyncio.sleep_ms(self.boot_ms)
                    if await self._answers():
                        break
                else:
                    raise ModemError("modem: no answer to AT; check its power and the UART's wires")
            await self._settings()
        finally:
            channel.booting = False
        self.state = READY
        self.event("started", {})

    async def _answers(self):
        for _ in range(_BOOT_TRIES):
            if await self.channel.probe(1):
                return True
            await asyncio.sleep_ms(200)
        return False

    async def _find(self):
        """Whether a running modem answers at the configured rate or at another that the UART can take."""
        if await self.channel.probe(3):
            return True
        set_baudrate = getattr(self.channel.uart, "set_baudrate", None)
        if set_baudrate is None:
            return False
        wanted = self.config.get("baudrate", 115200)
        found = False
        for rate in _RATES:
            if rate == wanted:
                continue
            set_baudrate(rate)
            if await self.channel.probe(2):
                found = (await self.channel.command("AT+IPR=%d" % wanted)).ok
                break
        set_baudrate(wanted)
        return found and await self.channel.probe(3)

    async def _settings(self):
        channel = self.channel
        await self.set("ATE0")
        channel.echo_off = True
        await self.set("AT+CMEE=1")
        rate = str(self.config.get("baudrate", 115200))
        if (await channel.command("AT+IPR?")).value("+IPR:") != rate:
            # A fixed rate, because boot codes are not sent while the modem still guesses it.
            await self.set("AT+IPR=" + rate)
            if self.saves_profile:
                await self.ask("AT&W")
        await self._unlock_sim()
        sleep = 1 if self._dtr_wired() else self.clock_sleep_without_dtr
        for command in ("AT+CFGRI=1", "AT+CLTS=1", "AT+CSCLK=%d" % sleep):
            await self.ask(command)
        for _ in range(15):  # refused until the SIM's messages are loaded
            if (await channel.command("AT+CMGF=0")).ok:
                break
            await asyncio.sleep_ms(1000)
        else:
            raise ModemError("modem: SMS not ready after 15 s")
        response = await self.set('AT+CPMS="SM","SM","SM"')
        self.note_storage(response)
        await self.set(self.cnmi_stored if self.config.get("sms_storing", True) else self.cnmi_direct)

    async def _unlock_sim(self):
        reason = "no answer to AT+CPIN?"
        for attempt in range(_SIM_TRIES):
            response = await self.channel.command("AT+CPIN?")
            state = response.value("+CPIN:")
            error = response.error()
            if state == "READY":
                return
            if state == "SIM PIN" or error == _SIM_PIN:
                await self._enter_pin()
            elif error == _SIM_PUK or state and state.startswith("SIM PUK"):
                raise ModemError("SIM: locked, PUK needed; unlock it by hand")
            elif error == _SIM_ABSENT or state == "NOT INSERTED":
                reason = "not inserted"
                if attempt >= 3:
                    break
            else:
                reason = "failure" if error == _SIM_FAILURE else "not ready (%s)" % (state or response.final)
            await asyncio.sleep_ms(1000)
        raise ModemError("SIM: %s" % reason)

    async def _enter_pin(self):
        """Enter the PIN once in the life of this driver, and only while the SIM's full count is left."""
        pin = self.config.get("pin")
        if not pin:
            raise ModemError("SIM: PIN needed; set modem.pin")
        if self._pin_refused:
            raise ModemError("SIM: PIN was refused; correct modem.pin")
        left = (await self.channel.command("AT+SPIC")).value("+SPIC:")
        if left and left[0] in "012":
            raise ModemError("SIM: %s PIN tries left; enter it by hand once" % left[0])
        self._pin_refused = True
        if not (await self.channel.command('AT+CPIN="%s"' % pin)).ok:
            raise ModemError("SIM: PIN refused; correct modem.pin")
        self._pin_refused = False

    async def power_off(self) -> None:
        """Switch off, by command or else by key."""
        async with self._lock:
            await self._power_off()

    async def _power_off(self):
        if self.asleep:
            self.power.dtr(False)
            await asyncio.sleep_ms(_DTR_MS)
            self.asleep = False
        self.channel.open()
        self.channel.booting = True
        response = await self.channel.command("AT+CPOWD=1", _OFF_MS, ("NORMAL POWER DOWN",))
        if response.final != "NORMAL POWER DOWN":
            await self.power.pulse(self.pulse_off_ms)
        await asyncio.sleep_ms(_REST_MS)
        self._lost("power off")

    # Sleep

    def _dtr_wired(self):
        return self.power.can_sleep()

    async def sleep(self) -> None:
        """Let the modem sleep with its context and sockets open; needs DTR, or SIM800's own sleep."""
        if not self.asleep and (self._dtr_wired() or self.clock_sleep_without_dtr):
            self.power.dtr(True)
            self.asleep = True
            self.event("asleep", {})

    async def wake(self) -> None:
        """Make the modem answer again. Raises ModemError when it does not."""
        async with self._lock:
            if self.asleep:
                await self._wake()

    async def _wake(self):
        self.power.dtr(False)
        if self._dtr_wired():
            await asyncio.sleep_ms(_DTR_MS)
        else:
            self.channel.uart.write(b"\r")
            await asyncio.sleep_ms(_CHARACTER_MS)
        self.asleep = False
        if not await self.channel.probe(5):
            self._lost("silent")
            raise ModemReset("modem: silent after sleep")
        self.event("awake", {})

    # Recovery

    async def recover(self, rung: int) -> None:
        """Climb one rung: 2 PDP cycle, 3 CFUN cycle, 4 power cycle; `up` then does the rest.

        Rungs 0 and 1, sending again and opening the socket again, belong to the link.
        """
        self.recoveries[rung] += 1
        self.event("recovering", {"rung": rung})
        if rung < 2:
            return
        async with self._lock:
            if rung == 2:
                if self.state == ATTACHED:
                    self.state = READY
                    self.generation += 1
            elif rung == 3:
                self.channel.booting = True
                await self.ask("AT+CFUN=0", 12_000)
                await self.ask("AT+CFUN=1", 12_000)
                self._lost("CFUN cycle")
            else:
                await self._power_off()

    def _lost(self, reason):
        """Settings and sockets are gone."""
        if self.state == OFF:
            return
        self.state = OFF
        self.generation += 1
        self.event("reset", {"reason": reason})

    def _on_reset(self, line):
        self.asleep = False
        self._lost(line)

    def _on_deactivated(self, line):
        if self.state == ATTACHED:
            self.state = READY
            self.generation += 1
            self.event("detached", {"reason": line})

    # Helpers for the other modules of this room

    async def ask(self, text: str, timeout_ms: int = 5000):
        """Send a command that the modem may refuse; returns its Response and logs a refusal."""
        response = await self.channel.command(text, timeout_ms)
        if not response.ok and self.log:
            self.log("refused", {"command": text.split("=")[0], "answer": response.final})
        return response

    async def set(self, text: str, timeout_ms: int = 5000):
        """Send a command that must succeed, three times at most; raises ModemError without its values."""
        for _ in range(3):
            response = await self.channel.command(text, timeout_ms)
            if response.ok:
                return response
            await asyncio.sleep_ms(300)
        raise ModemError("modem: %s answered %s" % (text.split("=")[0], response.final))

    def note_storage(self, response) -> None:
        """Keep the message count of a +CPMS answer, with or without storage names."""
        numbers = [part for part in (response.value("+CPMS:") or "").split(",") if part.isdigit()]
        if len(numbers) >= 2:
            self.info["sms_used"] = int(numbers[0])
            self.info["sms_total"] = int(numbers[1])

    def event(self, name: str, facts: dict) -> None:
        """Tell the owner what happened."""
        if self.on_event:
            self.on_event(name, facts)

    def _on_drop(self, reason, detail):
        self.event("drop", {"link": "uart", "reason": reason, "detail": detail})

    def freeze(self) -> tuple:
        """What must outlive a deep sleep of the host: (state, PIN refused, address)."""
        return (self.state, 1 if self._pin_refused else 0, self.info.get("ip", ""))

    def thaw(self, record: tuple) -> None:
        """Take over what `freeze` gave before the host slept; `resume` then checks it."""
        self.state = record[0]
        self._pin_refused = bool(record[1])
        if record[2]:
            self.info["ip"] = record[2]
        self.asleep = True
