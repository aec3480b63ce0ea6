"""ETSI CoAP plugtests TD_COAP_OBS_01 to 14: observers written elsewhere, and what they see.

The server is a whole LwM2M client (lwm2m/observe.py) on MicroPython, where the case can be had of
one, and where it cannot the bare endpoint. Each check is one of datagrams, taken at a relay.
"""

import contextlib
import itertools
import time

import aiocoap
import pytest

from host_tests.interop.elsewhere import (
    CLIENTS,
    aiocoap_ask,
    libcoap,
    npm,
    observing,
    run,
    until,
)
from host_tests.interop.firmware import Firmware, free_port, serving, text
from host_tests.interop.lossy import TO_CLIENT, TO_SERVER, Lossy
from host_tests.interop.server_peer import (
    ACK,
    CON,
    CONTENT_FORMAT,
    NON,
    OBSERVE,
    RST,
    Parsed,
    build,
)
from host_tests.interop.wire import BLOCK2, ETAG, notifications, steps

TEMPERATURE = "3303/0/5700"
NOTES = "32000/0/0"
# The client, CoAP, the data model and the program around them: more than the board's heap holds.
DEVICE_HEAP_K = 96
DAY_MS = 86_400_000
CONTENT, CHANGED, NOT_FOUND, NOT_ACCEPTABLE = 0x45, 0x44, 0x84, 0x86


def _accept_register(direction, data):
    """Answer a Register or an Update in the server's place."""
    message = Parsed(data)
    if direction == TO_CLIENT and message.code == 2 and message.type == CON:
        created = message.path == "/rd"
        location = [(8, "rd"), (8, "1")] if created else []
        code = 0x41 if created else CHANGED
        return [(TO_SERVER, build(ACK, code, message.message_id, message.token, location))]
    return None


@contextlib.contextmanager
def device(mode="queue", instead=_accept_register, **losses):
    """A registered LwM2M client behind a relay: yields (relay, firmware).

    mode: with "queue" its notifications are Confirmable, with "plain" they are not.
    """
    server_port, port, control = free_port(), free_port(), free_port()
    with Lossy(port, instead=instead, back_port=server_port, **losses) as relay:
        arguments = (port, control, server_port, mode)
        with Firmware("device", *arguments, heap_k=DEVICE_HEAP_K) as firmware:
            until(lambda: firmware.tell("state") == "2", "not registered")
            yield relay, firmware


@contextlib.contextmanager
def endpoint(**losses):
    """The bare endpoint behind a relay: yields (relay, firmware)."""
    with serving() as (port, firmware), Lossy(port, **losses) as relay:
        yield relay, firmware


@contextlib.contextmanager
def _observed(kind, relay, firmware, path=TEMPERATURE, **options):
    """Steps 1 to 6 of most cases: an observer, and three notifications that it has shown.

    Yields the observer.
    """
    with observing(kind, relay.port, path, **options) as observer:
        until(observer.values, "no response")
        firmware.tell("tick 60")
        until(lambda: len(observer.values()) >= 4, f"no notifications: {observer.values()}")
        yield observer


def _check_registration(relay, type=CON):
    """Check the first request and its response (RFC 7641 §2, §3.1); return its token."""
    first = steps(relay)[0]
    assert (first.request.type, first.request.code) == (type, 1)
    assert first.request.uint(OBSERVE) == 0
    assert first.response.type == (ACK if type == CON else NON)
    assert first.response.code == CONTENT and first.response.uint(OBSERVE) is not None
    assert first.response.uint(CONTENT_FORMAT) == 0
    return first.request.token


def _check_notifications(relay, token, type=CON):
    """Check all notifications of a token (RFC 7641 §4.2, §4.4); return their payloads."""
    mine = [message for message in notifications(relay) if message.token == token]
    for message in mine:
        assert (message.type, message.code) == (type, CONTENT)
        assert message.uint(CONTENT_FORMAT) == 0
    numbers = [message.uint(OBSERVE) for message in mine]
    for older, newer in itertools.pairwise(numbers):
        assert 0 < (newer - older) % (1 << 24) < 1 << 23, numbers
    return [message.payload.decode() for message in mine]


def _shows(observer, sent):
    """Whether an observer shows what was sent, in order and to the last."""
    shown = observer.values()[1:]
    if observer.skips:
        left = iter(sent)
        return shown[-1:] == sent[-1:] and all(value in left for value in shown)
    return shown == sent


