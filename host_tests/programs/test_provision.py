"""python -m tools.provision from options and from CSV files: what it makes is what the firmware
reads, what cannot work is one line and nothing is written, and secrets are shown to nobody.
"""

import csv
import io
import json
import os
import stat
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from node import config
from programs.repl_peer import Flash, ReplPeer

from tools import provision, site_files, site_keys

_SECRETS = ("90817263", "correct horse")
_PLAIN = ["--server", "coap://lwm2m.example", "--apn", "iot.example"]


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def _run(capsys, *arguments, stdin=None, monkeypatch=None):
    """Return (exit code, standard output, standard error); secrets are in neither."""
    if stdin is not None:
        monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    capsys.readouterr()
    try:
        code = provision.main(list(arguments))
    except SystemExit as end:
        code = end.code
    out, err = capsys.readouterr()
    for secret in _SECRETS:
        assert secret not in out + err
    return code, out, err


def _refused(capsys, code, *arguments, **more):
    """Return the one line that refuses; nothing is written."""
    before = _everything()
    said = _run(capsys, *arguments, **more)
    assert said[0] == code and said[1] == "" and said[2].count("\n") == 1, said
    assert _everything() == before
    return said[2]


def _everything():
    return {path: path.is_file() and path.read_bytes() for path in Path().rglob("*")}


def _json(path="site.json"):
    return json.loads(Path(path).read_text())


def test_from_options(capsys, monkeypatch):
    """README, "Your site": what was said is in the file, and nothing else."""
    code, out, err = _run(
        capsys,
        *_PLAIN,
        "--pin-from-stdin",
        "--password-from-stdin",
        "--user=me",
        "--server-number=+447700900123",
        "--sms-number=447700900456",
        "--binding=US",
        "--lifetime=3600",
        "--endpoint=probe-1",
        "--version=1.2",
        "--link=sim7080",
        "--object=3303:pin=34,scale=100,offset=-50,units=Cel",
        "--object=3303",
        "--object=3306:pin=32",
        "--set=servers[0].nat_s=30",
        "--set=modem.pin_unchecked=yes",
        "--board=host",
        stdin="%s\r\n%s\n" % _SECRETS,
        monkeypatch=monkeypatch,
    )
    assert (code, err) == (0, "")
    assert _json() == {
        "endpoint": "probe-1",
        "version": "1.2",
        "link": "sim7080",
        "sms_number": "447700900456",
        "servers": [
            {
                "uri": "coap://lwm2m.example",
                "lifetime_s": 3600,
                "binding": "US",
                "sms_number": "+447700900123",
                "nat_s": 30,
            }
        ],
        "modem": {
            "apn": "iot.example",
            "user": "me",
            "password": _SECRETS[1],
            "pin": _SECRETS[0],
            "pin_unchecked": True,
        },
        "objects": [
            {"object": 3303, "units": "Cel", "pin": 34, "scale": 100, "offset": -50},
            {"object": 3303, "instance": 1},
            {"object": 3306, "pin": 32},
        ],
    }
    lines = out.splitlines()
    assert lines[0] == "site.json: written"
    assert "  modem.pin                   set" in lines and "  endpoint" in lines[1]
    assert max(map(len, lines)) <= 80
    assert stat.S_IMODE(os.stat("site.json").st_mode) == 0o600
    assert os.listdir() == ["site.json"]
    config.load("site.json")


def test_one_file_for_any_number_of_boards(capsys):
    """firmware/node/node.py: without an endpoint the IMEI names the board, and that is said."""
    code, out, _ = _run(capsys, *_PLAIN)
    assert code == 0 and "endpoint" not in _json()
    assert out.splitlines()[-1] == (
        "  endpoint                    urn:imei: and the IMEI; fits any number of boards"
    )


def test_several_servers(capsys):
    """TS 1.1 Core E.2: each server has its own Short Server ID; options hold for all of them."""
    code, _, _ = _run(
        capsys,
        *("--server", "coap://a", "--server", "coap://b", "--server=coap://c"),
        *("--apn=x", "--lifetime=60", "--set", "servers[1].short_server_id=1"),
    )
    assert code == 0
    assert _json()["servers"] == [
        {"uri": "coap://a", "short_server_id": 2, "lifetime_s": 60},
        {"uri": "coap://b", "short_server_id": 1, "lifetime_s": 60},
        {"uri": "coap://c", "short_server_id": 3, "lifetime_s": 60},
    ]


