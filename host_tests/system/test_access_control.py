"""Access Control on a board with two servers: what they granted, made and deleted, over sleeps."""

from coap import registry as codes
from lwm2m.objects.access_control import AccessControl
from system.world import OTHER_NUMBER, World
from unit.lamp import Lamp

# Firmware, virtual modem, network and two servers in one process, as in test_two_servers.py.
HEAP_K = 640

_TLV = 11542
_R, _D, _C = 1, 8, 16


def _setup(node):
    node.add(Lamp(5))
    node.add(Lamp(6))
    for path in ((1, 0), (1, 1), (3, 0)):
        node.add(AccessControl(path[0], path[1], owner=1, acl={2: 15}))
    node.add(AccessControl(30001, 0, owner=1))
    node.add(AccessControl(30001, 1, owner=1, acl={2: _R + _D}))
    node.add(AccessControl(30001, acl={1: _C}))


async def _answer(world, peer, name, code, path, payload=b""):
    """Wake the board, ask, and return (code, payload)."""
    request = peer.request(code, path, payload)
    if payload:
        request.add(codes.CONTENT_FORMAT, _TLV)
    peer.answers.pop(name, None)
    peer.ask(name, request)
    peer.trigger()
    while name not in peer.answers:
        await world.saw("server" if peer is world.peer else "other", "answer")
    await world.sleeping()
    return peer.answers[name]


def test_rights_outlive_deep_sleep():
    """TS 1.1 Core §8: grants, created and deleted instances are there after sleeps in between."""

    async def play(world):
        first, second = world.peer, world.other
        for _ in range(2):
            await world.saw("device", "registered", 900)
        await world.sleeping()
        answer = await _answer(world, second, "read", codes.GET, "/30001/0/0")
        assert answer[0] == "4.01", answer
        control = "/2/3"
        # Another grants nothing; the owner does.
        grant = b"\x41\x02\x01"  # R for server 2
        answer = await _answer(world, second, "grant", codes.POST, control + "/2", grant)
        assert answer[0] == "4.01", answer
        answer = await _answer(world, first, "grant", codes.POST, control + "/2", grant)
        assert answer[0] == "2.04", answer
        answer = await _answer(world, second, "read", codes.GET, "/30001/0/0")
        assert answer == ("2.05", b"5"), answer
        answer = await _answer(world, second, "write", codes.PUT, "/30001/0/0", b"\xc1\x00\x09")
        assert answer[0] == "4.01", answer
        # Only the first may create, and what it made is its own.
        for peer, code in ((second, "4.01"), (first, "2.01")):
            answer = await _answer(world, peer, "create", codes.POST, "/30001", b"\xc1\x00\x08")
            assert answer[0] == code, answer
        for peer, expected in ((second, "4.01"), (first, "2.05")):
            answer = await _answer(world, peer, "made", codes.GET, "/30001/2/0")
            assert answer[0] == expected, answer
        assert first.answers["made"][1] == b"8"
        answer = await _answer(world, first, "owner", codes.GET, "/2/6/3")
        assert answer == ("2.05", b"1"), answer
        # What was deleted does not come back with the next start, nor do its rights.
        answer = await _answer(world, second, "delete", codes.DELETE, "/30001/1")
        assert answer[0] == "2.02", answer
        for path in ("/30001/1/0", "/2/4/0"):
            answer = await _answer(world, first, "gone", codes.GET, path)
            assert answer[0] == "4.04", (path, answer)
        assert len(world.all("device", "booted", None)) >= 10
        assert not world.all("device", "error")

    World(
        setup=_setup,
        objects=[],
        server={"short_server_id": 1},
        other={"sms_number": OTHER_NUMBER},
    ).play(play)
