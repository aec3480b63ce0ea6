"""Bootstrap of the firmware on a simulated board, by the embedded Bootstrap-Server over UDP."""

import asyncio
import json

import pytest

from host_tests.interop import server_peer
from tools.device import Bench, _parser, config, site_from
from tools.server import running
from tools.server.__main__ import main
from tools.server.bootstrap import BootstrapServer, ConfigurationError, commands_of


class Log(server_peer.Log):
    def all(self, name):
        return [facts for known, facts in self.events if known == name]


def play(
    scenario, configuration, runtime="micropython", site=None, shared=False, size=1024, **bootstrap
):
    """Run scenario(world) with a board b1 that knows its bootstrap server only.

    shared: which is the LwM2M server itself. size: of the bootstrap server's blocks.
    """

    async def whole():
        log, boot_log, device = Log(), Log(), Log()
        async with (
            running("127.0.0.1", 0, on_event=log, awake_s=5) as server,
            running("127.0.0.1", 0, on_event=boot_log, block_size=size) as own,
        ):
            place = server if shared else own
            text = json.dumps(configuration).replace("PORT", str(server.port))
            boot = BootstrapServer(place, {"b1": json.loads(text)}, boot_log)
            checked = config.check(
                {
                    "endpoint": "b1",
                    "link": "udp",
                    "log": "json",
                    "sleep": "idle",
                    "bootstrap": {"uri": "coap://127.0.0.1:%d" % place.port, **bootstrap},
                    **(site or {}),
                }
            )
            bench = Bench(
                checked,
                lambda source, name, facts: device(name, {"source": source, **facts}),
                runtime,
            )
            world = World(server, boot, bench, log, boot_log, device)
            try:
                await bench.start()
                try:
                    await scenario(world)
                except Exception:
                    print(*boot_log.events[-20:], *device.events[-20:], sep="\n")
                    raise
            finally:
                boot.close()
                await bench.stop()

    asyncio.run(asyncio.wait_for(whole(), 90))


class World:
    def __init__(self, server, boot, bench, log, boot_log, device):
        self.server = server
        self.boot = boot
        self.bench = bench
        self.log = log
        self.boot_log = boot_log
        self.device = device


SERVERS = {"servers": [{"uri": "coap://127.0.0.1:PORT", "lifetime_s": 300}]}


@pytest.mark.parametrize("runtime", ["micropython", "cpython"])
@pytest.mark.parametrize("version", ["1.0", "1.1", "1.2"])
def test_client_initiated(runtime, version):
    """int-0, int-1: request, Discover, Delete, Write, Finish, Register, in each version."""

    async def scenario(world):
        facts = await world.log.wait("registered", 30)
        assert facts["lifetime_s"] == 300 and facts["version"] == version
        await world.boot_log.wait("bootstrapped")
        codes = [facts["code"] for facts in world.boot_log.all("bootstrap_answer")]
        assert codes == ["2.02", "2.02", "2.04", "2.04", "2.04"]

    play(scenario, SERVERS, runtime, {"version": version})


def test_one_address_for_both():
    """TS 1.1 Core 6.1: a bootstrap server and an LwM2M server on the same socket."""

    async def scenario(world):
        await world.log.wait("registered", 30)
        result = await world.server.read("b1", "/3/0/0")
        assert result.value == "Nudge"
        result = await world.server.execute("b1", "/1/0/9")
        assert result.code == "2.04"
        await world.log.wait("replaced", 30)
        await world.boot_log.wait("bootstrapped", count=2)

    play(scenario, SERVERS, shared=True)


def test_every_operation():
    """int-0, int-4, int-8: Discover, Read, Delete and Write in every format, in order."""
    security = {"0": "coap://127.0.0.1:PORT", "1": False, "2": 3, "10": 7}
    about = {"0": 7, "1": 600, "6": True, "7": "U"}
    commands = [
        {"do": "discover", "path": "/"},
        {"do": "delete", "path": "/"},
        {"do": "write", "path": "/0/5", "value": security, "format": "tlv"},
        {"do": "write", "path": "/1/3", "value": about, "format": "senml-json"},
        {"do": "write", "path": "/1", "value": {"3": about}, "format": "senml-cbor"},
        {"do": "write", "path": "/1/3", "value": about, "format": "lwm2m-cbor"},
        {"do": "write", "path": "/1/3/1", "value": 700},
        {"do": "write", "path": "/1/3/1", "value": 800, "format": "cbor"},
        {"do": "write", "path": "/0/5/3", "value": {"hex": "00ff"}},
        {"do": "read", "path": "/1/3", "format": "tlv"},
        {"do": "read", "path": "/1", "format": "senml-cbor"},
        {"do": "read", "path": "/1/3/1"},
        {"do": "read", "path": "/0", "may_fail": True},
        {"do": "discover", "path": "/0"},
        {"do": "finish"},
    ]

    async def scenario(world):
        facts = await world.log.wait("registered", 30)
        assert facts["lifetime_s"] == 800
        await world.boot_log.wait("bootstrapped")
        answers = world.boot_log.all("bootstrap_answer")
        assert [each["code"] for each in answers if each["path"] == "/0"] == ["4.05", "2.05"]
        links = {link["target"]: link for link in answers[0]["value"]}
        assert links["/"]["lwm2m"] == "1.1" and "/3/0" in links and "/1" in links
        links = {link["target"]: link for link in answers[-2]["value"]}
        assert "ssid" not in links["/0/0"] and links["/0/5"]["ssid"] == "7"
        assert links["/0/5"]["uri"].startswith("coap://127.0.0.1")
        read = [each["value"] for each in answers if each["do"] == "read"]
        whole = {"0": 7, "1": 800, "6": True, "7": "U"}
        assert read[:3] == [whole, {"3": whole}, 800]

    play(scenario, {"commands": commands})


