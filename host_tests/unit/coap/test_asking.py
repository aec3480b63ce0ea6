"""RFC 7252 §4 and §5 as a client: requests, responses, retransmission; and notifications."""

from coap.endpoint import Endpoint
from coap.message import ACK, CON, NON, RST, Message, decode
from coap.transmission import Transmission, sms
from unit.coap.helpers import (
    OTHER_PEER,
    PEER,
    Link,
    Outcomes,
    datagram,
    endpoint,
    get,
    zeros,
)


def ask(client, link, now=0, type=CON, peer=PEER):
    """Send a GET; return its message as sent (None while queued) and the list of outcomes."""
    outcomes = Outcomes()
    request = Message(1, type).add(11, "temperature")
    token = client.request(request, peer, link, now, outcomes)
    assert request.token == token
    sent = link.take()
    return (sent[0] if sent else None), outcomes.calls


def run_down(client, now=0):
    """Step until nothing is due any more; return the times of the steps."""
    times = []
    while True:
        now = client.step(now)
        if now is None:
            return times
        times.append(now)


def test_piggybacked_response():
    """RFC 7252 §5.2.1 (figure 16): the ACK with the request's ID and token is the response."""
    client, _, link = endpoint()
    request, outcomes = ask(client, link)
    assert request.path() == ["temperature"] and len(request.token) == 4
    assert client.busy() and client.busy(PEER) and not client.busy(OTHER_PEER)
    data = datagram(0x45, ACK, request.message_id, request.token, b"22.3 C")
    client.receive(data, PEER, link, 100)
    (response, reason), = outcomes
    assert bytes(response.payload) == b"22.3 C" and reason is None
    assert link.sent == [] and not client.busy() and client.step(100) is None
    client.receive(data, PEER, link, 200)
    assert len(outcomes) == 1 and client.dropped == {"duplicate response": 1}


def test_separate_response():
    """RFC 7252 §5.2.2 (figure 20): empty ACK, then a CON response, which is acknowledged."""
    client, _, link = endpoint()
    request, outcomes = ask(client, link)
    client.receive(datagram(0, ACK, request.message_id), PEER, link, 100)
    assert outcomes == [] and client.busy()
    assert client.step(50_000) == 93_100 and link.sent == []
    data = datagram(0x45, CON, 0xAD7B, request.token, b"22.3 C")
    client.receive(data, PEER, link, 60_000)
    assert link.sent == [(bytes.fromhex("6000ad7b"), PEER)]
    assert len(outcomes) == 1 and bytes(outcomes[0][0].payload) == b"22.3 C"
    # Its duplicate is acknowledged again though the exchange is over.
    client.receive(data, PEER, link, 61_000)
    assert link.sent[1:] == [(bytes.fromhex("6000ad7b"), PEER)]
    assert len(outcomes) == 1 and not client.busy()


def test_separate_response_without_ack():
    """RFC 7252 §5.2.2: a response that arrives before the ACK acknowledges the request too."""
    for type in (CON, NON):
        client, _, link = endpoint()
        request, outcomes = ask(client, link)
        client.receive(datagram(0x45, type, 77, request.token, b"x"), PEER, link, 100)
        assert len(outcomes) == 1 and client.step(100) is None
        assert len(link.sent) == (1 if type == CON else 0)
        client.receive(datagram(0, ACK, request.message_id), PEER, link, 200)
        assert len(outcomes) == 1


def test_unexpected_response():
    """RFC 7252 §4.2 and §5.3.2 (figure 21): unknown token: Reset for a CON, silence for a NON."""
    client, _, link = endpoint()
    client.receive(bytes.fromhex("4145ad7c64ff32322e332043"), PEER, link, 0)
    assert link.sent == [(bytes.fromhex("7000ad7c"), PEER)]
    client.receive(bytes.fromhex("5145ad7d64ff32322e332043"), PEER, link, 0)
    assert len(link.sent) == 1 and client.dropped == {"unknown token": 2}


