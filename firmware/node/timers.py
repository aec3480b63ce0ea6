"""The functions that an application gives to Node.every, and hardware that is out of order.

A coroutine function is awaited beside the loop, and the chip does not sleep before it has ended.
"""

from lwm2m.queue import earlier
from micropython import const

_PERIPHERAL = const(8)  # an error code of Device


def run(node, now: int) -> "int | None":
    """Call what is due; return when the next one is, None without any."""
    nearest = None
    called = 0
    for timer in node.timers:
        if now >= timer[1]:
            called += 1
            # Missed periods are not made up for: one call, then the next period from here.
            timer[1] = now + timer[0]
            attempt(node, timer[2])
        nearest = earlier(nearest, timer[1])
    if called:
        node.all_called = called == len(node.timers)
        _clear(node)
    return nearest


def attempt(node, function) -> None:
    """Call what may find hardware out of order, as a restart would find it as well."""
    if function in node.under_way:
        return  # the last call of it goes on
    try:
        going_on = function()
    except OSError as error:
        _failed(node, function, error)
        return
    if hasattr(going_on, "send"):
        node.under_way.append(function)
        node.spawn(_finish(node, function, going_on))
    else:
        _worked(node, function)


async def _finish(node, function, going_on):
    try:
        await going_on
    except OSError as error:
        _failed(node, function, error)
    else:
        _worked(node, function)
    node.under_way.remove(function)
    _clear(node)
    node.stir()


def _failed(node, function, error):
    node.log.event("error", {"reason": "%s: %s" % (error.__class__.__name__, error)})
    if function not in node.failing:
        node.failing.append(function)
    node.fault(_PERIPHERAL)


def _worked(node, function):
    if function in node.failing:
        node.failing.remove(function)
        node.fault(_PERIPHERAL, bool(node.failing))


def _clear(node):
    """End an error code that is from before a deep sleep, when all has worked in one turn."""
    if node.all_called and not node.failing and not node.under_way:
        node.fault(_PERIPHERAL, False)