def test_bootstrap_alone(capsys):
    """TS 1.1 Core 5.2: with a bootstrap server there need be no other."""
    code, _, _ = _run(capsys, "--bootstrap", "coap://b", "--apn", "x")
    assert code == 0
    assert _json() == {"modem": {"apn": "x"}, "bootstrap": {"uri": "coap://b"}}


def test_a_template(capsys):
    """What options say goes before the template; what neither says stays out."""
    Path("base.json").write_text('{"log":"json","servers":[{"uri":"coap://old","queue":false}]}')
    code, _, _ = _run(
        capsys, "--template=base.json", "--apn=x", "--server=coap://new", "--out=s.json"
    )
    assert code == 0
    assert _json("s.json") == {
        "log": "json",
        "servers": [{"uri": "coap://new", "queue": False}],
        "modem": {"apn": "x"},
    }


def test_the_modem_of_the_board(capsys):
    """boards/, MODEMS: a board that has another modem than the usual says so."""
    code, _, _ = _run(capsys, *_PLAIN, "--board", "lilygo_t_call_sim800l_v14")
    assert code == 0 and _json()["link"] == "sim800"


def test_what_is_there_stays(capsys):
    """No file is overwritten unless that is asked for."""
    Path("site.json").write_text("mine")
    assert _refused(capsys, 1, *_PLAIN) == (
        "site.json: is there already; use --force, or another --out\n"
    )
    Path("folder").mkdir()
    assert _run(capsys, *_PLAIN, "--out=folder")[0] == 0 and _json("folder/site.json")
    assert _refused(capsys, 1, *_PLAIN, "--out=folder").startswith("folder/site.json: is there")
    assert _refused(capsys, 1, *_PLAIN, "--out=none/site.json") == "none: no such folder\n"
    assert _run(capsys, *_PLAIN, "--force")[0] == 0 and _json()


def test_a_disk_that_is_full(capsys, monkeypatch):
    """A file is complete or not there: the old one stays, and no part of the new."""
    Path("site.json").write_text("mine")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert _refused(capsys, 1, *_PLAIN, "--force") == "site.json: No space left on device\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--apn=x"], "servers: missing; use --server URI, --bootstrap URI or --set servers[0]."),
        (["--server=coap://x"], "modem.apn: missing; use the operator's access point name"),
        (["--server=http://x"], 'servers[0].uri: "http://x" is not allowed; use coap://HOST or '),
        ([*_PLAIN, "--lifetime=1h"], 'servers[0].lifetime_s: "1h" is not allowed; use an integer'),
        ([*_PLAIN, "--lifetime=0"], "servers[0].lifetime_s: 0 is not allowed in 1.1; use an inte"),
        ([*_PLAIN, "--binding=S"], "servers[0].sms_number: missing; binding S needs the server's"),
        ([*_PLAIN, "--set=modem.pin=9081726354"], "modem.pin: this value is not allowed; use te"),
        ([*_PLAIN, "--set=pin=90817263x"], "modem.pin: this value is not allowed; use text"),
        ([*_PLAIN, '--set=password=correct horse"'], "modem.password: malformed; use ASCII"),
        ([*_PLAIN, "--set=modem.colour=red"], "modem.colour: no such key; allowed are apn, user"),
        ([*_PLAIN, "--set=colour=red"], "colour: no such key; --keys lists them"),
        ([*_PLAIN, "--set=modem[0].apn=x"], "modem[0].apn: no such key; use modem.apn"),
        ([*_PLAIN, "--set=servers.uri=x"], "servers.uri: no such key; use servers[0].uri"),
        ([*_PLAIN, "--set=servers[4].uri=x"], "servers[4].uri: no such entry; use servers[0] to "),
        ([*_PLAIN, "--set=servers[2].uri=coap://x"], "servers[1].uri: missing; use coap://HOST"),
        ([*_PLAIN, "--set", "90817263"], "--set: without a =; use KEY=VALUE"),
        ([*_PLAIN, "--set=90817263\x1b=1"], "this: no such key; --keys lists them"),
        ([*_PLAIN, "--endpoint=a\nb"], "endpoint: has a character that is not printable"),
        ([*_PLAIN, "--endpoint=\udcff"], "configuration: not UTF-8; type it again"),
        ([*_PLAIN, "--object=x"], 'objects[0].object: "x" is not allowed; use one of 3300, 3301'),
        ([*_PLAIN, "--object=3303:pin"], "--object: without a =; use 3303:pin=34,scale=100"),
        ([*_PLAIN, "--object=3303:scale=2"], "objects[0].scale: not allowed without a pin"),
        ([*_PLAIN, "--object=3303:pin=34,scale=NaN"], 'objects[0].scale: "NaN" is not allowed'),
        ([*_PLAIN, "--object=3303:pin=34,scale=null"], 'objects[0].scale: "null" is not allowed'),
        ([*_PLAIN, "--object=3306:pin=34", "--board=host"], "objects[0].pin: 34 is no output of"),
        ([*_PLAIN, "--board=hots"], "BOARD: hots is no board; use "),
        ([*_PLAIN, "--pin=90817263"], "python -m tools.provision: --pin: would stay in the shell"),
        ([*_PLAIN, "--password", "correct horse"], "python -m tools.provision: --password: would"),
        ([*_PLAIN, "--pni", "90817263"], "python -m tools.provision: --pni: no such option"),
        ([*_PLAIN, "--pni=90817263"], "python -m tools.provision: --pni: no such option"),
        ([*_PLAIN, "90817263"], "python -m tools.provision: an argument without an option"),
        (["--csv=x.csv"], "python -m tools.provision: --csv: needs --out FOLDER"),
    ],
)
def test_what_cannot_work(capsys, arguments, said):
    """DESIGN §6: one line that names the thing, the value and what to do; exit code 2."""
    refusal = _refused(capsys, 2, *arguments)
    assert refusal.startswith(said), refusal