def test_response_from_elsewhere():
    """RFC 7252 §5.3.2: token, endpoint and, where piggybacked, message ID must all match."""
    client, _, link = endpoint()
    request, outcomes = ask(client, link)
    message_id, token = request.message_id, request.token
    client.receive(datagram(0x45, ACK, message_id, token), OTHER_PEER, link, 1)
    client.receive(datagram(0x45, ACK, message_id + 1, token), PEER, link, 1)
    client.receive(datagram(0x45, ACK, message_id, b"othr"), PEER, link, 1)
    client.receive(datagram(0x45, ACK, message_id, token), PEER, Link(), 1)
    client.receive(datagram(0x45, NON, 5, token), OTHER_PEER, link, 1)
    client.receive(datagram(0x45, NON, 6, token[:3]), PEER, link, 1)
    client.receive(datagram(0, RST, message_id), OTHER_PEER, link, 1)
    client.receive(datagram(0x01, ACK, message_id, token), PEER, link, 1)
    assert outcomes == [] and link.sent == []
    assert client.dropped == {
        "unknown ACK": 3, "mismatched ACK": 2, "unknown token": 2, "unknown RST": 1,
    }
    client.receive(datagram(0x45, ACK, message_id, token), PEER, link, 2)
    assert len(outcomes) == 1


def test_retransmission():
    """RFC 7252 §4.2 (figure 18): the wait doubles; after MAX_RETRANSMIT the request has failed."""
    client, _, link = endpoint()
    request, outcomes = ask(client, link)
    first = bytes(request.encode())
    times = run_down(client)
    assert times == [2_000, 6_000, 14_000, 30_000, 62_000]
    assert link.sent == [(first, PEER)] * 4
    assert outcomes == [(None, "timeout")] and not client.busy()


def test_a_link_that_recovers():
    """RFC 7252 §4.2: the timer is of what was sent; while a modem is brought up for it nothing
    was, and where that is given up the exchange ends at once."""
    client, _, link = endpoint()
    _, outcomes = ask(client, link)
    link.recovering = True
    assert client.step(2_000) == 4_000 and client.step(400_000) == 402_000
    assert link.sent == [] and outcomes == []
    link.recovering = False
    assert client.step(402_000) == 406_000 and len(link.take()) == 1
    link.retry_at = 450_000
    assert client.step(405_999) == 406_000 and outcomes == []
    client.step(406_000)
    assert outcomes == [(None, "unsent")] and link.sent == [] and not client.busy()


def test_random_factor():
    """RFC 7252 §4.2: the first wait lies between ACK_TIMEOUT and 1.5 times that."""
    for bits, first in ((0, 2_000), (1 << 13, 2_500), ((1 << 14) - 1, 2_999)):
        client = Endpoint(None, lambda n, bits=bits: bits if n == 14 else 0)
        ask(client, Link())
        assert run_down(client)[0] == first


def test_retransmission_parameters_of_the_link():
    """RFC 7252 §4.8.1: each link has its own; without retransmission a message is sent once."""
    client = Endpoint(None, zeros)
    slow = Link(Transmission(ack_timeout_ms=5_000, max_retransmit=1))
    ask(client, slow)
    assert run_down(client) == [5_000, 15_000] and len(slow.sent) == 1
    once = Link(sms())
    _, outcomes = ask(client, once)
    assert run_down(client) == [120_000] and once.sent == []
    assert outcomes == [(None, "timeout")]


def test_answer_after_a_retransmission():
    """RFC 7252 §4.2 (figure 18): the answer to any of the transmissions ends the exchange."""
    client, _, link = endpoint()
    request, outcomes = ask(client, link)
    client.step(2_000)
    client.receive(datagram(0x45, ACK, request.message_id, request.token), PEER, link, 2_500)
    assert len(outcomes) == 1 and len(link.sent) == 1 and client.step(10_000) is None


def test_acknowledged_request_without_response():
    """RFC 7252 §5.2.2: a separate response that never comes is given up."""
    client, _, link = endpoint()
    request, outcomes = ask(client, link)
    client.receive(datagram(0, ACK, request.message_id), PEER, link, 500)
    assert run_down(client) == [93_500] and link.sent == []
    assert outcomes == [(None, "timeout")]


def test_reset():
    """RFC 7252 §4.2: a Reset ends the exchange."""
    for type in (CON, NON):
        client, _, link = endpoint()
        request, outcomes = ask(client, link, type=type)
        client.receive(datagram(0, RST, request.message_id), PEER, link, 500)
        assert outcomes == [(None, "reset")] and client.step(500) is None


