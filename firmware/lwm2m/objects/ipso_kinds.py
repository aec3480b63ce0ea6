"""What an IPSO Object does, told from its resources; loaded by `ipso.define` for a moment."""

import sys

from lwm2m.objects.ipso_table import find

# Values with extremes: the value, the least and the most measured.
_TRACKED = (
    (5705, 5601, 5602),
    (5536, 5601, 5602),
    (5702, 5508, 5509),
    (5703, 5510, 5511),
    (5704, 5512, 5513),
    (5800, 5801, 5802),
    (5810, 5811, 5812),
)
# What servers may write, as lwm2m.objects.data has it; inputs, outputs and timers know theirs.
_LIMITS = (
    (5507, 0, 1),
    (5531, 0, 100),
    (5536, 0, 100),
    (5548, 0, 100),
    (5826, 0, 3),
    (5827, 0, 100),
    (5828, 0, 100),
)
_TIMER = 3340
_INPUT_STATE = 5500
_ON_OFF = 5850
_METERS = (5605, 5822)  # the executables that Meter knows


def make(object_id: int):
    """Return the class of an IPSO Object, as `ipso.define` does."""
    found = find(object_id)
    for name in ("ipso_kinds", "ipso_table"):  # their code goes back to the heap
        if sys.modules.pop("lwm2m.objects." + name, None):
            delattr(sys.modules["lwm2m.objects"], name)
    if found is None:
        raise ValueError("%d: no such IPSO Object; there are 3200 and 3300 to 3349" % object_id)
    version, table = found
    ids = [table[at] << 8 | table[at + 1] for at in range(0, len(table), 4)]
    members = {
        "object_id": object_id,
        "object_version": None if version == "1.0" else version,
        "resources": table,
    }
    if object_id == _TIMER:
        from lwm2m.objects.ipso_timer import Timer as Kind
    elif _INPUT_STATE in ids:
        from lwm2m.objects.ipso_input import Input as Kind
    elif _ON_OFF in ids:
        from lwm2m.objects.ipso_output import Output as Kind
    elif 5700 in ids and 5601 in ids:
        from lwm2m.objects.ipso import Sensor as Kind
    elif _METERS[0] in ids or _METERS[1] in ids:
        from lwm2m.objects.ipso_meter import Meter as Kind

        members["tracked"] = tuple([row for row in _TRACKED if row[0] in ids and row[1] in ids])
    else:
        from lwm2m.objects.data import Data as Kind
    limits = tuple([row for row in _LIMITS if row[0] in ids])
    if limits and not hasattr(Kind, "drive"):
        from lwm2m.objects.data import Data

        members["limits"] = limits
        members["validate"] = Data.validate
    return type("IPSO%d" % object_id, (Kind,), members)
