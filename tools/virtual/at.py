"""The command line: bytes of the host become commands, their results become bytes.

AT Command Manuals, chapter 1: echo, line length, several commands joined by `;`, result codes.
A handler is called as handler(op, args): op is "" (execution), "?" (read), "=?" (test) or "="
(write, args a list of strings without quotes, None where left out).  It returns OK, ERROR, SILENT
(no result code: it answered in its own way), HANG (no result ever: a reset comes) or what cme(),
cms(), wait() and prompt() make.
"""

OK = ("ok",)
ERROR = ("error",)
SILENT = ("silent",)
HANG = ("hang",)

_LINE_MAX = 556
_PENDING_MAX = 2048
_CTRL_Z = 0x1A
_ESCAPE = 0x1B

CME_TEXTS = {
    3: "operation not allowed",
    4: "operation not supported",
    10: "SIM not inserted",
    11: "SIM PIN required",
    12: "SIM PUK required",
    13: "SIM failure",
    14: "SIM busy",
    16: "incorrect password",
    30: "no network service",
    100: "unknown",
    148: "unspecified GPRS error",
    765: "invalid input value",
    767: "operation failed",
}


def cme(code: int) -> tuple:
    """The result +CME ERROR: code; how it reads follows AT+CMEE."""
    return ("cme", code)


def cms(code: int) -> tuple:
    """The result +CMS ERROR: code."""
    return ("cms", code)


def wait(ms: int, then) -> tuple:
    """Work for `ms` milliseconds; then() returns the result."""
    return ("wait", ms, then)


def prompt(length, then, text="> ", limit_ms=None) -> tuple:
    """Ask for data with `> `, or another text: `length` bytes, or None = up to Ctrl-Z.

    then(data) returns the result; data is None where the host cancelled with ESC, or was not done
    after limit_ms.
    """
    return ("prompt", length, then, text, limit_ms)


def split(text: str, separator: str) -> list:
    """Split at a separator that is not between quotes."""
    parts = []
    quoted = False
    start = 0
    for index, character in enumerate(text):
        if character == '"':
            quoted = not quoted
        elif character == separator and not quoted:
            parts.append(text[start:index])
            start = index + 1
    parts.append(text[start:])
    return parts


def arguments(text: str) -> list:
    """Return the arguments of a write command, unquoted; None where one is left out."""
    return [part.strip().strip('"') or None for part in split(text, ",")]


def number(args: list, index: int, default=None) -> "int | None":
    """Return argument `index` as an integer; `default` where missing, -1 where it is no number."""
    if index >= len(args) or args[index] is None:
        return default
    return int(args[index]) if args[index].isdigit() else -1


