"""UDP by the CA* commands (AT7000 chapter 18, AT7080 chapter 13, TCP7080): open, send, receive.

What the sources disagree about is a switch of the profile, see `ca` and `ca_...` in profiles.py.
SIM7000 numbers a connection by AT+CACID and chooses UDP by AT+CASSLCFG; SIM7080 names both, and
the packet context, in AT+CAOPEN.  Two ways to break a SIM7000, as drivers found them:

    AT+CARECV? with no connection open     it crashes and starts again
    AT+CARECV for more than waits          it freezes until its power is cycled

Both are told as the event "modem_broken".
"""

from tools.virtual.at import ERROR, HANG, OK, cme, number, prompt, wait

_NOT_ALLOWED = 3
_SEND_MAX = 1460
_BUFFER_MAX = 8192  # bytes kept for AT+CARECV, per connection
_FIRST_PORT = 2025
_INPUT_MS = 5000
_STALL_MS = 75_000  # a connection that fails for want of an answer

# Results of AT+CAOPEN, AT+CASERVER and AT+CASEND (AT7000 18.2.3).
SOCKET_ERROR, NO_MEMORY = 1, 2
CANNOT_BIND, NO_HOST, NOT_ACTIVE, FAILED = 12, 20, 21, 27
CLOSED, CONNECTED, LISTENING = range(3)


class Connection:
    """One cid in use."""

    def __init__(self, context, host, address, port, local_port, state):
        self.context = context
        self.host = host
        self.address = address
        self.port = port
        self.local_port = local_port
        self.state = state
        self.push = False  # <recv_mode> 1: data comes unasked
        self.server = None  # the cid that listens, where AT+CASERVER made this one
        self.buffer = []  # (data, peer) that wait for AT+CARECV
        self.told = False  # +CADATAIND has gone out

    @property
    def waiting(self) -> int:
        """Bytes that wait."""
        return sum([len(data) for data, _ in self.buffer])


