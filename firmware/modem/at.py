"""The AT channel: one reader task owns the UART and sorts lines, prompts and payloads.

Commands queue behind one lock. What the modem says unasked goes to handlers by prefix, wherever it
appears. A boot code outside a boot ends whatever was running with ModemReset. Octets that the UART
lost cost at most the command that runs: the next one gets back into step first (`_sync`).
"""

import asyncio

from micropython import const

_LINE_MAX = const(600)
_LINES_MAX = const(40)
_PAYLOAD_MAX = const(1500)
_HEAD_MAX = const(48)  # octets of a line before those that it counts
_PAYLOAD_MS = const(2500)  # at 9600 bit/s, the slowest rate, with a margin
_PROMPT_MS = const(5000)
_PROBE_MS = const(300)
_SETTLE_MS = const(20_000)
_QUIET_MS = const(50)
_DOZE_MS = const(4000)  # a modem with AT+CSCLK=2 sleeps after 5 s of silence
_ROUSE_MS = const(120)
_IDLE_MS = const(1_200_000)  # nobody who has work for a modem pauses longer
_STUCK_MS = const(10_000)


class ModemError(Exception):
    """The modem did not do what was asked; the text names what failed and what to look at."""


class ModemReset(ModemError):
    """The modem restarted: its settings, its context and its sockets are gone."""


class Response:
    """What a command brought: `lines` before the end, and `final`, the line that ended it.

    final is "OK", "ERROR", "+CME ERROR: n", "+CMS ERROR: n", one of the endings that the command
    named, or "TIMEOUT". ok: it is "OK" or the first of the named endings.
    """

    def __init__(self, text, finals, sink):
        self.text = text
        self.finals = finals
        self.sink = sink
        self.lines = []
        self.final = ""  # while it runs
        self.ok = False

    def value(self, prefix: str) -> str | None:
        """What follows `prefix` in the first line that has it, stripped, or None."""
        for line in self.lines:
            if line.startswith(prefix):
                return line[len(prefix) :].strip()
        return None


