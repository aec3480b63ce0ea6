"""The doors of DESIGN §2: firmware/ has no import that is not drawn, and the check sees one that
is.
"""

from tools import doors


def test_every_import_of_the_firmware_has_a_door():
    """DESIGN §2: the arrows between the rooms."""
    assert doors.broken(doors.ROOT / "firmware") == []


def _house(tmp_path, files):
    for name, text in files.items():
        path = tmp_path / "firmware" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return doors.broken(tmp_path / "firmware")


def test_wrong_doors_are_found(tmp_path):
    """DESIGN §2: no arrow runs the other way, and machine is node/hw.py's alone."""
    found = _house(
        tmp_path,
        {
            "coap/endpoint.py": "from lwm2m import client\n",
            "modem/at.py": "import coap.message\n",
            "lwm2m/client.py": "def late():\n    import machine\n",
            "node/node.py": "from tools import build\n",
            "attic/box.py": "",
        },
    )
    assert found == [
        "firmware/attic/box.py: attic is no room of the house",
        "firmware/coap/endpoint.py:1: no door leads from coap to lwm2m",
        "firmware/lwm2m/client.py:2: machine is imported outside node/hw.py",
        "firmware/modem/at.py:1: no door leads from modem to coap",
        "firmware/node/node.py:1: firmware imports tools",
    ]


def test_drawn_doors_are_not(tmp_path):
    """DESIGN §2: main → node → lwm2m → coap; node → modem; node/hw.py → machine."""
    assert (
        _house(
            tmp_path,
            {
                "main.py": "from node import boot\n",
                "node/hw.py": "import machine, esp32\n",
                "node/node.py": "import board\nfrom lwm2m.client import Client\nimport modem.at\n",
                "lwm2m/client.py": "from coap import endpoint\nfrom .object import Object\n",
            },
        )
        == []
    )
