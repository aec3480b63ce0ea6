"""A live board at its prompt: what a person types there (boards/REPL.md).

    from node.repl import *

Nothing loads this but that. The node works while one of the functions runs and stands still at the
prompt between two of them; the modem goes on. Its sleep and its watchdog are left out: what is at
the prompt has a day from the import. Ctrl-C ends a function, and the node stays as it was, unless
it was caught in the middle of a step.
"""

import asyncio
import gc
import io
import json
import sys

from lwm2m.queue import earlier
from micropython import const

from node import boot, hw, retained
from node.lean import forget
from node.log import Log

_SITE = "site.json"
_MEANT = const(0x40)  # bit of `crashes`, see node/crash.py
_LOOK_MS = const(50)
_MEASURE_S = const(8)
_START_S = const(30)  # for an IMEI where site.json has no endpoint
_END_S = const(30)  # for what a search of a position has to switch off
_MODEM_STATES = ("off", "ready", "attached")
_ENDS = {  # commands that end in another way than by OK
    "AT+CIFSR": (".",),
    "AT+CIPSHUT": ("SHUT OK",),
    "AT+CPOWD=1": ("NORMAL POWER DOWN",),
}
_MAP = """\
start()          start the node, without sleep; start(False): without app.py
run(60)          let it work for 60 s and tell what happens; Ctrl-C ends that
state()          servers, modem, signal, battery, memory, what is due
update()         send an Update and tell what came of it
at("AT+CSQ")     send an AT command, print the answer; at(..., 60): wait 60 s
position()       search for a position by GNSS, up to 180 s
read("/3/0/9")   a value; do("set", path="/3303/0/5700", value=21): a command
stop()           end the node's run; the modem is left as it is
reboot()         restart the chip, which then works by itself again
help()           this map"""

_node = None
_seen = []  # names of the events since the function was called


class _Log(Log):
    """The node's log as a person reads it."""

    def event(self, name, facts):
        super().event(name, facts)
        _seen.append(name)


def help(thing=None) -> None:
    """Print the map."""
    print(_MAP)


def start(app: bool = True, seconds: int = 120) -> None:
    """Start the node, anew where it runs, and wait until it is registered; app: with app.py."""
    if _begin(app):
        _drive(_until(("registered", "updated"), seconds))


def run(seconds: int = 60) -> None:
    """Let the node work."""
    if _running():
        _drive(_until((), seconds))


def state() -> None:
    """Print what a person wants to know, in lines of 80 columns at most."""
    if _running():
        _drive(_state(_node))


def update(seconds: int = 60) -> None:
    """Send an Update to every server, and wait for what comes of it."""
    if _running():
        _drive(_update(_node, seconds))


def at(text: str, seconds: int = 10) -> None:
    """Send an AT command when the modem has answered the one before, and print the answer."""
    if _running():
        _drive(_at(_node, text, seconds))


def position(seconds: int = 180) -> None:
    """Search for a position."""
    if _running():
        _drive(_position(_node, seconds))


def read(path: str) -> None:
    """Print the value at a path."""
    do("get", path=path)


def do(what: str, **more) -> None:
    """Carry out a command of node/console.py."""
    if _running():
        more["do"] = what
        _drive(_do(_node, json.dumps(more)))


def stop() -> None:
    """End the node's run."""
    global _node
    _node = None
    # The loop has the tasks of that run, or of main.py's, which the interrupt has not ended.
    asyncio.new_event_loop()
    gc.collect()


def reboot() -> None:
    """Restart the chip, for which the next start takes it neither for a crash nor for anew."""
    record = retained.unpack(hw.load_memory())
    if record:
        record = list(record)
        record[2] |= _MEANT
        hw.store_memory(retained.pack(*record))
    hw.restart()


# How it works


def _running():
    """Return whether there is a node, which is begun where there is none."""
    return bool(_node) or _begin(True)


