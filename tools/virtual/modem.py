"""A virtual SIM800 or SIM7000: its UART, its control lines, and the network behind it.

The parts: at.py reads command lines, power.py has the lines and sleep, general.py the basic and
information commands, sim.py the card, radio.py registration, ip.py and sockets.py the CIP* set,
sms.py text messages.  profiles.py tells the modems apart.
"""

from tools.virtual import profiles
from tools.virtual.at import CommandLine
from tools.virtual.general import General
from tools.virtual.ip import Ip
from tools.virtual.power import ON, STATES, Power
from tools.virtual.radio import Radio
from tools.virtual.sim import Sim
from tools.virtual.sms import Sms


class VirtualModem:
    """One modem with its SIM card.

    profile   a profiles.Profile or its name, "sim800l" or "sim7000g"
    network   tools.virtual.network.Network
    number    of the SIM, "+4790000001"
    speed     1.0 = real times; 10 boots and registers ten times as fast
    on_event  callable(name, facts); the network's where None
    saved     dictionary of settings that outlive a power cycle, {"+IPR": 115200}; kept up to date

    The host's side: write(), on_output, set_baud(), pwrkey(), dtr(), on_ri, ri, supply().  The
    callbacks are plain callables set as attributes; they run on the event loop.
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
        self.hold_urcs = True  # codes wait while the modem takes in the bytes after `> `
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
        self._faults = {}  # name -> how many times it still strikes
        self._interrupts = []  # [bytes still to pass, data to insert]
        self._held = []  # (text, cause): codes that wait for the end of a prompt
        self._echo = bytearray()
        self._rate = 115200  # what the UART runs at
        self._host_rate = 115200
        self._free_us = 0  # when the last byte on its way has been sent
        self._session = 0  # counts starts: what was begun before a reset does not go on
        self.power = Power(self)
        self.line = CommandLine(self)
        self.general = General(self)
        self.sim = Sim(self)
        self.radio = Radio(self)
        self.ip = Ip(self)
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
        """Take bytes of the host; they are lost where the UART is off, deaf or at another rate."""
        if not self.power.hears() or not self._same_rate():
            return
        self.counters["bytes_in"] += len(data)
        self.power.activity()
        self.line.receive(data)

    def set_baud(self, rate: int) -> None:
        """The host's UART changes its rate."""
        self._host_rate = rate
        if not self.fixed_rate():
            self.line.synchronised = False

    def pwrkey(self, pressed: bool) -> None:
        """Press (PWRKEY low) or let go the power key."""
        self.power.key(pressed)

    def dtr(self, level: bool) -> None:
        """Set DTR: True high (the modem may sleep), False low."""
        self.power.set_dtr(level)

    def supply(self, on: bool) -> None:
        """Connect or cut the supply voltage."""
        self.power.supply(on)

    # Faults, for tests.

    def set_fault(self, name: str, value=None) -> None:
        """Break something.

        At once:
            "pdp_deact"     the network drops the context: +PDP: DEACT
            "detach"        GPRS is lost: CGATT 0
            "reset"         restart, seen only by boot codes (or by nothing, in auto-baud)
            "power_cut"     the supply fails for a moment: the modem is off
            "garbage"       `value` bytes go out as they are
        The next `value` times (1 where None):
            "error"         a command is answered ERROR
            "no_prompt"     data is expected, yet `> ` is not sent
            "ciicr"         AT+CIICR fails
            "connect_fail"  CIPSTART ends in CONNECT FAIL
            "send_fail"     CIPSEND ends in SEND FAIL
            "cmgs"          AT+CMGS ends in +CMS ERROR: 500
            "cmti"          a stored message is announced as +CMTI: ,-1
        Until changed:
            "sim"           ready, absent, busy, pin or puk (at once where the modem is on)
            "registration"  a <stat> of CREG, 0 to 6; None = register again
            "signal"        a <rssi> of CSQ, 0 to 31 or 99

        Raises ValueError for another name.
        """
        if name in ("error", "no_prompt", "ciicr", "connect_fail", "send_fail", "cmgs", "cmti"):
            self._faults[name] = 1 if value is None else value
        elif name == "pdp_deact":
            self.ip.deactivated()
        elif name == "detach":
            self.radio.set_attached(False)
        elif name == "reset":
            self.power.boot("fault")
        elif name == "power_cut":
            self.power.supply(False)
            self.power.supply(True)
        elif name == "garbage":
            self.emit(value)
        elif name == "sim":
            self.sim.put(value)
        elif name == "registration":
            self.radio.force(value)
        elif name == "signal":
            self.radio.rssi = value
        else:
            raise ValueError(f"fault: no {name!r}")

    def next_fault(self, name: str) -> bool:
        """Whether a counted fault strikes this time."""
        left = self._faults.get(name, 0)
        if left:
            self._faults[name] = left - 1
        return left > 0

    def interrupt(self, data: bytes, after: int = 0) -> None:
        """Insert `data` into the output after `after` further bytes: a code at any position."""
        if after <= 0:
            self.emit(data)
        else:
            self._interrupts.append([after, data])

    # The parts' side: life.

    def start(self) -> None:
        """The UART is usable."""
        self.reload()
        self._rate = self.settings["+IPR"] or self._host_rate
        self.line.reset()
        self.general.start()
        self.radio.start()

    def halt(self) -> None:
        """Everything that runs is over: a reset, or no power."""
        self._session += 1
        self._free_us = 0
        self._echo[:] = b""
        self._held.clear()
        self.line.reset()
        self.detach()
        self.radio.stop()

    def detach(self) -> None:
        """The network is left."""
        self.ip.stop()
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
        """A time of the profile, shortened by `speed`."""
        return int(getattr(self.profile, name) / self.speed)

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
        self._rate = rate or self._host_rate

    def synchronised(self) -> None:
        """The host's rate has been found."""
        self._rate = self._host_rate

    def _same_rate(self):
        if self.fixed_rate():
            return self._host_rate == self._rate
        return self._host_rate in self.profile.autobaud_rates

    def echo(self, data: bytes) -> None:
        """Echo bytes of the host, where echo is on."""
        if self.settings["E"]:
            self._echo.extend(data)

    def flush_echo(self) -> None:
        """Send the echo that waits."""
        if self._echo:
            self.emit(b"")

    def reply(self, text: str) -> None:
        """Send a line of an answer, between CR LF and CR LF."""
        self.emit(b"\r\n" + text.encode() + b"\r\n")

    def urc(self, text: str, cause: str = "urc") -> None:
        """Send an unsolicited code; `cause` (urc, tcpip, sms) decides about RI."""
        self.urc_bytes(b"\r\n" + text.encode() + b"\r\n", cause)

    def urc_bytes(self, data: bytes, cause: str) -> None:
        """Send an unsolicited code as it stands."""
        if self.power.state != ON or not (self.fixed_rate() or self.line.synchronised):
            return
        if self.hold_urcs and self.line.prompting:
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
        if self._echo:
            data = bytes(self._echo) + data
            self._echo[:] = b""
        index = 0
        while self._interrupts and self._interrupts[0][0] <= len(data) - index:
            after, inserted = self._interrupts.pop(0)
            index += after
            data = data[:index] + inserted + data[index:]
            index += len(inserted)
        if self._interrupts:
            self._interrupts[0][0] -= len(data) - index
        if self._rate == self._host_rate:
            self.raw(data, self._rate)
        else:
            # At another rate the host samples noise, about as much of it as there were bytes.
            self.raw(bytes([byte * 37 & 0xFF | 0x80 for byte in data]), self._rate)
        self.power.activity()

    def raw(self, data: bytes, rate: int) -> None:
        """Put bytes on the line; they arrive when the last of them has been sent."""
        if not data:
            return
        now_ms = self.timers.now()
        self._free_us = max(self._free_us, now_ms * 1000) + len(data) * 10_000_000 // rate
        self.later((self._free_us + 999) // 1000 - now_ms, self._output, data)

    def _output(self, data):
        self.counters["bytes_out"] += len(data)
        if self.on_output:
            self.on_output(data)