def test_files_that_cannot_be_read(capsys, monkeypatch):
    """DESIGN §6: the file is named, and what it holds is not shown."""
    Path("bad.json").write_text('{"modem":{"pin":"90817263"')
    Path("comma.json").write_text('{"servers": [\n  {"uri": "coap://h"},\n]}\n')
    Path("list.json").write_text("[]")
    Path("latin").write_bytes(b"\xff90817263")
    for arguments, said in (
        (["--template=none.json"], "none.json: No such file or directory\n"),
        (
            ["--template=bad.json"],
            "bad.json: not a JSON document: line 1, column 27: Expecting ',' delimiter\n",
        ),
        (["--template=comma.json"], "comma.json: not a JSON document: line 3, column 1: "),
        (["--template=list.json"], "list.json: not a JSON object\n"),
        ([*_PLAIN, "--pin-file=none"], "none: No such file or directory\n"),
        ([*_PLAIN, "--password-file=latin"], "latin: not UTF-8\n"),
    ):
        assert _refused(capsys, 1, *arguments).startswith(said)
    said = _refused(capsys, 1, *_PLAIN, "--pin-from-stdin", stdin="", monkeypatch=monkeypatch)
    assert said == "--pin-from-stdin: nothing came\n"
    Path("pin").write_text("90817263\n")
    assert _run(capsys, *_PLAIN, "--pin-file=pin")[0] == 0
    assert _json()["modem"]["pin"] == "90817263"
    Path("odd.json").write_text('{"servers":["x"],"objects":{"a":1},"modem":7}')
    refusal = _refused(capsys, 2, "--template=odd.json", "--object=3303", "--force")
    assert refusal.startswith("modem: 7 is not allowed; use a JSON object")


def test_all_keys(capsys):
    """firmware/node/config.py: --keys has every key, its default and what is allowed, on 80
    columns; each can be set by that name.
    """
    code, out, _ = _run(capsys, "--keys")
    lines = out.splitlines()
    assert code == 0 and max(map(len, lines)) <= 80
    names = {line.split()[0] for line in lines if line and line[0] != " "}
    for part, rows in (
        ("", config.SITE),
        ("servers[N].", config.SERVER),
        ("modem.", config.MODEM),
        ("bootstrap.", config.BOOTSTRAP),
        ("objects[N].", config.OBJECT),
    ):
        for row in rows:
            if row[1] not in ("list", "dict"):
                assert part + row[0] in names
                key = site_keys.find((part + row[0]).replace("N", "0"))
                site = {}
                site_keys.put(site, key, 1)
                assert site_keys.get(site, key) == 1
    for name, full in site_keys.SHORT.items():
        assert site_keys.find(name).name == full


# Many devices.


def _csv(rows, **form):
    text = io.StringIO(newline="")
    csv.writer(text, **form).writerows(rows)
    return text.getvalue()


_TEMPLATE = {"modem": {"apn": "iot.example"}, "servers": [{"uri": "coap://lwm2m.example"}]}


