"""The start of a node: what the record in RTC memory says, and what is made of it.

Loaded at a start and forgotten after it, with the other modules of which that is true.
"""

import sys

from node import hw
from node.lean import forget

# Modules that are of use when the client is made, or comes out of a deep sleep.
_AT_START = (
    "node.prepare node.start node.kept node.values node.written node.storage node.objects "
    "node.battery node.supplies node.crash lwm2m.state lwm2m.steps lwm2m.codec.cbor lwm2m.retry "
    "lwm2m.enablers lwm2m.configured lwm2m.server_uri lwm2m.backoff"
)


def begin(node) -> "tuple | None":
    """Take up the record, decide the mode and tell of the start; return what node.kept.load does.

    After too many resets in a row the chip rests first, and this does not come back.
    """
    from node.kept import load

    record = load(node)
    del load
    forget("node.kept", "node.values", "node.storage", "lwm2m.steps")  # for want of room
    cause = hw.reset_cause()
    facts = {"cause": cause, "woken": hw.wake_reason(), "clean": record is None}
    facts.update({"mode": node.mode, "crashes": 0})
    node.slept = record is not None and cause == "deep_sleep"
    pause_ms = 0
    if node.counters is None:  # a record says that there was a run, should this one not get far
        node.counters = (hw.random_bits(16), hw.random_bits(16))
        hw.store_memory(node.packed(node.counters))
    elif node.crashes or node.trace or (cause != "deep_sleep" and not node.from_mirror):
        from node.crash import take_up

        pause_ms = take_up(node, facts)
    node.mode = facts["mode"]
    node.cause = facts["cause"]
    node.log.event("booted", facts)
    if pause_ms:
        from node.crash import rest

        rest(pause_ms, node.board)
    return record


def make_bearer(node, kept, received, on_event) -> None:
    """Make the node's bearer, with the board's supplies up; kept: its part of the record."""
    if hasattr(node.board, "power_up"):
        from node import supplies

        try:
            node.board.power_up(supplies)
        except OSError as error:  # the modem may have its supply all the same
            reason = "board: no answer of its power chip to power_up: %s" % error
            node.log.event("error", {"reason": reason})
    if node.site["link"] == "udp":
        from node.udp_socket import SocketBearer as Bearer
    else:
        from node.cellular import CellularBearer as Bearer
    node.bearer = Bearer(node.site, node.board, received, on_event, node.clock.now, kept)


def furnish(node, endpoint: str, client: "bytes | None", setup) -> bool:
    """Make the client and all the Objects, the application's by setup(node), and give them what
    they had; client: its part of the record. Returns whether its registrations go on.
    """
    from node.objects import make_client

    make_client(node, endpoint)
    if setup:
        setup(node)
    if node.client.bootstrap:
        from node.accounts import settle

        settle(node, node.kept_bootstrap)
    from node.kept import take_up

    resumed = take_up(node, client)
    if hasattr(node.board, "BATTERY") or hasattr(node.board, "battery_mv"):
        from node.battery import show_battery  # where it is the modem that sees it, that is later

        show_battery(node)
    if "node.crash" in sys.modules:  # `begin` had use for it
        from node.crash import recover, report

        report(node)
        node.spawn(recover(node))
    return resumed


def clear() -> None:
    """Forget what only a start needs."""
    forget(*_AT_START.split(" "))
