"""Registration and what the network says of itself (AT Command Manual chapters 3 and 7).

A SIM that is up is registered after register_ms, and attached to the packet service attach_ms
later; losing the one is losing the other, and the PDP context with it.
"""

from tools.virtual.at import ERROR, HANG, OK, cme, number, wait

_REGISTERED = (1, 5)
_LTE_ACT = {"GSM": 0, "CAT-M": 7, "NB-IOT": 9}


class Radio:
    """Whether the modem may and can use the network, and how it says so.

    `stat` is <stat> of AT+CREG; `attached` the packet service.  `rssi`, `operator`, `plmn`,
    `cells` (GSM lac and ci, LTE tac and ci) and `access` (what the network has: of "GSM", "CAT-M"
    and "NB-IOT") can be set.
    """

    def __init__(self, modem):
        self._modem = modem
        self.rssi = 18
        self.operator = "Virtual"
        self.plmn = "001-01"
        self.cells = (("00C3", "1A2B"), ("5B57", "195071B"))
        self.access = ("GSM", "CAT-M", "NB-IOT")
        self.stat = 0
        self.attached = False
        self._forced = None
        self._no_packets = False  # the network refuses to attach
        self._attempt = 0  # counts registrations begun: an older one does not end any more
        self._state = "off"
        self._tail = 0
        commands = modem.line.commands
        commands.update(
            {
                "+CSQ": self._csq,
                "+COPS": self._cops,
                "+CGATT": self._cgatt,
                "+CFUN": self._cfun,
                "+CGDCONT": self._cgdcont,
            }
        )
        self.contexts = {}  # AT+CGDCONT: cid -> (type, access point); kept in flash
        modem.define("+CFUN", 1)
        simple = modem.general.simple
        for name in ("+CREG", "+CGREG", "+CEREG") if modem.profile.lte else ("+CREG", "+CGREG"):
            modem.define(name, 0)
            commands[name] = self._registration(name)
        if modem.profile.lte:
            simple("+CNMP", 2, (2, 13, 38, 51), changed=self._search_again)
            simple("+CMNB", 3, (1, 2, 3), changed=self._search_again)
            commands["+CPSI"] = self._cpsi

    # Life.

    def start(self) -> None:
        """The UART is usable: the SIM comes up, unless AT+CFUN keeps it off."""
        self._report("search")
        self._modem.sim.start()

    def stop(self) -> None:
        """No power, or a reset."""
        self._modem.sim.stop()
        self._report("off")

    def leave(self) -> None:
        """The network is left without a code."""
        self._attempt += 1
        self.stat = 0
        self.attached = False

    def reachable(self) -> bool:
        """Whether a text message can be delivered."""
        return self._modem.sim.up and self.stat in (1, 5, 6)

    def technology(self) -> str:
        """The radio access that AT+CNMP and AT+CMNB choose: GSM, CAT-M or NB-IOT."""
        settings = self._modem.settings
        if not self._modem.profile.lte or settings["+CNMP"] == 13:
            return "GSM"
        wanted = {1: ("CAT-M",), 2: ("NB-IOT",), 3: ("CAT-M", "NB-IOT")}[settings["+CMNB"]]
        for name in wanted + (("GSM",) if settings["+CNMP"] in (2, 51) else ()):
            if name in self.access:
                return name
        return wanted[0]

    def traffic(self) -> None:
        """A datagram goes: the radio is connected for a while."""
        self._report("connected")
        self._tail += 1
        psm = self._modem.psm
        tail_ms = psm.tail_ms() if psm else self._modem.scaled("tail_ms")
        self._modem.later(tail_ms, self._tail_end, self._tail)

    def _tail_end(self, tail):
        if tail == self._tail:
            self._report("idle")

    def _report(self, state):
        if state != self._state:
            self._state = state
            self._modem.event("radio", {"state": state})
            if self._modem.psm:
                self._modem.psm.radio(state)

    # Registration.

    def search(self) -> None:
        """Look for a network; found after register_ms."""
        modem = self._modem
        self._attempt += 1
        self._report("search")
        self._change(2 if self._forced is None else self._forced)
        register_ms = modem.psm.register_ms() if modem.psm else modem.scaled("register_ms")
        modem.later(register_ms, self._found, self._attempt)

    def _search_again(self):
        if self._modem.sim.up:
            self.force(self._forced)

    def force(self, stat) -> None:
        """Hold <stat> at a value, whatever the modem does; None lets it register again."""
        self._forced = stat
        if not self._modem.sim.up:
            return
        self._attempt += 1
        if stat in _REGISTERED:
            self._found(self._attempt)
            return
        self.set_attached(False)
        if stat is None:
            self.search()
        else:
            self._change(stat)

    def _found(self, attempt):
        modem = self._modem
        if attempt != self._attempt or self._forced not in (None, 1, 5, 6):
            return
        if self.technology() not in self.access:
            return
        stat = 1 if self._forced is None else self._forced
        self._change(stat)
        modem.event("registered_cell", {"stat": stat, "technology": self.technology()})
        if modem.psm:
            modem.psm.registered()
        self._report("idle")
        for _ in range(2 if modem.faults.value("codes") == "double" else 1):
            modem.general.network_time()
        if stat != 6:
            modem.later(modem.scaled("attach_ms"), self._attach, attempt)
        modem.network.sms.available(modem.number)

    def _attach(self, attempt):
        if attempt == self._attempt and not self._no_packets:
            self.set_attached(True)

    def set_attached(self, attached: bool) -> None:
        """Attach to the packet service or lose it, and with it the PDP context."""
        if self.attached and not attached:
            self._modem.ip.deactivated()
            if self._modem.ca:
                self._modem.ca.deactivated()
        self.attached = attached

    def lose_packets(self, ms) -> None:
        """The network ends the packet service; for `ms` milliseconds it gives none."""
        self.set_attached(False)
        if ms:
            self._no_packets = True
            self._modem.timers.call_later(ms, self._packets_again)

    def _packets_again(self):
        self._no_packets = False
        if self.stat in _REGISTERED:
            self.set_attached(True)

    def _change(self, stat):
        before = {name: self._shown(name) for name in self._names()}
        self.stat = stat
        for name in self._names():
            mode = self._modem.settings[name]
            if mode and self._shown(name) != before[name]:
                place = self._place(name, mode)
                for _ in range(2 if self._modem.faults.value("codes") == "double" else 1):
                    self._modem.urc(f"{name}: {place}")

    def tell_place(self) -> None:
        """Say what AT+CEREG=4 asked for: where, and the timers that the network gave."""
        for _ in range(2):  # as seen
            self._modem.urc("+CEREG: " + self._place("+CEREG", 4))

    def _names(self):
        return ("+CREG", "+CGREG", "+CEREG") if self._modem.profile.lte else ("+CREG", "+CGREG")

    def _shown(self, name):
        """<stat> as one command shows it: NB-IoT is not in CREG, GSM not in CEREG."""
        technology = self.technology()
        if name == "+CREG" and technology == "NB-IOT" or name == "+CEREG" and technology == "GSM":
            return 0
        return self.stat

    def _place(self, name, mode):
        """<stat> and, by <n> = 2 and above, where."""
        stat = self._shown(name)
        if mode < 2 or stat not in _REGISTERED:
            return str(stat)
        technology = self.technology()
        area, cell = self.cells[0 if technology == "GSM" else 1]
        text = f'{stat},"{area}","{cell}"'
        if self._modem.profile.lte:
            text += f",{_LTE_ACT[technology]}"
        if mode == 4 and name == "+CEREG":
            text += self._modem.psm.timers()
        return text

    def _registration(self, name):
        modes = (0, 1, 2, 4) if self._modem.profile.lte and name != "+CREG" else (0, 1, 2)

        def handler(op, args):
            modem = self._modem
            mode = modem.settings[name]
            if op == "?":
                place = self._place(name, mode)
                modem.reply(f"{name}: {mode},{place}")
            elif op == "=?":
                modem.reply(f"{name}: ({','.join([str(value) for value in modes])})")
            elif op == "=" and number(args, 0) in modes:
                modem.set(name, number(args, 0))
            else:
                return ERROR
            return OK

        return handler

    # The network.

    def _csq(self, op, args):
        if op:
            return OK if op == "=?" else ERROR
        modem = self._modem
        rssi, errors = self.rssi, modem.profile.csq_bit_errors
        forced = modem.faults.value("signal")
        if forced is not None:
            rssi, errors = forced if isinstance(forced, (tuple, list)) else (forced, errors)
        elif modem.settings["+CFUN"] != 1:
            rssi = 99
        elif self.stat == 0:
            rssi = 0  # for some seconds after the start
        modem.reply(f"+CSQ: {rssi},{errors}")
        return OK

    def _cops(self, op, args):
        modem = self._modem
        suffix = f",{_LTE_ACT[self.technology()]}" if modem.profile.lte else ""
        if op == "?":
            known = f',0,"{self.operator}"{suffix}' if self.stat in _REGISTERED else ""
            modem.reply(f"+COPS: 0{known}")
            return OK
        if op == "=?":
            return wait(modem.scaled("scan_ms"), self._scan)
        if op != "=" or number(args, 0) not in (0, 1, 2, 3, 4):
            return ERROR
        error = modem.sim.error()
        if error:
            return error
        if args[0] == "2":
            self.set_attached(False)
            self._attempt += 1
            self._change(0)
        elif args[0] != "3" and self.stat not in _REGISTERED:
            self.search()
        return OK

    def _scan(self):
        plmn = self.plmn.replace("-", "")
        suffix = f",{_LTE_ACT[self.technology()]}" if self._modem.profile.lte else ""
        entry = f'(2,"{self.operator}","{self.operator}","{plmn}"{suffix})'
        self._modem.reply(f"+COPS: {entry},,(0-4),(0-2)")
        return OK

    def _cgatt(self, op, args):
        modem = self._modem
        if op == "?":
            modem.reply(f"+CGATT: {int(self.attached)}")
            return OK
        if op == "=?":
            modem.reply("+CGATT: (0,1)")
            return OK
        if op != "=" or number(args, 0) not in (0, 1):
            return ERROR
        if args[0] == "0":
            self.set_attached(False)
            return OK
        if self.stat not in _REGISTERED:
            return modem.sim.error() or cme(30)
        return wait(modem.scaled("attach_ms"), self._attached)

    def _attached(self):
        if self.stat not in _REGISTERED or self._no_packets:
            return ERROR
        self.set_attached(True)
        return OK

    def _cfun(self, op, args):
        modem = self._modem
        if op == "?":
            modem.reply(f"+CFUN: {modem.settings['+CFUN']}")
            return OK
        if op == "=?":
            modem.reply("+CFUN: (0,1,4),(0,1)")
            return OK
        level = number(args, 0)
        if op != "=" or level not in (0, 1, 4, 6) or (level == 6 and not modem.profile.lte):
            return ERROR
        if number(args, 1, 0) == 1 or level == 6:
            return self._reset()
        before = modem.settings["+CFUN"]
        modem.set("+CFUN", level)
        if level == 0 and not modem.profile.lte:
            modem.saved.pop("+CFUN", None)  # a SIM800 does not start with 0
        if level == 1 and before != 1:
            modem.sim.start()
        elif level != 1 and before == 1:
            if level == 0 and self.ip_active():
                modem.reply("+SAPBR 1: DEACT")
            self.set_attached(False)
            if level == 0:
                modem.reply("+CPIN: NOT READY")
            modem.sim.stop()
            self.leave()
        return OK

    def ip_active(self) -> bool:
        """Whether a PDP context is up."""
        return self._modem.ip.address is not None

    def _reset(self):
        modem = self._modem
        if modem.fixed_rate() and not modem.profile.reset_ok_first:
            modem.general.reset_answer()
            modem.power.reset("AT+CFUN")
            return HANG
        modem.power.reset("AT+CFUN")
        return OK

    def _cgdcont(self, op, args):
        modem = self._modem
        if op == "?":
            lines = []
            for cid in sorted(self.contexts):
                kind, name = self.contexts[cid]
                lines.append(f'+CGDCONT: {cid},"{kind}","{name}","0.0.0.0",0,0')
            if lines:
                modem.reply("\r\n".join(lines))
            return OK
        cid = number(args, 0)
        if op != "=" or cid is None or not 1 <= cid <= 24:
            return OK if op == "=?" else ERROR
        if len(args) == 1:
            self.contexts.pop(cid, None)
        else:
            self.contexts[cid] = (args[1] or "IP", args[2] or "" if len(args) > 2 else "")
        return OK

    def _cpsi(self, op, args):
        modem = self._modem
        if op != "?":
            return ERROR
        technology = self.technology()
        if self.stat not in _REGISTERED:
            modem.reply("+CPSI: NO SERVICE,Online")
            return OK
        area, cell = self.cells[0 if technology == "GSM" else 1]
        dbm = self.dbm()
        if technology == "GSM":
            place = f"{self.plmn},0x{area.lower()},{int(cell, 16)}"
            text = f"GSM,Online,{place},97 EGSM 900,{dbm},0,39-65"
        else:
            name = "LTE NB-IOT" if technology == "NB-IOT" else "LTE CAT-M1"
            text = (
                f"{name},Online,{self.plmn},0x{area},{int(cell, 16)},457,EUTRAN-BAND20,6352,0,0,"
                f"-7,{dbm - 7},{dbm},14"
            )
        modem.reply("+CPSI: " + text)
        return OK

    def dbm(self) -> int:
        """The received power that <rssi> of AT+CSQ stands for."""
        rssi = self._modem.faults.value("signal", self.rssi)
        if isinstance(rssi, (tuple, list)):
            rssi = rssi[0]
        return -115 if rssi == 0 else -113 + 2 * min(rssi, 31)
