"""How deep the chip sleeps: by the time until something is due, and by what may wake it.

    deep    nothing is kept but the record in RTC memory; the chip boots when it wakes
    light   memory is kept, and so are the objects; the chip goes on where it stopped
    idle    the chip runs and waits

Loaded before the first sleep of a run.
"""

import asyncio

from micropython import const

from node import hw
from node.lean import forget

# Below this a deep sleep costs more than it saves. A boot takes 1.2 s at 20 mA (0.4 s to the first
# line of Python, the rest to load the firmware), 24 mAs; light sleep takes 0.8 mA where deep sleep
# takes 0.01 mA: 24 / 0.79 = 30 s.
_BREAK_EVEN_MS = const(30_000)
# A light sleep takes a moment to begin and to end.
_SHORTEST_LIGHT_SLEEP_MS = const(200)
_PIECES = const(2)  # of the watchdog's time, which it may count in light sleep, too

# Modules that a deep sleep loses anyway and that its record needs the room of.
_SELDOM = (
    "lwm2m.codec.senml_cbor lwm2m.codec.tlv lwm2m.codec.text lwm2m.codec.opaque lwm2m.write "
    "lwm2m.discover lwm2m.send lwm2m.attribute_text coap.well_known lwm2m.codec.senml_json "
    "lwm2m.codec.lwm2m_json lwm2m.codec.json_reader lwm2m.codec.json_text lwm2m.composite "
    "lwm2m.codec.senml_etch lwm2m.codec.lwm2m_cbor lwm2m.retry lwm2m.profile lwm2m.provision "
    "lwm2m.bootstrap_operations lwm2m.bootstrap_session node.storage lwm2m.codec.stream "
    "lwm2m.codec.exact lwm2m.codec.cbor_value lwm2m.codec.date_time lwm2m.server_values "
    "lwm2m.observing lwm2m.storing lwm2m.notify lwm2m.conditions lwm2m.selection "
    "lwm2m.backoff lwm2m.trigger modem.calendar"
)


async def sleep(node, until_ms: int) -> bool:
    """Sleep until the deadline, a pin or the contact, as deep as the site allows and as it pays;
    lightly and without the pin while the modem is off because the network was not to be had.

    A deep sleep ends the run of the chip. Returns True after a light sleep, and False at once
    where the chip has to stay awake.
    """
    if node.counter and node.counter.restless():
        return False
    now = node.clock.now()
    duration_ms = until_ms - now
    allowed = node.site["sleep"]
    bearer = node.bearer
    if allowed == "deep" and duration_ms >= _BREAK_EVEN_MS and not node.connecting:
        _sleep_deep(node, now, duration_ms)
    if allowed not in ("deep", "light") or duration_ms < _SHORTEST_LIGHT_SLEEP_MS:
        return False
    pin = None if node.connecting else bearer.wake_pin
    if until_ms != node.dozing_until:
        node.dozing_until = until_ms
        node.log.event("dozing", {"ms": duration_ms, "pin": pin})
    longest_ms = node.site["watchdog_s"] * 1000 // _PIECES or duration_ms
    contact = node.counter
    if contact:
        if contact.restless():  # it moved while the record of a deep sleep was made
            return False
        contact.arm()
    by_pin = await hw.light_sleep(min(duration_ms, longest_ms), pin)
    if contact:
        contact.woken()
    if by_pin:
        # What the modem said while the chip woke is lost, as it is after a deep sleep.
        bearer.woken = True
        node.connect()
    await asyncio.sleep_ms(0)  # the watchdog is fed
    return True


def _sleep_deep(node, now, duration_ms):
    """End the run, or come back where the state does not fit the record."""
    if node.slept and node.crashes:
        from node.crash import went_well

        went_well(node)
        del went_well
    forget("node.crash", *_SELDOM.split(" "))
    from node.kept import freeze

    pin = node.bearer.wake_pin if node.bearer.can_wake else None
    contact = node.counter
    if contact:
        contact.prepare(duration_ms, pin)
    record = freeze(node, now)
    if record is None or contact and contact.restless():
        return
    hw.store_memory(record)
    if contact:
        contact.arm()
    node.log.event("sleeping", {"ms": duration_ms, "pin": pin, "retained": len(record)})
    hw.deep_sleep(duration_ms, pin)
