"""Every Object that ships, held against the OMA registry's XML.

The registry is read from ../shared/oma-registry beside the repository, or from OMA_REGISTRY=DIR.
"""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from lwm2m import versions
from lwm2m.client import Client
from lwm2m.object import OperationError
from lwm2m.objects import ipso
from lwm2m.objects.access_control import AccessControl
from lwm2m.objects.cellular import ApnProfile, BearerSelection, CellularConnectivity
from lwm2m.objects.connectivity import ConnectivityMonitoring
from lwm2m.objects.containers import BinaryAppData, Portfolio
from lwm2m.objects.device import Device
from lwm2m.objects.event_log import EventLog
from lwm2m.objects.firmware import FirmwareUpdate, FirmwareUpdate12
from lwm2m.objects.ipso import Temperature
from lwm2m.objects.location import Location
from lwm2m.objects.security import Security
from lwm2m.objects.server import Server
from lwm2m.objects.software import SoftwareManagement
from lwm2m.objects.statistics import ConnectivityStatistics
from lwm2m.objects.virtual_observe import VirtualObserve
from lwm2m.tree import Tree
from unit.lwm2m.package_sink import Sink

from tools import objects

REGISTRY = objects.registry()
ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(
    not REGISTRY.is_dir(), reason=f"no OMA registry at {REGISTRY}: set OMA_REGISTRY to its folder"
)

_TYPES = {
    "": 0,
    "String": 1,
    "Integer": 2,
    "Unsigned Integer": 3,
    "Float": 4,
    "Boolean": 5,
    "Opaque": 6,
    "Time": 7,
    "Objlnk": 8,
    "Corelnk": 9,
}


class _Server10(Server):
    resources = versions.get("1.0").server_table
    object_version = versions.get("1.0").server_version


class _Server11(Server):
    resources = versions.get("1.1").server_table
    object_version = versions.get("1.1").server_version


class _Server12(Server):
    resources = versions.get("1.2").server_table
    object_version = versions.get("1.2").server_version


# Those of which every resource of the registry is there.
COMPLETE = [
    _Server10,
    _Server11,
    _Server12,
    Device,
    ConnectivityMonitoring,
    FirmwareUpdate,
    FirmwareUpdate12,
    Location,
    ConnectivityStatistics,
    SoftwareManagement,
    CellularConnectivity,
    ApnProfile,
    BearerSelection,
    Portfolio,
    BinaryAppData,
    EventLog,
    VirtualObserve,
    Temperature,
]
SHIPPED = [Security, AccessControl, *COMPLETE]
_FIRST_PRIVATE = 26241  # resource ids that OMA leaves to vendors, up to 32768
# As far as the folder has them; that none is missing is a test of its own.
IPSO = (
    sorted(
        {
            int(path.stem.partition("-")[0])
            for path in REGISTRY.glob("3*.xml")
            if objects.FIRST_IPSO <= int(path.stem.partition("-")[0]) <= objects.LAST_IPSO
        }
    )
    if REGISTRY.is_dir()
    else []
)


def _path(object_id, version):
    path = REGISTRY / f"{object_id}-{version.replace('.', '_')}.xml"
    return path if path.exists() else REGISTRY / f"{object_id}.xml"


def _definition(cls):
    return ElementTree.parse(_path(cls.object_id, cls.object_version or "1.0")).find("Object")


def _resources(element):
    found = {}
    for item in element.iter("Item"):
        text = {child.tag: (child.text or "").strip() for child in item}
        flags = sum(
            flag for letter, flag in (("R", 1), ("W", 2), ("E", 4)) if letter in text["Operations"]
        )
        flags += 8 * (text["MultipleInstances"] == "Multiple") + 16 * (
            text["Mandatory"] == "Mandatory"
        )
        found[int(item.get("ID"))] = (flags, _TYPES[text["Type"]], text["Name"])
    return found


