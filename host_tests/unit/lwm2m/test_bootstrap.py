"""The bootstrap interface: how a session begins, ends and fails, message by message."""

from coap.message import ACK
from coap.registry import (
    ACCEPT,
    BAD_REQUEST,
    CHANGED,
    CONTENT,
    DELETE,
    DELETED,
    GET,
    INTERNAL_ERROR,
    MAX_AGE,
    NOT_ACCEPTABLE,
    NOT_FOUND,
    POST,
    PUT,
    SERVICE_UNAVAILABLE,
    UNSUPPORTED_CONTENT_FORMAT,
)
from unit.lwm2m.bootstrap_bench import (
    BOOTSTRAP_PEER,
    BOOTSTRAP_URI,
    OTHER_PEER,
    OTHER_URI,
    SESSION_MS,
    BootstrapBench,
    encoded,
    security,
    server,
)
from unit.lwm2m.helpers import (
    DAY_MS,
    PEER,
    SERVER_NUMBER,
    URI,
    text,
)

LINKS = 40
# The tests' own code, a client and both sides of a bootstrap.
HEAP_K = 128


def test_client_initiated_bootstrap():
    """int-0, int-1: request, Write, Discover, Finish, then Register with what was written."""
    bench = BootstrapBench()
    bench.bootstrap.start(bench.now)
    bench.step()
    request = bench.asked()
    assert request.code == POST and not request.payload
    assert sorted(request.queries()) == ["ep=urn:imei:1", "pct=112"]
    bench.answer(request, CHANGED)
    assert bench.write("/0/1", security()) == CHANGED
    assert bench.write("/1/0", server()) == CHANGED
    discovered = bench.ask(GET, "/", options=[(ACCEPT, LINKS)])[0]
    assert discovered.code == CONTENT
    links = text(discovered).split(",")
    assert links[0] == "</>;lwm2m=1.1"
    assert "</0/0>" in links and '</0/1>;ssid=1;uri="%s"' % URI in links
    assert "</1/0>;ssid=1" in links and "</3/0>" in links
    assert bench.client.accounts == [] and not bench.client.tree.instances(1)
    response, register = bench.finish()
    assert response.code == CHANGED
    assert register.path() == ["rd"] and register.peer == PEER
    assert "lt=300" in register.queries() and "b=U" in register.queries()
    bench.accept(register)
    assert bench.account.short_server_id == 1 and bench.account.reachable
    assert bench.facts("bootstrapped") == {"servers": [1]}
    assert not bench.bootstrap.busy() and len(bench.records) == 1


def test_server_initiated_bootstrap():
    """int-5: Execute of /1/0/9 is answered, then the client bootstraps without hold-off."""
    bench = BootstrapBench(hold_off_s=600)
    bench.bootstrap.start(bench.now)
    bench.run_for(600_000)
    bench.answer(bench.asked(), CHANGED)
    bench.provide()
    bench.accept(bench.finish()[1])
    response, request = bench.request(POST, "/1/0/9")
    assert response.code == CHANGED and response.type == ACK
    assert request.path() == ["bs"] and request.peer == BOOTSTRAP_PEER
    assert bench.client.busy(bench.now)


def test_no_bootstrap_server_no_trigger():
    """int-5: without a bootstrap server the trigger is not there."""
    bench = BootstrapBench(timeout_s=1)
    bench.bootstrapped()
    bench.run_for(1_000)
    assert "bootstrap_account_purged" in bench.names()
    assert bench.request(POST, "/1/0/9")[0].code == NOT_FOUND


def test_hold_off():
    """int-6; TS 1.1 Core 6.1.3.3: the client waits its hold-off time, in which it may sleep."""
    bench = BootstrapBench(hold_off_s=30)
    bench.bootstrap.start(bench.now)
    due = bench.step()
    assert due == bench.now + 30_000 and bench.sent() == []
    assert not bench.client.busy(bench.now)
    bench.run_to(due)
    bench.asked()


def test_fall_back():
    """int-7: a registration that fails for good asks the bootstrap server."""
    bench = BootstrapBench()
    bench.bootstrapped()
    bench.account.location = None
    bench.bootstrap.begin("registration", bench.now)
    bench.step()
    request = bench.asked()
    assert request.queries()[0] == "ep=urn:imei:1"
    assert bench.facts("bootstrapping")["reason"] == "registration"


