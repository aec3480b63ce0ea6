"""tools.objects: what it makes of a definition, and what it refuses with one line."""

import pytest

from tools import objects

_XML = """<?xml version="1.0"?>
<LWM2M><Object ObjectType="MODefinition">
<Name>LWM2M Door bell</Name><ObjectID>{id}</ObjectID>{version}
<MultipleInstances>{many}</MultipleInstances><Mandatory>Optional</Mandatory>
<Resources>{items}</Resources></Object></LWM2M>
"""
_ITEM = (
    '<Item ID="{id}"><Name>{name}</Name><Operations>{operations}</Operations>'
    "<MultipleInstances>{many}</MultipleInstances><Mandatory>{mandatory}</Mandatory>"
    "<Type>{type}</Type><Units>{units}</Units></Item>"
)


def _item(**changes):
    values = {
        "id": 0,
        "name": "Rings",
        "operations": "R",
        "many": "Single",
        "mandatory": "Mandatory",
        "type": "Integer",
        "units": "",
    }
    return _ITEM.format(**{**values, **changes})


def _xml(*items, **changes):
    values = {"id": 10350, "version": "", "many": "Multiple", "items": "".join(items)}
    return _XML.format(**{**values, **changes})


def _run(capsys, *arguments):
    try:
        code = objects.main([str(argument) for argument in arguments])
    except SystemExit as ended:
        code = ended.code
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_a_class(tmp_path, capsys):
    path = tmp_path / "bell.xml"
    path.write_text(
        _xml(
            _item(),
            _item(id=1, name="Ring", operations="E", type="", mandatory="Optional"),
            _item(id=5700, name="Level", operations="RW", type="Float", units="dB")
            .replace("Single", "Multiple"),
        )
    )
    code, out, err = _run(capsys, path)
    assert (code, err) == (0, "")
    assert out == (
        "from lwm2m.object import Object\n\n\n"
        "class DoorBell(Object):\n"
        '    """LWM2M Door bell (Object 10350), version 1.0."""\n\n'
        "    object_id = 10350\n"
        "    multiple = True\n"
        "    resources = (\n"
        '        b"\\x00\\x00\\x11\\x02"  # Rings\n'
        '        b"\\x00\\x01\\x04\\x00"  # Ring\n'
        '        b"\\x16\\x44\\x1b\\x04"  # 5700 Level (dB)\n'
        "    )\n"
    )


@pytest.mark.parametrize(
    "name", ['a"""; raise SystemExit; """', "back\\", 'quoted"', "None", "4 doors", "\u00fc"]
)
def test_any_name(tmp_path, capsys, name):
    """What a definition is called ends up in comments, and in a name that Python takes."""
    path = tmp_path / "bell.xml"
    path.write_text(_xml(_item(name=name)).replace("LWM2M Door bell", name), encoding="utf-8")
    code, out, err = _run(capsys, path)
    assert (code, err) == (0, "")
    found: dict = {}
    exec(out, found)
    assert [value.object_id for value in found.values() if hasattr(value, "object_id")] == [
        -1,
        10350,
    ]


def test_versions(tmp_path, capsys, monkeypatch):
    for version in ("1.0", "1.9", "1.1"):
        text = _xml(_item(), version=f"<ObjectVersion>{version}</ObjectVersion>")
        (tmp_path / f"10350-{version.replace('.', '_')}.xml").write_text(text)
    monkeypatch.setenv("OMA_REGISTRY", str(tmp_path))
    assert 'object_version = "1.9"' in _run(capsys, 10350)[1]
    assert 'object_version = "1.1"' in _run(capsys, 10350, "--version", "1.1")[1]
    code, out, err = _run(capsys, 10350, "--version", "2.0")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "1.0, 1.1, 1.9" in err


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("<LWM2M>", "no XML"),
        ("<LWM2M></LWM2M>", "no Object"),
        ('<!DOCTYPE x [<!ENTITY a "b">]><LWM2M>&a;</LWM2M>', "document type"),
        (_xml(_item(type="Colour")), "'Colour'"),
        (_xml(_item(operations="RX")), "'RX'"),
        (_xml(_item(operations="E")), "'Integer'"),
        (_xml(_item(id="x")), "'x'"),
        (_xml(_item(id=65535)), "'65535'"),
        (_xml(_item(), _item()), "twice"),
        (_xml(_item(many="Some")), "'Some'"),
        (_xml(_item(mandatory="")), "Mandatory"),
        (_xml(_item(), id=70000), "'70000'"),
        (_xml(_item(), version="<ObjectVersion>new</ObjectVersion>"), "'new'"),
        (_xml(*[_item(id=number) for number in range(1025)]), "1024"),
    ],
)
def test_what_is_no_definition(tmp_path, capsys, text, named):
    path = tmp_path / "bad.xml"
    path.write_text(text)
    code, out, err = _run(capsys, path)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert str(path) in err and named in err


def test_a_file_without_end(tmp_path, capsys):
    path = tmp_path / "long.xml"
    path.write_bytes(b"<LWM2M>" + b" " * (1 << 20))
    assert "1048576" in _run(capsys, path)[2]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ([], "--ipso"),
        (["3303", "--ipso"], "--ipso"),
        (["70000"], "'70000'"),
        (["-5"], "-5"),
        (["temperature"], "'temperature'"),
        (["nothing.xml"], "nothing.xml"),
        (["bell.xml", "--version", "1.0"], "--version"),
        (["1", "--registry", "/nowhere"], "/nowhere"),
        (["--ipso", "--registry", "/"], "3200"),
    ],
)
def test_wrong_arguments(capsys, arguments, named):
    code, out, err = _run(capsys, *arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert named in err


def test_a_file_under_another_number(tmp_path, capsys):
    (tmp_path / "5.xml").write_text(_xml(_item()))
    code, _, err = _run(capsys, 5, "--registry", tmp_path)
    assert code == 2
    assert "10350" in err
