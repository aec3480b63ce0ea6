"""OMA's cases of bootstrap: LightweightM2M-1.1-int-0 and 4 to 9."""

import contextlib
import socket
import threading

from host_tests.interop.server_peer import ACK, Parsed, build

_NO_SECURITY = 3


def _account(client, short_server_id=1, security=1, server=0):
    """Return the commands that write an account with the client's server."""
    about = {0: client.uri, 1: False, 2: _NO_SECURITY, 3: b"", 4: b"", 5: b"", 10: short_server_id}
    settings = {0: short_server_id, 1: 300, 6: True, 7: "U"}
    return [
        {"do": "write", "path": "/0/%d" % security, "value": about},
        {"do": "write", "path": "/1/%d" % server, "value": settings},
    ]


def _answers(client, count):
    return [client.bootstrap.next("bootstrap_answer") for _ in range(count)]


def test_0_client_initiated_bootstrap(start, bootstrap_server):
    """int-0: Bootstrap-Request, Writes and Finish are answered 2.04; the client registers."""

    def commands(client):
        return [*_account(client), {"do": "discover", "path": "/"}]

    client = start(bootstrap=(bootstrap_server, commands))
    client.bootstrap.next("bootstrap_request")
    security, server, discover, finish = _answers(client, 4)
    assert [answer["code"] for answer in (security, server, finish)] == ["2.04"] * 3
    assert (finish["do"], discover["code"]) == ("finish", "2.05")
    found = dict(discover["links"])
    assert found["/"]["lwm2m"] == "1.1"
    assert {"/0/0", "/0/1", "/1/0", "/3/0"} <= found.keys()
    assert "ssid" not in found["/0/0"]
    assert found["/0/1"]["ssid"] == found["/1/0"]["ssid"] == "1"
    (request,) = client.bootstrap_wire.since(0, "0.02", "/bs", up=True)
    assert "ep=" + client.endpoint in request.message.all(15)
    assert client.registration["lifetime_s"] == 300
    assert client.read("/1/0/1").value == 300


def test_4_bootstrap_delete(start, bootstrap_server):
    """int-4: Delete takes every account but the bootstrap server's own."""
    client = start(bootstrap=(bootstrap_server, _account))
    _answers(client, 3)
    discover = {"do": "discover", "path": "/"}
    commands = [{"do": "delete", "path": "/0"}, discover, {"do": "delete", "path": "/"}, discover]
    bootstrap_server.configure(client.endpoint, [*commands, *_account(client, 7, 2, 3)])
    assert client.execute("/1/0/9").code == "2.04"
    first, found, second, left, *_ = answers = _answers(client, 7)
    assert [each["code"] for each in (first, second)] == ["2.02", "2.02"]
    assert answers[-1]["code"] == "2.04"
    for each in (found, left):
        targets = dict(each["links"]).keys()
        assert "/0/0" in targets and "/0/1" not in targets
    assert "/1/0" not in dict(left["links"]) and "/3/0" in dict(left["links"])
    client.next("registered")
    assert client.read("/1").value.keys() == {3}
    assert client.read("/1/3/0").value == 7


def test_5_server_initiated_bootstrap(start, bootstrap_server):
    """int-5: Execute Bootstrap-Request Trigger is answered 2.04; the client asks again."""
    client = start(bootstrap=(bootstrap_server, _account))
    client.bootstrap.next("bootstrapped")
    mark = client.wire.mark()
    assert client.execute("/1/0/9").code == "2.04"
    client.bootstrap.next("bootstrap_request")
    client.bootstrap.next("bootstrapped")
    client.next("registered")
    assert client.wire.since(mark, "2.04", up=True)


def test_6_bootstrap_sequence(start, bootstrap_server):
    """int-6: a client with an account from the factory registers, and asks nobody."""
    client = start(bootstrap=(bootstrap_server, _account), factory=True)
    assert client.registration["lifetime_s"] == 86400
    assert not client.bootstrap_wire.since(0)
    client.bootstrap.none("bootstrap_request", 0.3)


def test_7_fall_back_to_bootstrap(start, bootstrap_server):
    """int-7: when the factory's server refuses the client, it asks its bootstrap server."""

    def commands(client):
        return [{"do": "delete", "path": "/0"}, {"do": "delete", "path": "/1"}, *_account(client)]

    with _refusing() as port:
        client = start(
            bootstrap=(bootstrap_server, commands),
            factory=True,
            uri="coap://127.0.0.1:%d" % port,
            retry_count=1,
            sequence_retries=1,
        )
    client.bootstrap.next("bootstrap_request")
    client.bootstrap.next("bootstrapped")
    assert client.registration["lifetime_s"] == 300


@contextlib.contextmanager
def _refusing():
    """A server that answers every request with 4.03; yields its port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as refuser:
        refuser.bind(("127.0.0.1", 0))

        def refuse():
            while True:
                try:
                    data, peer = refuser.recvfrom(2048)
                except OSError:
                    return
                if not data:
                    return
                request = Parsed(data)
                refuser.sendto(build(ACK, 0x83, request.message_id, request.token), peer)

        port = refuser.getsockname()[1]
        threading.Thread(target=refuse, daemon=True).start()
        yield port
        refuser.sendto(b"", ("127.0.0.1", port))


def test_8_bootstrap_read(start, bootstrap_server):
    """int-8: the bootstrap server reads Server and Access Control, and nothing else."""

    def commands(client):
        reads = [{"do": "read", "path": path} for path in ("/1", "/1/0", "/2", "/0", "/3")]
        return [*_account(client), *reads]

    client = start(bootstrap=(bootstrap_server, commands))
    _, _, whole, instance, _, security, device, _ = _answers(client, 8)
    assert (whole["code"], instance["code"]) == ("2.05", "2.05")
    assert (whole["value"][0][1], instance["value"][1]) == (300, 300)
    assert security["code"][0] == device["code"][0] == "4"


def test_9_bootstrap_and_configuration_consistency(start, bootstrap_server):
    """int-9: Finish is answered 4.06 where an account lacks its Server instance."""
    client = start(
        bootstrap=(bootstrap_server, lambda client: _account(client)[:1]), registers=False
    )
    written, finish = _answers(client, 2)
    assert (written["code"], finish["do"], finish["code"]) == ("2.04", "finish", "4.06")
    client.bootstrap.next("bootstrap_failed")
    client.events.none("registered", 0.3)