def _begin(app):
    global _node
    stop()
    from node.prepare import application, prepare

    node = prepare(_SITE)
    if node is None:
        return False
    hw.reset_cause = _soft  # a run that is begun at the prompt is none that a crash has ended
    hw.wake_reason = _nothing
    node.site["sleep"] = "none"
    node.site["watchdog_s"] = 0
    node.log = _Log("text", node.clock.now)
    _node = node
    asyncio.get_event_loop().create_task(_live(node, application if app else None))
    return True


def _soft():
    return "soft"


def _nothing():
    return None


async def _live(node, application):
    try:
        await node.run(application)
    except Exception as error:
        sys.print_exception(error)  # pyright: ignore[reportAttributeAccessIssue]  of MicroPython
        print("the node has ended; start() begins anew, start(False) without app.py")
        _ended(node)


def _ended(node):
    global _node
    node.close()
    if _node is node:
        _node = None


def _drive(work):
    """Run a coroutine to its end, with the node beside it; what goes wrong takes one line."""
    del _seen[:]
    loop = asyncio.get_event_loop()
    task = loop.create_task(work)
    try:
        loop.run_until_complete(task)
    except KeyboardInterrupt as error:
        _interrupted(loop, task, error)
    except Exception as error:
        print("%s: %s" % (error.__class__.__name__, error))


def _interrupted(loop, task, error):
    """Leave the node intact where the interrupt has met a loop that waits."""
    text = io.StringIO()  # whose type the stubs do not have as MicroPython's
    sys.print_exception(error, text)  # pyright: ignore
    if "wait_io_event" in text.getvalue():  # pyright: ignore
        try:
            loop.run_until_complete(_cancelled(task))
            print("interrupted")
            return
        except KeyboardInterrupt:
            pass
    stop()
    print("interrupted in the middle of a step; the next function starts the node anew")


async def _cancelled(task):
    task.cancel()
    try:
        await asyncio.wait_for(task, _END_S)
    except (asyncio.CancelledError, asyncio.TimeoutError):
        pass


async def _until(names, seconds):
    """Wait until an event of one of these names, which the log prints; say where none came.

    A node that has ended is waited for no longer.
    """
    node = _node
    left_ms = int(seconds * 1000)
    while _node is node and not any([name in _seen for name in names]):
        if left_ms <= 0:
            if names:
                print("nothing within %d s; run() goes on" % seconds)
            return
        await asyncio.sleep_ms(_LOOK_MS)
        left_ms -= _LOOK_MS