def _acknowledged(relay, message, type=ACK):
    """Whether the client answered a notification with an empty message of a type."""
    return any(
        (answer.type, answer.code, answer.message_id) == (type, 0, message.message_id)
        for answer in map(Parsed, relay.sent(TO_SERVER))
    )


def _is_quiet(relay, token, seconds=0.3):
    """Assert that no more notifications come for a token, retransmissions included."""
    time.sleep(0.1)  # for what is on its way
    before = len(_of_token(relay, token))
    time.sleep(seconds)
    assert len(_of_token(relay, token)) == before, "a notification behind the end"


def _of_token(relay, token):
    sent = map(Parsed, relay.sent(TO_CLIENT))
    return [message for message in sent if message.token == token and message.code >= 0x20]


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("server", [device, endpoint])
def test_td_coap_obs_01(server, kind):
    """TD_COAP_OBS_01: resource observation with CON messages."""
    path = TEMPERATURE if server is device else "obs"
    with server() as (relay, firmware), _observed(kind, relay, firmware, path) as observer:
        firmware.tell("tick 0")
        token = _check_registration(relay)
        until(lambda: _shows(observer, _check_notifications(relay, token)))
        for message in notifications(relay):
            assert until(lambda message=message: _acknowledged(relay, message))


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("server", [device, endpoint])
def test_td_coap_obs_02(server, kind):
    """TD_COAP_OBS_02: resource observation with NON messages."""
    opened, path = (device("plain"), TEMPERATURE) if server is device else (endpoint(), "obs-non")
    with (
        opened as (relay, firmware),
        _observed(kind, relay, firmware, path, confirmable=False) as observer,
    ):
        firmware.tell("tick 0")
        token = _check_registration(relay, NON)
        until(lambda: _shows(observer, _check_notifications(relay, token, NON)))


@pytest.mark.parametrize("kind", CLIENTS)
def test_confirmable_once_a_day(kind):
    """TD_COAP_OBS_02, note; RFC 7641 §4.5: a notification is Confirmable after 24 hours."""
    with device("plain") as (relay, firmware), _observed(kind, relay, firmware) as observer:
        firmware.tell("tick 0")
        firmware.tell(f"skip {DAY_MS}")
        firmware.tell("set 1001")
        until(lambda: observer.values()[-1] == "1001")
        firmware.tell("set 1002")
        until(lambda: observer.values()[-1] == "1002")
        *before, confirmed, after = notifications(relay)
        assert {message.type for message in before} == {NON}
        assert (confirmed.type, after.type) == (CON, NON)
        assert _acknowledged(relay, confirmed)


def test_td_coap_obs_03():
    """TD_COAP_OBS_03, of the first two plugtests: the client stops observing, here by Reset.

    libcoap and the npm package ask with Observe = 1, see TD_COAP_OBS_12.
    """
    with device() as (relay, firmware), _observed("aiocoap", relay, firmware) as observer:
        observer.forget()
        token = _check_registration(relay)
        until(lambda: firmware.tell("observers") == "0", "still observed")
        _is_quiet(relay, token)
        assert _acknowledged(relay, _of_token(relay, token)[-1], RST)


@pytest.mark.parametrize("kind", ["libcoap", "npm"])
def test_td_coap_obs_04(kind):
    """TD_COAP_OBS_04: the server has lost its state; the client registers with its token again.

    aiocoap does not choose its tokens.
    """
    with device() as (relay, firmware):
        with _observed(kind, relay, firmware, token="lost") as first:
            token = _check_registration(relay)
            firmware.tell("crash")
            until(lambda: firmware.tell("state") == "2", "not registered again")
            time.sleep(0.1)
            before = len(first.values())
            _is_quiet(relay, token)
            assert len(first.values()) == before and firmware.tell("observers") == "0"
            first.kill()
        taken = len(relay.log)
        with observing(kind, relay.port, TEMPERATURE, token="lost") as second:
            until(lambda: len(second.values()) >= 4, "no notifications")
            again = next(m for m in map(Parsed, relay.sent()[taken:]) if m.code == 1)
            assert again.token == token and again.uint(OBSERVE) == 0
            firmware.tell("tick 0")
            until(lambda: all(_acknowledged(relay, m) for m in notifications(relay)[-3:]))


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("server", [device, endpoint])
def test_td_coap_obs_05(server, kind):
    """TD_COAP_OBS_05: the client is off; notifications end with a time-out.

    The LwM2M client then tries to reach its server by an Update, which nobody answers either.
    """
    off = []

    def instead(direction, data):
        if not off:
            return _accept_register(direction, data)
        return [] if Parsed(data).code == 2 else None

    losses = {"instead": instead} if server is device else {}
    path = TEMPERATURE if server is device else "obs"
    with server(**losses) as (relay, firmware):
        firmware.tell("timing 120 2")
        with _observed(kind, relay, firmware, path) as observer:
            token = _check_registration(relay)
            off.append(True)
            observer.kill()
        shown = len(_of_token(relay, token))
        until(lambda: len(_of_token(relay, token)) > shown, "no retransmission")
        if server is endpoint:
            until(lambda: firmware.tell("observers") == "0", "still observed")
        else:
            until(lambda: firmware.tell("state") != "2", "still registered")
        _is_quiet(relay, token)
        last = _of_token(relay, token)[-1]
        attempts = [m for m in _of_token(relay, token) if m.message_id == last.message_id]
        assert len(attempts) == 3, "MAX_RETRANSMIT is 2"