class CaSockets:
    """The connections 0 to ca_connections - 1."""

    def __init__(self, modem, contexts):
        self._modem = modem
        self._contexts = contexts
        self._new = modem.profile.ca == "sim7080"
        self.merge = modem.profile.ca_merge  # AT+CARECV gives a stream without borders
        self.dropped = {}  # reason -> count
        modem.line.commands.update(
            {
                "+CACID": self._identify,
                "+CASSLCFG": self._set,
                "+CACFG": self._configure,
                "+CAOPEN": self._open,
                "+CASERVER": self._listen,
                "+CASEND": self._send,
                "+CARECV": self._receive,
                "+CASTATE": self._state,
                "+CACLOSE": self._close,
            }
        )
        modem.general.simple("+CASRIP", 0, (0, 1))
        self.reset()

    def reset(self) -> None:
        """As after a start."""
        self._connections = [None] * self._modem.profile.ca_connections
        self._identified = None  # AT+CACID
        self._settings = {}  # (cid, name) -> value, by AT+CASSLCFG and AT+CACFG
        self._asynchronous = False
        self._next_port = _FIRST_PORT

    def lost(self, context: int) -> None:
        """A packet context is gone, and every connection on it."""
        for cid, each in enumerate(self._connections):
            if each and each.context == context:
                self.lose(cid)

    def lose(self, cid: int) -> None:
        """A connection breaks: +CASTATE: cid,0."""
        each = self._connections[cid]
        if each and each.state != CLOSED:
            each.state = CLOSED
            self._modem.urc(f"+CASTATE: {cid},{CLOSED}", "tcpip")

    def _fault(self, name):
        """The result that a fault wants, 0 without one."""
        results = self._modem.faults.once(name)
        if not isinstance(results, list):
            return results or 0
        if results[1:]:
            self._modem.set_fault(name, results[1:])
        return results[0] if results else 0

    def _cid(self, args):
        """Take the cid off the arguments; -1 where it is none."""
        cid = number(args, 0, -1)
        del args[:1]
        return cid if cid < len(self._connections) else -1

    def _cid_and_context(self, args):
        """Take both off the arguments; the older form names no context, which then is 0."""
        cid = self._cid(args)
        context = number(args, 0, -1) if self._new else 0
        if self._new:
            del args[:1]
        return cid, context

    # Settings.

    def _identify(self, op, args):
        if op == "?":
            if self._identified is not None:
                self._modem.reply(f"+CACID: {self._identified}")
            return OK
        if op != "=":
            return OK if op == "=?" else ERROR
        cid = self._cid(args)
        if cid < 0:
            return ERROR
        self._identified = cid
        return OK

    def _set(self, op, args):
        """AT+CASSLCFG=<cid>,"ssl"|"protocol"|"localport"|…,<value>."""
        if op != "=":
            return OK if op in ("?", "=?") else ERROR
        cid = self._cid(args)
        if cid < 0 or len(args) != 2 or (not self._new and cid != self._identified):
            return ERROR
        name, value = (args[0] or "").lower(), number(args, 1, -1)
        if name in ("ssl", "protocol") and value not in (0, 1):
            return ERROR
        if name == "localport" and not 0 <= value <= 65535:
            return ERROR
        self._settings[(cid, name)] = value
        return OK

    def _configure(self, op, args):
        """AT+CACFG="ASYNCOPEN",0|1; "LOCALPORT",<cid>,<port>; "REMOTEADDR",<cid>,<ip>,<port>."""
        if op != "=":
            return OK if op in ("?", "=?") else ERROR
        name = (args[0] or "").upper()
        if not self._modem.profile.ca_configures:
            return ERROR
        del args[:1]
        if name == "ASYNCOPEN":
            if number(args, 0) not in (0, 1):
                return ERROR
            self._asynchronous = number(args, 0) == 1
            return OK
        if name not in ("LOCALPORT", "REMOTEADDR"):
            return OK if name in ("TIMEOUT", "KEEPALIVE", "RCVBUF", "SNDBUF") else ERROR
        cid = self._cid(args)
        port = number(args, -1, -1)
        if cid < 0 or not 0 <= port <= 65535:
            return ERROR
        if name == "LOCALPORT":
            self._settings[(cid, "localport")] = port
            return OK
        each = self._connections[cid]
        if len(args) != 2 or not args[0] or not each or each.state == CLOSED:
            return ERROR
        each.address, each.port = args[0], port
        return OK

    # Open and close.

    def _open(self, op, args):
        if op != "=":
            return OK if op == "=?" else ERROR
        cid, context = self._cid_and_context(args)
        # <conn_type> may be left out on SIM7000, where AT+CASSLCFG has it.
        udp = self._settings.get((cid, "protocol")) == 1
        if args and args[0] in ("TCP", "UDP"):
            udp = args.pop(0) == "UDP"
        elif self._new:
            return ERROR
        mode = number(args, 2, 0)
        if cid < 0 or context < 0 or not 2 <= len(args) <= (3 if self._new else 2):
            return ERROR
        if not args[0] or not 0 < number(args, 1, -1) <= 65535 or mode not in (0, 1):
            return ERROR
        if not self._new and cid != self._identified:
            return ERROR
        each = self._connections[cid]
        if each and each.state != CLOSED:
            return cme(_NOT_ALLOWED)
        if not udp:
            return cme(_NOT_ALLOWED)  # nothing here speaks TCP
        return self._outcome("+CAOPEN", cid, context, args[0], number(args, 1), mode)

    def _outcome(self, name, cid, context, host, port, mode):
        modem = self._modem
        result = self._fault("ca_open") or FAILED * modem.next_fault("connect_fail")
        delay_ms = _STALL_MS if result == NO_MEMORY else modem.scaled("connect_ms")
        if not host.replace(".", "").isdigit():
            delay_ms += modem.scaled("dns_ms")

        def ended():
            code = result or self._opened(cid, context, host, port, mode)
            return f"{name}: {cid},{code}"

        if self._asynchronous:
            modem.later(modem.profile.response_ms + delay_ms, lambda: modem.urc(ended(), "tcpip"))
            return OK

        def answer():
            modem.reply(ended())
            return OK

        return wait(delay_ms, answer)

    def _opened(self, cid, context, host, port, mode):
        if self._contexts.address(context) is None:
            return NOT_ACTIVE
        address = self._modem.network.resolve(host)
        if address is None:
            return NO_HOST
        local_port = self._local_port(cid)
        if local_port is None:
            return CANNOT_BIND
        each = Connection(context, host, address, port, local_port, CONNECTED)
        each.push = mode == 1
        self._connections[cid] = each
        return 0

    def _local_port(self, cid):
        port = self._settings.get((cid, "localport"))
        if not port:
            self._next_port += 1
            return self._next_port
        for each in self._connections:
            if each and each.state != CLOSED and each.local_port == port:
                return None
        return port

    def _listen(self, op, args):
        if op != "=":
            return OK if op == "=?" else ERROR
        cid, context = self._cid_and_context(args)
        port = number(args, 1, -1)
        if cid < 0 or context < 0 or len(args) != 2 or not 0 < port <= 65535:
            return ERROR
        if args[0] != "UDP" or self._connections[cid]:
            return cme(_NOT_ALLOWED)
        result = NOT_ACTIVE
        if self._contexts.address(context) is not None:
            self._settings[(cid, "localport")] = port
            result = CANNOT_BIND
            if self._local_port(cid) is not None:
                self._connections[cid] = Connection(context, "", None, 0, port, LISTENING)
                result = 0
        self._modem.reply(f"+CASERVER: {cid},{result}")
        return OK

    def _close(self, op, args):
        if op != "=":
            return OK if op == "=?" else ERROR
        cid = self._cid(args)
        if cid < 0 or not self._connections[cid]:
            return ERROR
        self._connections[cid] = None
        return OK

    def _state(self, op, args):
        if op != "?":
            return OK if op == "=?" else ERROR
        lines = [
            f"+CASTATE: {cid},{each.state}" for cid, each in enumerate(self._connections) if each
        ]
        if lines:
            self._modem.reply("\r\n".join(lines))
        return OK

    # Send.

    def _send(self, op, args):
        modem = self._modem
        if op != "=":
            return OK if op == "=?" else ERROR
        cid = self._cid(args)
        each = self._connections[cid] if cid >= 0 else None
        if each is None or each.state == CLOSED or each.address is None:
            return cme(_NOT_ALLOWED)
        if not args:
            modem.reply(f"+CASEND: {_SEND_MAX}")
            return OK
        length, input_ms = number(args, 0, -1), number(args, 1, _INPUT_MS)
        if not 0 < length <= _SEND_MAX or not 100 <= input_ms <= 10_000:
            return ERROR

        def got(data):
            if data is None:
                return ERROR  # too late
            return wait(modem.scaled("send_ms"), lambda: self._sent(cid, each, data))

        return prompt(length, got, modem.profile.ca_prompt, input_ms)

    def _sent(self, cid, each, data):
        modem = self._modem
        code = self._fault("ca_send") or SOCKET_ERROR * modem.next_fault("send_fail")
        if each.state == CLOSED or self._connections[cid] is not each:
            code = SOCKET_ERROR
        if not code:
            modem.radio.traffic()
            each.told = False if modem.profile.ca_indicate == "once" else each.told
            address = self._contexts.address(each.context)
            modem.network.send_up(address, each.local_port, (each.address, each.port), data)
        if modem.profile.ca_send_result:
            modem.later(
                2 * modem.profile.response_ms,
                modem.reply,
                f"+CASEND: {cid},{code},{0 if code else len(data)}",
            )
            return OK
        return ERROR if code else OK

    # Receive.

    def _drop(self, reason):
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    def receiver(self, context: int):
        """What takes the datagrams that the network delivers to a context."""
        return lambda port, peer, data: self._arrived(context, port, peer, data)

    def _arrived(self, context, port, peer, data):
        listening = None
        for cid, each in enumerate(self._connections):
            if each is None or each.context != context or each.local_port != port:
                continue
            if each.state == LISTENING:
                listening = cid
            elif each.state == CONNECTED and peer == (each.address, each.port):
                self._take(cid, each, peer, data)
                return
        if listening is None or None not in self._connections:
            self._drop("no connection")
            return
        cid = self._connections.index(None)
        each = Connection(context, peer[0], peer[0], peer[1], port, CONNECTED)
        each.server = listening
        self._connections[cid] = each
        self._modem.urc(f"+CANEW: {listening},{cid},{peer[0]},{peer[1]}", "tcpip")
        self._take(cid, each, peer, data)

    def _take(self, cid, each, peer, data):
        modem = self._modem
        modem.radio.traffic()
        if each.push:
            source = f",{peer[0]},{peer[1]}" if modem.settings["+CASRIP"] else ""
            head = f'\r\n+CAURC: "recv",{cid},{len(data)}{source}\r\n'
            modem.urc_bytes(head.encode() + data, "tcpip")
            return
        if each.waiting + len(data) > _BUFFER_MAX:
            self._drop("buffer full")
            if self._new:
                modem.urc('+CAURC: "buffer full"', "tcpip")
            return
        each.buffer.append((data, peer))
        if not each.told or modem.profile.ca_indicate == "each":
            each.told = True
            modem.urc(f"+CADATAIND: {cid}", "tcpip")

    def _receive(self, op, args):
        modem = self._modem
        if op == "?":
            lines = [
                f"+CARECV: {cid},{each.waiting}"
                for cid, each in enumerate(self._connections)
                if each and each.state == CONNECTED
            ]
            if not lines and modem.profile.ca_fragile:
                return self._broken("AT+CARECV? with no connection", False)
            if lines:
                modem.reply("\r\n".join(lines))
            return OK
        if op != "=":
            return OK if op == "=?" else ERROR
        cid = self._cid(args)
        wanted = number(args, 0, -1)
        each = self._connections[cid] if cid >= 0 else None
        if each is None or not 0 < wanted <= _SEND_MAX:
            return ERROR
        if wanted > each.waiting and modem.profile.ca_fragile:
            return self._broken(f"AT+CARECV for {wanted} of {each.waiting}", True)
        if not each.buffer:
            modem.reply("+CARECV: 0")
            return OK
        host, port = each.buffer[0][1]
        taken = b""
        while each.buffer and len(taken) < wanted:
            data, peer = each.buffer.pop(0)
            room = wanted - len(taken)
            taken += data[:room]
            if data[room:]:
                each.buffer.insert(0, (data[room:], peer))
            if not self.merge:
                break
        if not each.buffer and modem.profile.ca_indicate != "once":
            each.told = False
        source = f"{host},{port}," if modem.settings["+CASRIP"] else ""
        if modem.profile.ca_lines:
            head = f"\r\n+CARECV: {cid},{source}{len(taken)}\r\n"
        else:
            head = f"\r\n+CARECV: {source}{len(taken)},"
        modem.emit(head.encode() + taken)
        return OK

    def _broken(self, reason, frozen):
        modem = self._modem
        modem.event("modem_broken", {"reason": reason})
        if frozen:
            modem.power.hang(False)
        else:
            modem.power.reset(reason)
        return HANG
