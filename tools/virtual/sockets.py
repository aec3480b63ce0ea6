"""UDP sockets of the CIP* commands: open, send, receive, close, in both connection modes.

AT Command Manual chapter 8; TCPIP Application Note.  Only UDP: these modems are used for nothing
else here, and AT+CIPSTART with "TCP" is answered with an error.
"""

from tools.virtual.at import ERROR, OK, SILENT, cme, number, prompt, wait

_NOT_ALLOWED = 3
_SEND_MAX = 1460
_BUFFER_MAX = 8192  # bytes kept for AT+CIPRXGET, per socket
_FIRST_PORT = 1025


class Socket:
    """One connection number in use; `state` is CONNECTING or CONNECTED."""

    def __init__(self, host, port, local_port):
        self.host = host  # as given; its address once it is known
        self.address = None
        self.port = port
        self.local_port = local_port
        self.state = "CONNECTING"
        self.extended = False  # AT+CIPUDPMODE=1: takes datagrams of anyone
        self.buffer = []  # (data, peer) that wait for AT+CIPRXGET


class Sockets:
    """The connections 0 to n-1; the one of single connection mode is number 0."""

    def __init__(self, modem, ip):
        self._modem = modem
        self._ip = ip
        self.merge = True  # AT+CIPRXGET=2 gives a byte stream, without borders of datagrams
        self.dropped = {}  # reason -> count
        modem.line.commands.update(
            {
                "+CLPORT": self._local_port,
                "+CIPSTART": self._open,
                "+CIPSEND": self._send,
                "+CIPCLOSE": self._close,
                "+CIPRXGET": self._get,
                "+CIPUDPMODE": self._extend,
            }
        )
        self.reset()

    def reset(self) -> None:
        """As after a start."""
        self._sockets = [None] * self._modem.profile.sockets
        self._local_ports = {}
        self._extended = {}  # number -> AT+CIPUDPMODE=1 asked for before CIPSTART
        self._manual = 0  # AT+CIPRXGET=1
        self._next_port = _FIRST_PORT

    def close_all(self) -> None:
        """The context is gone."""
        for connection in range(len(self._sockets)):
            self._sockets[connection] = None

    def lose(self, connection: int) -> None:
        """The network closes a connection: `n, CLOSED`."""
        if self._sockets[connection]:
            self._sockets[connection] = None
            self._modem.urc(self._line(connection, "CLOSED"), "tcpip")

    def described(self, connection: int) -> str:
        """One connection as AT+CIPSTATUS shows it."""
        sock = self._sockets[connection]
        if sock is None:
            return f'{connection},,"","","","INITIAL"'
        return f'{connection},0,"UDP","{sock.address or sock.host}","{sock.port}","{sock.state}"'

    def _line(self, connection, text):
        """A result line, with the connection's number in multi-connection mode."""
        if not self._ip.multi:
            return text
        return f"{connection},{self._modem.profile.mux_space}{text}"

    def _numbered(self, args):
        """Take the connection's number off the arguments; -1 where it is none."""
        if not self._ip.multi:
            return 0
        connection = number(args, 0, -1)
        del args[:1]
        return connection if connection < len(self._sockets) else -1

    # Open and close.

    def _local_port(self, op, args):
        modem = self._modem
        if op == "?":
            if self._ip.multi:
                lines = [f"+CLPORT: {n},0,{p}" for n, p in sorted(self._local_ports.items())]
            else:
                lines = ["TCP: 0", f"UDP: {self._local_ports.get(0, 0)}"]
            if lines:
                modem.reply("\r\n".join(lines))
            return OK
        if op != "=":
            return OK if op == "=?" else ERROR
        if self._ip.multi and not modem.profile.clport_mux:
            return ERROR
        connection = self._numbered(args)
        port = number(args, 1, -1)
        if connection < 0 or not args or args[0] != "UDP" or not 0 <= port <= 65535:
            return ERROR
        if self._sockets[connection]:
            return cme(_NOT_ALLOWED)
        self._local_ports[connection] = port
        return OK

    def _open(self, op, args):
        modem, ip = self._modem, self._ip
        if op != "=":
            return OK if op == "=?" else ERROR
        connection = self._numbered(args)
        port = number(args, 2, -1)
        if connection < 0 or len(args) < 3 or not args[1] or not 0 < port <= 65535:
            return ERROR
        if (args[0] or "").upper() != "UDP":
            return cme(_NOT_ALLOWED)
        if self._sockets[connection]:
            modem.later(1, modem.reply, self._line(connection, "ALREADY CONNECT"))
            return ERROR
        if ip.multi and not ip.ready() or ip.state in ("PDP DEACT", "IP CONFIG"):
            return cme(_NOT_ALLOWED)
        if not self._local_ports.get(connection):
            self._next_port += 1
        local_port = self._local_ports.get(connection) or self._next_port
        sock = Socket(args[1], port, local_port)
        sock.extended = self._extended.get(connection, False)
        self._sockets[connection] = sock
        delay_ms = modem.scaled("connect_ms")
        if ip.multi:
            ip.state = "IP PROCESSING"
        elif ip.address is None:
            ip.state = "IP CONFIG"
            delay_ms += modem.scaled("pdp_ms")
        if not args[1].replace(".", "").isdigit():
            delay_ms += modem.scaled("dns_ms")
        modem.later(modem.profile.response_ms + delay_ms, self._opened, connection, sock)
        return OK

    def _opened(self, connection, sock):
        modem, ip = self._modem, self._ip
        if self._sockets[connection] is not sock:
            return
        sock.address = modem.network.resolve(sock.host)
        failed = modem.next_fault("connect_fail") or sock.address is None
        if not ip.multi and ip.address is None and not ip.activate():
            failed = True
        if failed:
            self._sockets[connection] = None
            modem.urc(self._line(connection, "CONNECT FAIL"), "tcpip")
            if not ip.multi:
                ip.state = "UDP CLOSED" if ip.address else "PDP DEACT"
            return
        sock.state = "CONNECTED"
        if not ip.multi:
            ip.state = "CONNECT OK"
        modem.urc(self._line(connection, "CONNECT OK"), "tcpip")

    def _close(self, op, args):
        if op not in ("=", ""):
            return OK if op == "=?" else ERROR
        connection = self._numbered(args)
        if connection < 0:
            return ERROR
        if not self._sockets[connection]:
            return cme(_NOT_ALLOWED)
        self._sockets[connection] = None
        if not self._ip.multi:
            self._ip.state = "UDP CLOSED"
        self._modem.reply(self._line(connection, "CLOSE OK"))
        return SILENT

    def _extend(self, op, args):
        if op == "?":
            sock = self._sockets[0]
            on = sock.extended if sock else self._extended.get(0, False)
            where = f',"{sock.address}",{sock.port}' if sock and on else ""
            self._modem.reply(f"+CIPUDPMODE: {int(on)}{where}")
            return OK
        if op != "=":
            return OK if op == "=?" else ERROR
        connection = self._numbered(args)
        mode = number(args, 0)
        if connection < 0 or mode not in (0, 1, 2):
            return ERROR
        sock = self._sockets[connection]
        if mode == 2:
            port = number(args, 2, -1)
            if not sock or not sock.extended or port < 1 or port > 65535 or not args[1]:
                return cme(_NOT_ALLOWED)
            sock.address, sock.port = args[1], port
        elif sock:
            return cme(_NOT_ALLOWED)
        else:
            self._extended[connection] = mode == 1
        return OK

    # Send.

    def _send(self, op, args):
        modem = self._modem
        if op == "?":
            open_ones = [n for n, sock in enumerate(self._sockets) if self._connected(sock)]
            lines = [f"+CIPSEND: {self._prefix(n)}{_SEND_MAX}" for n in open_ones]
            if lines:
                modem.reply("\r\n".join(lines))
            return OK
        if op not in ("=", ""):
            return OK if op == "=?" else ERROR
        connection = self._numbered(args)
        if connection < 0:
            return ERROR
        if not self._connected(self._sockets[connection]):
            return cme(_NOT_ALLOWED)
        length = number(args, 0)
        if length is not None and not 0 < length <= _SEND_MAX:
            return ERROR

        def got(data):
            if data is None:
                return OK
            return wait(modem.scaled("send_ms"), lambda: self._sent(connection, data))

        return prompt(length, got)

    def _prefix(self, connection):
        return f"{connection}," if self._ip.multi else ""

    @staticmethod
    def _connected(sock):
        return sock is not None and sock.state == "CONNECTED"

    def _sent(self, connection, data):
        modem = self._modem
        sock = self._sockets[connection]
        if not self._connected(sock) or not data or modem.next_fault("send_fail"):
            modem.reply(self._line(connection, "SEND FAIL"))
            return SILENT
        modem.radio.traffic()
        peer = (sock.address, sock.port)
        modem.network.send_up(self._ip.address, sock.local_port, peer, data)
        if modem.settings["+CIPQSEND"]:
            space = modem.profile.accept_space
            modem.reply(f"DATA ACCEPT:{space}{self._prefix(connection)}{len(data)}")
        else:
            modem.reply(self._line(connection, "SEND OK"))
        return SILENT

    # Receive.

    def _drop(self, reason):
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    def receive(self, port: int, peer, data: bytes) -> None:
        """Take a datagram that the network delivers to a local port."""
        for connection, sock in enumerate(self._sockets):
            if self._connected(sock) and sock.local_port == port:
                if sock.extended or peer == (sock.address, sock.port):
                    self._modem.radio.traffic()
                    self._take(connection, sock, peer, data)
                    return
        self._drop("no socket")

    def _take(self, connection, sock, peer, data):
        modem = self._modem
        host, port = peer
        if self._manual:
            if sum([len(waiting) for waiting, _ in sock.buffer]) + len(data) > _BUFFER_MAX:
                self._drop("buffer full")
                return
            sock.buffer.append((data, peer))
            if len(sock.buffer) == 1:
                number_text = f",{connection}" if self._ip.multi else ""
                source = f",{host}:{port}" if modem.settings["+CIPSRIP"] else ""
                modem.urc(f"+CIPRXGET: 1{number_text}{source}", "tcpip")
            return
        modem.urc_bytes(self._direct(connection, host, port, len(data)) + data, "tcpip")

    def _direct(self, connection, host, port, length):
        """What stands before the data where it comes unasked."""
        settings = self._modem.settings
        source = settings["+CIPSRIP"]
        if self._ip.multi:
            text = f"+RECEIVE,{connection},{length}"
            if source:
                text += f",{host}:{port}" + (":" if self._modem.profile.receive_colon else "")
            else:
                text += ":"
            return b"\r\n" + text.encode() + b"\r\n"
        head = b""
        if source:
            head = b"\r\n" + f"RECV FROM: {host}:{port}".encode() + b"\r\n"
        if settings["+CIPHEAD"]:
            kind = ",UDP" if settings["+CIPSHOWTP"] else ""
            head += (b"" if source else b"\r\n") + f"+IPD,{length}{kind}:".encode()
        return head

    def _get(self, op, args):
        modem = self._modem
        if op == "?":
            modem.reply(f"+CIPRXGET: {self._manual}")
            return OK
        if op != "=":
            return OK if op == "=?" else ERROR
        mode = number(args, 0, -1)
        if mode in (0, 1) and len(args) == 1:
            if any([sock is not None for sock in self._sockets]):
                return cme(_NOT_ALLOWED)
            self._manual = mode
            return OK
        if mode not in (2, 3, 4) or not self._manual:
            return cme(_NOT_ALLOWED)
        del args[:1]
        connection = self._numbered(args)
        if connection < 0 or not self._sockets[connection]:
            return ERROR
        return self._read(mode, connection, number(args, 0, 0))

    def _read(self, mode, connection, wanted):
        modem = self._modem
        sock = self._sockets[connection]
        waiting = sum([len(data) for data, _ in sock.buffer])
        prefix = f"+CIPRXGET: {mode},{self._prefix(connection)}"
        if mode == 4:
            modem.reply(f"{prefix}{waiting}")
            return OK
        if not 0 < wanted <= (_SEND_MAX if mode == 2 else _SEND_MAX // 2):
            return ERROR
        if not waiting:
            modem.reply(f"{prefix}0,0")
            return OK
        taken = b""
        host, port = sock.buffer[0][1]
        while sock.buffer and len(taken) < wanted:
            data, peer = sock.buffer.pop(0)
            room = wanted - len(taken)
            taken += data[:room]
            if data[room:]:
                sock.buffer.insert(0, (data[room:], peer))
            if not self.merge:
                break
        source = f",{host}:{port}" if modem.settings["+CIPSRIP"] else ""
        head = f"\r\n{prefix}{len(taken)},{waiting - len(taken)}{source}\r\n"
        if mode == 3:
            taken = "".join([f"{byte:02X}" for byte in taken]).encode()
        modem.emit(head.encode() + taken)
        return OK
