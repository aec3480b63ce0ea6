"""The SIM card: presence, PIN, numbers (AT Command Manual chapter 3; 3GPP TS 27.007 §8.3).

States, and what moves them:
    absent, busy  set_fault("sim", …) moves into and out of them
    pin           a card with a PIN, after each start -> ready by the right PIN, puk by three wrong
    puk           -> ready by any PUK and a new PIN
    ready         sim_ms after the start it is up: +CPIN: READY, Call Ready, SMS Ready
"""

from tools.virtual.at import ERROR, OK, cme

_STATES = ("ready", "absent", "busy", "pin", "puk")
_CPIN = {"absent": "NOT INSERTED", "pin": "SIM PIN", "puk": "SIM PUK", "ready": "READY"}
_PIN_TRIES = 3
_WRONG_PASSWORD = 16


class Sim:
    """The card in its slot.

    `state` is one of absent, busy, pin, puk, ready; `up` says that the modem has read it, `sms_up`
    that its message storage can be used.  `listed_number`: whether AT+CNUM shows the number.
    """

    def __init__(self, modem):
        self._modem = modem
        self.state = "ready"
        self.up = False
        self.sms_up = False
        self.listed_number = False
        self._locked = False  # asks for its PIN after each start
        self._pin_tries = _PIN_TRIES
        commands = modem.line.commands
        commands["+CPIN"] = self._cpin
        commands["+CIMI"] = self._cimi
        commands["+CCID"] = self._ccid
        commands["+CNUM"] = self._cnum
        if modem.profile.pin_tries:
            commands["+SPIC"] = self._tries

    def start(self) -> None:
        """The modem starts, or AT+CFUN=1: the card comes up."""
        if self._locked and self.state == "ready":
            self.state = "pin"
        if self._modem.settings["+CFUN"] == 1:
            self._modem.later(self._modem.scaled("sim_ms"), self._come_up)

    def stop(self) -> None:
        """No power, a reset, or AT+CFUN=0."""
        self.up = self.sms_up = False

    def put(self, state: str) -> None:
        """Put the SIM into one of ready, absent, busy, pin, puk; raises ValueError for another."""
        if state not in _STATES:
            raise ValueError(f"sim: {state!r} is not one of {', '.join(_STATES)}")
        was_up = self.up
        self.state = state
        self._locked = state == "pin"
        self._pin_tries = 0 if state == "puk" else _PIN_TRIES
        if state != "ready" and was_up:
            self.stop()
            self._modem.detach()
            self._modem.urc("+CPIN: " + _CPIN.get(state, "NOT READY"))
            if state != "busy":
                return
        if self._modem.state == "on" and not self.up:
            self._modem.later(self._modem.scaled("sim_ms"), self._come_up)

    def _come_up(self):
        modem = self._modem
        if self.up or modem.settings["+CFUN"] != 1:
            return
        if self.state == "busy":
            modem.later(1000, self._come_up)
            return
        modem.urc("+CPIN: " + _CPIN[self.state])
        if self.state == "ready":
            self.up = True
            sim_ms = modem.scaled("sim_ms")
            if modem.profile.call_ready_ms is not None:
                modem.later(modem.scaled("call_ready_ms") - sim_ms, self._call_ready)
            modem.later(modem.scaled("sms_ready_ms") - sim_ms, self._sms_ready)
            modem.radio.search()

    def _call_ready(self):
        if self.up and self._modem.settings["+CIURC"]:
            self._modem.urc("Call Ready")

    def _sms_ready(self):
        if self.up:
            self.sms_up = True
            self._modem.urc("SMS Ready")

    def error(self) -> "tuple | None":
        """The result for a command that needs the SIM, or None where it is ready."""
        if self.up:
            return None
        return cme({"absent": 10, "pin": 11, "puk": 12}.get(self.state, 14))

    def _cpin(self, op, args):
        modem = self._modem
        if op == "?":
            error = self.error()
            if self.state in ("pin", "puk"):
                modem.reply("+CPIN: " + _CPIN[self.state])
            elif error:
                return error
            else:
                modem.reply("+CPIN: READY")
            return OK
        if op != "=" or self.state not in ("pin", "puk"):
            return OK if op == "=?" else cme(3)
        given = args[1] if self.state == "puk" and len(args) == 2 else args[0]
        # The card of this desk takes any PUK; what counts is that a driver never gets to need it.
        if self.state == "pin" and (given != modem.pin or len(args) != 1):
            self._pin_tries -= 1
            if not self._pin_tries:
                self.state = "puk"
            return cme(_WRONG_PASSWORD)
        if self.state == "puk":
            if len(args) != 2:
                return cme(_WRONG_PASSWORD)
            modem.pin = given
        self.state = "ready"
        self._pin_tries = _PIN_TRIES
        modem.later(modem.profile.response_ms + 100, self._come_up)
        return OK

    def _tries(self, op, args):
        if op:
            return OK if op == "=?" else ERROR
        if self.state in ("absent", "busy"):
            return self.error()
        self._modem.reply(f"+SPIC: {self._pin_tries},10,3,10")
        return OK

    def _cimi(self, op, args):
        return self._bare(op, self._modem.imsi)

    def _ccid(self, op, args):
        return self._bare(op, self._modem.profile.iccid_prefix + self._modem.iccid)

    def _bare(self, op, text):
        if op not in ("", "=?"):
            return ERROR
        if not op:
            error = self.error()
            if error:
                return error
            self._modem.reply(text)
        return OK

    def _cnum(self, op, args):
        error = self.error()
        if op or error:
            return error or ERROR
        if self.listed_number:
            kind = 145 if self._modem.number.startswith("+") else 129
            self._modem.reply(f'+CNUM: "","{self._modem.number}",{kind}')
        return OK