def _many(capsys, table, *arguments, **more):
    Path("base.json").write_text(json.dumps(_TEMPLATE))
    Path("d.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    return _run(capsys, "--csv=d.csv", "--template=base.json", "--out=sites", *arguments, **more)


def test_a_thousand_devices(capsys):
    """Issue 6: a factory does a thousand with one command, in seconds; each file is complete and
    its owner's alone.
    """
    rows = [["endpoint", "sms_number", "pin", "objects[0].object", "objects[0].pin"]]
    rows += [[f"probe-{n}", f"+4477{n:08d}", f"{n:04d}", "3303", "34"] for n in range(1000)]
    started = time.monotonic()
    code, out, err = _many(capsys, _csv(rows), "--board=host", "--set=sleep=light")
    assert (code, err) == (0, "") and time.monotonic() - started < 20
    assert out == "sites: 1000 site configurations written, of d.csv\n"
    assert len(os.listdir("sites")) == 1000
    for number in (0, 42, 999):
        path = f"sites/probe-{number}.json"
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        site = config.load(path)
        assert (site["endpoint"], site["sleep"]) == (f"probe-{number}", "light")
        assert site["modem"]["pin"] == f"{number:04d}"
        assert site["objects"][0]["pin"] == 34
    rows[1000][2] = "90817263x"
    Path("again").mkdir()
    code, out, err = _many(capsys, _csv(rows), "--out=again")
    assert (code, out, os.listdir("again")) == (1, "", [])
    assert err.startswith("d.csv: row 1001: modem.pin: this value is not allowed; use text of at")


@pytest.mark.parametrize(
    "table",
    [
        "\ufeffendpoint,servers[0].lifetime_s,password\r\na,60,correct horse\r\nb,,\r\n",
        'endpoint;lifetime;password\n"a";"60";"correct horse"\n\n;;\nb;;',
        "endpoint\tlifetime\tpassword\r\na\t60\tcorrect horse\r\rb\t\t\n",
    ],
)
def test_what_spreadsheets_write(capsys, table):
    """RFC 4180: BOM, CRLF, quotes, semicolons, tabs, empty rows; an empty cell says nothing."""
    code, _, err = _many(capsys, table)
    assert (code, err) == (0, "")
    assert sorted(os.listdir("sites")) == ["a.json", "b.json"]
    assert _json("sites/a.json")["servers"] == [{"uri": "coap://lwm2m.example", "lifetime_s": 60}]
    assert _json("sites/a.json")["modem"]["password"] == "correct horse"
    assert _json("sites/b.json") == {"endpoint": "b", **_TEMPLATE}


def test_names_of_files(capsys):
    """The endpoint names the file; or imei or serial, which are in no configuration."""
    code, _, _ = _many(capsys, "imei,serial,endpoint\n490154203237518,7,\n,8,\n,9,urn:dev:x/y\n")
    assert code == 0
    assert sorted(os.listdir("sites")) == ["490154203237518.json", "8.json", "urn_dev_x_y.json"]
    assert _json("sites/8.json") == _TEMPLATE
    code, _, _ = _many(capsys, "serial,apn\n../../x,a\n.,b\n", "--force")
    assert code == 0 and Path("sites/_._.._x.json").is_file() and Path("sites/_.json").is_file()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "row 1: names no keys; the first row does, such as endpoint,modem.apn"),
        ("endpoint,apn\n", "no devices; each has a row below the names of the keys"),
        ("a,90817263\nb,correct horse\n", "row 1: names no keys; the first row does, such"),
        ("endpoint,colour\na,b\n", "row 1: column 2: colour: no such key; --keys lists them"),
        ("endpoint,modem.colour\na,b\n", "row 1: column 2: modem.colour: no such key; allowed"),
        ("endpoint,,apn\na,b,c\n", "row 1: column 2: without a name; use a key"),
        ("endpoint,apn,modem.apn\na,b,c\n", "row 1: modem.apn: is there twice"),
        ("pin,apn\n90817263,b\n", "row 1: endpoint: missing; it names the files, as imei or"),
        ("endpoint,apn\na,b\nb\n", "row 3: 1 cells; the first row has 2"),
        ("endpoint,apn\na,b,90817263\n", "row 2: 3 cells; the first row has 2"),
        ("endpoint,apn\na,b\na,c\n", 'row 3: endpoint: "a" is that of row 2 as well'),
        ("endpoint,apn\na,b\n\nA,c\n", "row 4: file: A.json is that of row 2 as well"),
        ("serial,apn\na/b,b\na_b,c\n", "row 3: file: a_b.json is that of row 2 as well"),
        ("endpoint,apn\na,b\n,c\n", "row 3: endpoint: empty; it names the file"),
        ("imei,serial\n12345,\n", "row 2: imei: 12345 is not allowed; use 15 digits"),
        ("serial,apn\n%s,x\n" % ("a" * 65), "row 2: serial: too long; use at most 64 characters"),
        ("endpoint,lifetime\na,b\n", 'row 2: servers[0].lifetime_s: "b" is not allowed; use an'),
        ("endpoint,lifetime\na,60\nb,0\n", "row 3: servers[0].lifetime_s: 0 is not allowed in"),
        ("endpoint,pin\na,90817263x\n", "row 2: modem.pin: this value is not allowed; use"),
        ("endpoint,pin\na,12\n", "row 2: modem.pin: malformed; use 4 to 8 digits"),
        ("endpoint,apn\na ,b\n", "row 2: endpoint: blanks around it"),
        ('endpoint,apn\na,"b\nc"\n', "row 2: modem.apn: has a character that is not printable"),
        ('endpoint,apn\na,"b\nc,d\n', 'row 2: a cell begins with " and does not end'),
        ('endpoint,apn\na,"b"c\n', 'row 2: something stands behind the " that ends a cell'),
        ("endpoint,apn\na,%s\n" % ("x" * 131073), 'row 2: a cell is too long; a " may be missing'),
        (b"endpoint,apn\na,b\nb,\xe4\n", "line 3: not UTF-8; save it as CSV UTF-8"),
        ("endpoint,apn\na,b\n".encode("utf-16"), "line 1: not UTF-8; save it as CSV UTF-8"),
        ("endpoint,objects[0].pin\na,34\n", "row 2: objects[0].object: missing; use one of"),
    ],
)
def test_tables_that_cannot_work(capsys, table, said):
    """Issue 6, bad input: one clear line with the file, the row and the key; nothing written."""
    code, out, err = _many(capsys, table)
    prefix = "d.csv: "
    assert (code, out) == (1, "") and err.count("\n") == 1 and err.startswith(prefix + said), err
    assert sorted(os.listdir()) == ["base.json", "d.csv"]


