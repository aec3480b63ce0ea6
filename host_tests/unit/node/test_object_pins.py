"""Objects with pins in the site configuration: what they may be, and what a chip's pins can do."""

from node import config, gpio


def _site(*objects, **changes):
    site = {"endpoint": "probe-1", "link": "udp", "servers": [{"uri": "coap://127.0.0.1:5683"}]}
    site["objects"] = list(objects)
    site.update(changes)
    return site


def _refusal(*objects, **changes):
    try:
        config.check(_site(*objects, **changes))
    except config.ConfigError as error:
        return str(error)
    raise AssertionError("accepted")


def test_what_a_sensor_with_a_pin_has():
    """firmware/node/config.py, MEASURED: defaults where there is a pin, and nothing where not."""
    plain, wired, lamp = config.check(
        _site({"object": 3303}, {"object": 3303, "instance": 1, "pin": 34}, _lamp())
    )["objects"]
    assert sorted(plain) == ["instance", "object", "units", "value"]
    assert (wired["scale"], wired["offset"], wired["every_s"]) == (1, 0, 60)
    assert sorted(lamp) == ["instance", "object", "pin", "units", "value"]
    given = {"object": 3316, "pin": 35, "scale": 2.5, "offset": -50, "every_s": 604800}
    checked = config.check(_site(given))["objects"][0]
    assert {name: checked[name] for name in given} == given


def _lamp(**more):
    return dict({"object": 3311, "pin": 25}, **more)


def _probe(**more):
    return dict({"object": 3303, "pin": 34}, **more)


def test_what_cannot_work():
    """DESIGN §6: one line that names the key, the value and what is allowed."""
    cases = (
        ((_probe(pin=49),), "objects[0].pin: 49 is not allowed; use an integer from 0 to 48"),
        ((_probe(pin="34"),), 'objects[0].pin: "34" is not allowed; use an integer from 0 to 48'),
        ((_probe(every_s=0),), "objects[0].every_s: 0 is not allowed; use an integer from 1 to "),
        ((_probe(every_s=604801),), "objects[0].every_s: 604801 is not allowed; use an integer"),
        (
            (_probe(scale="x"),),
            'objects[0].scale: "x" is not allowed; use a number from -10000000',
        ),
        ((_probe(offset=1000000001),), "objects[0].offset: 1000000001 is not allowed; use a numb"),
        (
            ({"object": 3303, "scale": 2},),
            "objects[0].scale: not allowed without a pin; it is for a sensor with a pin",
        ),
        (
            (_lamp(every_s=60),),
            "objects[0].every_s: not allowed with object 3311; it is for a sensor with a pin",
        ),
        ((_lamp(units="V"),), "objects[0].units: not allowed with object 3311"),
        ((_lamp(value=1),), "objects[0].value: 1 is not allowed with a pin; leave it out"),
        ((_probe(value=20),), "objects[0].value: 20 is not allowed with a pin; leave it out"),
        (
            ({"object": 3306},),
            "objects[0].pin: missing; use the GPIO that object 3306 drives",
        ),
        (
            ({"object": 3347, "pin": 4},),
            "objects[0].object: 3347 is not allowed; use one of 3300, 3301, ",
        ),
        (
            (_probe(), {"object": 3316, "pin": 34}),
            "objects[1].pin: 34 is used twice; each object needs its own",
        ),
        (
            (_probe(), {"object": 3303}),
            "objects[1].instance: 0 is used twice with object 3303; each needs its own",
        ),
    )
    for objects, text in cases:
        refusal = _refusal(*objects)
        assert refusal[: len(text)] == text and "\n" not in refusal, refusal


def _unfit(entry, chip="esp32"):
    try:
        gpio.check(config.check(_site(entry))["objects"], chip, {})
    except config.ConfigError as error:
        return str(error)
    return None


def test_what_an_esp32_can_do():
    """ESP-IDF GPIO summary, ESP32: ADC1 32 to 39, ADC2 among the rest; 34 to 39 are inputs."""
    analog = "0, 2, 4, 12-15, 25-27, 32-39"
    driven = "0, 2, 4-5, 12-23, 25-27, 32-33"
    for pin in range(49):
        refused = _unfit(_probe(pin=pin))
        if pin in (0, 2, 4, 12, 13, 14, 15, 25, 26, 27) or 32 <= pin <= 39:
            assert refused is None, pin
        else:
            text = "objects[0].pin: %d is no analog input of this chip; use %s"
            assert refused == text % (pin, analog)
        refused = _unfit(_lamp(pin=pin))
        if refused is not None:
            text = "objects[0].pin: %d is no output of this chip; use %s"
            assert refused == text % (pin, driven)
        assert (refused is None) == (pin in (0, 2, 4, 5, 25, 26, 27, 32, 33) or 12 <= pin <= 23), (
            pin
        )


def test_what_other_chips_can_do():
    """ESP-IDF GPIO summary, ESP32-S3: ADC at 1 to 18, USB beyond; other chips are not known."""
    assert _unfit(_probe(pin=10), "esp32s3") is None
    for pin in (0, 19, 34):
        text = "objects[0].pin: %d is no analog input of this chip; use 1-18" % pin
        assert _unfit(_probe(pin=pin), "esp32s3") == text
    assert _unfit(_lamp(pin=38), "esp32s3") is None
    for pin in (19, 26, 32, 43):
        assert _unfit(_lamp(pin=pin), "esp32s3").startswith(
            "objects[0].pin: %d is no output" % pin
        )
    assert _unfit(_probe(pin=5), "esp32p4") is None and _unfit(_lamp(pin=40), "esp32p4") is None