async def _ready(node, part, seconds=_START_S):
    """Return node.bearer or node.client as soon as it is there, None where it is not soon."""
    for _ in range(min(seconds, _START_S) * 1000 // _LOOK_MS):
        found = getattr(node, part)
        if found or _node is not node:
            return found
        await asyncio.sleep_ms(_LOOK_MS)
    print("the node is still starting; see run()")
    return None


async def _modem_of(node):
    bearer = await _ready(node, "bearer")
    if bearer and not hasattr(bearer, "modem"):
        print("this board has no modem: link is udp")
    return getattr(bearer, "modem", None)


async def _at(node, text, seconds):
    from modem.at import ModemError

    modem = await _modem_of(node)
    if not modem:
        return
    modem.channel.open()
    final = "TIMEOUT"
    try:
        if modem.asleep:
            await asyncio.wait_for(modem.up(0), seconds)
        ends = _ENDS.get(text.upper(), ())
        # The one before may take as long again.
        asking = modem.channel.command(text, seconds * 1000, ends, print)
        final = (await asyncio.wait_for(asking, 2 * seconds)).final
    except asyncio.TimeoutError:
        pass
    except ModemError as error:
        final = str(error)
    if final == "TIMEOUT":
        modem.channel.uart.write(b"\x1b")  # should it wait for the text of a message
        final = "no answer within %d s; is the modem on, does it start just now?" % seconds
    print(final)


async def _update(node, seconds):
    if await _ready(node, "client", seconds):
        del _seen[:]
        node.client.update()
        await _until(("updated", "registered", "register_failed"), seconds)


async def _position(node, seconds):
    from node.position import position as search

    if await _modem_of(node) and await _ready(node, "client", seconds):
        fix = await search(node, seconds)
        for name in sorted(fix) if fix else ():
            print("%-10s %s" % (name, fix[name]))  # pyright: ignore[reportOptionalSubscript]


async def _do(node, line):
    if await _ready(node, "client"):
        from node.console import answer

        answer(node, line.encode())
        forget("node.console")
        await asyncio.sleep_ms(_LOOK_MS)


async def _state(node):
    if await _ready(node, "bearer"):
        modem = getattr(node.bearer, "modem", None)
        if modem and modem.state == len(_MODEM_STATES) - 1 and not modem.asleep:
            await _measure(modem)
        for line in lines(node):
            print(line)


async def _measure(modem):
    from modem import release
    from modem.at import ModemError
    from modem.info import measure

    try:
        await asyncio.wait_for(measure(modem), _MEASURE_S)
    except (ModemError, asyncio.TimeoutError) as error:
        print("modem: %s" % (error or "busy"))
    release("info", "calendar")


def lines(node) -> list:
    """Return what `state` prints of a node."""
    now = node.clock.now()
    client = node.client
    endpoint = client.endpoint_name if client else node.site["endpoint"]
    told = ["%s, %s mode, %d s at work" % (endpoint or "no name yet", node.mode, now // 1000)]
    if node.crashes & 15:
        told.append("%d crashes" % (node.crashes & 15))
    found = [("node", told)]
    due = None
    if client:
        due = client.step(now)
        for timer in node.timers:
            due = earlier(due, timer[1])
        for account in client.accounts:
            found.append(("server %d" % account.short_server_id, _account(account, now)))
    modem = getattr(node.bearer, "modem", None)
    info = node.bearer.info if modem else {}
    if modem:
        found.append(("modem", _modem_state(modem, info, node.site["link"])))
        signal = [info[name] for name in ("operator", "rat") if name in info]
        if "rssi_dbm" in info:
            signal.append("%d dBm" % info["rssi_dbm"])
        if "cell" in info:
            signal.append("cell %s, area %s" % (info["cell"], info["area"]))
        found.append(("network", signal or ["not known yet"]))
    if "battery_mv" in info:
        battery = "%d mV, %d %%" % (info["battery_mv"], info["battery_percent"])
        found.append(("battery", [battery]))
    gc.collect()
    found.append(("memory", ["%d bytes free" % hw.memory_free()]))
    if client:
        nothing = "nothing" if due is None else "in %d s" % max(0, (due - now) // 1000)
        found.append(("next due", [nothing]))
        device = node.tree.get(3, 0)
        errors = sorted(set(device.values[11].values()) - {0}) if device else ()
        if errors:
            found.append(("errors", ["/3/0/11: %s" % errors]))
    return [("%-10s %s" % (name, ", ".join(parts)))[:80] for name, parts in found]


def _account(account, now):
    from lwm2m.registration import NAMES

    parts = [NAMES[account.state]]
    if account.location:
        parts.append("/" + "/".join(account.location))
    if account.location and account.expires is not None:
        parts.append("for %d s" % ((account.expires - now) // 1000))
    if account.due is not None:
        what = "Update" if account.location else "again"
        parts.append("%s in %d s" % (what, max(0, (account.due - now) // 1000)))
    if account.failures:
        parts.append("%d failures" % account.failures)
    return parts


def _modem_state(modem, info, link):
    name = _MODEM_STATES[modem.state]
    if modem.state == 0:
        name = "silent, or starting"
    parts = [link, "asleep" if modem.asleep else name]
    if "ip" in info and modem.state > 1:
        parts.append(info["ip"])
    if "imei" in info:
        parts.append("IMEI " + info["imei"])
    if any(modem.recoveries):
        parts.append("recoveries %s" % list(modem.recoveries))
    return parts


boot.at_repl()
help()