def test_a_registration_ends_the_fall_back():
    """int-7: while the client waits to ask again, a registration that succeeds is enough."""
    bench = BootstrapBench()
    bench.bootstrapped()
    location, bench.account.location = bench.account.location, None
    bench.bootstrap.begin("registration", bench.now)
    bench.step()
    bench.answer(bench.asked(), BAD_REQUEST)
    bench.account.location = location
    bench.step()
    assert bench.bootstrap.state == 0


def test_time_out_puts_everything_back():
    """TS 1.1 Core 6.1.3.3: 247 s without an operation; registered accounts work on."""
    bench = BootstrapBench()
    bench.bootstrapped()
    location = bench.account.location
    bench.bootstrap.begin("trigger", bench.now)
    bench.step()
    bench.answer(bench.asked(), CHANGED)
    bench.events[:] = []
    bench.now += 100_000
    assert bench.tell(DELETE, "/") == DELETED
    assert bench.write("/0/0", security(OTHER_URI, 7, True)) == CHANGED
    assert bench.write("/3303/0", {5701: (1, "K")}) == CHANGED
    bench.run_for(SESSION_MS - 1)
    assert bench.bootstrap.in_session
    bench.now += 1
    bench.step()
    assert bench.facts("bootstrap_failed")["reason"] == "timeout"
    assert bench.account.location == location and bench.account.reachable
    assert bench.client.tree.get(0, 0).values[0] == BOOTSTRAP_URI
    assert bench.temperature.values[5701] == "Cel"
    assert len(bench.records) == 1


def test_other_servers_are_not_heard_in_a_session():
    """OMA issue 91: requests of the client's servers wait until the bootstrap is over."""
    bench = BootstrapBench()
    bench.bootstrapped()
    bench.bootstrap.begin("trigger", bench.now)
    bench.step()
    request = bench.asked()
    assert bench.request(GET, "/3/0/0")[0].code == CONTENT
    bench.answer(request, CHANGED)
    assert bench.request(GET, "/3/0/0") == []
    assert bench.client.dropped["bootstrapping"] == 1
    bench.run_for(SESSION_MS)
    assert bench.request(GET, "/3/0/0")[0].code == CONTENT


def test_nobody_else_bootstraps():
    """RFC 7252 11.4: only the configured address is the bootstrap server, and only when asked."""
    bench = BootstrapBench()
    bench.bootstrap.start(bench.now)
    bench.step()
    request = bench.asked()
    payload = encoded((0, 1), security())
    assert bench.ask(PUT, "/0/1", payload, 112, sender=("boot.example", 5694)) == []
    assert bench.ask(PUT, "/0/1", payload, 112, sender=OTHER_PEER) == []
    bench.answer(request, CHANGED)
    bench.provide()
    bench.accept(bench.finish()[1])
    bench.message_id += 1
    assert bench.ask(DELETE, "/") == []
    assert bench.finish() == []
    assert bench.client.dropped["not_bootstrapping"] == 2
    assert bench.account.reachable


def test_a_write_ahead_of_the_answer():
    """RFC 7252 4.2: the 2.04 to the request may be lost, and the server writes at once."""
    bench = BootstrapBench()
    bench.bootstrap.start(bench.now)
    bench.step()
    request = bench.asked()
    bench.provide()
    assert bench.bootstrap.in_session
    bench.run_for(3_000)
    assert bench.asked().message_id == request.message_id, "the request goes again"
    bench.answer(request, CHANGED)
    assert bench.finish()[0].code == CHANGED


def test_finish_again():
    """RFC 7252 4.2: a Finish whose answer was lost is answered again, and done once."""
    bench = BootstrapBench()
    bench.begin()
    bench.provide()
    bench.finish()
    bench.message_id -= 1
    again = bench.ask(POST, "bs")
    assert [each.code for each in again] == [CHANGED]
    assert len(bench.records) == 1 and "not_bootstrapping" not in bench.client.dropped


def test_failures_come_further_apart():
    """Requirement, retries: growing delays, a day at most, for ever; a success begins anew."""
    bench = BootstrapBench()
    bench.bootstrap.start(bench.now)
    bench.step()
    delays = []
    for _ in range(14):
        request = bench.asked()
        at = bench.now
        bench.answer(request, BAD_REQUEST)
        delays.append(bench.facts("bootstrap_failed")["retry_s"])
        assert not bench.client.busy(bench.now)
        bench.run_to(at + delays[-1] * 1000)
    assert delays[:4] == [60, 120, 240, 480] and delays[-1] == 86_400
    bench.answer(bench.asked(), CHANGED)
    bench.provide()
    assert bench.finish()[0].code == CHANGED


