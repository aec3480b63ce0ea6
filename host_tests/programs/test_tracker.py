"""boards/examples/tracker on the simulated board, against the embedded server."""

from programs.program import play_device

_APP = "boards/examples/tracker/app.py"


def test_tracker():
    """boards/examples/README.md: Read of /6/0 gives the position; then the board sleeps."""

    play_device(
        _play,
        *("--endpoint", "tracker", "--link", "sim7000", "--modem-speed", "10", "--queue"),
        *("--awake-time", "3", "--app", _APP, "--trace"),
    )


async def _play(device, server):
    await device.event("booted")
    sky = {"latitude": 59.913868, "longitude": -110.752245, "speed": 36, "course": 90}
    answer = await device.answer(do="gnss", fix_s=2, **sky)
    assert answer["event"] == "ok", answer
    for about, reason in (
        ({"latitude": 91, "longitude": 0}, "latitude 91 is not -90 to 90"),
        ({"latitude": 9}, "latitude and longitude go together"),
        ({"mood": 1}, "mood is none of altitude"),
    ):
        answer = await device.answer(do="gnss", **about)
        assert answer["event"] == "error" and answer["reason"].startswith(reason), answer
    await device.answer(do="gnss", fix_s=2, **sky)
    at, found = await device.event("position")
    assert found["latitude"] == 59.913868, found
    await device.event("gnss", on=False)
    device.command(do="update")  # the server may speak
    values = (await server.read("tracker", "/6/0")).value
    assert abs(values[0] - 59.913868) < 1e-5
    assert abs(values[1] + 110.752245) < 1e-5
    assert abs(values[6] - 10) < 1e-3
    assert values[5] > 1.7e9
    _, slept = await device.event("sleeping", at)
    assert 600_000 < slept["ms"] <= 900_000
