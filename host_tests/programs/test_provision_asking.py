"""python -m tools.provision at a terminal: what it asks, and what comes of it."""

import asyncio
import json
import os
import select
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from node import config, feasible
from programs.program import Program

from tools import boards, site_asking, site_files, site_keys
from tools.build import ROOT
from tools.server import running

_PIN = "90817263"
_PASSWORD = "correct horse"
_TIMEOUT_S = 30
_PERSON_S = 0.3


class Terminal:
    """The program at a terminal of its own, in a folder; used as a context manager."""

    def __init__(self, folder, *arguments):
        self.said = ""
        self._at = 0
        self._master, theirs = os.openpty()
        self._process = subprocess.Popen(
            [
                sys.executable,
                str(ROOT / "host_tests/programs/on_terminal.py"),
                sys.executable,
                "-m",
                "tools.provision",
                *arguments,
            ],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb", "COLUMNS": "80"},
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def answer(self, question, text, end="\n"):
        """Wait for a question, which is looked for behind the last one, and answer it."""
        self._read(lambda: question in self.said[self._at :])
        self._at = self.said.index(question, self._at) + len(question)
        self._read(lambda: ": " in self.said[self._at :])
        if text in ("\x03", "\x04"):
            time.sleep(
                _PERSON_S
            )  # a signal between the question and the wait for an answer is lost
        os.write(self._master, (text + end).encode())

    def ended(self):
        """Return the exit code and what was said, without the terminal's line ends."""
        self._read(lambda: False)
        return self._process.wait(_TIMEOUT_S), self.said.replace("\r\n", "\n")

    def _read(self, enough):
        deadline = time.monotonic() + _TIMEOUT_S
        while not enough():
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self._master], [], [], left)[0], self.said
            try:
                data = os.read(self._master, 4096)
            except OSError:
                return  # the program has ended
            self.said += data.decode()


def _fits(said):
    """Nothing is wider than 80 columns, and no secret is there."""
    assert max(len(line) for line in said.split("\n")) <= 80, said
    assert _PIN not in said and _PASSWORD not in said


def test_questions_and_answers(tmp_path):
    """Each answer is looked at at once; a wrong one gets the schema's line and the question again;
    what Enter answers stays out.
    """
    with Terminal(tmp_path) as terminal:
        terminal.answer("Board [", "nowhere")
        terminal.answer("Board [", "host")
        terminal.answer("LwM2M version [1.1]", "2.0")
        terminal.answer("LwM2M version [1.1]", "")
        terminal.answer("Modem, or udp for none [sim7000]", "?")
        terminal.answer("Modem, or udp for none [sim7000]", "sim7080")
        terminal.answer("Access point name of the operator [needed]", "")
        terminal.answer("Access point name of the operator [needed]", "iot.example")
        terminal.answer("User name there [none]", "me")
        terminal.answer("Password there", _PASSWORD)
        terminal.answer("PIN of the SIM", _PIN + "9")
        terminal.answer("PIN of the SIM", _PIN)
        terminal.answer("Telephone number of the SIM", "call me")
        terminal.answer("Telephone number of the SIM", "447700900456")
        terminal.answer("Server, coap://HOST:PORT [named by a bootstrap", "coaps://x")
        terminal.answer("Server, coap://HOST:PORT", "coap://lwm2m.example")
        terminal.answer("Telephone number of the server", "+447700900123")
        terminal.answer("Binding [U]", "US")
        terminal.answer("Lifetime, s [86400]", "0")
        terminal.answer("Lifetime, s [86400]", "3600")
        terminal.answer("Another server [no]", "coap://b")
        terminal.answer("Telephone number of the server", "")
        terminal.answer("Binding [U]", "S")
        terminal.answer("Binding [U]", "")
        terminal.answer("Lifetime, s [86400]", "")
        terminal.answer("Another server [no]", "")
        terminal.answer("Endpoint name [urn:imei: and the modem's IMEI]", "")
        terminal.answer("Object, such as 3303", "3305")
        terminal.answer("Object, such as 3303", "3303")
        terminal.answer("Its GPIO [none]", "18")
        terminal.answer("Its GPIO [none]", "34")
        terminal.answer("times [1]", "100")
        terminal.answer("plus [0]", "-50")
        terminal.answer("Measured every so many s [60]", "")
        terminal.answer("Unit of the result", "Cel")
        terminal.answer("Another Object [no]", "3306")
        terminal.answer("Its GPIO", "")
        terminal.answer("Its GPIO", "34")
        terminal.answer("Its GPIO", "32")
        terminal.answer("Another Object [no]", "3303")
        terminal.answer("Its GPIO [none]", "")
        terminal.answer("Unit of the result", "")
        terminal.answer("Another Object [no]", "")
        terminal.answer("Write site.json? [yes]", "")
        code, said = terminal.ended()
    assert code == 0, said
    _fits(said)
    words = " ".join(said.split())  # lines are broken where they are long
    for line in (
        "use one of botletics_sim7000, host, ",
        'version: "2.0" is not allowed; use draft, 1.0, 1.1 or 1.2 LwM2M',
        "link: udp, sim800, sim7000 or sim7080 Modem",
        "operator [needed]: modem.apn: missing; use the operator's access point name Access",
        "modem.pin: this value is not allowed; use text of at most 8 characters PIN",
        'sms_number: "call me" is not allowed; use a telephone number of 3 to 15 digits',
        'servers[0].uri: "coaps://x" is not allowed; use coap://HOST or coap://HOST:PORT',
        "servers[0].lifetime_s: 0 is not allowed in 1.1; use an integer from 1 to 2147483647 ",
        "servers[1].sms_number: missing; binding S needs the server's number Binding",
        "objects[0].object: 3305 is not allowed; use one of 3300, 3301, 3303, 3304, ",
        "objects[0].pin: 18 is no analog input of this chip; use ",
        "objects[1].pin: missing; use the GPIO that object 3306 drives Its",
        "objects[1].pin: 34 is used twice; each object needs its own Its",
        "modem.pin set objects[0]",
        "site.json: written",
    ):
        assert line in words, (line, said)
    path = tmp_path / "site.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == {
        "link": "sim7080",
        "sms_number": "447700900456",
        "servers": [
            {
                "uri": "coap://lwm2m.example",
                "lifetime_s": 3600,
                "binding": "US",
                "sms_number": "+447700900123",
            },
            {"uri": "coap://b", "short_server_id": 2},
        ],
        "modem": {"apn": "iot.example", "user": "me", "password": _PASSWORD, "pin": _PIN},
        "objects": [
            {"object": 3303, "units": "Cel", "pin": 34, "scale": 100, "offset": -50},
            {"object": 3306, "pin": 32},
            {"object": 3303, "instance": 1},
        ],
    }