def test_no_answer_at_all():
    """RFC 7252 4.8.2: a bootstrap server that is not there; the client comes back."""
    bench = BootstrapBench()
    bench.bootstrap.start(bench.now)
    bench.run_for(100_000)
    assert len(bench.sent()) == 5
    assert bench.facts("bootstrap_failed") == {"reason": "timeout", "retry_s": 60}
    bench.run_for(60_000)
    assert bench.sent()[0].path() == ["bs"]


def test_a_busy_bootstrap_server():
    """RFC 7252 5.9.3.4: 5.03 with Max-Age."""
    bench = BootstrapBench()
    bench.bootstrap.start(bench.now)
    bench.step()
    bench.answer(bench.asked(), SERVICE_UNAVAILABLE, options=[(MAX_AGE, 900)])
    assert bench.facts("bootstrap_failed")["retry_s"] == 900


def test_format_not_supported():
    """TS 1.1 Core 6.1.7.1: 4.15 to `pct`; the client asks without it."""
    bench = BootstrapBench()
    bench.bootstrap.start(bench.now)
    bench.step()
    bench.answer(bench.asked(), UNSUPPORTED_CONTENT_FORMAT)
    request = bench.asked()
    assert request.queries() == ["ep=urn:imei:1"]
    bench.answer(request, CHANGED)
    assert bench.bootstrap.in_session


def test_a_triggered_bootstrap_gives_up_where_all_is_well():
    """Requirement, retries: five failures, and the registered client leaves it at that."""
    bench = BootstrapBench()
    bench.bootstrapped()
    bench.bootstrap.begin("trigger", bench.now)
    for _ in range(5):
        bench.run_for(0)
        bench.answer(bench.asked(), BAD_REQUEST)
        delay_s = bench.facts("bootstrap_failed")["retry_s"]
        if delay_s:
            bench.account.expires = bench.account.due = bench.now + DAY_MS
            bench.run_for(delay_s * 1000)
    assert delay_s is None and bench.bootstrap.state == 0


def test_purge():
    """TS 1.1 Core 6.1.3.3: the bootstrap server's account ends after its time-out."""
    bench = BootstrapBench(timeout_s=3_600)
    bench.bootstrapped()
    bench.fall_asleep()
    assert bench.client.tree.get(0, 0)
    bench.account.expires = bench.account.due = bench.now + DAY_MS
    bench.run_for(3_600_000)
    assert bench.client.tree.get(0, 0) is None
    assert len(bench.records) == 2 and BOOTSTRAP_URI.encode() not in bench.records[1]
    assert BOOTSTRAP_URI.encode() in bench.records[0]
    bench.bootstrap.begin("registration", bench.now)
    assert bench.bootstrap.state == 0 and not bench.bootstrap.owns(BOOTSTRAP_PEER, bench.udp)


def test_a_flash_that_fails():
    """Requirement, power cut: what cannot be stored is refused, and the client stays as it is."""

    def fail(record):
        raise OSError(28)

    bench = BootstrapBench(store=fail)
    bench.begin()
    bench.provide()
    sent = bench.finish()
    assert [each.code for each in sent] == [INTERNAL_ERROR]
    assert bench.client.accounts == [] and bench.bootstrap.in_session


def test_secrets_are_never_told():
    """Requirement, secrets: no event and no answer quotes a key."""
    bench = BootstrapBench()
    bench.begin()
    key = b"\x5a\xa5secret"
    bench.provide(security_values=security())
    assert bench.tell(PUT, "/0/1/5", key, 42) == CHANGED
    assert bench.ask(PUT, "/0/1/2", key, 0)[0].code == BAD_REQUEST
    bench.finish()
    told = repr(bench.events) + repr([bytes(each.payload) for each in bench.sent()])
    assert "secret" not in told


def test_sms_number_and_settings_of_the_site():
    """CR 6.1: the server's number comes with the account, the rest from the configuration."""
    settings = {"queue": True, "triggers_per_hour": 3, "sms_trigger": True, "awake_time_ms": 5_000}
    bench = BootstrapBench(settings=settings)
    bench.begin()
    bench.provide(security_values=security(r9="+" + SERVER_NUMBER))
    bench.finish()
    account = bench.account
    assert account.peers["S"] == SERVER_NUMBER and account.triggers_per_hour == 3
    assert account.value("sms_trigger") is True and account.awake_time_ms == 5_000


