"""The types that the embedded server knows resources to have, held against the OMA registry."""

import re
import xml.etree.ElementTree as ElementTree

import pytest

from tools import objects
from tools.server.model import Model

REGISTRY = objects.registry()
pytestmark = pytest.mark.skipif(
    not REGISTRY.is_dir(), reason=f"no OMA registry at {REGISTRY}: set OMA_REGISTRY to its folder"
)
_TYPES = {
    "String": "string",
    "Corelnk": "string",
    "Integer": "integer",
    "Unsigned Integer": "unsigned",
    "Float": "float",
    "Boolean": "boolean",
    "Opaque": "opaque",
    "Time": "time",
    "Objlnk": "objlnk",
}
_MANAGED = [0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 13, 16, 19, 22, *range(3200, 3350)]


def _resources(path):
    """Yield (id, type) of the resources with a value."""
    for item in ElementTree.parse(path).getroot().iter("Item"):
        if (item.findtext("Type") or "").strip():
            yield int(item.get("ID")), item.findtext("Type").strip()


def test_types():
    """TS Core appendix C, OMA registry: the type of every resource with a value."""
    model, wrong, known = Model(), [], 0
    for path in sorted(REGISTRY.glob("*.xml")):
        object_id = int(re.match("[0-9]+", path.name)[0])
        if object_id not in _MANAGED:
            continue
        for rid, type in _resources(path):
            found = model.type_of((object_id, 0, rid), "1.2")
            known += found is not None
            if found is None and object_id < 3200 and "-" in path.name:
                continue
            if found != _TYPES[type]:
                wrong.append((path.name, rid, type, found))
    assert not wrong and known > 1000
