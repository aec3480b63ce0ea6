"""What passed a relay (lossy.py), taken apart by server_peer.py's codec and not the firmware's."""

from host_tests.interop.lossy import TO_CLIENT, TO_SERVER
from host_tests.interop.server_peer import CON, Parsed

BLOCK2, BLOCK1, SIZE2, SIZE1, ETAG = 23, 27, 28, 60, 4
CONTINUE = 0x5F


class Step:
    """A request as it was first sent, and its response: Parsed, or None without one."""

    def __init__(self, request):
        self.request = request
        self.response = None

    def block(self, side, number):
        """Return (NUM, M, SZX) of an option of "request" or "response", None without it."""
        message = getattr(self, side)
        assert [known for known, _ in message.options].count(number) < 2, "a Block option twice"
        value = message.uint(number)
        return None if value is None else (value >> 4, value >> 3 & 1, value & 7)


def steps(relay) -> list:
    """Return the requests that passed a relay in order, each once, with their responses."""
    found, by_token, by_id = [], {}, {}
    for direction, data, _ in list(relay.log):
        message = Parsed(data)
        if direction == TO_SERVER and 0 < message.code < 0x20:
            if message.message_id not in by_id:
                step = Step(message)
                found.append(step)
                by_id[message.message_id] = by_token[message.token] = step
        elif direction == TO_CLIENT and message.code >= 0x20:
            step = by_token.get(message.token)
            if step and step.response is None:
                step.response = message
    return found


def notifications(relay) -> list:
    """Return the notifications that passed, each once: responses that answer no request anew."""
    found, seen, answered = [], set(), set()
    for direction, data, _ in list(relay.log):
        message = Parsed(data)
        if direction == TO_SERVER and 0 < message.code < 0x20:
            answered.discard(message.token)
        elif direction == TO_CLIENT and message.code >= 0x20 and message.message_id not in seen:
            seen.add(message.message_id)
            if message.token in answered:
                found.append(message)
            answered.add(message.token)
    return found


def block2_body(steps_taken, early=None, code=0x45) -> bytes:
    """Check a body that was fetched by Block2 (RFC 7959 §2.4) and return it.

    early: SZX of the Block2 option in the first request, None where it must have none.
    """
    first = steps_taken[0]
    assert first.block("request", BLOCK2) == (None if early is None else (0, 0, early))
    body, agreed, etag = b"", None, None
    for step in steps_taken:
        assert step.response and step.response.code == code, step.response
        number, more, exponent = step.block("response", BLOCK2)
        size = 16 << exponent
        asked_for = step.block("request", BLOCK2)
        if asked_for:
            assert asked_for[:2] == (number, 0) and exponent <= asked_for[2]
        else:
            assert number == 0
        assert number * size == len(body), "a gap, or a block again"
        assert (
            len(step.response.payload) == size if more else 0 < len(step.response.payload) <= size
        )
        body += step.response.payload
        # From the second request on the block size stays as it is.
        if step is not first:
            assert agreed in (None, exponent)
            agreed = exponent
            assert [v for n, v in step.response.options if n == ETAG] == etag
        etag = [value for known, value in step.response.options if known == ETAG]
        assert (step is steps_taken[-1]) == (not more)
    return body


def block1_body(steps_taken, exponent, final, lower=None, lenient=False) -> bytes:
    """Check a body that was sent by Block1 (RFC 7959 §2.5) and return it.

    exponent: SZX of the first request. final: code of the last response. lower: SZX that the
    server lowers it to. lenient: the last response may be without the option, as libcoap's
    and the npm package's are.
    """
    body = b""
    for step in steps_taken:
        number, more, used = step.block("request", BLOCK1)
        assert used == exponent, "the block size is that of the last response"
        assert number * (16 << used) == len(body), "a gap, or a block again"
        size = len(step.request.payload)
        assert size == 16 << used if more else 0 < size <= 16 << used
        body += step.request.payload
        assert step.response and step.response.code == (CONTINUE if more else final)
        answered = step.block("response", BLOCK1)
        if more or answered or not lenient:
            assert answered[:2] == (number, more)
            assert answered[2] == (exponent if lower is None else lower)
        if lower is not None:
            exponent = lower
        assert (step is steps_taken[-1]) == (not more)
    return body


def confirmable(message) -> bool:
    """Whether a message is Confirmable."""
    return message.type == CON
