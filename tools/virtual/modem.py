"""A virtual SIM800, SIM7000 or SIM7080: its UART, control lines, and the network behind it.

The parts: uart.py carries the bytes, at.py reads command lines, power.py has the control lines and
sleep, general.py the basic and information commands, sim.py the card, radio.py registration, ip.py
and sockets.py the CIP* set, ca_context.py and ca.py the CA* set, sms.py text messages, gnss.py the
receiver of positions, sim7080.py what that modem has alone.  profiles.py tells the modems apart,
faults.py breaks them.
"""

from tools.virtual import profiles
from tools.virtual.at import CommandLine
from tools.virtual.ca_context import CaContexts
from tools.virtual.faults import Faults
from tools.virtual.general import General
from tools.virtual.gnss import Gnss
from tools.virtual.ip import Ip
from tools.virtual.power import ON, STATES, Power
from tools.virtual.psm import PowerSaving
from tools.virtual.radio import Radio
from tools.virtual.sim import Sim
from tools.virtual.sim7080 import Sim7080
from tools.virtual.sms import Sms
from tools.virtual.uart import Uart, noise


class VirtualModem:
    """One modem with its SIM card.

    profile   a profiles.Profile or its name, "sim800l" or "sim7000g"
    network   tools.virtual.network.Network
    number    of the SIM, "+4790000001"
    speed     1.0 = real times; 10 boots and registers ten times as fast
    on_event  callable(name, facts); the network's where None
    saved     dictionary of settings that outlive a power cycle, {"+IPR": 115200}; kept up to date

    The host's side: write(), on_output, set_baud(), pwrkey(), reset(), dtr(), on_ri, ri, supply().
    The callbacks are plain callables set as attributes; they run on the event loop.
    """

    def __init__(
        self,
        profile,
        network,
        timers,
        number,
        imei="866000000000014",
        imsi="001010000000014",
        iccid="89000000000000000148",
        pin="1234",
        speed=1.0,
        on_event=None,
        saved=None,
    ):
        self.profile = profiles.get(profile) if isinstance(profile, str) else profile
        self.network = network
        self.timers = timers
        self.number = number
        self.imei = imei
        self.imsi = imsi
        self.iccid = iccid
        self.pin = pin
        self.speed = speed
        self.on_event = on_event or network.event
        self.on_output = None  # callable(data: bytes): what the modem sends
        self.on_ri = None  # callable(level: bool): RI, low = False
        self.settings = {}  # name of the command -> value
        self.saved = {} if saved is None else saved
        self.counters = {
            "commands": 0,
            "overlaps": 0,  # bytes that came before the last command's result
            "bytes_in": 0,
            "bytes_out": 0,
            "ri_pulses": 0,
        }
        self._defaults = {}
        self._held = []  # (data, cause): codes that wait for the end of a prompt
        self._session = 0  # counts starts: what was begun before a reset does not go on
        self.faults = Faults(self)
        self.uart = Uart(self)
        self.power = Power(self)
        self.line = CommandLine(self)
        self.general = General(self)
        self.sim = Sim(self)
        self.psm = PowerSaving(self) if self.profile.lte else None
        self.radio = Radio(self)
        self.ip = Ip(self)
        self.ca = CaContexts(self) if self.profile.ca else None
        self.own = Sim7080(self) if self.profile.ca == "sim7080" else None
        self.gnss = Gnss(self) if self.profile.lte else None
        self.sms = Sms(self)
        network.sms.attach(number, self.sms)

    # The host's side.

    @property
    def state(self) -> str:
        """One of off, booting, on, stopping."""
        return STATES[self.power.state]

    @property
    def ri(self) -> bool:
        """The level of RI: True high (idle), False low (a pulse, or no power)."""
        return self.power.ri

    def write(self, data: bytes) -> None:
        """Take bytes of the host; lost where the UART is off or deaf, noise at another rate."""
        if not self.power.hears():
            return
        if self.fixed_rate():
            if self.uart.host_rate != self.uart.rate:
                data = noise(data)
        elif self.uart.host_rate not in self.profile.autobaud_rates:
            return
        self.counters["bytes_in"] += len(data)
        self.power.activity()
        self.uart.take(data)

    def set_baud(self, rate: int) -> None:
        """The host's UART changes its rate."""
        if rate == self.uart.host_rate:
            return
        self.uart.host_rate = rate
        if not self.fixed_rate():
            self.line.synchronised = False

    def pwrkey(self, pressed: bool) -> None:
        """Press (PWRKEY low) or let go the power key."""
        self.power.key(pressed)

    def reset(self, low: bool) -> None:
        """Pull RST low or let it go."""
        self.power.rst(low)

    def dtr(self, level: bool) -> None:
        """Set DTR: True high (the modem may sleep), False low."""
        self.power.set_dtr(level)

    def supply(self, on: bool) -> None:
        """Connect or cut the supply voltage."""
        self.power.supply(on)

    # Faults, for tests.

    def set_fault(
        self, name: str, value=None, ms=None, after=None, after_in=None, at=None
    ) -> None:
        """Break something: faults.py has the names, what they take and when they can strike.

        Raises ValueError for a name or place that is none.
        """
        self.faults.set(name, value, ms, after, after_in, at)

    def clear_faults(self) -> None:
        """End every fault that holds or waits for its moment."""
        self.faults.clear()

    def next_fault(self, name: str) -> bool:
        """Whether a counted fault strikes this time."""
        return self.faults.next(name)

    def interrupt(self, data: bytes, after: int = 0) -> None:
        """Insert `data` into the output, `after` bytes behind what was inserted last."""
        if after <= 0:
            self.emit(data)
        else:
            self.uart.after_last(after, lambda: self.emit(data))

    # The parts' side: life.

    def start(self) -> None:
        """The UART is usable."""
        self.reload()
        self.set_rate(self.settings["+IPR"])
        self.line.reset()
        self.general.start()
        self.radio.start()

    def halt(self) -> None:
        """Everything that runs is over: a reset, or no power."""
        self._session += 1
        self.uart.reset()
        self._held.clear()
        self.line.reset()
        self.detach()
        self.radio.stop()

    def detach(self) -> None:
        """The network is left."""
        self.ip.stop()
        if self.ca:
            self.ca.stop()
        self.radio.leave()

    def reload(self) -> None:
        """Settings as after a start: defaults, then what was saved."""
        self.settings.clear()
        self.settings.update(self._defaults)
        self.settings.update(self.saved)

    def restore(self, saved: bool) -> None:
        """ATZ (saved settings) or AT&F (factory settings); AT+CSCLK and the rate stay."""
        kept = {name: self.settings[name] for name in ("+CSCLK", "+IPR", "+CFUN")}
        self.settings.update(self._defaults)
        if saved:
            self.settings.update(self.saved)
        self.settings.update(kept)

    def later(self, ms: int, fn, *args) -> None:
        """Call fn(*args) in `ms` milliseconds, unless the modem has been reset or turned off."""
        self.timers.call_later(ms, self._if_session, self._session, fn, args)

    def _if_session(self, session, fn, args):
        if session == self._session:
            fn(*args)

    def scaled(self, name: str) -> int:
        """A time of the profile, shortened by `speed` where it may be; a fault can change it."""
        changed = self.faults.value(name)
        if changed is not None:
            return changed
        ms = getattr(self.profile, name)
        return int(ms / self.speed) if name in self.profile.scaled else ms

    def define(self, name: str, default) -> None:
        """Declare a setting and its factory value."""
        self._defaults[name] = default

    def set(self, name: str, value) -> None:
        """Change a setting; some are saved at once."""
        self.settings[name] = value
        if name in self.profile.saved_at_once:
            self.saved[name] = value

    def busy(self) -> bool:
        """Whether a command runs or waits for its data."""
        return self.line.running or self.line.prompting

    # The parts' side: output and reports.

    def event(self, name: str, facts: dict) -> None:
        """Report an event of this modem."""
        self.on_event(name, facts)

    def count(self, name: str) -> None:
        """Count something."""
        self.counters[name] += 1

    def fixed_rate(self) -> bool:
        """Whether the rate is set (AT+IPR), not found out by listening."""
        return bool(self.settings.get("+IPR"))

    def set_rate(self, rate: int) -> None:
        """AT+IPR: the UART runs at another rate from here on; 0 = find it out."""
        self.uart.rate = rate or self.uart.host_rate

    def synchronised(self) -> None:
        """The host's rate has been found."""
        self.uart.rate = self.uart.host_rate

    def echo(self, data: bytes) -> None:
        """Echo bytes of the host, where echo is on."""
        if self.settings["E"]:
            self.uart.echo(data)

    def reply(self, text: str) -> None:
        """Send a line of an answer, between CR LF and CR LF."""
        self.line.informed = True
        self.emit(b"\r\n" + text.encode() + b"\r\n")

    def urc(self, text: str, cause: str = "urc") -> None:
        """Send an unsolicited code; `cause` (urc, tcpip, sms) decides about RI."""
        self.urc_bytes(b"\r\n" + text.encode() + b"\r\n", cause)

    def urc_bytes(self, data: bytes, cause: str) -> None:
        """Send an unsolicited code as it stands."""
        if self.power.state != ON or self.power.silent:
            return
        if self.own and self.own.muted(data):
            return
        if not (self.fixed_rate() or self.line.synchronised):
            return
        if self.line.prompting and self.faults.value("hold_codes", True):
            self._held.append((data, cause))
            return
        setting = self.settings["+CFGRI"]
        if cause == "sms" or setting == 1 or setting == 2 and cause == "tcpip":
            self.power.pulse_ri()
        self.emit(data)

    def release_urcs(self) -> None:
        """The data after `> ` is in: codes that waited for it go out."""
        held, self._held = self._held, []
        for data, cause in held:
            self.urc_bytes(data, cause)

    def emit(self, data: bytes) -> None:
        """Send bytes to the host, after the echo that waits and with what is to be inserted."""
        self.uart.emit(data)

    def output(self, data: bytes) -> None:
        """Bytes arrive at the host."""
        self.counters["bytes_out"] += len(data)
        if self.on_output:
            self.on_output(data)
