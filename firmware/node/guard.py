"""What feeds the watchdog: a task that looks whether all that has to move does.

A call that never returns keeps this task from its turns; a coroutine that never ends keeps the
node's loop from its own, or the modem's part. Either way the chip is reset, which counts as a
crash (node/crash.py).
"""

import asyncio

from micropython import const

from node.lean import forget

_LOOKS = const(4)  # before the watchdog bites


async def guard(node, dog) -> None:
    """Feed `dog`, a hw.Watchdog, as long as the loop turns when it is told to, and the modem's
    reader, commands and links move.
    """
    turns = -1
    misses = 0  # looks in a row that found the loop where it was; it may be at work just then
    while True:
        misses = misses + 1 if turns == node.turns else 0
        turns = node.turns
        still = misses > 1 and node.client  # without a client the node waits for the IMEI
        if still or node.bearer.stuck(node.clock.now(), node.connecting or not node.client):
            from node.crash import suspect

            suspect(node, "the loop" if still else "the modem's part")
            del suspect
            forget("node.crash")
        else:
            dog.feed()
        node.stir()
        await asyncio.sleep_ms(node.site["watchdog_s"] * 1000 // _LOOKS)
