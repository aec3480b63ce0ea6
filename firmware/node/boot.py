"""From power-on to a running node, and what a crash leads to."""

import asyncio
import gc
import sys

from micropython import const

_AT_REPL_S = const(86_400)


async def run(site_path: str, console=None) -> None:
    """Run the board whose configuration is at `site_path`, for ever; a crash restarts the chip,
    after a pause (node/crash.py).

    A wake of which a contact is the reason ends here (node/pulses.py) but for what the node does
    besides. A configuration that cannot work is said in one line, and the board waits at the REPL.
    console: a reader of command lines (node/console.py), or None.
    """
    node = None
    try:
        from node import hw

        if hw.wake_reason() == "pins":
            from node.pulses import sleep_on

            sleep_on()  # comes back where there is more to do than to count
        from node.prepare import application, prepare

        node = prepare(site_path)
        if node is None:
            at_repl()
            return
        running = node.run(application, console)
        del application, prepare  # this goes on for ever, and would hold on to their module
        await running
    except (Exception, asyncio.CancelledError) as error:
        if node:
            node.close()
            await asyncio.sleep_ms(0)  # the tasks let go of what they hold
        crashed(error, node)
    finally:
        if node:
            node.close()


def at_repl() -> None:
    """Give a person at the REPL a day before the watchdog, which cannot be stopped, bites.

    It does so in any case: what led here may have been noise on a line, or flash that could not
    be read for a moment.
    """
    from node import hw

    hw.Watchdog(_AT_REPL_S).feed()


def crashed(error: BaseException, node=None) -> None:
    """Print what ended the run, keep it for the servers, and restart the chip."""
    sys.print_exception(error)
    if node:
        node.client = node.tree = node.bearer = None
        node.timers = []
    if hasattr(gc, "mem_free"):  # of MicroPython
        # Whatever has taken the memory must not keep the board from its restart.
        for name in list(sys.modules):
            if name[:4] != "node" and hasattr(sys.modules[name], "__file__"):
                del sys.modules[name]
    gc.collect()
    try:
        from node.crash import panic

        panic(error, node)
    except (MemoryError, ImportError, OSError, ValueError):  # also of a module that is torn
        from node import hw

        hw.restart()  # uncounted, which the next start takes for a reset without notice