class Channel:
    """AT commands and unsolicited codes over a UART.

    uart: `async read() -> bytes` (some octets, b"" when it is closed) and `write(bytes)`.

    now: callable, milliseconds. on_event("drop", facts): told of every drop, which `dropped`
    counts. on_reset(line): told of every restart of the modem outside a boot that is expected
    (`boot`). dozes: the modem sleeps by itself, so that a command after a silence has to begin
    with a character that wakes it.
    """

    def __init__(self, uart, now, on_event, on_reset):
        self.uart = uart
        self.now = now
        self.on_event = on_event
        self.on_reset = on_reset
        self.counted = None  # looks for counted octets that begin within a line, see `feed`
        self.dropped = {}
        self.echo_off = self.booting = self.dozes = False
        self._settled = 0
        self._handlers = []
        self._lock = asyncio.Lock()
        self._event = asyncio.Event()
        self._task = None
        self._fault: "Exception | None" = None
        self._failed = asyncio.Event()
        self._running = None
        self._prompt = False
        self._stale = False
        self._owed = 0
        self._next = None
        self._due = now()  # when the command that runs must have ended
        self._rest = b""  # an unfinished line or payload
        self._count = 0  # octets of the payload that is being received
        self._sink = on_reset  # takes it
        self._cut = 0  # when it must have come
        self._heard = 0
        self._answered = 0

    def open(self) -> None:
        """Start the reader task, once."""
        if self._task is None:
            self._task = asyncio.create_task(self._read())

    def close(self) -> None:
        """Stop the reader task; `open` starts another."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    def on(self, prefix: str, handler) -> None:
        """Give unsolicited lines that start with `prefix` to handler(line); a prefix that starts
        with a comma stands behind the number of a socket, one digit.

        The handler returns None; or False to decline the line; or a callable to take the next line
        too, which may decline it likewise; or (count, sink) when that many octets follow, which
        sink(bytes) then gets.
        """
        self._handlers.append((prefix, handler))

    def boot(self, expected: bool, settle_ms: int = _SETTLE_MS) -> None:
        """Say whether boot codes are expected: the driver starts the modem, or has finished.

        Call Ready and SMS Ready may come up to settle_ms later.
        """
        if expected and not self.booting:
            self.echo_off = False
        self.booting = expected
        self._settled = self.now() + settle_ms

    def drop(self, reason: str, detail: object = "", link=None) -> None:
        """Count something that was thrown away here, or by a link, and say so."""
        dropped = (link or self).dropped
        dropped[reason] = dropped.get(reason, 0) + 1
        name = link.binding if link else "uart"
        self.on_event("drop", {"link": name, "reason": reason, "detail": detail})

    def fail(self, error: Exception) -> None:
        """Take a programming error of a task nobody waits for: `watch` and commands raise it."""
        self._fault = error
        self._failed.set()

    async def watch(self) -> None:
        """Wait for ever, or until there is such an error; raises it."""
        await self._failed.wait()
        raise self._fault  # pyright: ignore[reportGeneralTypeIssues]

    def stuck(self, now: int, working: bool = False) -> bool:
        """Whether a command runs 10 s beyond its own time-out, the reader task has died, or
        somebody who is at work with the modem (working) has asked nothing of it for 20 min.
        """
        late_ms = now - self._due
        if self._running and late_ms > _STUCK_MS or working and late_ms > _IDLE_MS:
            return True
        return bool(self._fault or self._task and self._task.done())

    # Commands

    async def command(
        self, text: str, timeout_ms: int = 5000, finals=(), sink=None, payload=None
    ) -> Response:
        """Send one command line and wait for its end, at most timeout_ms.

        finals: further endings, as prefixes; the first is a success; "." stands for a bare IPv4
        address, and "OK" among them says that OK does not end this command. sink: called with
        each line instead of keeping it. payload: octets to send after the `> ` prompt. Returns
        the Response, also for errors and time-outs. Raises ModemReset when the modem restarts,
        and ModemError when the UART is closed.
        """
        async with self._lock:
            if self._stale and not await self._sync(3):
                response = Response(text, finals, sink)
                response.final = "TIMEOUT"
            else:
                response = await self._exchange(text, timeout_ms, finals, sink, payload)
        return response

    async def probe(self, tries: int) -> bool:
        """Whether the modem answers AT, asked at most `tries` times, 300 ms each."""
        async with self._lock:
            return await self._sync(tries)

    async def _sync(self, tries):
        """Get back into step: fill up a payload the modem may wait for, then AT until OK."""
        if self._owed:
            # ESC leaves an SMS prompt; with a counted payload it and the line ends only fill the
            # count.
            self.uart.write(b"\x1b" + b"\r" * self._owed)
            self._owed = 0
            await asyncio.sleep_ms(_QUIET_MS)
        for _ in range(tries):
            response = await self._exchange("AT", _PROBE_MS)
            if response.ok:
                if self._stale:
                    await asyncio.sleep_ms(_QUIET_MS)  # the end of an older command may still come
                self._stale = False
                return True
        return False

    async def _exchange(self, text, timeout_ms, finals=(), sink=None, payload=None):
        if self._fault is not None:
            raise self._fault
        # What a dozing modem says unasked does not wake its ear.
        if self.dozes and self.now() - self._answered >= _DOZE_MS:
            self.uart.write(b"\r")
            await asyncio.sleep_ms(_ROUSE_MS)
        response = Response(text, finals, sink)
        self._running = response
        self._event.clear()
        was_stale = self._stale
        self._stale = True  # until its own end is seen, also when this task is cancelled
        wait_ms = timeout_ms
        self._owed = 0
        if payload:
            self._prompt = True
            self._owed = len(payload)
            wait_ms = _PROMPT_MS
        self._due = self.now() + wait_ms + timeout_ms
        try:
            self.uart.write(text.encode() + b"\r")
            while not response.final:
                await asyncio.wait_for_ms(self._event.wait(), wait_ms)
                self._event.clear()
                if not response.final:
                    self.uart.write(payload)
                    wait_ms = timeout_ms
        except asyncio.TimeoutError:
            response.final = "TIMEOUT"
            return response
        finally:
            self._running = None
            self._prompt = False
        self._answered = self.now()
        final = response.final
        if final == "RESET":
            self._stale = False
            self._owed = 0
            raise ModemReset("modem: restarted during " + text[:8])
        if final == "CLOSED":
            raise self._fault or ModemError(final)
        # An unsolicited ending may be followed by the command's own, or by its prompt.
        self._stale = final[:4] == "+PDP" or (text == "AT" and was_stale)
        if not self._stale:
            self._owed = 0
        return response

    def _finish(self, final):
        running = self._running
        if running and not running.final:
            running.final = final
            running.ok = final == "OK" or bool(
                running.finals and final.startswith(running.finals[0])
            )
            self._event.set()

    # Reader

    async def _read(self):
        try:
            while True:
                data = await self.uart.read()
                if not data:
                    self._fault = ModemError("modem: UART closed")
                    return
                self.feed(data)
                await asyncio.sleep_ms(0)  # noise without end leaves the others their turns
        except Exception as error:
            self.fail(error)
        finally:
            self._finish("CLOSED")

    def feed(self, data: bytes) -> None:
        """Take in octets from the UART, in pieces of any size.

        counted(start of a line), where it is set, returns None; or how many octets of the line
        stand before counted ones, and (count, sink) as handlers do.
        """
        now = self._heard = self.now()
        if self._count and now > self._cut:
            # Octets were lost, and what follows the payload must not fill it up for ever.
            self.drop("payload_cut", self._count)
            self._count = 0
            self._rest = b""
        if self._rest:
            data = self._rest + data
        at = 0
        while True:
            if self._count:
                end = at + self._count
                if end > len(data):
                    break
                self._count = 0
                self._sink(data[at:end])
                at = end
                continue
            head = self.counted and self.counted(data[at : at + _HEAD_MAX])
            if head:
                at += head[0]
                self._expect(head[1])
                continue
            end = data.find(b"\n", at)
            if end < 0:
                break
            line = data[at:end].strip(b"\r \0\xff")
            at = end + 1
            if len(line) > _LINE_MAX:
                self.drop("line_too_long")
                continue
            if line and (min(line) < 32 or max(line) > 126):
                self.drop("garbage")
                line = bytes([octet for octet in line if 32 <= octet < 127])
            if self._prompt and line == b">":
                self._prompt = False
                self._event.set()
            elif line:
                self._take(line.decode())
        data = data[at:]
        if not self._count:
            # The prompt has no line end; a stray octet may come before it.
            if self._prompt and (data == b">" or data[-2:] == b"> " and len(data) < 5):
                self._prompt = False
                self._event.set()
                data = b""
            elif len(data) > _LINE_MAX:
                self.drop("line_too_long")
                data = b""
        self._rest = data

    def _take(self, line):
        following = self._next
        if following:
            self._next = None
            if following(line) is not False:
                return
        running = self._running
        if running and not running.final:
            if line == running.text:
                if self.echo_off:
                    self._restart("echo")  # one that echoes again has restarted without a word
                return
        else:
            running = None
        if line[1:3] == ", ":
            line = line[0] + "," + line[3:]
        consumed = self._unsolicited(line)
        if running:
            for final in running.finals:
                if line.startswith(final) or final == "." and line.count(".") == 3:
                    if final != "OK":
                        self._finish(line)
                    return
        # What a restart says; the last two may come long after a boot, too.
        if ",%s," % line in (
            ",RDY,+CFUN: 1,NORMAL POWER DOWN,UNDER-VOLTAGE POWER DOWN,OVER-VOLTAGE POWER DOWN,"
            "Call Ready,SMS Ready,"
        ):
            late = line[-5:] == "Ready"
            if not self.booting and (not late or self.now() > self._settled):
                self._restart(line)
        elif running and not consumed:
            self._answer(running, line)

    def _answer(self, running, line):
        if line in ("OK", "ERROR") or line[:3] == "+CM" and line[4:11] == " ERROR:":
            self._finish(line)
        elif running.sink:
            running.sink(line)
        elif len(running.lines) < _LINES_MAX:
            running.lines.append(line)
        else:
            self.drop("lines")

    def _unsolicited(self, line):
        for prefix, handler in self._handlers:
            if line.startswith(prefix, prefix[0] == ","):
                result = handler(line)
                if result is False:
                    continue
                if not isinstance(result, tuple):
                    self._next = result
                else:
                    self._expect(result)
                return True
        return False

    def _expect(self, payload):
        if 0 < payload[0] <= _PAYLOAD_MAX:
            self._count, self._sink = payload
            self._cut = self.now() + _PAYLOAD_MS
        else:
            self.drop("payload_length", payload[0])

    def _restart(self, line):
        self._next = None
        self.echo_off = False
        self._finish("RESET")
        self.on_reset(line)
