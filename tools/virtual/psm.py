"""Power saving of SIM7000 and SIM7080: PSM, eDRX and release assistance (AT7000, LPM7080).

PSM: the modem asks with AT+CPSMS, the network grants times or refuses. With times granted the
modem is off once its radio has been idle for T3324, with its registration kept: its UART and RI
are dead, sockets and contexts gone, settings that are not saved lost. A press of the power key
boots it, as after a time T3412; it is on the network soon after, with AT+CGATT? still 1.
"""

from tools.virtual.at import ERROR, OK, number

_TAU_UNITS = (600, 3600, 36_000, 2, 30, 60, 1_152_000)  # TS 24.008 table 10.5.163a
_ACTIVE_UNITS = (2, 60, 360)  # table 10.5.163
_CYCLES = (1, 2, 4, 8, 12, 16, 20, 24, 28, 32, 64, 128, 256, 512, 1024, 2048)  # of 5.12 s
_ASK_MS = 500  # an exchange with the network
_WINDOW_MS = 5120  # of an eDRX cycle in which the modem listens
_RELEASED_MS = 200
_BUSY_MS = 1000
_ACCESS = {"CAT-M": 4, "NB-IOT": 5}


def seconds(bits: str, units) -> int:
    """Return the seconds of a timer's eight bits, 0 where it is off."""
    unit = int(bits[:3], 2)
    return units[unit] * int(bits[3:], 2) if unit < len(units) else 0


