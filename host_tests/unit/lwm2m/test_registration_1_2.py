"""What LwM2M 1.2 adds: Profile IDs, a lifetime without end (TS 1.2 Core 6.2)."""

import hashlib

from coap.registry import (
    BAD_REQUEST,
    CHANGED,
    CONTENT_FORMAT,
    FORBIDDEN,
    NOT_FOUND,
    PRECONDITION_FAILED,
    PUT,
)
from lwm2m.objects.ipso import Temperature
from unit.lwm2m.helpers import (
    DAY_MS,
    OWN_NUMBER,
    REGISTERED,
    REGISTERING,
    WAITING,
    Bench,
    is_update,
    text,
)

# The client, CoAP and the data model beside the test itself: more than the board's heap holds.
HEAP_K = 96
CONFLICT = 0x89
LIST = b"</1>;ver=1.2,</1/0>,</3>;ver=1.1,</3/0>"


def started(profile, version="1.2", **settings):
    bench = Bench(version, temperature=False, **settings)
    bench.account.profile = profile
    bench.client.start(bench.now)
    bench.step()
    return bench


def digest(octets=4):
    hexadecimal = "0123456789abcdef"
    taken = hashlib.sha256(LIST).digest()[:octets]
    return "".join([hexadecimal[octet >> 4] + hexadecimal[octet & 15] for octet in taken])


def test_1_2_parameters():
    """TS 1.2 Core 6.2.1: the version, and the Server object's with it."""
    request = Bench("1.2", OWN_NUMBER).register()
    assert request.queries() == [
        "ep=urn:imei:1", "lt=86400", "lwm2m=1.2", "b=U", "Q", "sms=" + OWN_NUMBER,
    ]  # fmt: skip
    assert "</1>;ver=1.2,</1/0>" in text(request)


def test_int_110_profile_id():
    """LightweightM2M-1.2-int-110: a Register by Profile ID has no object list; what is hashed has
    the version of each Object, and no root link."""
    bench = started("hash")
    request = bench.one()
    assert request.queries()[-1] == "pid=6:" + digest()
    assert not request.payload and request.get_uint(CONTENT_FORMAT) is None
    bench.accept(request)
    assert bench.account.state == REGISTERED
    bench.client.update()
    bench.step()
    assert is_update(bench.one())


def test_object_list_after_a_profile():
    """LightweightM2M-1.2-int-111: an object that the profile does not cover is told in a list."""
    bench = started("hash")
    bench.accept(bench.one())
    bench.tree.add(Temperature())
    bench.step()
    update = bench.one()
    assert update.path() == ["rd", "5a3f"] and update.queries() == []
    assert "</3303/0>" in text(update) and "</3/0>" in text(update)


def test_preferred_hash():
    """TS 1.2 Core E.2 resource 27: the server prefers one of the hashes of RFC 6920 §9.4; one that
    is not known leaves the shortest."""
    for suite, said, octets in ((1, 1, 32), (2, 2, 16), (3, 3, 15), (4, 4, 12), (5, 5, 8),
                                (6, 6, 4), (0, 6, 4), (7, 6, 4), (255, 6, 4)):  # fmt: skip
        bench = started("hash", profile_hash=suite)
        assert bench.one().queries()[-1] == "pid=%d:%s" % (said, digest(octets))


def test_identifiers_given_beforehand():
    """TS 1.2 Core 6.2.1: a Profile ID of the OMA's or of a vendor's; several stand in quotes."""
    assert started("v:meter-7").one().queries()[-1] == "pid=v:meter-7"
    assert started("oma:a,v:b").one().queries()[-1] == 'pid="oma:a,v:b"'


def test_unknown_profile():
    """TS 1.2 Transport Table 6.7-2: after 4.09 the object list goes out at once, and from then on;
    so it does after the 4.xx of a server that knows of no profiles."""
    for code in (CONFLICT, BAD_REQUEST, NOT_FOUND):
        bench = started("hash")
        bench.answer(bench.one(), code)
        request = bench.one()
        assert "pid=" not in request.queries()[-1] and "</3/0>" in text(request)
        assert bench.account.failures == 0
        bench.accept(request)
        bench.client.update()
        bench.step()
        bench.answer(bench.one(), NOT_FOUND)
        assert "</3/0>" in text(bench.one())


