"""OMA's cases of composite operations: int-229 to 236, 257, 280, 281, 304, 305, 308 to 310."""

import pytest

from host_tests.oma.client import SENML_CBOR, SENML_JSON

_FORMATS = pytest.mark.parametrize("format", [SENML_JSON, SENML_CBOR])
_A = {0: {0: "aa", 1: "bb", 2: "cc", 3: "dd"}}
_B = {0: {0: "11", 1: "22", 2: "33", 3: "44"}}


@_FORMATS
def test_229_read_composite(start, format):
    """int-229: an Object and an instance in one request; a resource and an instance of one."""
    client = start()
    answer = client.read_composite(["/3", "/1/0"], format, format)
    assert (answer.code, answer.format) == ("2.05", format)
    assert answer.value.keys() == {1, 3}
    assert answer.value[3][0].keys() == client.read("/3/0", accept=format).value.keys()
    assert answer.value[1] == {0: client.read("/1/0", accept=format).value}
    answer = client.read_composite(["/1/0/1", "/3/0/11/0"], format, format)
    assert answer.value == {1: {0: {1: 86400}}, 3: {0: {11: {0: 0}}}}


@_FORMATS
def test_230_write_composite(start, format):
    """int-230: one request writes resources of two Objects, among them instances of one."""
    client = start()
    assert client.create("/16", {0: {0: "a"}}, instance=0).code == "2.01"
    client.next("updated")
    written = {"/1/0/1": 60, "/1/0/6": False}
    written.update({"/16/0/0/%d" % id: text for id, text in _A[0].items()})
    assert client.write_composite(written, format).code == "2.04"
    client.next("updated", lifetime_s=60)
    now = client.read("/1/0").value
    assert (now[1], now[6]) == (60, False)
    assert client.read("/16/0").value == _A


@_FORMATS
def test_235_read_composite_of_the_root(start, format):
    """int-235: the root path stands for every Object but Security and OSCORE."""
    client = start()
    answer = client.read_composite(["/"], format, format)
    assert answer.code == "2.05"
    assert {1, 3, 3303} <= answer.value.keys()
    assert not {0, 21, 23} & answer.value.keys()
    assert answer.value[3][0][0] == "Nudge"


@_FORMATS
def test_236_partial_presence(start, format):
    """int-236: what is not there is left out of the answer."""
    client = start()
    wanted = ["/1/0", "/3/0/11/0", "/3339/0/5522", "/3353/0/6030"]
    answer = client.read_composite(wanted, format, format)
    assert answer.code == "2.05"
    assert answer.value.keys() == {1, 3} and answer.value[3] == {0: {11: {0: 0}}}


@_FORMATS
def test_257_write_composite(start, format):
    """int-257: default period, Notification Storing and the time of day in one request."""
    client = start()
    written = {"/1/0/2": 102, "/1/0/6": False, "/3/0/13": 1767225600}
    assert client.write_composite(written, format).code == "2.04"
    now = client.read("/1/0").value
    assert (now[2], now[6]) == (102, False)
    assert 0 <= client.read("/3/0/13").value - 1767225600 < 30


def test_257_write_composite_is_whole_or_nothing(start):
    """int-257 (TS 1.1 Core 6.3.9): one value that cannot be written keeps the others out."""
    client = start()
    assert client.write_composite({"/1/0/2": 102, "/3/0/0": "x"}).code == "4.05"
    assert client.write_composite({"/1/0/2": 102, "/1/0/1": -5}).code == "4.00"
    assert client.read("/1/0").value.get(2) != 102


@_FORMATS
def test_280_successful_read_composite(start, format):
    """int-280: the answer has what was asked for and nothing else."""
    client = start()
    answer = client.read_composite(["/3/0/16", "/3/0/11/0", "/1/0"], format, format)
    assert answer.code == "2.05"
    assert answer.value == {3: {0: {11: {0: 0}, 16: "U"}}, 1: {0: client.read("/1/0").value}}


