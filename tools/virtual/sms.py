"""Text messages in PDU mode: SIM storage, CNMI routing, sending (TS 27.005; AT Manual ch. 4)."""

from tools.virtual import sms_pdu
from tools.virtual.at import ERROR, OK, cms, number, prompt, wait

_SLOTS = 20
_INVALID_MODE = 304
_INVALID_INDEX = 321
_NO_NETWORK = 331
_NOT_ALLOWED = 302
_UNKNOWN = 500
_UNREAD, _READ = 0, 1
_WAP_PUSH_PORT = 2948
_MMS_CONTENT_TYPE = 0xBE  # application/vnd.wap.mms-message as a WSP short integer
_HELD_CODES_MAX = 20


class Sms:
    """The messages of one modem; the device at its number for the SMS centre.

    `slots` is the storage of the SIM: index from 1 -> [stat, pdu]; it outlives power cycles.
    """

    def __init__(self, modem, slots=_SLOTS):
        self._modem = modem
        self.capacity = slots
        self.slots = {}
        self.centre = modem.network.sms.number
        self._reference = 0
        self._waiting = []  # codes that AT+CNMI=0 keeps back: (text, cause)
        modem.define("+CNMI", (2, 1, 0, 0, 0))
        modem.define("+CMGF", 0)
        modem.define("+CSMS", 0)
        modem.line.commands.update(
            {
                "+CMGF": self._format,
                "+CSMS": self._service,
                "+CPMS": self._storage,
                "+CSCA": self._centre,
                "+CNMI": self._routing,
                "+CMGR": self._read,
                "+CMGL": self._list,
                "+CMGD": self._delete,
                "+CMGS": self._send,
            }
        )
        if not modem.profile.lte:
            modem.line.commands["+CMGDA"] = self._delete_kind

    # Receiving.

    def receive_sms(self, pdu: bytes) -> bool:
        """The network offers an SMS-DELIVER; False where it cannot be taken."""
        modem = self._modem
        if modem.state != "on" or not modem.radio.reachable() or not modem.sim.sms_up:
            return False
        if modem.psm and modem.psm.deaf():
            return False
        modem.radio.traffic()
        mode, target = modem.settings["+CNMI"][:2]
        direct = target == 2 or target == 3 and _class(pdu) == 3
        if direct and _class(pdu) != 2:
            length = len(pdu) - 1 - pdu[0]
            self._code(f"+CMT: ,{length}\r\n{_hex(pdu)}")
            return True
        if target and modem.next_fault("cmti_lost"):
            modem.later(modem.scaled("sms_store_ms"), self._code, "+CMTI: ,-1")
            return True
        index = self._store(_UNREAD, pdu)
        if not index:
            modem.event("sms_storage_full", {"slots": self.capacity})
            return False
        if target:
            modem.later(modem.scaled("sms_store_ms"), self._announce, index, pdu)
        return True

    def _store(self, stat, pdu):
        """Put a message into the first free place; return its index, 0 where there is none."""
        if len(self.slots) >= self.capacity:
            return 0
        index = 1
        while index in self.slots:
            index += 1
        self.slots[index] = [stat, pdu]
        return index

    def fill(self, pdu: bytes) -> None:
        """Put the same message, read already, into every free place."""
        while self._store(_READ, pdu):
            pass

    def _announce(self, index, pdu):
        if self._modem.next_fault("cmti"):
            self._code("+CMTI: ,-1")
            return
        kind = ',"MMS PUSH"' if _is_mms(pdu) else ""
        self._code(f'+CMTI: "SM",{index}{kind}')

    def _code(self, text):
        modem = self._modem
        if modem.settings["+CNMI"][0] == 0:
            if len(self._waiting) < _HELD_CODES_MAX:
                self._waiting.append(text)
            modem.power.pulse_ri()
            return
        modem.urc(text, "sms")

    # Settings.

    def _gate(self):
        """The result that every message command has until the storage is up, else None."""
        modem = self._modem
        if modem.sim.sms_up:
            return None
        if modem.sim.up:
            return ERROR
        return cms({"absent": 310, "pin": 311, "puk": 316}.get(modem.sim.state, 314))

    def _pdu_mode(self):
        """The result of reading in text mode, which is not here, else None."""
        return cms(_NOT_ALLOWED) if self._modem.settings["+CMGF"] else None

    def _format(self, op, args):
        modem = self._modem
        if op == "?":
            modem.reply(f"+CMGF: {modem.settings['+CMGF']}")
            return OK
        if op == "=?":
            modem.reply("+CMGF: (0,1)")
            return OK
        gate = self._gate()
        if gate:
            return gate
        if op != "=" or number(args, 0) not in (0, 1):
            return ERROR
        modem.set("+CMGF", number(args, 0))
        return OK

    def _service(self, op, args):
        modem = self._modem
        if op == "?":
            modem.reply(f"+CSMS: {modem.settings['+CSMS']},1,1,1")
        elif op == "=?":
            modem.reply("+CSMS: (0,1)")
        elif op == "=" and number(args, 0) in (0, 1):
            modem.set("+CSMS", number(args, 0))
            modem.reply("+CSMS: 1,1,1")
        else:
            return ERROR
        return OK

    def _storage(self, op, args):
        modem = self._modem
        if op == "=?":
            modem.reply('+CPMS: ("SM"),("SM"),("SM")')
            return OK
        gate = self._gate()
        if gate:
            return gate
        used = f"{len(self.slots)},{self.capacity}"
        if op == "?":
            modem.reply("+CPMS: " + ",".join([f'"SM",{used}'] * 3))
        elif op == "=" and all([name == "SM" for name in args]) and len(args) <= 3:
            modem.reply("+CPMS: " + ",".join([used] * 3))
        else:
            return cms(_NOT_ALLOWED)
        return OK

    def _centre(self, op, args):
        if op == "?":
            kind = 145 if self.centre.startswith("+") else 129
            self._modem.reply(f'+CSCA: "{self.centre}",{kind}')
            return OK
        if op == "=" and args[0]:
            self.centre = args[0]
            return OK
        return OK if op == "=?" else ERROR

    def _routing(self, op, args):
        modem = self._modem
        current = modem.settings["+CNMI"]
        lte = modem.profile.lte
        limits = ((0, 1, 2) if lte else (0, 1, 2, 3), (0, 1, 2, 3), (0, 2), (0, 1), (0, 1))
        if op == "?":
            modem.reply("+CNMI: " + ",".join([str(value) for value in current]))
            return OK
        if op == "=?":
            modes = "(0-2)" if lte else "(0-3)"
            modem.reply(f"+CNMI: {modes},(0-3),(0,2),(0,1),(0,1)")
            return OK
        if op != "=" or len(args) > 5:
            return ERROR
        wanted = []
        for index, allowed in enumerate(limits):
            value = number(args, index, current[index])
            if value not in allowed:
                return cms(_NOT_ALLOWED)
            wanted.append(value)
        # SIM7000, AT Manual 4.2.8: direct routing and reports need <mode> 1.
        if lte and (wanted[1] in (2, 3) or wanted[3] == 1) and wanted[0] != 1:
            return cms(_NOT_ALLOWED)
        modem.set("+CNMI", tuple(wanted))
        if wanted[0]:
            waiting, self._waiting = self._waiting, []
            if not wanted[4]:
                for text in waiting:
                    modem.later(modem.profile.response_ms, modem.urc, text, "sms")
        return OK

    # Storage.

    def _read(self, op, args):
        gate = self._gate() or self._pdu_mode()
        if gate or op != "=":
            return gate or (OK if op == "=?" else ERROR)
        index = number(args, 0, -1)
        if not 1 <= index <= self.capacity:
            return cms(_INVALID_INDEX)
        if index not in self.slots:
            return cms(_INVALID_INDEX) if self._modem.profile.empty_slot_error else OK
        stat, pdu = self.slots[index]
        self._modem.reply(f"+CMGR: {stat},,{len(pdu) - 1 - pdu[0]}\r\n{_hex(pdu)}")
        if stat == _UNREAD and not number(args, 1, 0):
            self.slots[index][0] = _READ
        return OK

    def _list(self, op, args):
        if op == "=?":
            self._modem.reply("+CMGL: (0-4)")
            return OK
        gate = self._gate() or self._pdu_mode()
        if gate:
            return gate
        wanted = number(args, 0, 0)
        if op not in ("=", "") or not 0 <= wanted <= 4:
            return cms(_INVALID_MODE)
        lines = []
        for index in sorted(self.slots):
            stat, pdu = self.slots[index]
            if wanted in (stat, 4):
                lines.append(f"+CMGL: {index},{stat},,{len(pdu) - 1 - pdu[0]}\r\n{_hex(pdu)}")
                if stat == _UNREAD and not number(args, 1, 0):
                    self.slots[index][0] = _READ
        if lines:
            self._modem.reply("\r\n".join(lines))
        return OK

    def _delete(self, op, args):
        if op == "=?":
            known = ",".join([str(index) for index in sorted(self.slots)])
            self._modem.reply(f"+CMGD: ({known}),(0-4)")
            return OK
        gate = self._gate()
        if gate or op != "=":
            return gate or ERROR
        index, flag = number(args, 0, -1), number(args, 1, 0)
        if flag not in (0, 1, 2, 3, 4):
            return cms(_INVALID_MODE)
        if flag == 0:
            if not 1 <= index <= self.capacity:
                return cms(_INVALID_INDEX)
            self.slots.pop(index, None)
            return OK
        # 1 the read ones, 2 and 3 also what was written here, 4 all.
        gone = {1: (1,), 2: (1, 3), 3: (1, 2, 3), 4: (0, 1, 2, 3)}[flag]
        self._forget(gone)
        return OK

    def _delete_kind(self, op, args):
        if op == "=?":
            self._modem.reply("+CMGDA: (1-6)")
            return OK
        gate = self._gate()
        if gate or op != "=":
            return gate or ERROR
        kinds = {1: (1,), 2: (0,), 3: (3,), 4: (2,), 5: (0, 1), 6: (0, 1, 2, 3)}
        kind = number(args, 0, -1)
        if kind not in kinds:
            return cms(_INVALID_MODE)
        self._forget(kinds[kind])
        return OK

    def _forget(self, stats):
        for index in list(self.slots):
            if self.slots[index][0] in stats:
                del self.slots[index]

    # Sending.

    def _send(self, op, args):
        modem = self._modem
        gate = self._gate()
        if gate or op != "=":
            return gate or (OK if op == "=?" else ERROR)
        length = number(args, 0, -1)
        if modem.settings["+CMGF"] or not 7 <= length <= 164:
            return cms(_INVALID_MODE)

        def got(text):
            if text is None:
                return OK
            pdu = _unhex(text)
            if not pdu or len(pdu) - 1 - pdu[0] != length:
                return cms(_INVALID_MODE)
            if not modem.radio.reachable():
                return cms(_NO_NETWORK)
            modem.radio.traffic()
            return wait(modem.scaled("sms_submit_ms"), lambda: self._submitted(pdu))

        return prompt(None, got)

    def _submitted(self, pdu):
        modem = self._modem
        code = modem.faults.once("cms") or (modem.next_fault("cmgs") and _UNKNOWN)
        if code:
            return cms(code)
        if not modem.radio.reachable():
            return cms(_NO_NETWORK)
        try:
            modem.network.sms.submit(modem.number, pdu[1 + pdu[0] :])
        except sms_pdu.PduError:
            return cms(_INVALID_MODE)
        modem.reply(f"+CMGS:{' ' * modem.profile.reference_space}{self._reference}")
        self._reference = self._reference + 1 & 255
        return OK


