"""The modules that a node lets go before a deep sleep, against those that there are."""

import os
import sys

from node import sleeping, start

# All of them at once.
HEAP_K = 160

# Codecs that the record of a deep sleep itself is written with.
_OF_THE_RECORD = "__init__ cbor".split()


def _codecs():
    for place in sys.path:
        try:
            names = os.listdir((place + "/" if place else "") + "lwm2m/codec")
        except OSError:
            continue
        return {name.split(".")[0] for name in names if name.endswith((".py", ".mpy"))}
    raise AssertionError("lwm2m/codec is nowhere in sys.path")


def test_names_are_those_of_modules():
    """DESIGN §4: a name of no module would forget nothing, in silence."""
    for name in sleeping._SELDOM.split(" ") + start._AT_START.split(" "):
        __import__(name)
        assert name in sys.modules, name


def test_every_codec_makes_room_for_the_record():
    """DESIGN §4: a format that a server once asked for takes no memory from the record."""
    seldom = sleeping._SELDOM.replace("lwm2m.codec.", "").split()
    left = _codecs() - set(_OF_THE_RECORD) - set(seldom)
    assert not left, left


def test_forgetting_what_is_not_there():
    """DESIGN §4: names that were never loaded, or are forgotten already, do no harm."""
    from node.lean import forget

    __import__("lwm2m.codec.opaque")
    forget("lwm2m.codec.opaque", "lwm2m.codec.opaque", "lwm2m.no_such_module")
    assert "lwm2m.codec.opaque" not in sys.modules
