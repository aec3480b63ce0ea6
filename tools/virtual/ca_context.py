"""The packet contexts of AT+CNACT, which the CA* commands use (AT7000 5.2.31, AT7080 AT+CNACT).

They have nothing to do with the context of AT+CSTT and AT+CIICR.  SIM7000 has one and does not
number it; SIM7080 has four:

    SIM7000   AT+CNACT=1,"apn"   +APP PDP: ACTIVE      AT+CNACT?  +CNACT: 1,"10.64.0.1"
    SIM7080   AT+CNACT=0,1       +APP PDP: 0,ACTIVE    AT+CNACT?  +CNACT: 0,1,"10.64.0.1" …

States of each, and what moves them:
    inactive    AT+CNACT -> activating, OK at once
    activating  pdp_ms -> active (+APP PDP: ACTIVE), or inactive (+APP PDP: DEACTIVE)
    active      AT+CNACT, or the network drops it -> inactive (+APP PDP: DEACTIVE)
"""

from tools.virtual.at import ERROR, OK, number
from tools.virtual.ca import CaSockets

INACTIVE, ACTIVATING, ACTIVE = range(3)
_NO_ADDRESS = "0.0.0.0"
_OFF_MS = 100


class _Context:
    def __init__(self):
        self.state = INACTIVE
        self.address = None
        self.settings = [1, "", "", "", 0]  # <ip_type>, access point, user, password, <auth>


class CaContexts:
    """AT+CNCFG and AT+CNACT, and the sockets on top of them; `sockets` is a ca.CaSockets."""

    def __init__(self, modem):
        self._modem = modem
        self._numbered = modem.profile.ca == "sim7080"
        modem.line.commands.update({"+CNCFG": self._configure, "+CNACT": self._activate})
        self.sockets = CaSockets(modem, self)
        self.stop()

    def stop(self) -> None:
        """The network is left without a code."""
        for context in getattr(self, "_contexts", ()):
            self._release(context)
        self._contexts = [_Context() for _ in range(4 if self._numbered else 1)]
        self.sockets.reset()

    def deactivated(self) -> None:
        """The network drops every context."""
        for index, context in enumerate(self._contexts):
            if context.state != INACTIVE:
                self._drop(index, context)

    def address(self, index: int) -> "str | None":
        """The address of a context, None where it is not active."""
        return self._contexts[index].address if index < len(self._contexts) else None

    def _release(self, context):
        context.state = INACTIVE
        if context.address is not None:
            self._modem.network.close_context(context.address)
            context.address = None

    def _drop(self, index, context):
        self._release(context)
        self.sockets.lost(index)
        self._tell(index, "DEACTIVE")

    def _tell(self, index, state):
        self._modem.urc(f"+APP PDP: {self._prefix(index)}{state}", "tcpip")

    def _prefix(self, index):
        return f"{index}," if self._numbered else ""

    def _index(self, args):
        """Take the context's number off the arguments, where this modem has one; -1: none."""
        if not self._numbered:
            return 0
        index = number(args, 0, -1)
        del args[:1]
        return index if index < len(self._contexts) else -1

    def _configure(self, op, args):
        modem = self._modem
        if op == "?":
            for index, context in enumerate(self._contexts):
                kind, name, user, password, method = context.settings
                shown = f'{self._prefix(index)}{kind},"{name}","{user}","{password}",{method}'
                modem.reply("+CNCFG: " + shown)
            return OK
        if op != "=":
            return OK if op == "=?" else ERROR
        index = self._index(args)
        kind, method = number(args, 0, -1), number(args, 4, 0)
        if index < 0 or not 0 <= kind <= 2 or not 0 <= method <= 3:
            return ERROR
        texts = [args[n] or "" if n < len(args) else "" for n in (1, 2, 3)]
        self._contexts[index].settings = [kind] + texts + [method]
        return OK

    def _activate(self, op, args):
        modem = self._modem
        if op == "?":
            lines = []
            for index, context in enumerate(self._contexts):
                number_text = f"{index}," if self._numbered or modem.profile.ca_index else ""
                up = int(context.state == ACTIVE)
                lines.append(f'+CNACT: {number_text}{up},"{context.address or _NO_ADDRESS}"')
            modem.reply("\r\n".join(lines))
            return OK
        if op != "=":
            return OK if op == "=?" else ERROR
        index = self._index(args)
        action = number(args, 0, -1)
        if index < 0 or action not in (0, 1, 2):
            return ERROR
        context = self._contexts[index]
        if action == 0:
            if context.state == INACTIVE:
                return ERROR
            modem.later(_OFF_MS, self._closed, index, context)
            return OK
        if context.state != INACTIVE or not modem.radio.attached:
            return ERROR
        if len(args) > 1 and args[1]:
            context.settings[1] = args[1]
        context.state = ACTIVATING
        delay_ms = modem.profile.response_ms + modem.scaled("pdp_ms")
        modem.later(delay_ms, self._opened, index, context)
        return OK

    def _opened(self, index, context):
        modem = self._modem
        if context.state != ACTIVATING or self._contexts[index] is not context:
            return
        failed = modem.next_fault("ciicr") or modem.next_fault("ciicr_deact")
        if modem.radio.attached and not failed:
            modem.radio.traffic()
            context.address = modem.network.open_context(
                self.sockets.receiver(index), context.settings[1]
            )
        context.state = ACTIVE if context.address else INACTIVE
        self._tell(index, "ACTIVE" if context.address else "DEACTIVE")

    def _closed(self, index, context):
        if context.state != INACTIVE and self._contexts[index] is context:
            self._drop(index, context)
