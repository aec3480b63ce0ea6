"""What can be broken in a virtual modem, by name.

VirtualModem.set_fault(name, value, ms, after, after_in, at) sets one:

    value     what the lists below say
    ms        a fault that holds "until changed" ends by itself after so many milliseconds
    after     it strikes when so many further bytes have gone out to the host, between two of them
    after_in  it strikes when so many further bytes of the host have come in
    at        it strikes at the next "echo" (the command's echo is out, its answer is not),
              "info" (between an information line and the result), "ok" (straight after the
              result), "before_prompt", "prompt" (`> ` is out), "data" (the data is in, the result
              is not out)

At once:
    "pdp_deact"      the network drops the context: +PDP: DEACT, +APP PDP: DEACTIVE
    "detach"         GPRS is lost: CGATT 0; for `ms`, AT+CGATT=1 fails as well
    "reset"          restart, seen only by boot codes (or by nothing, in auto-baud);
                     value "silent": no boot code at a fixed rate either
    "power_cut"      the supply fails for a moment, or for `ms`: off, without a word
    "brown_out"      the battery sags: off after `value` ms (500); AT+CBATCHK=1 warns and tells
    "under_voltage"  it sags for a moment: a warning where AT+CBATCHK=1 asks for it
    "hang"           the UART is dead until the power key or the supply switches it off and on,
                     or RST restarts it; value "hard": the key does nothing either; with `ms`, it
                     goes on after that
    "garbage"        `value` bytes go out as they are
    "burst"          at least `value` bytes (2300) of codes go out in one piece
    "urc"            `value`, a text, goes out as an unsolicited code
    "closed"         the network closes the CIP* connection `value` (0): 0, CLOSED
    "ca_lost"        the CA* connection `value` (0) breaks: +CASTATE: value,0
    "ri_pulse"       RI goes low for a moment, for no reason
    "lose_in"        the next `value` bytes (1) of the host are lost
    "lose_out"       the next `value` bytes (1) for the host are lost
    "storage_full"   messages of a stranger take every free place of the SIM's storage; new ones
                     stay in the network, which tries again hours later
The next `value` times (1 where None):
    "error"          a command is answered ERROR
    "no_answer"      a command is answered not at all
    "no_prompt"      data is expected, yet `> ` is not sent
    "no_data"        AT+CIPSEND and AT+CMGS are answered ERROR, without a prompt
    "ciicr"          AT+CIICR, or AT+CNACT, fails
    "ciicr_deact"    AT+CIICR fails with +PDP: DEACT before its ERROR
    "shut_deact"     AT+CIPSHUT is answered +PDP: DEACT instead of SHUT OK
    "connect_fail"   CIPSTART ends in CONNECT FAIL, AT+CAOPEN in result 27
    "send_fail"      CIPSEND ends in SEND FAIL, AT+CASEND in result 1 or ERROR
    "cmgs"           AT+CMGS ends in +CMS ERROR: 500
    "cmti"           a stored message is announced as +CMTI: ,-1
    "cmti_lost"      a message is announced as +CMTI: ,-1 and stored nowhere
Once:
    "cut"            of the next datagram after `> ` the last `value` bytes (1) are lost, of a
                     message its Ctrl-Z: the modem waits for more
    "cms"            the next AT+CMGS ends in +CMS ERROR: `value`
    "ca_open"        the next AT+CAOPEN ends in result `value` (1), or the next ones in those of
                     a list; the result 2 takes 75 s, as seen
    "ca_send"        so do the next AT+CASEND
    "answer"         `value` = (prefix, text): the next command line that begins with the prefix
                     is answered with the text alone, as ("AT+CSQ", "+CME ERROR: 3")
Until changed (None = as it should be):
    "sim"            ready, absent, busy, pin or puk (at once where the modem is on)
    "registration"   a <stat> of CREG, 0 to 6; None = register again
    "signal"         a <rssi> of CSQ, 0 to 31 or 99; or (rssi, bit errors)
    "answer_ms"      results come so much later than they should
    "prompt_ms"      so does `> `
    "prompt"         "bare": `>` comes without its space
    "boot_ms", "sim_ms", "register_ms", "attach_ms", "pdp_ms", "connect_ms", "dns_ms", "send_ms",
    "sms_submit_ms", "sms_store_ms", "off_ms"
                     how long that takes, instead of what the profile says
    "forgetful"      True: AT&W answers OK and saves nothing, as some clones do
    "bit_flips"      so many bytes of a thousand, either way, have one wrong bit
    "hold_codes"     False: codes come even while the modem takes in the data after `> `
    "codes"          "double": what the network tells (time, registration) is told twice
    "ri"             "dead": RI is not wired; "low": it is stuck there
"""