def test_all_files_or_none(capsys, monkeypatch):
    """Files that are there stay, and a disk that fails in the middle leaves none of the others."""
    table = "endpoint\na\nb\nc\n"
    Path("sites").mkdir()
    Path("sites/c.json").write_text("mine")
    Path("sites/other.json").write_text("mine")
    code, _, err = _many(capsys, table)
    assert (code, err) == (
        1,
        "sites/c.json: is there already; use --force, or another --out\n",
    )
    assert sorted(os.listdir("sites")) == ["c.json", "other.json"]
    replace = os.replace

    def failing(old, new):
        if Path(new).name == "b.json":
            raise OSError(28, "No space left on device")
        replace(old, new)

    monkeypatch.setattr(site_files.os, "replace", failing)
    code, _, err = _many(capsys, table, "--force")
    assert (code, err) == (1, "sites: No space left on device\n")
    assert sorted(os.listdir("sites")) == ["c.json", "other.json"]


_COLUMNS = {
    "sms_number": st.from_regex(r"\+?[0-9]{3,15}", fullmatch=True),
    "version": st.sampled_from(["1.0", "1.1"]),
    "sleep": st.sampled_from(["deep", "light", "idle"]),
    "modem.apn": st.from_regex(r"[a-z0-9.]{1,63}", fullmatch=True),
    "modem.password": st.from_regex(r"[ !#-~]{1,63}", fullmatch=True),
    "pin": st.from_regex(r"[0-9]{4,8}", fullmatch=True),
    "servers[0].lifetime_s": st.integers(1, 0x7FFFFFFF).map(str),
    "servers[0].queue": st.sampled_from(["true", "false", "yes", "no"]),
    "servers[0].nat_s": st.integers(1, 86400).map(str),
    "objects[0].object": st.just("3303"),
    "objects[0].pin": st.sampled_from(["32", "34", "39"]),
    "objects[0].units": st.text(st.characters(categories=["L", "N"]), max_size=16),
}


