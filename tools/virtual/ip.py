"""The packet context of the CIP* commands: IP INITIAL to IP STATUS (AT Manual chapter 8).

States, and what moves them:
    IP INITIAL   AT+CSTT -> IP START; single connection: AT+CIPSTART does all of it
    IP START     AT+CIICR -> IP CONFIG, then IP GPRSACT (or ERROR and PDP DEACT)
    IP GPRSACT   AT+CIFSR -> IP STATUS
    IP STATUS    AT+CIPSTART -> IP PROCESSING (multi), UDP CONNECTING and CONNECT OK (single)
    any          AT+CIPSHUT -> IP INITIAL; the network drops the context -> PDP DEACT
"""

from tools.virtual.at import ERROR, OK, SILENT, cme, number, wait
from tools.virtual.sockets import Sockets

_NOT_ALLOWED = 3
_SET = ("+CSTT", "+CIICR", "+CIFSR", "+CIFSREX", "+CLPORT", "+CDNSGIP", "+CDNSCFG")  # and +CIP…
_UP = ("IP GPRSACT", "IP STATUS", "IP PROCESSING", "CONNECT OK", "UDP CLOSED", "UDP CONNECTING")


class Ip:
    """The one PDP context that the CIP* commands use, and their settings."""

    def __init__(self, modem):
        self._modem = modem
        self.state = "IP INITIAL"
        self.address = None
        self.access_point = ("", "", "")
        self.multi = 0
        commands = modem.line.commands
        commands.update(
            {
                "+CIPMUX": self._mux,
                "+CSTT": self._access_point,
                "+CIICR": self._bring_up,
                "+CIFSR": self._show_address,
                "+CIPSHUT": self._shut,
                "+CIPSTATUS": self._status,
                "+CDNSGIP": self._look_up,
                "+CDNSCFG": self._dns_servers,
            }
        )
        if modem.profile.lte:
            commands["+CIFSREX"] = self._show_address_extended
        simple = modem.general.simple
        simple("+CIPHEAD", 0, (0, 1))
        simple("+CIPSHOWTP", 0, (0, 1))
        simple("+CIPSRIP", 0, (0, 1))
        simple("+CIPQSEND", 0, (0, 1))
        self.sockets = Sockets(modem, self)
        if not modem.profile.cip:
            for name in list(commands):
                if name in _SET or name[:4] == "+CIP":
                    del commands[name]

    def stop(self) -> None:
        """The network is left without a code."""
        self._release()
        self.state = "IP INITIAL"
        self.multi = 0
        self.access_point = ("", "", "")
        self.sockets.reset()

    def deactivated(self) -> None:
        """The network drops the context."""
        if self.address is None and self.state != "IP CONFIG":
            return
        self._release()
        self.state = "PDP DEACT"
        self._modem.urc("+PDP: DEACT", "tcpip")

    def _release(self):
        self.sockets.close_all()
        if self.address is not None:
            self._modem.network.close_context(self.address)
            self.address = None

    def up(self) -> bool:
        """Whether the context is up; an address must have been asked for as well in multi mode."""
        return self.state in _UP

    def ready(self) -> bool:
        """Whether CIPSTART may follow in multi-connection mode."""
        return self.state in ("IP STATUS", "IP PROCESSING")

    # Bring-up.

    def _mux(self, op, args):
        modem = self._modem
        if op == "?":
            modem.reply(f"+CIPMUX: {self.multi}")
        elif op == "=?":
            modem.reply("+CIPMUX: (0,1)")
        elif op != "=" or number(args, 0) not in (0, 1):
            return ERROR
        elif self.state != "IP INITIAL":
            return cme(_NOT_ALLOWED)
        else:
            self.multi = number(args, 0)
        return OK

    def _access_point(self, op, args):
        if op == "?":
            self._modem.reply('+CSTT: "{}","{}","{}"'.format(*self.access_point))
            return OK
        if op == "=?":
            self._modem.reply('+CSTT: "APN","USER","PWD"')
            return OK
        if self.state != "IP INITIAL":
            return cme(_NOT_ALLOWED)
        given = [part or "" for part in args] + ["", "", ""]
        self.access_point = (given[0], given[1], given[2])
        self.state = "IP START"
        return OK

    def _bring_up(self, op, args):
        modem = self._modem
        if op:
            return OK if op == "=?" else ERROR
        if self.state != "IP START":
            return cme(_NOT_ALLOWED)
        self.state = "IP CONFIG"
        return wait(modem.scaled("pdp_ms"), self._brought_up)

    def _brought_up(self):
        if self.state != "IP CONFIG":
            return ERROR  # AT+PDP: DEACT came in between
        told = self._modem.next_fault("ciicr_deact")
        if not told and self.activate():
            self.state = "IP GPRSACT"
            return OK
        self.state = "PDP DEACT"
        if told:
            self._modem.reply("+PDP: DEACT")
        return ERROR

    def activate(self) -> bool:
        """Ask the network for a context; True where there is one now."""
        modem = self._modem
        if not modem.radio.attached or modem.next_fault("ciicr"):
            return False
        modem.radio.traffic()
        self.address = modem.network.open_context(self.sockets.receive, self.access_point[0])
        return self.address is not None

    def _show_address(self, op, args):
        return self._address_shown(op, "", SILENT)

    def _show_address_extended(self, op, args):
        return self._address_shown(op, "+CIFSREX: ", OK)

    def _address_shown(self, op, prefix, result):
        if op:
            return OK if op == "=?" else ERROR
        if not self.up():
            return cme(_NOT_ALLOWED)
        if self.state == "IP GPRSACT":
            self.state = "IP STATUS"
        self._modem.reply(prefix + self.address)
        return result

    def _shut(self, op, args):
        if op:
            return OK if op == "=?" else ERROR
        return wait(200 if self.address else 20, self._shut_down)

    def _shut_down(self):
        if self._modem.next_fault("shut_deact"):
            self._release()
            self.state = "PDP DEACT"
            self._modem.reply("+PDP: DEACT")
            return SILENT
        self._release()
        self.state = "IP INITIAL"
        self._modem.reply("SHUT OK")
        return SILENT

    # Questions.

    def _status(self, op, args):
        modem = self._modem
        if op == "=?":
            return OK
        if op == "=":
            connection = number(args, 0, -1)
            if not self.multi or not 0 <= connection < modem.profile.sockets:
                return ERROR
            modem.reply(f"+CIPSTATUS: {self.sockets.described(connection)}")
            return OK
        if op:
            return ERROR
        modem.reply("OK")
        text = f"STATE: {self.state}"
        if self.multi:
            lines = [f"C: {self.sockets.described(n)}" for n in range(modem.profile.sockets)]
            text += "\r\n\r\n" + "\r\n".join(lines)
        modem.reply(text)
        return SILENT

    def _dns_servers(self, op, args):
        return OK if op in ("=", "=?") else ERROR

    def _look_up(self, op, args):
        modem = self._modem
        if op != "=" or not args[0]:
            return ERROR
        if self.state == "PDP DEACT" or (self.multi and not self.up()):
            return cme(_NOT_ALLOWED)
        modem.later(modem.scaled("dns_ms"), self._looked_up, args[0])
        return OK

    def _looked_up(self, name):
        address = self._modem.network.resolve(name)
        if address is None or self.address is None:
            self._modem.urc("+CDNSGIP: 0,8", "tcpip")
        else:
            self._modem.urc(f'+CDNSGIP: 1,"{name}","{address}"', "tcpip")