def _hex(data):
    return "".join([f"{byte:02X}" for byte in data])


def _unhex(text):
    """The octets of hexadecimal digits, or None."""
    text = text.strip()
    if len(text) & 1:
        return None
    try:
        return bytes([int(text[i : i + 2], 16) for i in range(0, len(text), 2)])
    except ValueError:
        return None


def _fields(pdu):
    """(dcs, udhi, index of the user data) of an SMS-DELIVER, or None where it is cut short."""
    index = 1 + pdu[0]
    if index + 2 > len(pdu):
        return None
    first, digits = pdu[index], pdu[index + 1]
    index += 3 + (digits + 1) // 2
    if index + 10 > len(pdu):
        return None
    return pdu[index + 1], first & 0x40, index + 10


def _class(pdu):
    fields = _fields(pdu) if pdu else None
    return sms_pdu.message_class(fields[0]) if fields else None


def _is_mms(pdu):
    """Whether a WAP Push carries an MMS notification; it is announced differently."""
    fields = _fields(pdu)
    if not fields or not fields[1]:
        return False
    data = pdu[fields[2] :]
    header, body = data[1 : data[0] + 1], data[data[0] + 1 :]
    return (
        header[:2] == b"\x05\x04"
        and header[2] << 8 | header[3] == _WAP_PUSH_PORT
        and len(body) > 3
        and body[1] == 6
        and body[3] == _MMS_CONTENT_TYPE
    )