@pytest.mark.parametrize("kind", CLIENTS)
def test_td_coap_obs_06(kind):
    """TD_COAP_OBS_06: the client has restarted, and answers with Reset."""
    with device() as (relay, firmware):
        with _observed(kind, relay, firmware) as first:
            token = _check_registration(relay)
            firmware.tell("tick 0")
            first.kill()
        with observing(kind, relay.port, "3/0/0") as second:
            until(second.values)
            relay.forget()
            firmware.tell("set 1001")
            until(lambda: _acknowledged(relay, _of_token(relay, token)[-1], RST), "no Reset")
            until(lambda: firmware.tell("observers") == "1", "still observed")
            firmware.tell("tick 60")
            _is_quiet(relay, token)
            assert second.values() == ["Nudge"]


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("server", [device, endpoint])
def test_td_coap_obs_07(server, kind):
    """TD_COAP_OBS_07: the resource is deleted; a last notification says so with 4.04."""
    path = TEMPERATURE if server is device else "obs"
    with server() as (relay, firmware), _observed(kind, relay, firmware, path) as observer:
        token = _check_registration(relay)
        if server is device:
            firmware.tell("remove")
        else:
            deleted = run(aiocoap_ask(relay.port, aiocoap.DELETE, "obs"))
            assert deleted.code == aiocoap.DELETED
        last = until(lambda: [m for m in _of_token(relay, token) if m.code == NOT_FOUND])[-1]
        assert last.type == CON and last.uint(OBSERVE) is None
        until(lambda: _acknowledged(relay, last))
        assert firmware.tell("observers") == "0"
        until(lambda: _shows(observer, _texts(relay, token)))
        _is_quiet(relay, token)
        assert _of_token(relay, token)[-1].message_id == last.message_id


def _texts(relay, token):
    mine = [m for m in notifications(relay) if m.token == token and m.code == CONTENT]
    return [message.payload.decode() for message in mine]


@pytest.mark.parametrize("kind", CLIENTS)
def test_td_coap_obs_08(kind):
    """TD_COAP_OBS_08: another Content-Format; a last notification says so with 4.06.

    Of the bare endpoint: a resource of LwM2M keeps its format.
    """
    with endpoint() as (relay, firmware), _observed(kind, relay, firmware, "obs"):
        token = _check_registration(relay)
        firmware.tell("tick 0")
        put = aiocoap_ask(relay.port, aiocoap.PUT, "obs", b"{}", content_format=50)
        assert run(put).code == aiocoap.CHANGED
        last = until(lambda: [m for m in _of_token(relay, token) if m.code == NOT_ACCEPTABLE])[-1]
        assert last.type == CON and last.uint(OBSERVE) is None
        until(lambda: _acknowledged(relay, last))
        assert firmware.tell("observers") == "0"
        firmware.tell("tick 60")
        _is_quiet(relay, token)


@pytest.mark.parametrize("kind", CLIENTS)
def test_td_coap_obs_09(kind):
    """TD_COAP_OBS_09: another client's PUT is what the next notification tells."""
    path = "3303/0/5750"
    with device() as (relay, firmware), observing(kind, relay.port, path) as observer:
        assert until(observer.values) == ["air"]
        token = _check_registration(relay)
        put = aiocoap_ask(relay.port, aiocoap.PUT, path, b"soil", content_format=0)
        assert run(put).code == aiocoap.CHANGED
        until(lambda: observer.values() == ["air", "soil"])
        assert _check_notifications(relay, token) == ["soil"]
        until(lambda: _acknowledged(relay, notifications(relay)[0]))


