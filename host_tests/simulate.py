"""Simulated lives: `python -m host_tests.simulate --seed 7 --days 3`, or `make sim SEED=7 DAYS=3`.

A life is days of the whole node with its virtual modem, network and server on one virtual clock,
with faults drawn from the seed (system/simulation.py). Without --device-days one life is replayed
and summed up. With it, lives of --days are lived from --seed on until there are so many device-
days, each in a process of its own, as many at once as there are processors: every fourth on
CPython, the others on MicroPython, where a day takes a third of the time. When --budget-s is over
no more is begun, and too few device-days are a failure.

A life that fails prints its last events, and the command that replays it.
"""

import json
import os
import sys
import time
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from pathlib import Path
from subprocess import PIPE, STDOUT, TimeoutExpired, run

from tools.build import BUILD, interpreter
from tools.cli import Parser, number

ROOT = Path(__file__).resolve().parent.parent
RUNTIMES = ("cpython", "micropython")
MODEMS = ("sim800", "sim7000", "sim7080")
_PATHS = ("firmware", "host_tests/shim", "host_tests", "")
# Firmware, virtual modem, network and server in one process on a 64-bit machine, and what is
# remembered of the life.
_HEAP = "heapsize=2048wK"
_A_DAY_TAKES_S = 60  # at most, on a busy machine
_WIDTH = 80


def live(seed: int, days: float, runtime: str, options: dict) -> tuple:
    """Live one life in a process; return (summary or None, output, seconds)."""
    arguments = ["--seed", str(seed), "--days", str(days)]
    for name, value in options.items():
        if value is not None:
            arguments += ["--" + name, str(value)]
    if runtime == "micropython":
        start = [interpreter(), "-X", _HEAP]
        base, rest, environment = BUILD, ":.frozen", {"name": "MICROPYPATH"}
    else:
        start = [sys.executable]
        base, rest, environment = ROOT, "", {"name": "PYTHONPATH"}
    search = ":".join([str(base / path) for path in _PATHS]) + rest
    environment = dict(os.environ, **{environment["name"]: search, "PYTHONHASHSEED": "0"})
    begun = time.monotonic()
    try:
        done = run(
            [*start, str(ROOT / "host_tests/live.py"), *arguments],
            stdout=PIPE,
            stderr=STDOUT,
            text=True,
            errors="replace",
            timeout=60 + days * _A_DAY_TAKES_S,
            check=False,
            cwd=base,
            env=environment,
        )
        output, good = done.stdout, done.returncode == 0
        if done.returncode == 2:
            print("python -m host_tests.simulate: " + output.strip(), file=sys.stderr)
            sys.exit(2)
    except TimeoutExpired as late:
        output, good = "%s\nno end in time" % (late.stdout or ""), False
    lines = output.strip().splitlines()
    summary = None
    if good and lines:
        summary = json.loads(lines[-1])
    return summary, output, time.monotonic() - begun


def replay(seed: int, days: float, runtime: str, options: dict) -> str:
    """Return the command that lives a life again."""
    text = "make sim SEED=%d DAYS=%g RUNTIME=%s" % (seed, days, runtime)
    if options.get("modem"):
        text += " MODEM=" + options["modem"]
    more = [
        "--%s %s" % (name, options[name])
        for name in ("faults", "kinds", "report-s")
        if options.get(name) is not None
    ]
    return text + (' MORE="%s"' % " ".join(more) if more else "")


def _lines(facts) -> list:
    """Return words joined to lines of 80 columns at most, those behind the first set in."""
    lines = [""]
    for word in facts:
        if len(lines[-1]) + len(word) + 2 > _WIDTH:
            lines.append("  ")
        lines[-1] += ("  " if lines[-1].strip() else "") + word
    return lines


def tell(summary: dict, seconds: float, runtime: str) -> None:
    """Print what came of one life."""
    print("seed %d: %s" % (summary["seed"], summary["variant"]))
    faults = sorted(summary["faults"].items())
    print("%g days, %d faults, on %s:" % (summary["days"], summary["struck"], runtime))
    for line in _lines(["  %s %d" % fault for fault in faults]):
        print(line)
    for names in (
        ("boots", "registers", "updates", "measured", "notifications"),
        ("asked", "writes", "answers", "triggers", "sms_down", "sms_up"),
        ("bytes_up", "bytes_down", "sendings", "at_commands", "modem_boots"),
        ("awake_s", "modem_on_s", "radio_s"),
        ("flash_writes", "rtc_writes", "crashes", "safe", "back_s"),
    ):
        for line in _lines(["%s %s" % (name, summary[name]) for name in names]):
            print(line)
    for reason, count in sorted(summary["errors"].items()):
        print(("  %d x %s" % (count, reason))[:_WIDTH])
    print("held: all of it, in %.1f s" % seconds)