def test_unknown_profile_is_remembered():
    """TS 1.2 Core 6.2.1: a server that does not know the profile is not asked for it again after
    each deep sleep; one that does is."""
    for known in (True, False):
        bench = started("hash")
        if not known:
            bench.answer(bench.one(), CONFLICT)
        bench.accept(bench.one())
        bench.fall_asleep()
        after = Bench("1.2", temperature=False)
        after.account.profile = "hash"
        after.now = bench.now + 1_000
        assert after.client.thaw(bench.client.freeze(bench.now), after.now)
        after.client.address_changed(after.now)
        after.account.expires = after.now
        after.step()
        request = after.one()
        assert request.path() == ["rd"] and bool(request.payload) != known


def test_profile_of_a_client_that_is_refused():
    """TS 1.2 Transport Table 6.7-2: 4.03 is no word on the profile; 5.xx and silence neither."""
    for code in (FORBIDDEN, 0xA0):
        bench = started("hash")
        bench.answer(bench.one(), code)
        assert bench.account.state == WAITING
        bench.run_for(60_000)
        assert bench.one().queries()[-1][:6] == "pid=6:"


def test_no_profile_before_1_2():
    """TS 1.1 Core 6.2.1: the versions before have no Profile ID, and a server that speaks one of
    them gets the list."""
    assert "</3/0>" in text(started("hash", "1.1").one())
    bench = started("hash")
    bench.answer(bench.one(), PRECONDITION_FAILED)
    request = bench.one()
    assert "lwm2m=1.1" in request.queries() and "</3/0>" in text(request)
    assert "pid=" not in request.queries()[-1]


def test_lifetime_without_end():
    """TS 1.2 Core E.2 resource 1: for a lifetime of 0 nothing expires and no Update is due."""
    bench = Bench("1.2", lifetime_s=0)
    request = bench.register()
    assert "lt=0" in request.queries()
    assert bench.account.expires is None and bench.account.due is None
    bench.fall_asleep()
    assert bench.run_for(400 * DAY_MS) is None and bench.sent() == []
    record = bench.client.freeze(bench.now)
    after = Bench("1.2", lifetime_s=0)
    after.now = bench.now + DAY_MS
    assert after.client.thaw(record, after.now)
    after.client.start(after.now)
    assert after.run_for(400 * DAY_MS) is None and after.sent() == []
    after.client.update()
    after.step()
    update = after.one()
    assert is_update(update)
    after.answer(update, CHANGED)
    assert after.account.state == REGISTERED and after.account.due is None


def test_lifetime_written_to_no_end_and_back():
    """TS 1.2 Core E.2 resource 1: 0 is a lifetime to write in 1.2 and none in 1.1."""
    bench = Bench("1.2")
    bench.register()
    response, update = bench.request(PUT, "/1/0/1", b"0", 0)
    assert response.code == CHANGED and update.queries() == ["lt=0"]
    bench.answer(update, CHANGED)
    assert bench.account.due is None
    bench.fall_asleep()
    bench.run_for(300 * DAY_MS)
    bench.client.update()
    bench.step()
    bench.answer(bench.one(), CHANGED)
    response, update = bench.request(PUT, "/1/0/1", b"300", 0)
    assert update.queries() == ["lt=300"]
    bench.answer(update, CHANGED)
    bench.run_for(300_000 - 45_000)
    assert is_update(bench.one())
    bench = Bench("1.1")
    bench.register()
    assert bench.request(PUT, "/1/0/1", b"0", 0)[0].code == BAD_REQUEST


def test_refused_update_without_a_lifetime():
    """Requirement 9: a registration without end is made again when its server forgot it."""
    bench = Bench("1.2", lifetime_s=0)
    bench.register()
    bench.client.update()
    bench.step()
    bench.answer(bench.one(), NOT_FOUND)
    assert bench.one().path() == ["rd"] and bench.account.state == REGISTERING