@pytest.mark.parametrize("kind", CLIENTS)
def test_td_coap_obs_10(kind):
    """TD_COAP_OBS_10: a GET without Observe of the same resource ends nothing."""
    with device() as (relay, firmware), _observed(kind, relay, firmware) as observer:
        token = _check_registration(relay)
        if kind == "aiocoap":
            value = observer.ask(relay.port, aiocoap.GET, TEMPERATURE).payload
        elif kind == "libcoap":
            value, _ = libcoap(relay.port, "get", TEMPERATURE)
        else:
            value = npm(relay.port, {"method": "GET", "path": TEMPERATURE})[0]["payload"]
        assert float(value) >= 3
        plain = [step for step in steps(relay) if step.request.uint(OBSERVE) is None]
        assert len(plain) == 1 and plain[0].request.token != token
        assert plain[0].response.type == ACK and plain[0].response.uint(OBSERVE) is None
        assert plain[0].response.uint(CONTENT_FORMAT) == 0
        shown = len(observer.values())
        until(lambda: len(observer.values()) >= shown + 3, "no more notifications")
        firmware.tell("tick 0")
        until(lambda: _shows(observer, _check_notifications(relay, token)))


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("server", [device, endpoint])
def test_td_coap_obs_11(server, kind):
    """TD_COAP_OBS_11: one notification at a time where datagrams are lost, doubled and late."""
    path = TEMPERATURE if server is device else "obs"
    losses = {"duplicate": 0.1, "reorder": 0.05, "hold_s": 0.05, "seed": 11}
    if kind == "libcoap":
        # It does not acknowledge a notification again (RFC 7252 §4.5), so no ACK may be lost.
        losses["drop"] = lambda direction, number, data: direction == TO_CLIENT and number % 4 == 2
    else:
        losses["loss"] = 0.2
    with server(**losses) as (relay, firmware):
        firmware.tell("timing 50 7")
        with observing(kind, relay.port, path) as observer:
            until(observer.values, "no response")
            token = steps(relay)[0].request.token
            firmware.tell("tick 40")
            until(lambda: len(notifications(relay)) >= 15)
            firmware.tell("tick 0")
            final = "9999"
            firmware.tell("set 9999" if server is device else "set obs 9999")
            until(lambda: observer.values()[-1] == final)
            assert relay.counts["lost"] > 3
            _check_notifications(relay, token)
            assert _most_outstanding(relay) == 1


def _most_outstanding(relay):
    """Return how many Confirmable notifications waited for their ACK at once, at most."""
    waiting, acknowledged, most = set(), set(), 0
    for direction, data, fate in list(relay.log):
        message = Parsed(data)
        if direction == TO_CLIENT and message.type == CON and message.code >= 0x20:
            # One may be sent again while its ACK is on its way.
            waiting |= {message.message_id} - acknowledged
            most = max(most, len(waiting))
        elif direction == TO_SERVER and message.type == ACK and fate != "lost":
            acknowledged.add(message.message_id)
            waiting -= acknowledged
    return most


@pytest.mark.parametrize("kind", ["libcoap", "npm"])
def test_td_coap_obs_12(kind):
    """TD_COAP_OBS_12: GET with Observe = 1 and the token ends the observation.

    aiocoap ends observations by Reset only.
    """
    with device() as (relay, firmware), _observed(kind, relay, firmware, stop_s=1) as observer:
        token = _check_registration(relay)
        until(lambda: firmware.tell("observers") == "0", "still observed")
        last = until(
            lambda: [s for s in steps(relay) if s.request.uint(OBSERVE) == 1 and s.response]
        )[-1]
        assert (last.request.type, last.request.code, last.request.token) == (CON, 1, token)
        assert (last.response.type, last.response.code) == (ACK, CONTENT)
        assert last.response.uint(OBSERVE) is None and last.response.uint(CONTENT_FORMAT) == 0
        shown = len(observer.values())
        _is_quiet(relay, token)
        assert len(observer.values()) <= shown + 1


