"""The main job, played and checked: `make demo`.

A sensor registers through a virtual SIM800 or SIM7000, goes to deep sleep behind a NAT, and is
woken by a text message when the server has something to ask. Every step is observed where it
happens — in the firmware, the modem, the network and the server — and one that is not observed
ends the demo with exit code 1. Nothing here sends anything beyond this machine's loopback.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from tools import build
from tools.board import HEAP_K
from tools.cli import Parser, number
from tools.console import on_interrupt
from tools.device import Bench, config
from tools.server import LwM2mServer
from tools.timeline import Timeline

_ENDPOINT = "sensor-1"
_TEMPERATURE = "/3303/0/5700"
_CELSIUS = 21.5
_SENSOR_NUMBER = "+447700900456"  # numbers from the range reserved for fiction
_SERVER_NUMBER = "+447700900123"
# So that a day's work fits less than half a minute: the sensor stays awake for 2 s instead of 93,
# the NAT forgets a silent sensor after 3 s instead of a minute, and the modem boots and finds its
# network ten times as fast. Of what is left, 4 s are the firmware's search for a modem that is off
# and its power key.
_AWAKE_S = 2
_NAT_TIMEOUT_S = 3
_MODEM_SPEED = 10.0
_STEP_TIMEOUT_S = 15


class NotObserved(Exception):
    """A step of the demo was not seen in time."""


class Record:
    """Every event of every part, in order; waits for the one that a step is about."""

    def __init__(self, timeline: Timeline):
        self.events = []
        self._timeline = timeline
        self._news = asyncio.Event()

    def add(self, lane: str, name: str, facts: dict) -> None:
        """Note an event, and show it where it says something to a person."""
        self.events.append(
            {
                "t": round(time.monotonic() - self._timeline.started, 3),
                "part": lane,
                "event": name,
                "facts": facts,
            }
        )
        text = _text(lane, name, facts)
        if text:
            self._timeline.event(lane, text)
        self._news.set()

    async def seen(self, what: str, lane: str, name: str, since: int = 0, **facts) -> int:
        """Wait for an event with these facts at or behind position `since`; return its position.

        Raises NotObserved, which names `what`, when it does not come in time.
        """
        end = time.monotonic() + _STEP_TIMEOUT_S
        while True:
            for index in range(since, len(self.events)):
                event = self.events[index]
                if (event["part"], event["event"]) == (lane, name) and all(
                    event["facts"].get(key) == value for key, value in facts.items()
                ):
                    return index
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), end - time.monotonic())
            except asyncio.TimeoutError:
                raise NotObserved(what) from None

    def count(self, lane: str, name: str, since: int = 0) -> int:
        """Return how often an event happened at or behind position `since`."""
        return sum(
            (event["part"], event["event"]) == (lane, name) for event in self.events[since:]
        )


_TEXTS = {
    ("device", "booted"): lambda f: "boots: RI is low" if f["woken"] == "pin" else "boots",
    ("device", "attached"): lambda f: "attached",
    ("device", "registering"): lambda f: "Register",
    ("device", "registered"): lambda f: f"got {f['location']}",
    ("device", "sms"): lambda f: f"SMS: {f['bytes']} B",
    ("device", "trigger"): lambda f: "trigger: known",
    ("device", "updating"): lambda f: "Update",
    ("device", "updated"): lambda f: "updated",
    ("device", "request"): lambda f: f"answers {f['code']}",
    ("device", "sleeping"): lambda f: f"retains {f['retained']} B",
    ("device", "halted"): lambda f: "process ended",
    ("device", "error"): lambda f: f"error: {f['reason']}",
    ("device", "output"): lambda f: f["line"],
    ("modem", "modem_boot"): lambda f: "boots",
    ("modem", "modem_ready"): lambda f: "answers AT",
    ("modem", "registered_cell"): lambda f: f"on {f['technology']}",
    ("modem", "modem_asleep"): lambda f: "asleep",
    ("modem", "ri"): lambda f: "RI low",
    ("modem", "modem_awake"): lambda f: "awake",
    ("network", "context_up"): lambda f: f"gives {f['address']}",
    ("network", "nat_open"): lambda f: f"NAT opens {f['public'][1]}",
    ("network", "nat_expired"): lambda f: f"NAT shuts {f['public'][1]}",
    ("network", "nat_drop"): lambda f: f"NAT drops {f['bytes']} B",
    ("network", "udp_up"): lambda f: f"UDP up {f['bytes']} B",
    ("network", "udp_down"): lambda f: f"UDP down {f['bytes']} B",
    ("network", "sms_deliver"): lambda f: "SMS delivered",
    ("network", "sms_submit"): lambda f: "SMS sent back",
    ("server", "listening"): lambda f: f"on port {f['port']}",
    ("server", "registered"): lambda f: f"{f['endpoint']} :{_port(f)}",
    ("server", "updated"): lambda f: f"now at :{_port(f)}",
    ("server", "queued"): lambda f: "read is queued",
    ("server", "direct_sent"): lambda f: "tries directly",
    ("server", "direct_lost"): lambda f: "no answer",
    ("server", "trigger_sent"): lambda f: "sends trigger SMS",
    ("server", "trigger_reply"): lambda f: f"SMS says {f['code']}",
    ("server", "sending"): lambda f: "reads /3303/0/5700",
    ("server", "response"): lambda f: f"{f['code']}: {f['value']}",
}


def _port(facts):
    return facts["address"].rsplit(":", 1)[1]


def _text(lane, name, facts):
    maker = _TEXTS.get((lane, name))
    return maker(facts) if maker else None


class Demo:
    """One performance: server, network, modem and board, and what was seen of them."""

    def __init__(self, options, timeline: Timeline):
        self._options = options
        self._timeline = timeline
        self._record = Record(timeline)
        self._steps = []
        self._bench = self._server = self._answer = None

    async def play(self) -> dict:
        """Play every step; return the summary. Raises NotObserved at the first one missing."""
        try:
            await self._start()
            await self._register()
            await self._ask()
            await self._trigger()
            await self._serve()
            return self.summary()
        finally:
            if self._answer:
                self._answer.cancel()
            if self._bench:
                await self._bench.stop()
            if self._server:
                await self._server.close()

    def _site(self, port):
        options = self._options
        return config.check(
            {
                "endpoint": _ENDPOINT,
                "version": options.version,
                "link": options.modem,
                "sms_number": _SENSOR_NUMBER,
                "log": "json",
                "modem": {"apn": "internet"},
                "servers": [
                    {
                        "uri": f"coap://127.0.0.1:{port}",
                        # In 1.0 only UQS lets a server send requests by SMS.
                        "binding": "US" if options.version == "1.0" else "U",
                        "queue": True,
                        "sms_number": _SERVER_NUMBER,
                        "awake_time_s": _AWAKE_S,
                    }
                ],
                "objects": [{"object": 3303, "units": "Cel", "value": _CELSIUS}],
            }
        )

    def _happened(self, source, name, facts):
        lane = "device" if source == "bench" else source
        if source == "modem" and name in ("sms_deliver", "sms_submit"):
            lane = "network"
        self._record.add(lane, name, facts)

    async def _send_sms(self, number, user_data, dcs, udh):
        self._bench.network.sms.send(_SERVER_NUMBER, number, user_data, dcs, udh)

    async def _start(self):
        options = self._options
        self._heading("1. The server, the network, the modem and the board start")
        self._server = LwM2mServer(
            "127.0.0.1",
            0,
            on_event=lambda name, facts: self._record.add("server", name, facts),
            awake_s=_AWAKE_S,
            send_sms=self._send_sms,
            default_version="draft" if options.version == "draft" else "1.0",
        )
        _, port = await self._server.start()
        self._bench = Bench(
            self._site(port),
            self._happened,
            options.runtime,
            nat_timeout_s=_NAT_TIMEOUT_S,
            modem_speed=_MODEM_SPEED,
            sim_number=_SENSOR_NUMBER,
            heap_k=options.heap,
        )
        self._bench.network.sms.listen(
            _SERVER_NUMBER, lambda sender, data, dcs, udh, pid: self._server.on_sms(sender, data)
        )
        await self._bench.start()
        await self._seen("the firmware boots", "device", "booted", cause="power_on")
        await self._seen("the modem answers", "modem", "modem_ready")
        self._done("started")

    async def _register(self):
        self._heading("2. The sensor registers over UDP, and goes to deep sleep")
        await self._seen("the modem is attached", "device", "attached")
        at = await self._seen(
            "the server has the registration",
            "server",
            "registered",
            endpoint=_ENDPOINT,
            queue_mode=True,
        )
        number = self._record.events[at]["facts"]["sms_number"]
        self._check("the registration carries the SMS number", number == _SENSOR_NUMBER[1:])
        await self._seen("the client sleeps", "device", "asleep", at)
        await self._seen("the modem sleeps", "modem", "modem_asleep", at)
        await self._seen("the board is in deep sleep", "device", "halted", at, kind="deepsleep")
        self._check("the firmware's process has ended", not self._bench.board.running)
        await self._seen("the NAT has forgotten the sensor", "network", "nat_expired", at)
        self._done("registered and asleep")

    async def _ask(self):
        self._heading("3. The operator reads the temperature; no datagram can reach the sensor")
        since = len(self._record.events)
        self._answer = asyncio.ensure_future(self._server.read(_ENDPOINT, _TEMPERATURE))
        await self._seen("the server queues the read", "server", "queued", since)
        reply = await self._server.read_directly(_ENDPOINT, _TEMPERATURE, wait_s=1)
        self._check("a direct datagram is unanswered", reply is None)
        await self._seen("the NAT drops a direct datagram", "network", "nat_drop", since)
        self._check("the board sleeps on", not self._bench.board.running)
        self._done("queued; a direct datagram was dropped")

    async def _trigger(self):
        self._heading("4. A text message wakes the sensor")
        since = len(self._record.events)
        await self._server.trigger(_ENDPOINT)
        await self._seen("the SMS is delivered", "network", "sms_deliver", since)
        await self._seen("RI wakes the board", "device", "woken", since, by="pin")
        await self._seen(
            "the firmware starts again",
            "device",
            "booted",
            since,
            cause="deep_sleep",
            woken="pin",
            clean=False,
        )
        await self._seen("the SMS is read, its sender known", "device", "trigger", since)
        at = await self._seen("the registration is updated", "server", "updated", since)
        facts = self._record.events[at]["facts"]
        self._check("from another port of the NAT", facts["address"] != facts["previous_address"])
        self._check("with no new Register", self._record.count("server", "registered") == 1)
        self._done("woken by SMS, registration updated")

    async def _serve(self):
        self._heading("5. The server empties its queue; the sensor sleeps again")
        try:
            result = await asyncio.wait_for(self._answer, _STEP_TIMEOUT_S)
        except asyncio.TimeoutError:
            raise NotObserved("the temperature arrives") from None
        self._check("the temperature arrives", result.code == "2.05" and result.value == _CELSIUS)
        at = await self._seen(
            "the firmware served the read", "device", "request", path=_TEMPERATURE
        )
        await self._seen(
            "the board is in deep sleep again", "device", "halted", at, kind="deepsleep"
        )
        self._check("the firmware's process has ended", not self._bench.board.running)
        self._done(f"{_CELSIUS} Cel arrived; asleep again")

    def _heading(self, text):
        self._timeline.heading(text)

    async def _seen(self, what, lane, name, since=0, **facts):
        return await self._record.seen(what, lane, name, since, **facts)

    def _check(self, what, holds):
        if not holds:
            raise NotObserved(what)

    def _done(self, text):
        self._steps.append(text)

    def summary(self) -> dict:
        """Return what was seen so far, as data."""
        events = self._record.events
        count = self._record.count
        sms = [event for event in events if event["event"] in ("sms_deliver", "sms_submit")]
        counters = dict(self._bench.network.counters) if self._bench else {}
        return {
            "version": self._options.version,
            "modem": self._options.modem,
            "runtime": self._options.runtime,
            "steps": self._steps,
            "seconds": round(time.monotonic() - self._timeline.started, 1),
            "udp_up": count("network", "udp_up"),
            "udp_down": count("network", "udp_down"),
            "udp_bytes": counters.get("up_bytes", 0) + counters.get("down_bytes", 0),
            "bytes_on_air": counters.get("bytes_on_air", 0),
            "sms_to_sensor": sum(event["event"] == "sms_deliver" for event in sms),
            "sms_from_sensor": sum(event["event"] == "sms_submit" for event in sms),
            "at_commands": count("modem", "at"),
            "boots": self._bench.board.boots if self._bench else 0,
            "awake_s": round(self._bench.board.awake_ms / 1000, 1) if self._bench else 0,
            "woken_by": [event["facts"]["by"] for event in events if event["event"] == "woken"],
            "events": events,
        }


def _print_summary(timeline, summary):
    rows = (
        (
            "UDP",
            f"{summary['udp_up']} datagrams up, {summary['udp_down']} down; "
            f"{summary['udp_bytes']} B of CoAP, {summary['bytes_on_air']} B with UDP/IP",
        ),
        ("SMS", f"{summary['sms_to_sensor']} to the sensor, {summary['sms_from_sensor']} from it"),
        ("AT commands", str(summary["at_commands"])),
        (
            "Awake",
            f"{summary['awake_s']} s of {summary['seconds']} s, in {summary['boots']} boots",
        ),
        ("Woken by", ", ".join({"pin": "SMS (RI)"}.get(by, by) for by in summary["woken_by"])),
    )
    timeline.heading("Summary")
    for name, text in rows:
        timeline.console.print(f"  {name:<12} {text}", no_wrap=True, crop=False)


def _parser():
    parser = Parser(
        prog="python -m tools.demo",
        description="Plays the main job: a text message wakes a sleeping sensor.",
    )
    parser.add_argument("--modem", choices=("sim7000", "sim800", "sim7080"), default="sim7000")
    parser.add_argument("--runtime", choices=("micropython", "cpython"), default="micropython")
    parser.add_argument(
        "--version",
        choices=("draft", "1.0", "1.1", "1.2"),
        default="1.1",
        help="of the LwM2M enabler (default 1.1)",
    )
    parser.add_argument(
        "--heap",
        type=number(int, 16, 1 << 20),
        default=HEAP_K,
        metavar="KIB",
        help=f"MicroPython's heap (default {HEAP_K})",
    )
    parser.add_argument("--json", metavar="FILE", help="write what was seen as data")
    return parser


async def _play(options, timeline):
    demo = Demo(options, timeline)
    playing = asyncio.current_task()
    on_interrupt(playing.cancel)
    try:
        return await demo.play(), None
    except NotObserved as missing:
        return demo.summary(), str(missing)


def main(arguments=None) -> int:
    """Play the demo; return 0 only if every step was observed."""
    options = _parser().parse_args(arguments)
    if options.json:
        try:
            open(options.json, "a").close()  # what cannot be written is said before the play
        except OSError as error:
            print(f"--json: {options.json}: {error.strerror}", file=sys.stderr)
            return 2
    try:
        if options.runtime == "micropython":
            build.build()  # before the clock of the play runs
    except (build.BuildError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    timeline = Timeline()
    where = (
        f"MicroPython, {options.heap} KiB heap" if options.runtime == "micropython" else "CPython"
    )
    timeline.console.print(
        f"Nudge: LwM2M {options.version} on a virtual "
        f"{options.modem.upper()}; firmware on {where}",
        style="bold",
    )
    timeline.header()
    try:
        summary, missing = asyncio.run(_play(options, timeline))
    except asyncio.CancelledError:
        print("interrupted", file=sys.stderr)
        return 130
    except (build.BuildError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    if options.json:
        Path(options.json).write_text(json.dumps(summary, indent=1, default=str) + "\n")
    if missing:
        timeline.console.print(f"NOT OBSERVED: {missing}", style="bold red")
        return 1
    _print_summary(timeline, summary)
    timeline.console.print("Every step was observed.", style="bold green")
    return 0


if __name__ == "__main__":
    sys.exit(main())