def test_a_session_goes_on_from_another_address():
    """OMA issue 164: with another address of its own the client asks again."""
    bench = BootstrapBench()
    bench.begin()
    bench.provide()
    bench.bootstrap.moved(bench.now)
    bench.step()
    bench.answer(bench.asked(), CHANGED)
    assert [each.code for each in bench.finish()] == [NOT_ACCEPTABLE], "begun anew"


def test_freeze_and_thaw():
    """Requirement, deep sleep: a wait, its reason and the purge outlive it."""
    bench = BootstrapBench(hold_off_s=600, timeout_s=9)
    bench.bootstrap.start(bench.now)
    due = bench.step()
    other = BootstrapBench(hold_off_s=600, timeout_s=9)
    other.bootstrap.thaw(bench.bootstrap.freeze())
    other.now = bench.now
    assert other.step() == due
    other.run_to(due)
    other.answer(other.asked(), CHANGED)
    other.provide()
    other.tell(PUT, "/3/0/2", b"serial", 0)
    other.accept(other.finish()[1])
    bench.bootstrap.thaw(other.bootstrap.freeze())
    assert bench.bootstrap.touched == {(3, 0): [2]}
    assert bench.bootstrap.step(other.now) == other.now + 9_000


def test_trigger_by_sms():
    """TS 1.1 Transport 6.6: /1/x/9 by SMS begins the bootstrap; nothing is answered by SMS."""
    settings = {"queue": True, "sms_trigger": True}
    bench = BootstrapBench(settings=settings)
    bench.begin()
    bench.provide(security_values=security(r9=SERVER_NUMBER), server_values=server(lifetime=86400))
    bench.accept(bench.finish()[1])
    bench.fall_asleep()
    request = bench.request(POST, "/1/0/9", binding="S")
    assert [each.path() for each in request] == [["bs"]] and request[0].binding == "U"
    bench.answer(request[0], CHANGED)
    assert bench.bootstrap.in_session and bench.account.wanted is None
    assert bench.finish()[0].code == CHANGED
    bench.account.server.put("sms_trigger", False)
    bench.request(POST, "/1/0/9", binding="S")
    assert bench.client.dropped["sms_trigger_off"] == 1 and bench.bootstrap.state == 0


def test_no_memory_to_become_what_was_written():
    """Requirement, memory: half an account is none; the run ends, and the next begins with it."""

    def fail(*_):
        raise MemoryError

    bench = BootstrapBench()
    bench.begin()
    bench.provide()
    bench.client.adopt = fail
    try:
        bench.finish()
        raise AssertionError("went on")
    except RuntimeError as error:
        assert "no memory" in str(error)
    assert len(bench.records) == 1


def test_updates_go_on_while_the_request_is_out():
    """TS 1.1 Core 6.2.2: a bootstrap server that does not answer costs no registration."""
    bench = BootstrapBench()
    bench.bootstrapped()
    bench.run_to(bench.account.due - 30_000)
    bench.bootstrap.begin("trigger", bench.now)
    bench.step()
    bench.sent()
    bench.run_for(40_000)
    updates = [each for each in bench.sent() if each.path() == ["rd", "5a3f"]]
    assert updates and bench.bootstrap.active
    bench.answer(updates[0], CHANGED)
    assert bench.account.reachable


def test_a_session_without_an_end():
    """Requirement, no visit: a bootstrap server that goes on for ever silences nobody for ever."""
    bench = BootstrapBench()
    bench.bootstrapped()
    bench.account.expires = bench.account.due = bench.now + DAY_MS
    bench.bootstrap.begin("trigger", bench.now)
    bench.step()
    bench.answer(bench.asked(), CHANGED)
    for _ in range(20):
        bench.run_for(240_000)
        if not bench.bootstrap.in_session:
            break
        assert bench.ask(GET, "/1")[0].code == CONTENT
    assert bench.facts("bootstrap_failed")["reason"] == "timeout"


def test_a_pack_that_is_no_configuration():
    """TS 1.2 Core 6.1.7.7: a Pack that cannot be used would come again; `bs` is asked next."""
    for payload in (b"\xff", encoded((0, 1), security())):
        bench = BootstrapBench("1.2", pack=True)
        bench.bootstrap.start(bench.now)
        bench.step()
        bench.answer(bench.asked("bspack"), CONTENT, payload)
        assert bench.facts("bootstrap_failed")["reason"].startswith("pack: 4.0")
        bench.run_for(60_000)
        bench.answer(bench.asked(), CHANGED)
        bench.provide()
        assert bench.finish()[0].code == CHANGED