def test_inconsistency_and_correction():
    """int-9: 4.06; the bootstrap server corrects what it wrote and finishes again."""
    security = {"0": "coap://127.0.0.1:PORT", "1": False, "2": 3, "10": 1}
    commands = [
        {"do": "write", "path": "/0/1", "value": security},
        {"do": "finish", "may_fail": True},
        {"do": "write", "path": "/1/0", "value": {"0": 1, "1": 300, "6": True, "7": "U"}},
        {"do": "finish"},
    ]

    async def scenario(world):
        await world.log.wait("registered", 30)
        await world.boot_log.wait("bootstrapped")
        codes = [each["code"] for each in world.boot_log.all("bootstrap_answer")]
        assert codes == ["2.04", "4.06", "2.04", "2.04"]

    # A Finish that is refused ends nothing: bootstrapped comes with the last command only.
    play(scenario, {"commands": commands})


@pytest.mark.parametrize("packed", [True, False])
def test_bootstrap_pack(packed):
    """TS 1.2 Core 6.1.7.7: one request and one answer; without Pack there the other way."""

    async def scenario(world):
        await world.log.wait("registered", 30)
        asked = [each["pack"] for each in world.boot_log.all("bootstrap_request")]
        assert asked == ([True] if packed else [True, False])

    play(scenario, {**SERVERS, "pack": packed}, site={"version": "1.2"}, pack=True)


@pytest.mark.parametrize("pack", [True, False])
def test_in_blocks(pack):
    """RFC 7959 §2: a Pack that comes in blocks of 64 bytes, Writes that go in such."""

    async def scenario(world):
        await world.log.wait("registered", 30)
        asked = [each["pack"] for each in world.boot_log.all("bootstrap_request")]
        assert asked == [pack]

    site = {"version": "1.2"}
    play(scenario, {**SERVERS, "pack": pack}, site=site, size=64, pack=pack)


def test_the_account_outlives_the_power():
    """Requirement, power cut: the board comes back to its server and asks nobody else."""

    async def scenario(world):
        await world.log.wait("registered", 30)
        world.boot.configure("b1", None)
        await world.bench.command(json.dumps({"do": "power_cycle"}))
        await world.log.wait("replaced", 30)
        assert len(world.boot_log.all("bootstrap_request")) == 1

    play(scenario, SERVERS)


def test_factory_reset():
    """Device resource 5: the board forgets its account and is bootstrapped again."""

    async def scenario(world):
        await world.log.wait("registered", 30)
        result = await world.server.execute("b1", "/3/0/5")
        assert result.code == "2.04"
        await world.log.wait("replaced", 30)
        await world.boot_log.wait("bootstrapped", count=2)

    play(scenario, SERVERS)


@pytest.mark.parametrize(
    "configuration",
    [
        {},
        [],
        {"servers": [], "commands": []},
        {"servers": [{}]},
        {"commands": [{"do": "jump"}]},
        {"commands": [{"do": "write", "path": "/0/1"}]},
        {"commands": [{"do": "write", "path": "0x", "value": {}}]},
        {"commands": [{"do": "read", "path": "/1", "format": "yaml"}]},
        {"colour": 1, "servers": []},
        {"servers": 5},
        {"commands": None},
        {"servers": [{"uri": 5}]},
        {"servers": [{"uri": "coap://192.0.2.1", "sms_number": 447700900123}]},
        {"commands": [{"do": ["read"]}]},
        {"commands": [{"do": "read", "path": "/1", "format": ["tlv"]}]},
    ],
)
def test_configurations_that_say_nothing(configuration):
    """DESIGN §6: an error names the key and what to use."""
    with pytest.raises(ConfigurationError, match="use"):
        commands_of(configuration)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("{", "not JSON"), ("[]", "use {"), ('{"b1": {"a": 1}}', "b1: configuration: use")],
)
def test_a_file_that_says_nothing(tmp_path, capsys, text, reason):
    """DESIGN §6: the command line names the file and what to use."""
    file = tmp_path / "accounts.json"
    file.write_text(text)
    control = str(tmp_path / "control")
    assert main(["--port", "0", "--control", control, "--bootstrap", str(file)]) == 1
    told = capsys.readouterr().err
    assert str(file) in told and reason in told


def test_the_boards_command_line():
    """Requirement, tools: --bootstrap alone is enough for a simulated board."""
    options = _parser().parse_args(["--endpoint", "b1", "--bootstrap", "coap://127.0.0.1:5683"])
    site = site_from(options)
    assert site["servers"] == [] and site["bootstrap"]["uri"] == "coap://127.0.0.1:5683"
    assert site["bootstrap"]["queue"] is True