_COUNTED = (
    "error", "no_answer", "no_prompt", "no_data", "ciicr", "ciicr_deact", "shut_deact",
    "connect_fail", "send_fail", "cmgs", "cmti", "cmti_lost",
)  # fmt: skip
_TIMES = (
    "boot_ms", "sim_ms", "register_ms", "attach_ms", "pdp_ms", "connect_ms", "dns_ms", "send_ms",
    "sms_submit_ms", "sms_store_ms", "off_ms",
)  # fmt: skip
_HELD = _TIMES + (
    "sim", "registration", "signal", "answer_ms", "prompt_ms", "prompt", "forgetful", "bit_flips",
    "hold_codes", "codes", "ri",
)  # fmt: skip
_ONCE = ("cut", "cms", "ca_open", "ca_send")
_PLACES = ("echo", "info", "ok", "before_prompt", "prompt", "data")
_POWER = ("reset", "power_cut", "hang")  # what went out before such a fault still arrives

_BURST = 2300
_SAG_MS = 500
_BURST_CODE = b"\r\n+CSQN: 18,0\r\n"
_FILLER = "00040B915121436587F900006210100000000003C8371C"  # "Hop" of a stranger


_CHOICES = {
    "reset": (None, "silent"),
    "hang": (None, "hard"),
    "prompt": (None, "bare"),
    "codes": (None, "double"),
    "ri": (None, "dead", "low"),
    "forgetful": (None, False, True),
    "hold_codes": (None, False, True),
    "sim": (None, "ready", "absent", "busy", "pin", "puk"),
    "registration": (None, 0, 1, 2, 3, 4, 5, 6),
}
_NUMBERS = _COUNTED + _TIMES + (
    "answer_ms", "prompt_ms", "bit_flips", "brown_out", "burst", "lose_in", "lose_out", "cut",
    "cms", "ca_lost", "closed",
)  # fmt: skip


def _is_count(value):
    return isinstance(value, int) and value >= 0


def _allowed(name, value):
    """Whether a fault takes this value."""
    if name in _CHOICES:
        return value in _CHOICES[name]
    if name in _NUMBERS:
        return value is None or _is_count(value)
    if name == "urc":
        return isinstance(value, str)
    if name == "garbage":
        return isinstance(value, bytes)
    pair = isinstance(value, (tuple, list)) and len(value) == 2
    if name == "answer":
        return pair and all([isinstance(each, str) for each in value])
    if name == "signal":
        numbers = value if pair else (0 if value is None else value,)
        return all([_is_count(each) for each in numbers])
    return True


