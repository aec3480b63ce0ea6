"""Queue Mode in the embedded server: order, awake time, failures, changes of address."""

import asyncio

import pytest

from host_tests.interop.server_peer import ACK, CON, RST, build, play
from tools.server import RequestFailed, Transmission

FAST = Transmission(ack_timeout_s=0.05, max_retransmit=1, response_timeout_s=0.3)
POST, DELETE = 2, 4
QUEUED = ("lwm2m=1.1", "b=U", "Q")


def run(scenario, **options):
    options.setdefault("transmission", FAST)
    options.setdefault("awake_s", 0.25)
    play(scenario, **options)


def test_device_management_flow():
    """CR 6.1 steps 1-3: nothing while the client is offline; after its Update the queued requests
    follow one at a time, each after the response to the one before."""

    async def scenario(server, peer, log):
        location = await peer.register(*QUEUED)
        await log.wait("asleep")
        reading = server.enqueue("s1", "read", "/3303/0/5700")
        writing = server.enqueue("s1", "write", "/1/0/1", 3600)
        running_it = server.enqueue("s1", "execute", "/3/0/4")
        await peer.silence(0.1)
        assert [w["operation"] for w in server.waiting("s1")] == ["read", "write", "execute"]

        assert (await peer.request(POST, location)).dotted == "2.04"
        first = await peer.receive()
        assert (first.type, first.code, first.path) == (CON, 1, "/3303/0/5700")
        await peer.silence(0.02)
        peer.answer(first, payload=b"21.5", content_format=0)
        second = await peer.receive()
        assert (second.code, second.path, second.payload) == (3, "/1/0/1", b"3600")
        await peer.silence(0.02)
        peer.answer(second, 0x44)
        third = await peer.receive()
        assert (third.code, third.path) == (2, "/3/0/4")
        peer.answer(third, 0x44)
        assert (await reading).value == 21.5
        assert (await writing).code == "2.04" and (await running_it).ok
        await log.wait("asleep")
        wanted = ("queued", "updated", "sending", "response")
        assert log.names(*wanted) == ["queued"] * 3 + ["updated"] + ["sending", "response"] * 3

    run(scenario)


def test_notification_shows_the_client():
    """CR 6.1 step 3: a notification, too, makes the server empty its queue."""

    async def scenario(server, peer, log):
        await peer.register(*QUEUED)
        observing = server.enqueue("s1", "observe", "/3303/0/5700")
        observe = await peer.receive()
        peer.answer(observe, payload=b"20", content_format=0, observe=1)
        assert (await observing).observing
        await log.wait("asleep")
        reading = server.enqueue("s1", "read", "/3/0/9")
        await peer.silence(0.05)
        message_id = peer.notify(observe.token, 2, b"22")
        acknowledgement = await peer.receive()
        assert (acknowledgement.type, acknowledgement.message_id) == (ACK, message_id)
        request = await peer.receive()
        assert request.path == "/3/0/9"
        peer.answer(request, payload=b"80", content_format=0)
        assert (await reading).value == 80

    run(scenario)


def test_update_after_trigger_flow():
    """CR 6.1, third figure: SMS trigger, Update, then the queued request."""

    async def scenario(server, peer, log):
        location = await peer.register(*QUEUED, "sms=447700900124")
        await log.wait("asleep")
        reading = server.enqueue("s1", "read", "/3303/0/5700")
        await server.trigger("s1")
        await peer.silence(0.05)
        await peer.request(POST, location)
        peer.answer(await peer.receive(), payload=b"21.5", content_format=0)
        assert (await reading).value == 21.5
        wanted = ("queued", "trigger_sent", "updated", "response")
        assert log.names(*wanted) == list(wanted)

    async def send_sms(number, user_data, dcs, udh):
        assert number == "447700900124"

    run(scenario, send_sms=send_sms)


def test_request_within_the_awake_time_goes_at_once():
    """CR 6.1 step 2, TS Core 1.0 §8.3: awake for awake_s after the client's last message."""

    async def scenario(server, peer, log):
        await peer.register(*QUEUED)
        for _ in range(4):
            await asyncio.sleep(0.1)
            assert server.state("s1") == "awake"
            reading = server.enqueue("s1", "read", "/3/0/0")
            peer.answer(await peer.receive(), payload=b"x", content_format=0)
            await reading
        assert "queued" not in log.names()
        await asyncio.sleep(0.4)
        assert server.state("s1") == "asleep"

    run(scenario)