@_FORMATS
def test_281_partially_successful_read_composite(start, format):
    """int-281: what cannot be read is left out."""
    client = start()
    answer = client.read_composite(["/1/0/1", "/1/0/7", "/1/0/8"], format, format)
    assert (answer.code, answer.value) == ("2.05", {1: {0: {1: 86400, 7: "U"}}})


_THREE = ["/1/0/1", "/3/0/11/0", "/3/0/16"]


@_FORMATS
def test_304_observe_composite(start, format):
    """int-304: a composite observation reports every path, by the attributes of one of them."""
    client = start()
    assert client.write_attributes("/1/0/1", pmin=1, pmax=2).code == "2.04"
    everything = {1: {0: {1: 86400}}, 3: {0: {11: {0: 0}, 16: "U"}}}
    answer = client.observe_composite(_THREE, format, format)
    assert (answer.code, answer.value) == ("2.05", everything)
    first = client.next("notification")
    assert (first["value"], first["content_format"]) == (everything, format)
    second = client.next("notification")
    assert second["value"] == everything
    assert 0.8 < second["at"] - first["at"] < 2.7


def test_305_cancel_composite_observation(start):
    """int-305: FETCH with Observe 1 ends it: nothing is reported any more."""
    client = start()
    wanted = ["/3303/0/5700", "/3/0/16"]
    assert client.observe_composite(wanted).code == "2.05"
    client.board.set("/3303/0/5700", 21.5)
    assert client.next("notification")["value"][3303] == {0: {5700: 21.5}}
    assert client.cancel_composite(wanted).code == "2.05"
    client.board.set("/3303/0/5700", 22.5)
    client.events.none("notification", 1)


def test_305_cancel_composite_observation_by_reset(start):
    """int-305 (RFC 7641 §3.6): so does a Reset to a notification."""
    client = start()
    wanted = ["/3303/0/5700", "/3/0/16"]
    assert client.observe_composite(wanted).code == "2.05"
    client.forget(paths=wanted)
    client.board.set("/3303/0/5700", 21.5)
    client.board.events.next("cancelled")
    mark = client.wire.mark()
    client.board.set("/3303/0/5700", 22.5)
    client.events.none("notification", 1)
    assert not client.wire.since(mark)


def test_308_observe_composite_and_creating_an_instance(start):
    """int-308: an instance that was not there is reported once it is created."""
    client = start()
    assert client.create("/16", _A, instance=0).code == "2.01"
    assert client.write_attributes("/16/0", pmin=1, pmax=3).code == "2.04"
    answer = client.observe_composite(["/16/0", "/16/1"])
    assert (answer.code, answer.value) == ("2.05", {16: {0: _A}})
    assert client.next("notification")["value"] == {16: {0: _A}}
    assert client.create("/16", _B, instance=1).code == "2.01"
    client.next("notification", value={16: {0: _A, 1: _B}})


def test_309_observe_composite_and_deleting_an_instance(start):
    """int-309: an instance that is deleted is missing in the next report."""
    client = start()
    assert client.create("/16", _A, instance=0).code == "2.01"
    assert client.create("/16", _B, instance=1).code == "2.01"
    assert client.write_attributes("/16/0", pmin=1, pmax=3).code == "2.04"
    both = {16: {0: _A, 1: _B}}
    answer = client.observe_composite(["/16/0", "/16/1"])
    assert (answer.code, answer.value) == ("2.05", both)
    assert client.next("notification")["value"] == both
    assert client.delete("/16/1").code == "2.02"
    client.next("notification", value={16: {0: _A}})


def test_310_observe_composite_and_attributes_written_later(start):
    """int-310: attributes written while it is observed take effect."""
    client = start()
    assert client.observe_composite(["/1/0/1", "/3/0"]).code == "2.05"
    client.events.none("notification", 1)
    assert client.write_attributes("/3", pmax=2).code == "2.04"
    first = client.next("notification", within_s=4)
    assert first["value"][1] == {0: {1: 86400}} and first["value"][3][0][0] == "Nudge"
    second = client.next("notification", within_s=4)
    assert 1.5 < second["at"] - first["at"] < 3
