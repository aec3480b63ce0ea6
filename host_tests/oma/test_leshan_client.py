"""The embedded server against the client of Eclipse Leshan, so that what passes with the firmware
is not an understanding between the two. Of `make interop`, as the cases with Leshan's server."""

import asyncio
import json

import pytest

from host_tests.interop.server_peer import Log
from tools.leshan.program import Program
from tools.server import formats, running
from tools.server.bootstrap import BootstrapServer

TEST = "/3442/0"
_TYPES = {
    110: "string",
    120: "integer",
    125: "unsigned",
    130: "float",
    140: "boolean",
    150: "opaque",
    160: "time",
    170: "objlnk",
}
_VALUES = {
    110: "a text",
    120: -(2**40),
    125: 2**63 + 1,
    130: -2.75,
    140: False,
    150: bytes(range(40)),
    160: 1_700_000_000,
    170: "3:0",
    1110: {0: "x", 300: "y"},
    1120: {1: 2**62},
}


def _check_wanted(request):
    if request.config.getoption("--server", "embedded") != "leshan":
        pytest.skip("make interop plays it: --server leshan")


@pytest.fixture
def play(request):
    """Return what runs scenario(server, log, ask) with a registered client of Leshan's."""
    _check_wanted(request)

    def playing(scenario):
        asyncio.run(asyncio.wait_for(_whole(scenario), 120))

    return playing


async def _whole(scenario):
    log, loop = Log(), asyncio.get_running_loop()
    async with running("127.0.0.1", 0, on_event=log, seed=1) as server:
        for rid, type in _TYPES.items():
            server.model.add(3442, rid, type)
            server.model.add(3442, 1000 + rid, type)
        program = await loop.run_in_executor(None, Program, "client", server.port, "leshan")

        async def ask(**command):
            reply = await loop.run_in_executor(None, lambda: program.ask(**command))
            assert "error" not in reply, reply

        try:
            await log.wait("registered", 30)
            await scenario(server, log, ask)
        finally:
            program.close()


def test_formats(play):
    """int-203, int-204, int-215, int-220, int-231 to int-234: every type, written and read."""

    async def scenario(server, log, ask):
        for number in (11542, 110, 112, 11543):
            written = await server.write("leshan", TEST, _VALUES, content_format=number)
            assert written.code == "2.04", (number, written.error)
            for accept in (11542, 110, 112, 11543):
                read = await server.read("leshan", TEST, accept=accept)
                assert (read.code, read.content_format, read.error) == ("2.05", accept, None)
                assert {rid: read.value.get(rid) for rid in _VALUES} == _VALUES
            cleared = await server.write("leshan", TEST + "/110", "cleared", content_format=0)
            assert cleared.code == "2.04"
        for rid, value in _VALUES.items():
            numbers = (0, 11542, 110, 112) if rid < 1000 else (11542, 110, 112)
            for number in (*numbers, *((60,) if rid in (110, 120, 130, 140) else ())):
                path = "%s/%d" % (TEST, rid)
                written = await server.write("leshan", path, value, content_format=number)
                assert written.code == "2.04", (path, number, written.error)
                read = await server.read("leshan", path, accept=number)
                assert (read.value, read.error) == (value, None), (path, number)

    play(scenario)


def test_resource_instances(play):
    """int-222 to int-228: a resource instance, a partial update, a replacement."""

    async def scenario(server, log, ask):
        several = TEST + "/1120"
        assert (await server.write("leshan", several, {0: 1, 1: 2})).code == "2.04"
        for number in (0, 110, 112, 11542):
            one = await server.write("leshan", several + "/1", 5, content_format=number)
            assert one.code == "2.04", (number, one.error)
            assert (await server.read("leshan", several + "/1", accept=number)).value == 5
        part = await server.write("leshan", several, {7: 9}, replace=False)
        assert part.code == "2.04"
        assert (await server.read("leshan", several)).value == {0: 1, 1: 5, 7: 9}
        assert (await server.write("leshan", several, {3: 4})).code == "2.04"
        assert (await server.read("leshan", several)).value == {3: 4}

    play(scenario)


def test_composite(play):
    """int-229, int-230, int-304, int-305: Read-, Write-, Observe-Composite and their end."""

    async def scenario(server, log, ask):
        values = {TEST + "/110": "x", TEST + "/120": 5}
        for number in (110, 112):
            written = await server.write_composite("leshan", values, content_format=number)
            assert written.code == "2.04", written.error
            paths = ["/3/0/0", TEST + "/110", TEST + "/120"]
            read = await server.read_composite(
                "leshan", paths, content_format=number, accept=number
            )
            expected = {3: {0: {0: "Leshan"}}, 3442: {0: {110: "x", 120: 5}}}
            assert (read.value, read.content_format) == (expected, number)
            observed = await server.observe_composite(
                "leshan", paths, content_format=number, accept=number
            )
            assert observed.observing and observed.value == expected
            count = len(log.names("notification"))
            await server.write("leshan", TEST + "/110", "y")
            told = await log.wait("notification", 10, count + 1)
            assert told["value"]["3442"] == {"0": {"110": "y", "120": 5}}
            assert (await server.cancel("leshan", paths=paths)).code == "2.05"
            await server.write("leshan", TEST + "/110", "z")
            await asyncio.sleep(0.3)
            assert len(log.names("notification")) == count + 1

    play(scenario)


