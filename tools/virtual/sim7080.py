"""What SIM7070, SIM7080 and SIM7090 have alone: classes of codes that can be muted, a reset."""

from tools.virtual.at import ERROR, OK, number

# AT+CURCCFG: which codes are of which class; "NETWORK" and "QUALCOMM" have none here.
_CLASSES = {
    "SYS": ("RDY", "+CFUN:", "NORMAL POWER DOWN"),
    "SIMCARD": ("+CPIN:",),
    "SMS": ("SMS Ready",),
    "NETWORK": (),
    "TCPIP": ("+APP PDP:", "+CADATAIND:", "+CASTATE:", "+CAURC:", "+CANEW:"),
    "QUALCOMM": (),
}


class Sim7080:
    """AT+CURCCFG and AT+CREBOOT."""

    def __init__(self, modem):
        self._modem = modem
        modem.line.commands.update({"+CURCCFG": self._codes, "+CREBOOT": self._reboot})
        for name in _CLASSES:
            modem.define("+CURCCFG " + name, 1)

    def muted(self, code: bytes) -> bool:
        """Whether a code is switched off."""
        text = code[2:30].decode()
        for name, starts in _CLASSES.items():
            if any([text.startswith(start) for start in starts]):
                return not self._modem.settings["+CURCCFG " + name]
        return False

    def _codes(self, op, args):
        modem = self._modem
        if op == "?":
            for name in _CLASSES:
                modem.reply(f'+CURCCFG: "{name}",{modem.settings["+CURCCFG " + name]}')
            return OK
        if op != "=":
            return OK if op == "=?" else ERROR
        if args[0] not in _CLASSES or number(args, 1) not in (0, 1):
            return ERROR
        modem.set("+CURCCFG " + args[0], number(args, 1))
        modem.saved["+CURCCFG " + args[0]] = number(args, 1)
        return OK

    def _reboot(self, op, args):
        if op:
            return ERROR
        self._modem.power.reset("AT+CREBOOT")
        return OK
