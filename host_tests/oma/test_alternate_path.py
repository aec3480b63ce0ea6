"""A client whose Objects are under an alternate path: TS 1.2 Transport §6.4.1."""

import pytest

from host_tests.oma.client import CBOR, SENML_CBOR, SENML_JSON, TEXT, TLV


@pytest.fixture(scope="module")
def client(starting):
    """A board with the alternate path /lwm2m."""
    with starting() as start:
        yield start(root_path="/lwm2m")


@pytest.mark.parametrize("format", [TLV, SENML_JSON, SENML_CBOR])
def test_read_and_write(client, format):
    """TS 1.2 Transport §6.4.1: what is read and written is named below the path, in SenML too."""
    answer = client.read("/3/0", accept=format)
    assert (answer.code, answer.format) == ("2.05", format)
    assert answer.value[0] == "Nudge"
    assert client.read("/1", accept=format).value[0][0] == answer.value[11][0] + 1
    assert client.write("/1/0", {2: 5}, format=format, partial=True).code == "2.04"
    assert client.read("/1/0/2").value == 5
    for path in ("/3/0/0", "/3/0/11", "/3/0/11/0"):
        assert client.read(path, accept=format).code == "2.05", path


@pytest.mark.parametrize("format", [TEXT, CBOR])
def test_single_values(client, format):
    """TS 1.2 Transport §6.4.1: formats without names do not tell of it."""
    assert client.read("/3/0/0", accept=format).value == "Nudge"


@pytest.mark.parametrize("format", [SENML_JSON, SENML_CBOR])
def test_composites(client, format):
    """TS 1.2 Transport §6.4.1: so are the paths that composites name."""
    answer = client.read_composite(["/3/0/0", "/1/0/0"], format, format)
    assert answer.code == "2.05"
    assert answer.value == {3: {0: {0: "Nudge"}}, 1: {0: {0: answer.value[1][0][0]}}}
    assert client.write_composite({"/1/0/2": 7, "/1/0/3": 70}, format).code == "2.04"
    assert client.read("/1/0/3").value == 70


@pytest.mark.parametrize("format", [SENML_JSON, SENML_CBOR])
def test_observe(client, format):
    """TS 1.2 Transport §6.4.1: notifications name what Reads do."""
    assert client.write("/1/0/2", 0).code == "2.04"
    client.board.set("/3303/0/5700", 20.0)
    assert client.observe("/3303/0", accept=format).code == "2.05"
    client.board.set("/3303/0/5700", 33.5)
    report = client.next("notification")
    assert (report["value"][5700], report["content_format"]) == (33.5, format)
    assert client.cancel("/3303/0").code == "2.05"