@pytest.mark.parametrize("cls", SHIPPED, ids=lambda cls: f"{cls.__name__.strip('_')}")
def test_object(cls):
    """OMA registry: id, version and whether there may be several instances."""
    element = _definition(cls)
    assert int(element.findtext("ObjectID")) == cls.object_id
    assert (element.findtext("ObjectVersion") or "1.0") == (cls.object_version or "1.0")
    assert (element.findtext("MultipleInstances") == "Multiple") == cls.multiple


@pytest.mark.parametrize("cls", SHIPPED, ids=lambda cls: f"{cls.__name__.strip('_')}")
def test_resources(cls):
    """OMA registry: each row's operations, type, multiplicity; nothing mandatory is missing."""
    wanted = _resources(_definition(cls))
    table = cls.resources
    assert len(table) % 4 == 0
    shipped = {}
    for at in range(0, len(table), 4):
        rid = table[at] << 8 | table[at + 1]
        assert rid not in shipped, f"/{cls.object_id}/x/{rid} has two rows"
        shipped[rid] = (table[at + 2], table[at + 3])
    for rid, row in shipped.items():
        if rid >= _FIRST_PRIVATE:
            continue
        assert rid in wanted, f"/{cls.object_id}/x/{rid} is not in the registry"
        assert row == wanted[rid][:2], f"/{cls.object_id}/x/{rid} {wanted[rid][2]}"
    missing = [rid for rid, row in wanted.items() if row[0] & 16 and rid not in shipped]
    assert not missing


@pytest.mark.parametrize("cls", COMPLETE, ids=lambda cls: cls.__name__.strip("_"))
def test_nothing_is_left_out(cls):
    """OMA registry: the tables of the device's own Objects are complete."""
    table = cls.resources
    rids = {table[at] << 8 | table[at + 1] for at in range(0, len(table), 4)}
    assert {rid for rid in rids if rid < _FIRST_PRIVATE} == set(_resources(_definition(cls)))


@pytest.mark.parametrize("cls", [_Server10, _Server11, _Server12])
def test_roles_of_the_server_object(cls):
    """OMA registry: a role stands for the resource of that name."""
    names = {rid: row[2] for rid, row in _resources(_definition(cls)).items()}
    expected = {
        "short_server_id": "Short Server ID",
        "lifetime": "Lifetime",
        "pmin": "Default Minimum Period",
        "pmax": "Default Maximum Period",
        "disable": "Disable",
        "disable_timeout": "Disable Timeout",
        "storing": "Notification Storing When Disabled or Offline",
        "binding": "Binding",
        "update_trigger": "Registration Update Trigger",
        "bootstrap_trigger": "Bootstrap-Request Trigger",
        "apn_link": "APN Link",
        "alert_code": "TLS-DTLS Alert Code",
        "last_bootstrapped": "Last Bootstrapped",
        "priority": "Registration Priority Order",
        "registration_delay": "Initial Registration Delay Timer",
        "failure_block": "Registration Failure Block",
        "bootstrap_on_failure": "Bootstrap on Registration Failure",
        "retry_count": "Communication Retry Count",
        "retry_timer": "Communication Retry Timer",
        "sequence_delay": "Communication Sequence Delay Timer",
        "sequence_retries": "Communication Sequence Retry Count",
        "sms_trigger": "Trigger",
        "preferred_transport": "Preferred Transport",
        "mute_send": "Mute Send",
        "alternate_apn": "Alternate APN Links",
        "server_versions": "Supported Server Versions",
        "default_notification_mode": "Default Notification Mode",
        "profile_hash": "Profile ID Hash Algorithm",
    }
    roles = versions.get(cls.object_version or "1.0").server_resources
    assert {rid: expected[roles.name(rid)] for rid in names} == names
    assert {role: roles.get(role) for role in expected if role in roles} == {
        role: rid for rid, name in names.items() for role in expected if expected[role] == name
    }