def test_a_template_and_a_bootstrap_server(tmp_path):
    """What a template has stands in the brackets, a secret as "set"; - leaves a key out."""
    template = {
        "link": "sim800",
        "version": "1.0",
        "log": "json",
        "modem": {"apn": "old.example", "pin": _PIN, "user": "me"},
        "servers": [{"uri": "coap://old"}],
    }
    (tmp_path / "base.json").write_text(json.dumps(template))
    with Terminal(tmp_path, "--template=base.json", "--board=host", "--out=new.json") as terminal:
        terminal.answer("LwM2M version [1.0]", "-")
        terminal.answer("Modem, or udp for none [sim800]", "")
        terminal.answer("Access point name of the operator [old.example]", "")
        terminal.answer("User name there [me]", "-")
        terminal.answer("PIN of the SIM, not shown [set]", "")
        terminal.answer("Telephone number of the SIM", "")
        terminal.answer("Server, coap://HOST:PORT [coap://old]", "-")
        terminal.answer("Bootstrap server, coap://HOST:PORT", "")
        terminal.answer("Bootstrap server, coap://HOST:PORT", "coap://b.example")
        terminal.answer("Endpoint name", "probe-1")
        terminal.answer("Object, such as 3303", "")
        terminal.answer("Write new.json? [yes]", "")
        code, said = terminal.ended()
    assert code == 0, said
    _fits(said)
    assert "    bootstrap.uri: missing; use coap://HOST or coap://HOST:PORT" in said
    assert json.loads((tmp_path / "new.json").read_text()) == {
        "endpoint": "probe-1",
        "link": "sim800",
        "log": "json",
        "modem": {"apn": "old.example", "pin": _PIN},
        "bootstrap": {"uri": "coap://b.example"},
    }


def test_no_bootstrap_server_in_the_draft(tmp_path):
    """CR 5: the draft has no bootstrap, so that there must be a server; that is said at once."""
    with Terminal(tmp_path, "--board=host") as terminal:
        terminal.answer("LwM2M version [1.1]", "draft")
        terminal.answer("Modem", "")
        terminal.answer("Access point name", "x")
        terminal.answer("User name", "")
        terminal.answer("PIN", "")
        terminal.answer("Telephone number of the SIM", "")
        terminal.answer("Server, coap://HOST:PORT [named by a bootstrap server]", "")
        terminal.answer("Server, coap://HOST:PORT", "coap://x")
        terminal.answer("Telephone number of the server", "\x04", end="")
        code, said = terminal.ended()
    assert code == 1, said
    assert "    bootstrap: not allowed in draft; use version 1.0, 1.1 or 1.2\n" in said