def test_instances_and_attributes(play):
    """int-260, int-261, int-301 to int-303, and Create and Delete, with the id and without."""

    async def scenario(server, log, ask):
        for number in (11542, 110, 112):
            made = await server.create("leshan", "/3442/5", {110: "z"}, content_format=number)
            assert made.code == "2.01", (number, made.error)
            assert (await server.read("leshan", "/3442/5/110")).value == "z"
            assert (await server.delete("leshan", "/3442/5")).code == "2.02"
        made = await server.create("leshan", "/3442", {110: "picked"})
        assert made.code == "2.01" and made.location.startswith("/3442/")
        assert (await server.read("leshan", made.location + "/110")).value == "picked"
        attributes = {"pmin": 0, "pmax": 60}
        assert (await server.write_attributes("leshan", TEST + "/120", attributes)).code == "2.04"
        found = await server.discover("leshan", TEST)
        links = {link.pop("target"): link for link in found.value}
        assert links[TEST + "/120"] == {"pmin": "0", "pmax": "60"}
        observed = await server.observe("leshan", TEST + "/120", accept=112)
        assert observed.observing
        await server.write("leshan", TEST + "/120", 77)
        assert (await log.wait("notification"))["value"] == 77
        assert await server.cancel("leshan", TEST + "/120", passive=True) is None
        await server.write("leshan", TEST + "/120", 78)
        await server.write("leshan", TEST + "/120", 79)
        await asyncio.sleep(0.3)
        assert len(log.names("notification")) == 1

    play(scenario)


def test_send(play):
    """int-306, int-311: Send in SenML JSON and CBOR, of what is there and of values with times."""

    async def scenario(server, log, ask):
        paths = ["/3/0/9", TEST + "/130"]
        for count, number in enumerate((112, 110)):
            await ask(do="send", paths=paths, format=number)
            facts = await log.wait("send", 10, 2 * count + 1)
            assert facts["content_format"] == number and "records" not in facts
            assert facts["value"] == {"3": {"0": {"9": 80}}, "3442": {"0": {"130": 3.14159}}}
            await ask(do="collect", paths=paths)
            await asyncio.sleep(0.05)
            await ask(do="collect", paths=paths)
            await ask(do="flush", format=number)
            facts = await log.wait("send", 10, 2 * count + 2)
            records = facts["records"]
            assert sorted(record["path"] for record in records) == sorted(paths * 2)
            assert len({record["time"] for record in records}) == 2
            assert facts["value"]["3"] == {"0": {"9": 80}}

    play(scenario)


def test_registration(play):
    """int-101, int-104, int-105: objects, an Update by trigger, a Register when it is refused."""

    async def scenario(server, log, ask):
        client = server.client("leshan")
        assert client.version.name == "1.1" and client.listed.objects[3442] == [0]
        assert formats.SENML_CBOR in client.listed.content_formats
        assert (await server.execute("leshan", "/1/0/8")).code == "2.04"
        await log.wait("updated", 20)
        server.refusals.add("update", "4.04")
        assert (await server.execute("leshan", "/1/0/8")).code == "2.04"
        assert (await log.wait("registered", 20, 2))["replaced"]

    play(scenario)


_ACCOUNT = {
    "commands": [
        {"do": "discover", "path": "/"},
        {"do": "delete", "path": "/1"},
        {
            "do": "write",
            "path": "/0/1",
            "value": {"0": "coap://127.0.0.1:PORT", "1": False, "2": 3, "10": 5},
            "format": "senml-cbor",
        },
        {
            "do": "write",
            "path": "/1/0",
            "value": {"0": 5, "1": 90, "6": True, "7": "U"},
            "format": "senml-json",
        },
        {"do": "read", "path": "/1"},
        {"do": "finish"},
    ]
}


@pytest.mark.parametrize("given", ["servers", "commands", "inconsistent"])
def test_bootstrap(request, given):
    """int-0, int-9: the Bootstrap-Server of here gives Leshan's client its account, by a list of
    servers or by commands; what is not whole is answered 4.06."""
    _check_wanted(request)
    asyncio.run(asyncio.wait_for(_bootstrapped(given), 60))


async def _bootstrapped(given):
    log, told, loop = Log(), Log(), asyncio.get_running_loop()
    configuration = {"servers": [{"uri": "coap://127.0.0.1:PORT", "lifetime_s": 90}]}
    if given != "servers":
        configuration = json.loads(json.dumps(_ACCOUNT))
    if given == "commands":
        security = configuration["commands"][2]["value"]
        security |= {"3": {"hex": ""}, "4": {"hex": ""}, "5": {"hex": ""}}
    async with (
        running("127.0.0.1", 0, on_event=log) as server,
        running("127.0.0.1", 0) as place,
    ):
        text = json.dumps(configuration).replace("PORT", str(server.port))
        boot = BootstrapServer(place, {"leshan": json.loads(text)}, told)
        program = await loop.run_in_executor(
            None, Program, "client", place.port, "leshan", "bootstrap"
        )
        try:
            if given == "inconsistent":
                failed = await told.wait("bootstrap_failed", 30)
                assert failed["reason"] == "finish /bs: 4.06"
                return
            registered = await log.wait("registered", 30)
            assert registered["lifetime_s"] == 90
            assert "bootstrapped" in told.names()
            read = await server.read("leshan", "/1", accept=112)
            short_id = 5 if given == "commands" else 1
            assert read.value == {0: {0: short_id, 1: 90, 6: True, 7: "U"}}
        finally:
            boot.close()
            program.close()