def _file_name(endpoint):
    """The file that an endpoint names, so that no two of a table share one."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in endpoint).casefold()


@st.composite
def _good(draw):
    columns = draw(st.lists(st.sampled_from(sorted(_COLUMNS)), unique=True))
    if "objects[0].pin" in columns or "objects[0].units" in columns:
        columns = sorted({*columns, "objects[0].object"})
    names = draw(
        st.lists(
            st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=64),
            min_size=1,
            max_size=5,
            unique_by=_file_name,
        )
    )
    rows = [["endpoint", *columns]]
    for name in names:
        # The cells of an Object go together: a pin needs what it belongs to.
        rows.append([name, *(draw(_COLUMNS[column]) for column in columns)])
    return rows


_FORMS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from(",;\t"),
        "lineterminator": st.sampled_from(["\r\n", "\n"]),
        "quoting": st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
    }
)


def _play(table, arguments=()):
    """Provision in a folder of its own; return (code, {file: bytes}, standard error)."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "base.json").write_text(json.dumps(_TEMPLATE))
        (folder / "d.csv").write_bytes(table)
        err, out = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("sys.stderr", err)
            patch.setattr("sys.stdout", out)
            code = provision.main(
                [
                    f"--csv={folder / 'd.csv'}",
                    f"--template={folder / 'base.json'}",
                    f"--out={folder / 'sites'}",
                    *arguments,
                ]
            )
        made = {}
        for path in (folder / "sites").glob("*"):
            config.load(str(path))
            made[path.name] = json.loads(path.read_text())
        assert sorted(os.listdir(folder)) == ["base.json", "d.csv", *(["sites"] if made else [])]
        return code, made, err.getvalue()


@settings(derandomize=True, max_examples=150, deadline=None)
@given(_good(), _FORMS, st.booleans())
def test_any_good_table(rows, form, bom):
    """Every row is a file that the firmware accepts, and it has what the row has."""
    text = _csv(rows, **form)
    code, made, err = _play(text.encode("utf-8-sig" if bom else "utf-8"))
    assert (code, err) == (0, "")
    assert len(made) == len(rows) - 1
    by_name = {site["endpoint"]: site for site in made.values()}
    for cells in rows[1:]:
        for name, cell in zip(rows[0], cells, strict=True):
            value = site_keys.get(by_name[cells[0]], site_keys.find(name))
            said = {"yes": "true", "no": "false"}.get(cell, cell) or None
            shown = None if value is None else site_keys.in_text(value)
            assert shown == said


_CELLS = st.sampled_from(
    ["endpoint", "imei", "apn", "pin", "objects[0].pin", "servers[0].uri", "a", "", '"', "60"]
) | st.text(max_size=8)


@settings(derandomize=True, max_examples=300, deadline=None)
@given(
    st.binary(max_size=200)
    | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.lists(st.lists(_CELLS, max_size=5), max_size=6).map(
        lambda rows: "\n".join(",".join(cells) for cells in rows).encode("utf-8", "surrogatepass")
    )
    | st.lists(st.lists(_CELLS, max_size=4), max_size=5).map(
        lambda rows: _csv([["endpoint", "apn", "pin"], *rows]).encode("utf-8", "surrogatepass")
    )
)
def test_any_table_at_all(table):
    """Whatever a file holds: complete configurations that the firmware accepts, or one line and
    nothing.
    """
    code, made, err = _play(table)
    if code:
        assert code == 1 and not made
        assert err.endswith("\n") and len(err.splitlines()) == 1 and "d.csv" in err, err
    else:
        assert made and err == ""


# Straight to a board.


def test_to_the_board(capsys, tmp_path):
    """mpremote's transport: the new site.json is whole before the old one is gone, and the board
    starts anew; what is secret is on no screen.
    """
    flash = Flash(tmp_path / "flash")
    flash.put({"main.py": b"pass", "site.json": b"{}"})
    with ReplPeer(flash) as board:
        code, out, err = _run(
            capsys, *_PLAIN, "--set=pin=90817263", "--object=3303:pin=34", "--port", board.path
        )
    assert (code, err) == (0, ""), err
    assert out == f"{board.path}: site.json written, and the board started anew\n"
    files = flash.files()
    assert sorted(files) == ["main.py", "site.json"]
    assert json.loads(files["site.json"])["modem"] == {"apn": "iot.example", "pin": "90817263"}
    assert board.starts[-1] == "soft" and not Path("site.json").exists()


def test_a_board_that_is_not_there(capsys):
    """DESIGN §6: the port is named; the file that was asked for as well is written before."""
    assert "/dev/none" in _refused(capsys, 1, *_PLAIN, "--port=/dev/none")
    code, _, err = _run(capsys, *_PLAIN, "--port=/dev/none", "--out=site.json")
    assert code == 1 and err.count("\n") == 1 and _json()