def test_awake_time_by_version():
    """TS 1.0 8.3: ACK_TIMEOUT (2 s) for the draft, MAX_TRANSMIT_WAIT (93 s) after it."""

    async def scenario(server, peer, log):
        await peer.register("q", endpoint="draft")
        assert log.last("awake")["awake_s"] == 2.0
        await peer.register("b=UQ", endpoint="v10")
        assert log.last("awake")["awake_s"] == 93.0
        await peer.register(*QUEUED, endpoint="v11")
        assert log.last("awake")["awake_s"] == 93.0

    run(scenario, awake_s=None, transmission=Transmission())


def test_failed_request_returns_to_the_front():
    """CR 6.1: an unsuccessful request stops the emptying and is kept for the next time."""

    async def scenario(server, peer, log):
        location = await peer.register(*QUEUED)
        await log.wait("asleep")
        first = server.enqueue("s1", "read", "/3/0/0")
        second = server.enqueue("s1", "read", "/3/0/1")
        await peer.request(POST, location)
        lost = [await peer.receive(), await peer.receive()]  # And one retransmission of it.
        assert lost[0].data == lost[1].data and lost[0].path == "/3/0/0"
        await log.wait("requeued")
        assert server.state("s1") == "asleep"
        await peer.silence(0.1)
        assert [w["path"] for w in server.waiting("s1")] == ["/3/0/0", "/3/0/1"]
        await peer.request(POST, location)
        for future, path in ((first, "/3/0/0"), (second, "/3/0/1")):
            request = await peer.receive()
            assert request.path == path
            peer.answer(request, payload=b"ok", content_format=0)
            assert (await future).value == "ok"

    run(scenario)


def test_reset_returns_the_request_too():
    """CR 6.1: "If a request is unsuccessful then it is returned to the queue"."""

    async def scenario(server, peer, log):
        location = await peer.register(*QUEUED)
        reading = server.enqueue("s1", "read", "/3/0/0")
        peer.send(build(RST, 0, (await peer.receive()).message_id))
        assert (await log.wait("requeued"))["reason"] == "reset"
        await peer.request(POST, location)
        peer.answer(await peer.receive(), payload=b"ok", content_format=0)
        assert (await reading).ok

    run(scenario)


def test_given_up_after_max_tries():
    """Bounded tries: the failure is reported, and the next request has its turn."""

    async def scenario(server, peer, log):
        location = await peer.register(*QUEUED)
        first = server.enqueue("s1", "read", "/3/0/0")
        second = server.enqueue("s1", "read", "/3/0/1")
        await log.wait("requeued")
        while not peer.inbox.empty():
            peer.inbox.get_nowait()
        await peer.request(POST, location)
        with pytest.raises(RequestFailed) as failure:
            await first
        assert failure.value.reason == "timeout"
        while not peer.inbox.empty():
            peer.inbox.get_nowait()
        assert log.last("failed")["tries"] == 2
        await peer.request(POST, location)
        while (request := await peer.receive()).path != "/3/0/1":
            pass
        peer.answer(request, payload=b"ok", content_format=0)
        assert (await second).value == "ok"

    run(scenario, max_tries=2)


def test_update_from_another_port_redirects_the_request():
    """CR 5.2.1: interactions go to the newest address; under the same message ID, so that the
    client's deduplication (RFC 7252 §4.5) sees one request."""

    async def scenario(server, peer, log):
        location = await peer.register(*QUEUED)
        reading = server.enqueue("s1", "read", "/3/0/0")
        lost = await peer.receive()
        await peer.move()
        await peer.request(POST, location)
        again = await peer.receive(0.8)
        assert again.data == lost.data
        peer.answer(again, payload=b"ok", content_format=0)
        assert (await reading).value == "ok"
        assert "requeued" not in log.names()

    slow = Transmission(ack_timeout_s=1.0)
    run(scenario, transmission=slow, awake_s=2)


def test_update_from_the_same_port_repeats_only_what_was_lost():
    """RFC 7252 §4.2: an Update that crosses a request does not double it on air; one that comes
    when the request has been retransmitted in vain makes it go at once."""

    async def scenario(server, peer, log):
        location = await peer.register(*QUEUED)
        reading = server.enqueue("s1", "read", "/3/0/0")
        request = await peer.receive()
        await peer.request(POST, location)
        await peer.silence(0.02)
        assert (await peer.receive()).data == request.data
        await peer.request(POST, location)
        assert (await peer.receive(0.15)).data == request.data
        peer.answer(request, payload=b"ok", content_format=0)
        assert (await reading).ok

    run(scenario, transmission=Transmission(ack_timeout_s=0.1), awake_s=2)


