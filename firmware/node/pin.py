"""The tries of a PIN where the modem does not count them (TS 27.007 has no command for it).

A SIM locks at the third wrong PIN, and each power cut begins anew: that a PIN is about to be
entered is on flash before it is, and stays there unless the PIN turns out right. Loaded only for
such a modem and a SIM that asks.
"""

import binascii

from micropython import const

from node.storage import Store

_TRIES = const(2)  # one that was broken off by a power cut may not have reached the SIM
_REFUSED = const(9)


def tried(pin: str, accepted: "bool | None") -> bool:
    """Note what became of a PIN, or with accepted None that it is about to be entered; returns
    whether it may be. Raises OSError where flash does not take it.
    """
    store = Store("pin")
    if accepted:
        store.remove()
        return True
    mark = b"%08x" % (binascii.crc32(pin.encode()) & 0xFFFFFFFF)
    record = store.load() or b""
    count = record[8] if record[:8] == mark else 0
    if count >= _TRIES:
        return False
    store.save(mark + bytes([_REFUSED if accepted is False else count + 1]))
    return True
