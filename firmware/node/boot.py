"""From power-on to a running node: configuration, board, application; and what a crash leads to.

The order is one of memory: the configuration's table of what is allowed is read and forgotten
before anything else is loaded.
"""

import asyncio
import gc
import sys

from micropython import const

from node.lean import forget

_AT_REPL_S = const(86_400)
# Bytes that may be taken between two collections. One that comes only when all is taken leaves
# what lives on scattered over the heap, and then a datagram finds no place.
_COLLECT_EVERY = const(16_384)


def _configuration(path):
    import board

    from node import config, hw

    try:
        site = config.load(path)
        if site["link"] != "udp":
            pin = board.UART["rx"] if board.PINS["ri"] is None else board.PINS["ri"]
            if "idle" in site["modem"] or not hw.can_wake(pin):
                from node.feasible import check_board

                check_board(site, board)
        return site
    except config.ConfigError as error:
        print(error)
        return None


def application():
    """Load the site's app.py; return its `setup`, or None where there is no such file."""
    try:
        from app import setup  # pyright: ignore[reportMissingImports]  the site may have none
    except ImportError as error:
        if not str(error).endswith("'app'"):
            raise  # app.py is there, and something that it needs is not
        return None
    return setup


async def run(site_path: str, console=None) -> None:
    """Run the board whose configuration is at `site_path`, for ever; a crash restarts the chip,
    after a pause (node/crash.py).

    A configuration that cannot work is said in one line, and the board does nothing. console: a
    reader of command lines (node/console.py), or None.
    """
    node = None
    try:
        site = _configuration(site_path)
        if site is None:
            return
        forget("node.config", "node.feasible")
        for room in ("coap.endpoint", "lwm2m.client"):
            # One after the other: what nested imports leave behind would lie between what stays.
            __import__(room)
            gc.collect()
        import board

        from node.node import Node

        gc.collect()
        if hasattr(gc, "threshold"):  # of MicroPython
            gc.threshold(_COLLECT_EVERY)  # pyright: ignore[reportAttributeAccessIssue]
        node = Node(site, board)
        await node.run(application, console)
    except (Exception, asyncio.CancelledError) as error:
        crashed(error, node)
    finally:
        if node:
            node.close()


def interrupted() -> None:
    """Give a person at the REPL time before the watchdog, which cannot be stopped, bites."""
    from node import hw

    hw.Watchdog(_AT_REPL_S).feed()


def crashed(error: BaseException, node=None) -> None:
    """Print what ended the run, keep it for the servers, and restart the chip."""
    sys.print_exception(error)
    if node:
        node.close()
        node.client = node.tree = node.bearer = None
        node.timers = []
    if hasattr(gc, "mem_free"):  # of MicroPython
        # Whatever has taken the memory must not keep the board from its restart.
        for name in list(sys.modules):
            if name[:4] != "node" and hasattr(sys.modules[name], "__file__"):
                del sys.modules[name]
    gc.collect()
    from node.crash import panic

    panic(error, node)