def test_reregistration_keeps_the_queue():
    """CR 5.2.1, note, with 6.1: the registration is replaced, the operator's requests stay."""

    async def scenario(server, peer, log):
        await peer.register(*QUEUED)
        await log.wait("asleep")
        reading = server.enqueue("s1", "read", "/3/0/0")
        await peer.move()
        await peer.register(*QUEUED, payload=b'</m>;rt="oma.lwm2m",</m/3/0>')
        request = await peer.receive()
        assert request.path == "/m/3/0/0"
        peer.answer(request, payload=b"ok", content_format=0)
        assert (await reading).ok

    run(scenario)


@pytest.mark.parametrize("how", ["deregistered", "expired", "closed"])
def test_what_waits_fails_with_the_registration(how):
    """CR 5.2.1: with the registration its requests end, each told why."""

    async def scenario(server, peer, log):
        location = await peer.register(*QUEUED, "lt=1")
        await log.wait("asleep")
        reading = server.enqueue("s1", "read", "/3/0/0")
        if how == "deregistered":
            await peer.request(DELETE, location)
        elif how == "closed":
            await server.close()
        with pytest.raises(RequestFailed) as failure:
            await asyncio.wait_for(reading, 1.5)
        assert failure.value.reason == how

    run(scenario)


def test_withdrawn_request_is_not_sent():
    """A caller's time-out withdraws its request."""

    async def scenario(server, peer, log):
        location = await peer.register(*QUEUED)
        await log.wait("asleep")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(server.read("s1", "/3/0/0"), 0.02)
        reading = server.enqueue("s1", "read", "/3/0/1")
        await peer.request(POST, location)
        request = await peer.receive()
        assert request.path == "/3/0/1"
        peer.answer(request, payload=b"ok", content_format=0)
        await reading

    run(scenario)


def test_queue_is_bounded():
    """Tables are bounded: beyond max_queue a request is refused."""

    async def scenario(server, peer, log):
        await peer.register(*QUEUED)
        await log.wait("asleep")
        for _ in range(3):
            server.enqueue("s1", "read", "/3/0/0")
        with pytest.raises(RequestFailed, match="3 requests already wait for s1"):
            server.enqueue("s1", "read", "/3/0/0")

    run(scenario, max_queue=3)


def test_without_queue_mode_requests_go_at_once_and_failures_are_final():
    """CR Table 3, first row: reachable at any time; NSTART 1 keeps requests serial."""

    async def scenario(server, peer, log):
        await peer.register("lwm2m=1.1", "b=U")
        await asyncio.sleep(0.2)
        first = server.enqueue("s1", "read", "/3/0/0")
        second = server.enqueue("s1", "read", "/3/0/1")
        with pytest.raises(RequestFailed):
            await first
        while (request := await peer.receive()).path != "/3/0/1":
            pass
        peer.answer(request, payload=b"ok", content_format=0)
        assert (await second).ok
        assert "requeued" not in log.names() and "queued" not in log.names()

    run(scenario)


def test_direct_datagram_ignores_the_queue():
    """The demo's proof: one datagram to the recorded address, whatever the client's state."""

    async def scenario(server, peer, log):
        await peer.register(*QUEUED)
        await log.wait("asleep")
        assert await server.read_directly("s1", "/3/0/0", wait_s=0.05) is None
        assert log.last("direct_lost")["to"] == "127.0.0.1:%d" % peer.port
        await peer.receive()
        reading = asyncio.ensure_future(server.read_directly("s1", "/3/0/0", wait_s=1))
        peer.answer(await peer.receive(), payload=b"x", content_format=0)
        assert (await reading).value == "x"
        server.send_datagram("s1", b"anything")
        await asyncio.sleep(0.02)
        assert peer.inbox.get_nowait().data == b"anything"

    run(scenario)


def test_response_ends_the_silence_race():
    """CR 6.1: a client that shows while its last request is timing out is tried again at once."""

    async def scenario(server, peer, log):
        location = await peer.register(*QUEUED)
        reading = server.enqueue("s1", "read", "/3/0/0")
        await peer.receive()
        queue = server._queues["s1"]
        server._endpoint.abandon(queue._exchange, "timeout")
        queue.shown()
        again = await peer.receive()
        peer.answer(again, payload=b"x", content_format=0)
        assert (await reading).ok and location
        assert "asleep" not in log.names()

    run(scenario, awake_s=1)