@pytest.mark.parametrize("object_id", [5, 9, 10, 11, 13, *IPSO])
def test_ranges(object_id):
    """OMA registry: a server may not write what is beyond RangeEnumeration."""
    client = Client("ep", Tree(), lambda bits: 0)
    known: dict = {
        5: lambda: FirmwareUpdate12(client, Sink()),
        9: lambda: SoftwareManagement(client, Sink()),
        10: CellularConnectivity,
        11: ApnProfile,
        13: BearerSelection,
        3340: lambda: ipso.define(3340)(client),
    }
    obj = known[object_id]() if object_id in known else ipso.define(object_id)()
    for item in _definition(obj).iter("Item"):
        text = {child.tag: (child.text or "").strip() for child in item}
        found = re.match(r"(-?\d+)\.\.(-?\d+)", text["RangeEnumeration"])
        if not found or "W" not in text["Operations"]:
            continue
        rid = int(item.get("ID") or "")
        least, most = map(int, found.groups())
        beyond: list = [least - 1, most + 1]
        if text["Type"] in ("String", "Opaque"):
            beyond = ["x" * (most + 1) if text["Type"] == "String" else bytes(most + 1)]
        for value in beyond:
            with pytest.raises(OperationError) as refused:
                multiple = text["MultipleInstances"] == "Multiple"
                obj.validate(rid, {0: value} if multiple else value)
                pytest.fail(f"/{object_id}/x/{rid} takes {value!r}")
            assert refused.value.code == 0x80


@pytest.mark.parametrize("object_id", IPSO)
def test_ipso(object_id):
    """OMA registry: the newest definition of each IPSO Object, row by row."""
    cls = ipso.define(object_id)
    versions_there = [
        ElementTree.parse(path).findtext("Object/ObjectVersion") or "1.0"
        for path in REGISTRY.glob(f"{object_id}*.xml")
        if path.stem.partition("-")[0] == str(object_id)
    ]
    assert (cls.object_version or "1.0") == max(versions_there)
    element = _definition(cls)
    assert (element.findtext("MultipleInstances") == "Multiple") == cls.multiple
    table = cls.resources
    assert {
        table[at] << 8 | table[at + 1]: (table[at + 2], table[at + 3])
        for at in range(0, len(table), 4)
    } == {rid: row[:2] for rid, row in _resources(element).items()}


def test_no_ipso_object_is_missing():
    """OMA registry: what `define` knows is what the registry has from 3200 to 3349."""
    known = []
    for object_id in range(objects.FIRST_IPSO, objects.LAST_IPSO + 1):
        try:
            ipso.define(object_id)
        except ValueError:
            continue
        known.append(object_id)
    assert known == IPSO


def test_the_table_is_what_the_tool_writes():
    """`python -m tools.objects --ipso` gives the file that ships."""
    written = objects.ipso_source(objects.ipso(REGISTRY))
    assert (ROOT / "firmware/lwm2m/objects/ipso_table.py").read_text() == written


@pytest.mark.parametrize("path", sorted(REGISTRY.glob("*.xml")), ids=lambda path: path.stem)
def test_every_definition_becomes_a_class(path):
    """tools.objects: any file of the registry gives a class that runs and has its rows."""
    text = objects.source(objects.load(path))
    assert max(len(line) for line in text.splitlines()) <= 99
    namespace = {}
    exec(text, namespace)
    cls = next(
        value
        for name, value in namespace.items()
        if isinstance(value, type) and name not in ("Object", "Data")
    )
    element = ElementTree.parse(path).find("Object")
    assert cls.object_id == int(element.findtext("ObjectID"))
    assert (cls.object_version or "1.0") == (element.findtext("ObjectVersion") or "1.0")
    table = cls.resources
    assert {
        table[at] << 8 | table[at + 1]: (table[at + 2], table[at + 3])
        for at in range(0, len(table), 4)
    } == {rid: row[:2] for rid, row in _resources(element).items()}


def test_the_command():
    """tools.objects: a number, a version, a file; the class goes to standard output."""
    for arguments, wanted in (
        (["3304"], 'object_version = "1.1"'),
        (["3304", "--version", "1.0"], "class Humidity(Object):"),
        ([str(_path(6, "1.0"))], "object_id = 6"),
        (["--ipso"], "def find("),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "tools.objects", "--registry", str(REGISTRY), *arguments],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert wanted in done.stdout
