"""Basic, identification, UART and clock commands (AT Command Manual chapters 2, 3 and 6)."""

from tools.virtual import sms_pdu
from tools.virtual.at import ERROR, OK, SILENT, cme, number


class General:
    """Commands that need neither SIM nor network."""

    def __init__(self, modem):
        self._modem = modem
        self._synchronised_clock = False
        self._started_ms = 0
        self._reset_ok = False
        line = modem.line.commands
        line.update(
            {
                "": self._attention,
                "E": self._echo,
                "V": self._only_one,
                "Q": self._only_zero,
                "Z": self._restore,
                "&F": self._restore_factory,
                "&W": self._save,
                "I": self._information,
                "+GMM": self._model,
                "+CGMM": self._model,
                "+GMI": self._manufacturer,
                "+CGMI": self._manufacturer,
                "+GMR": self._revision,
                "+CGMR": self._revision,
                "+GSN": self._imei,
                "+CGSN": self._imei,
                "+CBC": self._battery,
                "+CPOWD": self._power_down,
                "+IPR": self._rate,
                "+IFC": self._flow,
                "+CCLK": self._clock,
            }
        )
        self.battery = (0, 85, 3980)  # charging, percent, millivolts
        modem.define("E", 1)
        modem.define("+IPR", 0)
        modem.define("+IFC", (0, 0))
        self.simple("+CMEE", 0, (0, 1, 2))
        self.simple("+CFGRI", 0, (0, 1, 2), test="(0,1)")
        self.simple("+CSCLK", 0, (0, 1) if modem.profile.lte else (0, 1, 2))
        self.simple("+CLTS", 0, (0, 1))
        self.simple("+CBATCHK", 0, (0, 1))
        if not modem.profile.lte:
            self.simple("+CIURC", 1, (0, 1))

    def simple(self, name, default, values, test=None, changed=None) -> None:
        """Declare a command that only sets one number of a few; changed() is called after."""
        modem = self._modem
        modem.define(name, default)

        def handler(op, args):
            if op == "?":
                modem.reply(f"{name}: {modem.settings[name]}")
            elif op == "=?":
                shown = test or "(" + ",".join([str(value) for value in values]) + ")"
                modem.reply(f"{name}: {shown}")
            elif op == "=" and len(args) == 1 and number(args, 0) in values:
                modem.set(name, number(args, 0))
                modem.power.activity()
                if changed:
                    changed()
            else:
                return ERROR
            return OK

        modem.line.commands[name] = handler

    def start(self) -> None:
        """The modem starts: its first codes, where the rate is fixed."""
        modem = self._modem
        self._started_ms = modem.timers.now()
        self._synchronised_clock = False
        if self._reset_ok:
            self._reset_ok = False
            modem.urc("OK")
        modem.urc("RDY")
        modem.urc(f"+CFUN: {modem.settings['+CFUN']}")

    def reset_answer(self) -> None:
        """AT+CFUN=1,1 with a fixed rate: the OK comes after the reset (SIM800)."""
        self._reset_ok = True

    def network_time(self) -> None:
        """The network gives its time on registration; AT+CLTS=1 takes it."""
        modem = self._modem
        if not modem.settings["+CLTS"]:
            return
        self._synchronised_clock = True
        zone = modem.network.sms.zone_quarters
        year, month, day, hour, minute, second = sms_pdu.civil(modem.network.epoch_s())
        modem.urc("DST: 0")
        if modem.profile.clts_quote:
            date = f"{year % 100:02d}/{month:02d}/{day:02d},{hour:02d}:{minute:02d}:{second:02d}"
            modem.urc(f'*PSUTTZ: {date}","{_zone(zone)}",0')
        else:
            date = f"{year},{month},{day},{hour},{minute},{second}"
            modem.urc(f'*PSUTTZ: {date}, "{_zone(zone)}",0')

    def _attention(self, op, args):
        return ERROR if op else OK

    def _echo(self, op, args):
        value = number(args, 0, 0)
        if value not in (0, 1):
            return ERROR
        self._modem.set("E", value)
        return OK

    def _only_one(self, op, args):
        return OK if number(args, 0, 0) == 1 else ERROR

    def _only_zero(self, op, args):
        return OK if number(args, 0, 0) == 0 else ERROR

    def _restore(self, op, args):
        self._modem.restore(True)
        return OK

    def _restore_factory(self, op, args):
        self._modem.restore(False)
        return OK

    def _save(self, op, args):
        modem = self._modem
        for name in () if modem.faults.value("forgetful") else modem.profile.saved_by_w:
            modem.saved[name] = modem.settings[name]
        return OK

    def _bare(self, op, text):
        if op not in ("", "=?"):
            return ERROR
        if not op:
            self._modem.reply(text)
        return OK

    def _information(self, op, args):
        return self._bare("", "\r\n".join(self._modem.profile.information))

    def _model(self, op, args):
        return self._bare(op, self._modem.profile.model)

    def _manufacturer(self, op, args):
        return self._bare(op, "SIMCOM_Ltd")

    def _revision(self, op, args):
        return self._bare(op, "Revision:" + self._modem.profile.revision)

    def _imei(self, op, args):
        return self._bare(op, self._modem.imei)

    def _battery(self, op, args):
        if op:
            return ERROR
        charging, percent, millivolts = self.battery
        self._modem.reply(f"+CBC: {charging},{percent},{millivolts}")
        return OK

    def _power_down(self, op, args):
        if op != "=" or number(args, 0) not in (0, 1):
            return ERROR
        self._modem.power.stop("AT+CPOWD", said=args[0] == "1")
        return SILENT

    def _rate(self, op, args):
        modem = self._modem
        if op == "?":
            modem.reply(f"+IPR: {modem.settings['+IPR']}")
        elif op == "=?":
            auto = ",".join([str(rate) for rate in modem.profile.autobaud_rates])
            fixed = ",".join([str(rate) for rate in modem.profile.fixed_rates])
            modem.reply(f"+IPR: ({auto}),(0,{fixed})")
        elif op == "=" and number(args, 0) in (0,) + modem.profile.fixed_rates:
            rate = number(args, 0)
            modem.set("+IPR", rate)
            modem.line.synchronised = True
            # The OK still goes out at the old rate.
            modem.later(1, modem.set_rate, rate)
        else:
            return ERROR
        return OK

    def _flow(self, op, args):
        modem = self._modem
        if op == "?":
            modem.reply("+IFC: {},{}".format(*modem.settings["+IFC"]))
        elif op == "=?":
            modem.reply("+IFC: (0-2),(0-2)")
        elif op == "=" and 0 <= number(args, 0, 0) <= 2 and 0 <= number(args, 1, 0) <= 2:
            modem.set("+IFC", (number(args, 0, 0), number(args, 1, 0)))
        else:
            return ERROR
        return OK

    def _clock(self, op, args):
        modem = self._modem
        if op != "?":
            return ERROR if not op else cme(3)
        zone = 0
        if self._synchronised_clock:
            zone = modem.network.sms.zone_quarters
            seconds = modem.network.epoch_s() + zone * 900
        else:
            running_ms = modem.timers.now() - self._started_ms
            seconds = modem.profile.clock_start + running_ms // 1000
        year, month, day, hour, minute, second = sms_pdu.civil(seconds)
        date = f"{year % 100:02d}/{month:02d}/{day:02d},{hour:02d}:{minute:02d}:{second:02d}"
        modem.reply(f'+CCLK: "{date}{_zone(zone)}"')
        return OK


def _zone(quarters):
    return f"{'-' if quarters < 0 else '+'}{abs(quarters):02d}"