class Faults:
    """The faults of one modem: those that are set, and the ones that wait for their moment."""

    def __init__(self, modem):
        self._modem = modem
        self._counts = {}  # name -> how many times it still strikes
        self._held = {}  # name -> value
        self._ends = {}  # name -> the timer that ends it
        self._answers = []  # (prefix, text)
        self._places = {}  # place -> [fn]
        self._at_once = {
            "pdp_deact": self._pdp_deact,
            "detach": self._detach,
            "reset": self._reset,
            "power_cut": self._power_cut,
            "brown_out": self._brown_out,
            "under_voltage": self._under_voltage,
            "hang": self._hang,
            "garbage": self._garbage,
            "burst": self._burst,
            "urc": self._urc,
            "ri_pulse": self._ri_pulse,
            "lose_in": self._lose_in,
            "lose_out": self._lose_out,
            "storage_full": self._storage_full,
            "answer": self._answer,
            "ca_lost": self._ca_lost,
            "closed": self._closed,
        }

    def set(self, name, value, ms, after, after_in, at) -> None:
        """Set a fault now, or for later; raises ValueError naming what is not allowed."""
        strike = self._at_once.get(name)
        if strike is None and name not in _HELD + _ONCE + _COUNTED:
            raise ValueError(f"fault: no {name!r}")
        if not _allowed(name, value):
            raise ValueError(f"fault: {name} with the value {value!r} is not allowed")
        for count in (ms, after, after_in):
            if count is not None and not _is_count(count):
                raise ValueError(f"fault: {count!r} is no number of bytes or milliseconds")
        if at is not None and at not in _PLACES:
            raise ValueError(f"fault: at {at!r} is not one of {', '.join(_PLACES)}")

        def act():
            self._modem.event("fault", {"name": name, "value": value})
            if strike:
                strike(value, ms)
            else:
                self._keep(name, value, ms)

        positioned = after is not None or after_in is not None or at is not None
        if positioned and name in _POWER:
            now = act

            def act():
                self._modem.uart.cut_off(now)

        if after:
            self._modem.uart.after(after, act)
        elif after_in:
            self._modem.uart.after_taken(after_in, act)
        elif at:
            self.at(at, act)
        else:
            act()

    def at(self, place: str, fn) -> None:
        """Call fn() the next time the modem is at `place`."""
        self._places.setdefault(place, []).append(fn)

    def reached(self, place: str) -> None:
        """The modem is at `place`: what waits for it happens."""
        for fn in self._places.pop(place, ()):
            fn()

    def clear(self) -> None:
        """End every fault that holds or waits; what one has done stays done."""
        self._counts.clear()
        self._answers.clear()
        self._places.clear()
        self._modem.uart.forget()
        for name in list(self._held):
            if name != "sim" or self._held[name] in ("absent", "busy"):
                self._keep(name, None, None)

    # What the parts ask.

    def next(self, name: str) -> bool:
        """Whether a counted fault strikes this time."""
        left = self._counts.get(name, 0)
        if left:
            self._counts[name] = left - 1
        return left > 0

    def value(self, name: str, default=None):
        """What holds until changed, or `default`."""
        return self._held.get(name, default)

    def once(self, name: str):
        """The value of a fault that strikes once, which ends it; None where it is not set."""
        return self._held.pop(name, None)

    def answer(self, line: str) -> "str | None":
        """The text that answers a command line instead of the command, or None."""
        for index, (prefix, text) in enumerate(self._answers):
            if line.upper().startswith(prefix.upper()):
                del self._answers[index]
                return text
        return None

    # Faults that hold.

    def _keep(self, name, value, ms):
        modem = self._modem
        modem.timers.cancel(self._ends.pop(name, None))
        if name in _COUNTED:
            self._counts[name] = 1 if value is None else value
        elif name in _ONCE:
            self._held[name] = 1 if value is None else value
        else:
            if value is None:
                self._held.pop(name, None)
            else:
                self._held[name] = value
            if name == "sim":
                modem.sim.put(value or "ready")
            elif name == "registration":
                modem.radio.force(value)
            elif name == "bit_flips":
                modem.uart.flips_permille = value or 0
            elif name == "ri":
                modem.power.show_ri()
        if ms is not None:
            rest = 0 if name in _COUNTED else None
            self._ends[name] = modem.timers.call_later(ms, self._keep, name, rest, None)

    # Faults at once.

    def _answer(self, value, ms):
        prefix, text = value
        self._answers.append((prefix, text))

    def _pdp_deact(self, value, ms):
        self._modem.ip.deactivated()
        if self._modem.ca:
            self._modem.ca.deactivated()

    def _closed(self, value, ms):
        self._modem.ip.sockets.lose(value or 0)

    def _ca_lost(self, value, ms):
        self._modem.ca.sockets.lose(value or 0)

    def _detach(self, value, ms):
        self._modem.radio.lose_packets(ms)

    def _reset(self, value, ms):
        if self._modem.state != "off":
            self._modem.power.boot("fault", silent=value == "silent")

    def _power_cut(self, value, ms):
        power = self._modem.power
        power.supply(False)
        if ms:
            self._modem.timers.call_later(ms, power.supply, True)
        else:
            power.supply(True)

    def _brown_out(self, value, ms):
        self._under_voltage(None, None)
        self._modem.later(_SAG_MS if value is None else value, self._modem.power.collapse)

    def _under_voltage(self, value, ms):
        if self._modem.settings.get("+CBATCHK"):
            self._modem.urc("UNDER-VOLTAGE WARNNING")

    def _hang(self, value, ms):
        self._modem.power.hang(value == "hard")
        if ms:
            self._modem.later(ms, self._modem.power.go_on)

    def _garbage(self, value, ms):
        self._modem.emit(value)

    def _burst(self, value, ms):
        wanted = _BURST if value is None else value
        self._modem.emit(_BURST_CODE * (1 + wanted // len(_BURST_CODE)))

    def _urc(self, value, ms):
        self._modem.urc(value)

    def _ri_pulse(self, value, ms):
        self._modem.power.pulse_ri()

    def _lose_in(self, value, ms):
        self._modem.uart.lose_in = 1 if value is None else value

    def _lose_out(self, value, ms):
        self._modem.uart.lose_out = 1 if value is None else value

    def _storage_full(self, value, ms):
        self._modem.sms.fill(bytes.fromhex(_FILLER))