def _failed(seed, days, runtime, options, output):
    print(output.rstrip())
    print("seed %d failed on %s; to replay it:" % (seed, runtime))
    print("  " + replay(seed, days, runtime, options))


def one(arguments, options) -> int:
    """Replay one life; return the exit code."""
    runtime = arguments.runtime or "cpython"
    summary, output, seconds = live(arguments.seed, arguments.days, runtime, options)
    if summary is None:
        _failed(arguments.seed, arguments.days, runtime, options, output)
        return 1
    tell(summary, seconds, runtime)
    return 0


def many(arguments, options) -> int:
    """Live until there are as many device-days as are wanted; return the exit code."""
    begun = time.monotonic()
    lives = -(-arguments.device_days // arguments.days)
    waiting = [
        (arguments.seed + index, arguments.runtime or RUNTIMES[index % 4 > 0])
        for index in range(int(lives))
    ]
    days = {runtime: 0 for runtime in RUNTIMES}
    seconds = {runtime: 0.0 for runtime in RUNTIMES}
    faults = {}
    failed = 0
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        running = {}
        while waiting or running:
            late = time.monotonic() - begun > arguments.budget_s
            while waiting and not late and len(running) < (os.cpu_count() or 1):
                seed, runtime = waiting.pop(0)
                future = pool.submit(live, seed, arguments.days, runtime, options)
                running[future] = (seed, runtime)
            if not running:
                break
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                seed, runtime = running.pop(future)
                summary, output, took_s = future.result()
                if summary is None:
                    failed += 1
                    _failed(seed, arguments.days, runtime, options, output)
                    continue
                days[runtime] += arguments.days
                seconds[runtime] += took_s
                for kind, count in summary["faults"].items():
                    faults[kind] = faults.get(kind, 0) + count
    total = sum(days.values())
    for line in _lines(["%s %d" % item for item in sorted(faults.items())]):
        print(line)
    for runtime in RUNTIMES:
        if days[runtime]:
            print(
                "%-11s %g device-days, %.2f s each"
                % (runtime, days[runtime], seconds[runtime] / days[runtime])
            )
    print(
        "%g device-days with %d faults in %d s, %d lives failed"
        % (total, sum(faults.values()), time.monotonic() - begun, failed)
    )
    if total < arguments.device_days and not failed:
        print(
            "%d s were not enough for %g device-days" % (arguments.budget_s, arguments.device_days)
        )
    return 1 if failed or total < arguments.device_days else 0


def main(argv=None) -> int:
    """Do what the command line says; return the exit code."""
    parser = Parser(prog="python -m host_tests.simulate", description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--seed", type=number(int, 0, 0xFFFFFFFF), default=1, help="of the (first) life (1)"
    )
    parser.add_argument(
        "--days", type=number(float, 0.2, 400), default=3.0, help="of one life (3)"
    )
    parser.add_argument("--modem", choices=MODEMS, help="otherwise as the seed says")
    parser.add_argument(
        "--runtime", choices=RUNTIMES, help="otherwise cpython; of many lives both"
    )
    parser.add_argument("--faults", type=number(int, 0, 100), help="a day, in the mean (4)")
    parser.add_argument("--kinds", help="of faults, with commas between; otherwise all")
    parser.add_argument("--report-s", type=number(int, 60, 86400), help="between measurements")
    parser.add_argument(
        "--device-days", type=number(float, 0.2, 100_000), help="many lives, this much in all"
    )
    parser.add_argument(
        "--budget-s", type=number(int, 1, 86_400), default=240, help="of the many (240)"
    )
    arguments = parser.parse_args(argv)
    options = {
        "modem": arguments.modem,
        "faults": arguments.faults,
        "kinds": arguments.kinds,
        "report-s": arguments.report_s,
    }
    return (many if arguments.device_days else one)(arguments, options)


if __name__ == "__main__":
    sys.exit(main())
