"""Reports and Writes in JSON through the whole client."""

from coap.registry import ACCEPT, CHANGED, CONTENT, CONTENT_FORMAT, GET, PUT
from unit.lwm2m.helpers import Bench, text

# The client, CoAP and the data model beside the test itself: more than the board's heap holds.
HEAP_K = 96


def test_json_is_reported():
    """TS 1.1 Core §6.4.1 and §7.4.4, TS 1.0 §6.4.4: the JSON that the Observe accepted."""
    for version, number, form in (
        ("1.1", 110, '[{"bn":"/3303/0/5700","v":%s}]'),
        ("1.0", 11543, '{"bn":"/3303/0/5700","e":[{"v":%s}]}'),
        ("1.0", 1543, '{"bn":"/3303/0/5700","e":[{"v":%s}]}'),
        ("draft", 11543, '{"bn":"/3303/0/5700","e":[{"v":%s}]}'),
    ):
        bench = Bench(version, queue=False)
        bench.register()
        response = bench.request(GET, "/3303/0/5700", observe=0, options=[(ACCEPT, number)])[0]
        assert response.code == CONTENT and response.get_uint(CONTENT_FORMAT) == number
        bench.temperature.set(5700, -2.5)
        bench.run_for(2_000)
        notification = bench.one()
        assert notification.get_uint(CONTENT_FORMAT) == number
        assert text(notification) == form % "-2.5"


def test_json_is_written():
    """TS 1.1 Core §6.3.3, TS 1.0 §5.4.3: a Write in JSON reaches the Server object."""
    for version, number, payload in (
        ("1.1", 110, b'[{"n":"/1/0/1","v":12e1}]'),
        ("1.0", 11543, b'{"e":[{"n":"/1/0/1","v":120.0}]}'),
        ("1.0", 1543, b'{"bn":"/1/0/","e":[{"n":"1","v":120}]}'),
    ):
        bench = Bench(version, queue=False)
        bench.register()
        assert bench.request(PUT, "/1/0/1", payload, form=number)[0].code == CHANGED
        assert text(bench.request(GET, "/1/0/1")[-1]) == "120"
