"""Every Object that ships, held against the OMA registry's XML.

The registry is read from ../shared/oma-registry beside the repository, or from OMA_REGISTRY=DIR.
"""

import os
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from lwm2m import versions
from lwm2m.objects.connectivity import ConnectivityMonitoring
from lwm2m.objects.device import Device
from lwm2m.objects.ipso import Temperature
from lwm2m.objects.security import Security
from lwm2m.objects.server import Server

_BESIDE = Path(__file__).resolve().parents[2].parent / "shared" / "oma-registry"
REGISTRY = Path(os.environ.get("OMA_REGISTRY") or _BESIDE)
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


SHIPPED = [Security, _Server10, _Server11, _Server12, Device, ConnectivityMonitoring, Temperature]


def _definition(cls):
    version = cls.object_version or "1.0"
    path = REGISTRY / f"{cls.object_id}-{version.replace('.', '_')}.xml"
    return ElementTree.parse(path).getroot().find("Object")


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
        assert rid in wanted, f"/{cls.object_id}/x/{rid} is not in the registry"
        assert row == wanted[rid][:2], f"/{cls.object_id}/x/{rid} {wanted[rid][2]}"
    missing = [rid for rid, row in wanted.items() if row[0] & 16 and rid not in shipped]
    assert not missing


@pytest.mark.parametrize(
    "cls", [_Server10, _Server11, _Server12, Device, ConnectivityMonitoring, Temperature]
)
def test_nothing_is_left_out(cls):
    """OMA registry: the tables of the device's own Objects are complete."""
    table = cls.resources
    assert {table[at] << 8 | table[at + 1] for at in range(0, len(table), 4)} == set(
        _resources(_definition(cls))
    )


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