class PowerSaving:
    """What the modem asked for and what the network grants.

    Of the network: `tau` and `active`, bits that it grants in place of those asked for; `edrx`,
    likewise; None: as asked, "" or for `active` "00000000": refused. Of the firmware: `at_once`,
    whether a change of AT+CPSMS from 0 to 1 asks the network, or only the next registration does;
    `reads_back`, whether there is AT+CPSMRDP; `knows_release`, whether there is AT+CRAI.
    `resting` says that the modem is in PSM.
    """

    def __init__(self, modem):
        self._modem = modem
        self.tau = self.active = self.edrx = None
        self.at_once = True
        self.reads_back = True
        self.knows_release = True
        self.resting = False
        self.granted = None  # (T3324 bits, T3412 bits) while the network keeps the registration
        self.cycle = None  # bits of the granted eDRX cycle
        self._known = False  # by the network, over PSM
        self._timer = None  # T3324 while idle, T3412 in PSM
        self._idle_since_ms = None  # None: the radio is not idle
        self._release = 0
        self._window = None
        modem.define("+CPSMS", (0, "01100000", "00000000"))
        modem.define("+CEDRXS", (0, None, "0000"))
        modem.define("+CPSMSTATUS", 0)
        modem.line.commands.update(
            {
                "+CPSMS": self._set_psm,
                "+CPSMRDP": self._read_psm,
                "+CPSMSTATUS": self._set_status,
                "+CEDRXS": self._set_edrx,
                "+CEDRXRDP": self._read_edrx,
                "+CRAI": self._set_release,
            }
        )

    # What the radio tells.

    def radio(self, state: str) -> None:
        """The radio is off, searching, idle or connected from here on."""
        self._modem.timers.cancel(self._timer)
        self._idle_since_ms = None
        if state == "idle":
            self._idle_since_ms = self._modem.timers.now()
            if self.granted:
                self._after(seconds(self.granted[0], _ACTIVE_UNITS), self._enter)

    def registered(self) -> None:
        """The modem is on the network: it asks for what it shall ask for."""
        self._known = False
        self._agree()
        if self._modem.settings["+CPSMSTATUS"] and self.resting:
            self._modem.urc('+CPSMSTATUS: "EXIT PSM"')
        self.resting = False

    def register_ms(self) -> int:
        """How long it takes to be registered: not long where the network still knows the modem."""
        return self._modem.scaled("psm_exit_ms" if self._known else "register_ms")

    def forget(self) -> None:
        """The supply is gone: the modem knows of no registration."""
        self._known = self.resting = False
        self._modem.timers.cancel(self._timer)

    def tail_ms(self) -> int:
        """How long the radio stays connected after a datagram, by what AT+CRAI announced."""
        release, self._release = self._release, max(0, self._release - 1)
        return _RELEASED_MS if release == 1 else self._modem.scaled("tail_ms")

    def timers(self) -> str:
        """The end of +CEREG with <n> 4: T3324 and T3412 as granted."""
        active, tau = self.granted or ("00000000", "00000000")
        return f',,,"{active}","{tau}"'

    def deaf(self) -> bool:
        """Whether a message has to wait for the next window of eDRX; it is offered again then."""
        modem = self._modem
        if self.cycle is None or self._idle_since_ms is None:
            return False
        cycle_ms = _CYCLES[int(self.cycle, 2)] * 5120
        into_ms = (modem.timers.now() - self._idle_since_ms) % cycle_ms
        if into_ms < _WINDOW_MS or cycle_ms <= _WINDOW_MS:
            return False
        modem.timers.cancel(self._window)
        self._window = modem.timers.call_later(
            cycle_ms - into_ms, modem.network.sms.available, modem.number
        )
        return True

    # PSM.

    def _after(self, delay_s, fn):
        self._timer = self._modem.timers.call_later(delay_s * 1000, fn)

    def _agree(self):
        """One exchange with the network: what was asked for, or less, or nothing."""
        modem = self._modem
        mode, tau, active = modem.settings["+CPSMS"]
        on, access, cycle = modem.settings["+CEDRXS"]
        technology = modem.radio.technology()
        self.granted = self.cycle = None
        if technology == "GSM":
            return
        if mode:
            active = active if self.active is None else self.active
            if seconds(active or "00000000", _ACTIVE_UNITS):
                self.granted = (active, self.tau or tau)
        if on and access == _ACCESS[technology]:
            self.cycle = (cycle if self.edrx is None else self.edrx) or None
        if modem.settings["+CEREG"] == 4:
            modem.radio.tell_place()
        if self._idle_since_ms is not None:
            self.radio("idle")

    def _enter(self):
        modem = self._modem
        if modem.busy():
            self._timer = modem.timers.call_later(_BUSY_MS, self._enter)
        elif modem.settings["+CPSMSTATUS"]:
            modem.urc('+CPSMSTATUS: "ENTER PSM"')
            modem.uart.cut_off(self._rest)
        else:
            self._rest()

    def _rest(self):
        tau_s = seconds(self.granted[1], _TAU_UNITS)
        self.resting = self._known = True
        self._modem.power.rest()
        self._after(tau_s, self._update)

    def _update(self):
        """T3412 has run out: the modem wakes by itself to tell the network that it is there."""
        if self.resting:
            self._modem.power.boot("T3412")

    def _set_psm(self, op, args):
        modem = self._modem
        mode, tau, active = modem.settings["+CPSMS"]
        if op == "?":
            modem.reply(f'+CPSMS: {mode},,,"{tau}","{active}"')
            return OK
        if op != "=":
            return OK if op == "=?" else ERROR
        bits = [text for text in args[3:5] if text]
        if number(args, 0) not in (0, 1) or any([not _is_bits(text, 8) for text in bits]):
            return ERROR
        if len(bits) == 2:
            tau, active = bits
        self._keep("+CPSMS", (number(args, 0), tau, active))
        if self.at_once and number(args, 0) != mode and modem.radio.attached:
            modem.later(_ASK_MS, self._agree)
        return OK

    def _read_psm(self, op, args):
        modem = self._modem
        if op or not self.reads_back:
            return ERROR
        mode, tau, active = modem.settings["+CPSMS"]
        asked = f"{seconds(active, _ACTIVE_UNITS)},{seconds(tau, _TAU_UNITS)}"
        given = "0,0"
        if self.granted:
            active, tau = self.granted
            given = f"{seconds(active, _ACTIVE_UNITS)},{seconds(tau, _TAU_UNITS)}"
        modem.reply(f"+CPSMRDP: {mode},{asked},{given},0")
        return OK

    def _set_status(self, op, args):
        modem = self._modem
        if op == "?":
            modem.reply(f"+CPSMSTATUS: {modem.settings['+CPSMSTATUS']}")
        elif op == "=" and number(args, 0) in (0, 1):
            self._keep("+CPSMSTATUS", number(args, 0))
        elif op != "=?":
            return ERROR
        return OK

    def _keep(self, name, value):
        self._modem.set(name, value)
        self._modem.saved[name] = value

    # eDRX and release assistance.

    def _set_edrx(self, op, args):
        modem = self._modem
        _, access, bits = modem.settings["+CEDRXS"]
        if op == "?":
            modem.reply(f'+CEDRXS: {access or 0},"{bits}"')
            return OK
        if op != "=":
            return OK if op == "=?" else ERROR
        mode = number(args, 0)
        if mode in (1, 2):
            access, bits = number(args, 1), args[2] if len(args) > 2 else None
            if access not in (4, 5) or not _is_bits(bits, 4):
                return ERROR
        elif mode not in (0, 3):
            return ERROR
        self._keep("+CEDRXS", (int(mode in (1, 2)), access, bits))
        if modem.radio.attached:
            modem.later(_ASK_MS, self._agree)
        return OK

    def _read_edrx(self, op, args):
        modem = self._modem
        if op:
            return ERROR
        if self.cycle is None:
            modem.reply("+CEDRXRDP: 0")
        else:
            _, access, bits = modem.settings["+CEDRXS"]
            modem.reply(f'+CEDRXRDP: {access},"{bits}","{self.cycle}","0011"')
        return OK

    def _set_release(self, op, args):
        if not self.knows_release or op != "=" or number(args, 0) not in (1, 2):
            return OK if op == "=?" and self.knows_release else ERROR
        if self._modem.radio.technology() != "NB-IOT":
            return ERROR
        self._release = number(args, 0)
        return OK


def _is_bits(text, count):
    return text is not None and len(text) == count and not text.strip("01")