def test_whoever_leaves_has_nothing_written(tmp_path):
    """Ctrl-C, Ctrl-D, or no to the last question."""
    for key in ("\x03", "\x04"):
        with Terminal(tmp_path) as terminal:
            terminal.answer("Board [", "")
            terminal.answer("LwM2M version", "")
            terminal.answer("Modem", "")
            terminal.answer("Access point name", key, end="")
            code, said = terminal.ended()
        assert (code, said.split("\n")[-2]) == (1, "nothing written"), said
        assert "Traceback" not in said
    with Terminal(tmp_path) as terminal:
        for question, text in (
            ("Board", ""),
            ("LwM2M version", ""),
            ("Modem", ""),
            ("Access point", "x"),
            ("User name", ""),
            ("PIN", "\x03"),
        ):
            terminal.answer(question, text, end="" if text == "\x03" else "\n")
        code, said = terminal.ended()
    assert code == 1 and "nothing written" in said and "Traceback" not in said
    with Terminal(
        tmp_path, "--ask", "--server=coap://x", "--link=udp", "--endpoint=a"
    ) as terminal:
        for question, text in (
            ("Board", ""),
            ("LwM2M version", ""),
            ("Modem", ""),
            ("Server", ""),
            ("Lifetime", ""),
            ("Another server", ""),
            ("Endpoint name [a]", ""),
            ("Object", ""),
            ("Write site.json?", "no"),
        ):
            terminal.answer(question, text)
        code, said = terminal.ended()
    assert (code, said.split("\n")[-2]) == (1, "nothing written"), said
    assert os.listdir(tmp_path) == []


def test_a_file_that_is_there(tmp_path):
    """It is said before anything is asked, as is a template that cannot work."""
    (tmp_path / "site.json").write_text("mine")
    with Terminal(tmp_path) as terminal:
        code, said = terminal.ended()
    assert (code, said) == (1, "site.json: is there already; use --force, or another --out\n")
    (tmp_path / "base.json").write_text('{"log":"loud"}')
    with Terminal(tmp_path, "--template=base.json", "--out=new.json", "--board=host") as terminal:
        code, said = terminal.ended()
    assert code == 2 and said.endswith('log: "loud" is not allowed; use text, json or off\n')


_ANSWERS = (
    "| |-|?|x|0|1|-1|34|32|25|60|1e9|NaN|null|true|yes|no|[]|{}|3303|3306|3312|3316|9999|"
    "coap://a|coap://b:1|coaps://c|+447700900123|U|US|S|sim800|sim7000|sim7080|udp|draft|1.0|"
    "1.2|host|sim800l_breakout|1234|\x1b[A|\udcff|\u200b|Cel"
).split("|")
_TEMPLATES = (
    {},
    {"link": "udp", "endpoint": "a", "servers": [{"uri": "coap://a"}, {"uri": "coap://b"}]},
    {"modem": {"apn": "x"}, "bootstrap": {"uri": "coap://b"}, "objects": [{"object": 3303}]},
    {"objects": [{"object": 3306, "pin": 32}, {"object": 3303, "pin": 34, "scale": 2}]},
)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(_ANSWERS), max_size=60),
    st.sampled_from(_TEMPLATES),
    st.sampled_from((None, "host", "sim800l_breakout")),
)
def test_any_answers_at_all(answers, template, board):
    """Whatever is answered: a configuration that the firmware accepts, or the next question."""
    left = list(answers)

    def answer(prompt):
        assert 0 < len(prompt) <= 80
        if not left:
            raise EOFError
        return left.pop(0)

    def check(site):
        checked = config.check(site)
        if board:
            feasible.check_board(checked, boards.module_of(board))
        site_files.encoded(site)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("builtins.input", answer)
        patch.setattr(site_asking, "say", assert_narrow)
        try:
            link = {"link": "sim800"} if board == "sim800l_breakout" else {}
            asking = site_asking.Asking({**link, **template}, check)
            site = asking.run()
        except EOFError:
            return
        except config.ConfigError as error:  # of a template that does not fit the board
            assert len(left) == len(answers) and str(error)
            return
    check(site_keys.numbered(site))


def assert_narrow(line):
    """A line that is said has no more than 80 columns."""
    assert len(line) <= 80, line


def test_the_result_drives_a_board(tmp_path):
    """README, "Your site": what comes out registers a board, whose analog input is measured and
    whose output is switched.
    """

    async def main():
        async with running("127.0.0.1", 0, awake_s=2) as server:
            made = subprocess.run(
                [
                    sys.executable,
                    "-m",
                    "tools.provision",
                    f"--server=coap://127.0.0.1:{server.port}",
                    "--link=udp",
                    "--endpoint=probe-1",
                    "--object=3303:pin=34,scale=100,offset=-50,every_s=1,units=Cel",
                    "--object=3306:pin=32",
                    "--set=sleep=idle",
                    f"--out={tmp_path}/site.json",
                ],
                capture_output=True,
                text=True,
                check=False,
                cwd=ROOT,
            )
            assert made.returncode == 0, made.stderr
            device = await Program.start(
                "tools.device", "--config", str(Path(tmp_path, "site.json"))
            )
            try:
                await device.event("registered", server=1)
                await device.answer(do="adc", pin=34, microvolts=715000)
                deadline = time.monotonic() + _TIMEOUT_S
                while True:
                    value = (await server.read("probe-1", "/3303/0/5700")).value
                    if abs(value - 21.5) < 0.001:
                        break
                    assert time.monotonic() < deadline, value
                    await asyncio.sleep(0.2)
                assert (await server.read("probe-1", "/3303/0/5701")).value == "Cel"
                assert (await server.write("probe-1", "/3306/0/5850", True)).ok
                assert (await server.read("probe-1", "/3306/0/5850")).value is True
                assert await device.quit() == 0
            finally:
                await device.kill()

    asyncio.run(main())