class CommandLine:
    """Reads the host's bytes for one modem and runs its commands, one line at a time."""

    def __init__(self, modem):
        self.commands = {}  # name in capitals, "+CMEE" or "E" -> handler
        self._modem = modem
        self.reset()

    def reset(self) -> None:
        """Forget a half line, a running command and a prompt."""
        self._input = bytearray()
        self._pending = bytearray()  # what came while a command ran
        self._too_long = False
        self._queue = []
        self._data_length = None
        self._data_then = None
        self.running = False
        self.prompting = False
        self.synchronised = False
        self.informed = False  # an information line of the command that runs has gone out
        self._cut = self._cut_at = 0  # bytes of the data after `> ` that are lost, and from where

    def receive(self, data: bytes) -> None:
        """Take bytes of the host."""
        for index in range(len(data)):
            if self.running and not self.prompting:
                self._pending.extend(data[index : index + _PENDING_MAX - len(self._pending)])
                self._modem.count("overlaps")
                break
            self._byte(data[index])
        self._modem.uart.flush()

    def _byte(self, byte):
        modem = self._modem
        if self.prompting:
            self._data_byte(byte)
            return
        if not self.synchronised and not self._synchronise(byte):
            return
        if byte == 0x0D:
            modem.echo(b"\r")
            self._line()
        elif byte == 0x0A:
            if self._input:
                modem.echo(b"\n")
        elif byte == 8:
            modem.echo(b"\x08")
            self._input = self._input[:-1]
        elif len(self._input) >= _LINE_MAX:
            self._too_long = True
        else:
            modem.echo(bytes((byte,)))
            self._input.append(byte)

    def _synchronise(self, byte):
        """Auto-baud: nothing is seen before an A and a T."""
        if self._modem.fixed_rate():
            self.synchronised = True
            return True
        if byte in b"Aa":
            self._input[:] = bytes((byte,))
        elif byte in b"Tt" and self._input:
            self.synchronised = True
            self._modem.synchronised()
            self._modem.echo(bytes(self._input))
            return True
        else:
            self._input[:] = b""
        return False

    def _line(self):
        line = bytes(self._input).strip()
        self._input[:] = b""
        too_long, self._too_long = self._too_long, False
        if not too_long and line[:2].upper() != b"AT":
            return  # not a command line: no answer, as noise has none
        self._modem.count("commands")
        text = _text(line[2:])
        shown = "+CPIN=…" if text.upper().startswith("+CPIN=") else text
        self._modem.event("at", {"command": "AT" + shown})
        self._modem.power.silent = False
        self._queue = _commands(text)
        self.running = True
        self.informed = False
        self._last = OK
        self._later(self._begin, text, too_long)

    def _later(self, step, *args):
        self._modem.later(self._modem.profile.response_ms, step, *args)

    def _begin(self, text, too_long):
        faults = self._modem.faults
        faults.reached("echo")
        answer = faults.answer("AT" + text)
        if answer is not None:
            self._modem.reply(answer)
            self._finish(SILENT)
        elif faults.next("no_answer"):
            self._finish(SILENT)
        elif too_long or faults.next("error"):
            self._finish(ERROR)
        else:
            self._next()

    def _next(self):
        if not self._queue:
            self._finish(self._last)
            return
        name, op, text = self._queue.pop(0)
        handler = self.commands.get(name)
        if handler is None:
            self._finish(ERROR)
            return
        self._take(handler(op, arguments(text) if op == "=" else []))

    def _take(self, result):
        kind = result[0]
        if kind in ("ok", "silent"):
            self._last = result
            self._next()
        elif kind == "wait":
            self._modem.later(result[1], self._after, result[2])
        elif kind == "prompt":
            if self._modem.next_fault("no_data"):
                self._finish(ERROR)
                return
            late_ms = self._modem.faults.value("prompt_ms", 0)
            if late_ms:
                self._modem.later(late_ms, self._prompt, result)
            else:
                self._prompt(result)
        elif kind != "hang":
            self._finish(result)

    def _prompt(self, result):
        modem = self._modem
        self._data_length, self._data_then = result[1], result[2]
        self._input[:] = b""
        modem.faults.reached("before_prompt")
        self.prompting = True
        self._cut = modem.faults.once("cut") or 0
        self._cut_at = max(0, (self._data_length or 0) - self._cut)
        if not modem.next_fault("no_prompt"):
            bare = modem.faults.value("prompt") == "bare"
            modem.emit(b"\r\n" + (">" if bare else result[3]).encode())
        if result[4]:
            modem.later(result[4], self._too_late, result[2])
        modem.faults.reached("prompt")
        self._take_pending()  # of a host that did not wait for it

    def _too_late(self, then):
        if self.prompting and self._data_then is then:
            self._data_done(None)

    def _after(self, then):
        self._take(then())

    def _data_byte(self, byte):
        modem = self._modem
        modem.echo(bytes((byte,)))
        if self._data_length is None:
            if byte == _ESCAPE:
                self._data_done(None)
            elif byte == _CTRL_Z:
                if self._cut:
                    self._cut = 0
                else:
                    self._data_done(bytes(self._input))
            elif len(self._input) < 2048:
                self._input.append(byte)
            return
        if self._cut and len(self._input) >= self._cut_at:
            self._cut -= 1
            return
        self._input.append(byte)
        if len(self._input) == self._data_length:
            self._data_done(bytes(self._input))

    def _data_done(self, data):
        self._input[:] = b""
        self.prompting = False
        self._modem.release_urcs()
        self._modem.faults.reached("data")
        self._take(self._data_then(data))

    def _finish(self, result):
        late_ms = self._modem.faults.value("answer_ms", 0)
        if late_ms:
            self._modem.later(late_ms, self._end, result)
        else:
            self._end(result)

    def _end(self, result):
        modem = self._modem
        kind = result[0]
        if self.informed and kind != "silent":
            modem.faults.reached("info")
        if kind == "ok":
            modem.reply("OK")
        elif kind == "cms":
            modem.reply(f"+CMS ERROR: {result[1]}")
        elif kind == "cme":
            mode = modem.settings["+CMEE"]
            if mode == 0:
                modem.reply("ERROR")
            else:
                code = result[1]
                modem.reply(f"+CME ERROR: {code if mode == 1 else CME_TEXTS.get(code, code)}")
        elif kind == "error":
            modem.reply("ERROR")
        self.running = False
        self._queue = []
        modem.faults.reached("ok")
        self._take_pending()

    def _take_pending(self):
        if self._pending:
            pending, self._pending = self._pending, bytearray()
            self.receive(pending)


def _text(line):
    """A command line as text; noise becomes a character that ends every command in an error."""
    clean = bytearray(line)
    for index, byte in enumerate(clean):
        if not 32 <= byte < 127:
            clean[index] = 0x7E
    return bytes(clean).decode()


def _commands(text):
    """Return [(name, op, argument text)] of a command line without its AT."""
    found = []
    for part in split(text, ";"):
        part = part.strip()
        while part:
            if not (part[0].isalpha() or part[0] == "&"):
                found.append(_extended(part))
                break
            # Basic commands are a letter or &letter and digits, one after the other.
            end = 2 if part[0] == "&" else 1
            name = part[:end].upper()
            while end < len(part) and part[end].isdigit():
                end += 1
            op = "=" if end > len(name) else ""
            found.append((name, op, part[len(name) : end]))
            part = part[end:].strip()
    return found


def _extended(part):
    for index, character in enumerate(part):
        if character == "=":
            name, rest = part[:index].strip().upper(), part[index + 1 :]
            return (name, "=?", "") if rest.strip() == "?" else (name, "=", rest)
        if character == "?":
            return part[:index].strip().upper(), "?", ""
    return part.upper(), "", ""