def test_non_request():
    """RFC 7252 §4.3: a NON request is sent once, an ACK means nothing; the token matches."""
    client, _, link = endpoint()
    request, outcomes = ask(client, link, type=NON)
    assert request.type == NON
    client.receive(datagram(0, ACK, request.message_id), PEER, link, 1)
    client.receive(datagram(0x45, ACK, request.message_id, request.token), PEER, link, 1)
    assert outcomes == [] and client.dropped == {"unknown ACK": 2}
    client.receive(datagram(0x45, NON, 99, request.token, b"x"), PEER, link, 2)
    assert len(outcomes) == 1 and link.sent == []
    _, outcomes = ask(client, link, now=1_000, type=NON)
    assert run_down(client) == [94_000] and link.sent == []
    assert outcomes == [(None, "timeout")]


def test_critical_option_in_a_response():
    """RFC 7252 §5.4.1: an unknown critical option makes a response be rejected."""
    client, _, link = endpoint()
    request, outcomes = ask(client, link)
    for type, message_id, answer in (
        (ACK, request.message_id, False), (NON, 50, False), (CON, 51, True),
    ):
        message = Message(0x45, type, request.token, b"", message_id).add(2049, b"")
        client.receive(bytes(message.encode()), PEER, link, 1)
        assert len(link.take()) == (1 if answer else 0)
    assert outcomes == [] and client.dropped == {"critical option": 3}
    message = Message(0x45, ACK, request.token, b"", request.message_id).add(2050, b"")
    client.receive(bytes(message.encode()), PEER, link, 1)
    assert len(outcomes) == 1


def test_nstart():
    """RFC 7252 §4.7: one interaction outstanding to a peer; the next waits, in order."""
    client, _, link = endpoint()
    first, first_outcomes = ask(client, link)
    second, second_outcomes = ask(client, link)
    third, _ = ask(client, link)
    assert first is not None and second is None and third is None
    elsewhere, _ = ask(client, link, peer=OTHER_PEER)
    assert elsewhere is not None
    client.receive(datagram(0x45, ACK, first.message_id, first.token), PEER, link, 100)
    second = link.take_one()
    assert len(first_outcomes) == 1 and second_outcomes == []
    assert client.step(100) == 2_000
    # An acknowledged request is not outstanding any more (§4.7).
    client.receive(datagram(0, ACK, second.message_id), PEER, link, 200)
    third = link.take_one()
    assert third.message_id == second.message_id + 1
    client.receive(datagram(0, RST, third.message_id), PEER, link, 300)
    assert client.busy(PEER)
    client.receive(datagram(0x44, CON, 1, second.token), PEER, link, 400)
    assert not client.busy(PEER) and len(second_outcomes) == 1


def test_nstart_of_a_link():
    """RFC 7252 §4.7: a link may allow more than one."""
    client = Endpoint(None, zeros)
    link = Link(Transmission(nstart=2))
    assert ask(client, link)[0] is not None
    assert ask(client, link)[0] is not None
    assert ask(client, link)[0] is None


def test_queue_is_bounded():
    """RFC 7252 §4.7: of too many requests that wait, the oldest is cancelled."""
    client, _, link = endpoint()
    all_outcomes = [ask(client, link)[1] for _ in range(18)]
    assert all_outcomes[1] == [(None, "cancelled")]
    assert [outcomes for i, outcomes in enumerate(all_outcomes) if i != 1] == [[]] * 17
    assert client.dropped == {"queue full": 1}
    run_down(client)
    assert [len(outcomes) for outcomes in all_outcomes] == [1] * 18 and not client.busy()


def test_timeout_lets_the_next_go():
    """RFC 7252 §4.7: a request given up makes way for the one that waits."""
    client, _, link = endpoint()
    ask(client, link)
    _, outcomes = ask(client, link)
    assert run_down(client)[4:6] == [62_000, 64_000]
    assert len(link.sent) == 4 + 5 and outcomes == [(None, "timeout")]


def test_cancel():
    """DESIGN §3: what is outstanding ends as cancelled, by peer, by link or all of it."""
    client, _, link = endpoint()
    other_link = Link()
    a = ask(client, link)[1]
    queued = ask(client, link)[1]
    b = ask(client, link, peer=OTHER_PEER)[1]
    c = ask(client, other_link)[1]
    client.cancel(10, OTHER_PEER)
    assert b == [(None, "cancelled")] and a == queued == c == []
    client.cancel(10, None, link)
    assert a == queued == [(None, "cancelled")] and c == []
    client.cancel(10)
    assert c == [(None, "cancelled")]
    assert link.sent == [] and not client.busy() and client.step(10) is None


