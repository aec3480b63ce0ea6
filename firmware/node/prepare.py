"""Before the node: its configuration, its board, the modules that stay, and the application.

The order is one of memory: the configuration's table of what is allowed is read and forgotten
before anything else is loaded. So is this module, once the node is made.
"""

import gc

from micropython import const

from node.lean import forget

# Bytes that may be taken between two collections. One that comes only when all is taken leaves
# what lives on scattered over the heap, and then a datagram finds no place.
_COLLECT_EVERY = const(16_384)


def prepare(site_path: str):
    """Return the Node whose configuration is at `site_path`; None, after a line that says why,
    where that cannot work.
    """
    site = _configuration(site_path)
    if site is None:
        return None
    forget("node.config", "node.feasible", "node.wiring", "node.gpio")
    for room in ("coap.endpoint", "lwm2m.client"):
        # One after the other: what nested imports leave behind would lie between what stays.
        __import__(room)
        gc.collect()
    import board

    from node.node import Node

    gc.collect()
    if hasattr(gc, "threshold"):  # of MicroPython
        gc.threshold(_COLLECT_EVERY)  # pyright: ignore[reportAttributeAccessIssue]
    return Node(site, board)


def _configuration(path):
    import board

    from node import config, hw

    try:
        site = config.load(path)
        link = site["link"]
        pin = board.UART["rx"] if board.PINS["ri"] is None else board.PINS["ri"]
        modem = link != "udp" and (
            link not in getattr(board, "MODEMS", (link,))
            or "idle" in site["modem"]
            or not hw.can_wake(pin)
        )
        if modem or [entry for entry in site["objects"] if "pin" in entry]:
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