@pytest.mark.parametrize("kind", CLIENTS)
@pytest.mark.parametrize("server", [device, endpoint])
def test_td_coap_obs_13(server, kind):
    """TD_COAP_OBS_13 and 14: a large resource, of a size that varies: blocks behind the first are
    fetched, and smaller representations come whole (RFC 7959 §2.6).

    The npm package fetches the blocks and then shows nothing, as the last has no Observe option.
    """
    path, grow = (NOTES, "grow") if server is device else ("obs-large", "grow obs-large")
    sizes = (2000, 64, 3008, 1504)
    with server() as (relay, firmware), observing(kind, relay.port, path) as observer:
        until(observer.values)
        bodies = [text(1504)]
        for size in sizes:
            firmware.tell(f"{grow} {size}")
            bodies.append(text(size))
            until(lambda: _bodies(relay) == bodies, f"{size} bytes: {_bodies(relay)[-1:]}")
            if kind != "npm":
                until(lambda: _shown(observer) == b"".join(bodies))
        token = steps(relay)[0].request.token
        heads = [m for m in _of_token(relay, token) if m.uint(OBSERVE) is not None]
        assert [head.type for head in heads] == [ACK, CON, CON, CON, CON]
        assert [head.uint(BLOCK2) for head in heads] == [0x0E, 0x0E, None, 0x0E, 0x0E]
        for step in steps(relay)[1:]:
            assert step.request.uint(BLOCK2) >= 0x10 and step.response.code == CONTENT
            assert step.response.uint(OBSERVE) is None
        assert firmware.tell("observers") == "1"


def _bodies(relay):
    """Return the bodies that passed, each a response with an Observe option and what follows."""
    bodies, seen = [], set()
    for message in map(Parsed, relay.sent(TO_CLIENT)):
        if message.code != CONTENT or message.message_id in seen:
            continue
        seen.add(message.message_id)
        if message.uint(OBSERVE) is not None:
            bodies.append(b"")
        block = message.uint(BLOCK2) or 0
        assert (block >> 4) * (16 << (block & 7)) == len(bodies[-1]), "a gap, or a block again"
        bodies[-1] += message.payload
    return bodies


def _shown(observer):
    """Return all that an observer has shown: whole lines, whoever puts ends between them."""
    lines = "\n".join(observer.values()).split("\n")
    return b"".join(line.encode() + b"\n" for line in lines if line)


@pytest.mark.parametrize("server", [device, endpoint])
def test_changes_while_it_is_fetched(server):
    """RFC 7959 §2.6: a representation that gives way to another before all of it is fetched.

    The newest can be fetched whole, its blocks known by their ETag. On the wire only: libcoap
    shows what it had of the others too. aiocoap then ends the observation, and the npm package
    looks at no ETag.
    """
    path, grow = (NOTES, "grow") if server is device else ("obs-large", "grow obs-large")
    with server() as (relay, firmware), observing("libcoap", relay.port, path) as observer:
        until(observer.values)
        for size in (4000, 3008, 5008, 2000):
            firmware.tell(f"{grow} {size}")
        until(lambda: text(2000) in _fetched(relay), "the newest is not fetched")


def _fetched(relay):
    """Return what was fetched, by ETag: blocks in the order of their numbers."""
    bodies = {}
    for message in map(Parsed, relay.sent(TO_CLIENT)):
        block = message.uint(BLOCK2)
        if block is not None and message.code == CONTENT:
            etag = [value for number, value in message.options if number == ETAG][0]
            bodies.setdefault(etag, {})[block >> 4] = message.payload
    return [b"".join(blocks[n] for n in sorted(blocks)) for blocks in bodies.values()]


@pytest.mark.parametrize("kind", CLIENTS)
def test_over_a_deep_sleep(kind):
    """RFC 7641 §4.4: an observation goes on over a deep sleep, its numbers ascending."""
    with device() as (relay, firmware), _observed(kind, relay, firmware) as observer:
        token = _check_registration(relay)
        firmware.tell("tick 0")
        until(lambda: _shows(observer, _check_notifications(relay, token)))
        until(lambda: _acknowledged(relay, notifications(relay)[-1]))
        firmware.tell("sleep")
        firmware.tell("set 1001")
        until(lambda: observer.values()[-1] == "1001", "no notification after the sleep")
        assert _shows(observer, _check_notifications(relay, token))
        assert firmware.tell("observers") == "1"


def test_three_observers():
    """RFC 7641 §4.1: each client is an entry of the list of its own."""
    with endpoint() as (relay, firmware), contextlib.ExitStack() as stack:
        observers = [stack.enter_context(observing(kind, relay.port, "obs")) for kind in CLIENTS]
        for observer in observers:
            until(observer.values)
        firmware.tell("set obs 1001")
        for observer in observers:
            until(lambda observer=observer: observer.values() == ["0", "1001"])
        observers[0].kill()
        firmware.tell("timing 120 2")
        firmware.tell("set obs 1002")
        for observer in observers[1:]:
            until(lambda observer=observer: observer.values() == ["0", "1001", "1002"])
        until(lambda: firmware.tell("observers") == "2", "who is gone is still observed")