def test_request_from_a_callback():
    """DESIGN §6: state is consistent before a callback, which may send again."""
    client, _, link = endpoint()
    again = Outcomes()

    def on_response(response, reason, now):
        client.request(Message(2), PEER, link, now, again)

    client.request(Message(1), PEER, link, 0, on_response)
    first = link.take_one()
    client.receive(datagram(0x45, ACK, first.message_id, first.token), PEER, link, 100)
    second = link.take_one()
    assert second.code == 2 and client.step(100) == 2_100
    client.receive(datagram(0x44, ACK, second.message_id, second.token), PEER, link, 200)
    assert len(again.calls) == 1


class _Echoing(Link):
    """Its peer answers every request before send() returns, once `at_once` is set."""

    at_once = None

    def send(self, data, peer):
        super().send(data, peer)
        sent = decode(data)
        if self.at_once:
            answer = datagram(0x45, ACK, sent.message_id, sent.token)
            self.at_once.receive(answer, peer, self, 100)


def test_response_within_send():
    """DESIGN §6: a link may deliver before send() returns; what waits goes once each, in order."""
    client = endpoint()[0]
    link = _Echoing()
    asked = [ask(client, link) for _ in range(4)]
    first = asked[0][0]
    link.at_once = client
    client.receive(datagram(0x45, ACK, first.message_id, first.token), PEER, link, 100)
    assert [len(outcomes) for _, outcomes in asked] == [1] * 4
    assert len(link.sent) == 3 and not client.busy() and client.step(100) is None


def test_tokens_differ():
    """RFC 7252 §5.3.1: no two requests have one token, even of a source that repeats itself."""
    client, _, link = endpoint()
    tokens = set()
    for _ in range(20):
        request, _ = ask(client, link)
        tokens.add(request.token)
        client.cancel(0)
    counters = client.freeze()
    client = Endpoint(None, zeros)
    client.thaw(counters)
    for _ in range(20):
        request, _ = ask(client, link)
        tokens.add(request.token)
        client.cancel(0)
    assert len(tokens) == 40


def test_message_ids_go_on_after_sleep():
    """RFC 7252 §4.4: an ID is not used again within EXCHANGE_LIFETIME, sleep or no sleep."""
    client, _, link = endpoint()
    first, _ = ask(client, link)
    counters = client.freeze()
    assert all(0 <= counter <= 0xFFFF for counter in counters)
    woken, _, link = endpoint()
    woken.thaw(counters)
    second, _ = ask(woken, link)
    assert second.message_id == first.message_id + 1


def test_message_id_in_use_is_passed_over():
    """RFC 7252 §4.4: an ID that an exchange still waits with is not given again, whatever the
    count says."""
    client = Endpoint(None, zeros)
    link = Link(Transmission(nstart=9))
    used = set()
    for message_id in (0xFFFF, 0xFFFF, 0xFFFF, 0):
        client.thaw((message_id, 0))
        request, _ = ask(client, link)
        used.add(request.message_id)
    assert used == {0xFFFF, 0, 1, 2}


def test_confirmable_notification():
    """RFC 7641 §4.5: sent until acknowledged, reset or given up."""
    for answer, expected in ((ACK, None), (RST, "reset"), (None, "timeout")):
        server, _, link = endpoint()
        outcomes = Outcomes()
        message = Message(0x45, CON, b"obs", b"1").add(6, 12)
        server.notify(message, PEER, link, 0, outcomes)
        sent = link.take_one()
        assert sent.token == b"obs" and sent.get_uint(6) == 12 and outcomes.calls == []
        if answer is None:
            run_down(server)
        else:
            server.receive(datagram(0, answer, sent.message_id), PEER, link, 100)
        assert outcomes.calls == [(expected,)] and not server.busy()


def test_non_confirmable_notification():
    """RFC 7641 §3.6: done at once; a Reset within NON_LIFETIME ends the observation."""
    server, _, link = endpoint()
    outcomes = Outcomes()
    server.notify(Message(0x45, NON, b"obs", b"1").add(6, 12), PEER, link, 0, outcomes)
    sent = link.take_one()
    assert outcomes.calls == [(None,)] and not server.busy()
    server.receive(datagram(0, RST, sent.message_id), OTHER_PEER, link, 100)
    assert outcomes.calls == [(None,)]
    server.receive(datagram(0, RST, sent.message_id), PEER, link, 144_999)
    server.receive(datagram(0, RST, sent.message_id), PEER, link, 144_999)
    assert outcomes.calls == [(None,), ("reset",)]
    assert server.dropped == {"unknown RST": 2}


