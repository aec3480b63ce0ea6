"""Echo, for a client that asks whether the server is where a request came from (RFC 9175 §2)."""

from collections.abc import Awaitable, Callable

from aiocoap import Message

from . import wire

_UNAUTHORIZED = wire.code_of("4.01")


def repeating(
    send: Callable[[Message], Awaitable[Message]],
) -> Callable[[Message], Awaitable[Message]]:
    """Return a send that makes a request again, once, with the Echo value of the 4.01 it got.

    The requests that follow carry the value from the start: they are blocks of the same body.
    """
    echo = None

    async def answered(request: Message) -> Message:
        nonlocal echo
        request.opt.echo = echo
        response = await send(request)
        if int(response.code) != _UNAUTHORIZED or response.opt.echo is None:
            return response
        echo = response.opt.echo
        again = request.copy(echo=echo)
        again.mid = None
        return await send(again)

    return answered