def test_requests_are_served_while_asking():
    """RFC 7252 §2.2: an endpoint is client and server at once; IDs of both sides may coincide."""
    both, handler, link = endpoint()
    request, outcomes = ask(both, link)
    both.receive(get(request.message_id, request.token), PEER, link, 1)
    response = link.take_one()
    assert response.type == ACK and len(handler.requests) == 1 and outcomes == []
    both.receive(datagram(0x45, ACK, request.message_id, request.token), PEER, link, 2)
    assert len(outcomes) == 1


def test_nothing_due():
    """DESIGN §3: what is remembered asks for no wake-up."""
    server, _, link = endpoint()
    server.receive(get(), PEER, link, 0)
    server.notify(Message(0x45, NON, b"obs"), PEER, link, 0, Outcomes())
    assert server.step(0) is None and server.step(1_000_000_000_000) is None


def test_late_response():
    """RFC 7252 §4.8.2 and §5.3.2: a response after the request was given up is told from a
    duplicate and from one to nothing; a Confirmable one is refused."""
    for type in (CON, NON, ACK):
        client, _, link = endpoint()
        request, outcomes = ask(client, link)
        run_down(client)
        link.sent.clear()
        message_id = request.message_id if type == ACK else 7
        client.receive(
            datagram(0x45, type, message_id, request.token, b"x"), PEER, link, 100_000
        )
        assert outcomes == [(None, "timeout")] and client.dropped == {"late response": 1}
        assert link.sent == ([(bytes.fromhex("70000007"), PEER)] if type == CON else [])


def test_duplicate_response():
    """RFC 7252 §4.5 and §5.3.2: a response to a request that has its response."""
    for type in (CON, NON, ACK):
        client, _, link = endpoint()
        request, outcomes = ask(client, link)
        data = datagram(0x45, ACK, request.message_id, request.token, b"x")
        client.receive(data, PEER, link, 100)
        message_id = request.message_id if type == ACK else 7
        client.receive(datagram(0x45, type, message_id, request.token, b"x"), PEER, link, 200)
        assert len(outcomes) == 1 and client.dropped == {"duplicate response": 1}
        assert link.sent == ([(bytes.fromhex("70000007"), PEER)] if type == CON else [])
        # From elsewhere it is a response to nothing.
        client.receive(
            datagram(0x45, NON, 8, request.token, b"x"), OTHER_PEER, link, 300
        )
        assert client.dropped == {"duplicate response": 1, "unknown token": 1}


def test_probing_rate():
    """RFC 7252 §4.7: to a peer that does not answer, no more than PROBING_RATE is sent: a
    Non-confirmable request holds its place for as long as its bytes take at that rate."""
    for rate, size, expected in ((1, 200, 200_000), (1, 20, 93_000), (10, 1_000, 100_000)):
        client = Endpoint(None, zeros)
        link = Link(Transmission(probing_rate=rate))
        outcomes = Outcomes()
        message = Message(2, NON)
        message.payload = b"x" * (size - 9)  # header 4, token 4, marker 1
        client.request(message, PEER, link, 0, outcomes)
        assert len(link.sent[0][0]) == size
        link.sent.clear()
        queued, _ = ask(client, link, type=NON)
        assert queued is None and client.step(0) == expected
        client.step(expected - 1)
        assert link.sent == [] and outcomes.calls == []
        client.step(expected)
        assert len(link.sent) == 1 and outcomes.calls == [(None, "timeout")]


def test_probing_ends_with_an_answer():
    """RFC 7252 §4.7: a peer that answers may be sent the next request at once."""
    client = Endpoint(None, zeros)
    link = Link(Transmission(probing_rate=1))
    first, outcomes = ask(client, link, type=NON)
    second, _ = ask(client, link, type=NON)
    assert second is None
    client.receive(datagram(0x45, NON, 9, first.token), PEER, link, 500)
    assert len(outcomes) == 1 and len(link.sent) == 1
