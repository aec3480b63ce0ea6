"""What holds of every simulated life (system/simulation.py), whatever its faults.

Some are looked at while the life goes on: `MessageIds`, `look_at_address`, `look_at_stored`; what
they find ends it. The others are looked at by `after`, when the faults are over.
Each raises AssertionError with what it found, and what it had expected.
"""

import binascii

from coap.message import CON, NON
from system.world import OTHER_NUMBER, OTHER_SERVER, SERVER, SERVER_NUMBER

# A trigger that was held because the modem was out of reach comes an hour later at most, the SMS
# centre's pause, by when the board has tried the network again (15 min) and is registered (3 min);
# the person waits 20 minutes, then 40, then 80, and a centre that lets go of what it held may have
# used up the triggers of one hour.
BACK_S = 10_800
# RFC 7252 §4.8.2, EXCHANGE_LIFETIME with the shortest parameters of coap/transmission.py.
_ID_LIFETIME_MS = 240_000
_IDS_MAX = 400
# Bytes on a 64-bit machine by which what is in use may differ between two moments of rest: a node
# that has ended, of 45 to 60 KB, which MicroPython's collector may hold on to, knowing no better.
_LEVEL_TOLERANCE = 64_000
# POST and DELETE; 2.01, 2.02, 2.04, 2.05, 4.00 to 4.15, 5.00 to 5.05.
_CODES = b"\x02\x04ABDE\x80\x81\x82\x83\x84\x85\x86\x88\x8c\x8d\x8f\xa0\xa1\xa3\xa5"
_NUMBERS = (SERVER_NUMBER, OTHER_NUMBER)
_SERVERS = (SERVER, OTHER_SERVER)
# Where no text message calls it: the longest backoff of a registration, and the longest lifetime.
_UNCALLED_S = 108_000


class MessageIds:
    """RFC 7252 §4.4: within EXCHANGE_LIFETIME a message ID stands for one message, over resets,
    sleeps and power cuts.

    A modem that the board's end or a lost byte left in data mode fills the datagram up with the
    next command, and sends what is no message of the node: what has a code that the node does not
    use is left out, and so is all that is sent where the UART damages bytes.
    """

    def __init__(self, life):
        self._life = life
        self._seen = {}  # message ID -> (CRC-32, ms)
        self._send_up = life.world.network.send_up
        life.world.network.send_up = self._take

    def forget(self):
        """Forget all messages."""
        self._seen.clear()

    def _take(self, address, port, peer, data):
        now = self._life.world.timers.now()
        ours = len(data) >= 4 and data[0] >> 4 & 3 in (CON, NON) and data[1] in _CODES
        if ours and not self._life.faults.noise and b"AT" not in bytes(data):
            message_id = data[2] << 8 | data[3]
            crc = binascii.crc32(data)
            known = self._seen.get(message_id)
            if known and now - known[1] < _ID_LIFETIME_MS and known[0] != crc:
                text = "message ID %d stands for two messages, the first %d ms ago"
                self._life.wrong(text % (message_id, now - known[1]))
            self._seen[message_id] = (crc, now)
            if len(self._seen) > _IDS_MAX:
                for key in list(self._seen):
                    if now - self._seen[key][1] > _ID_LIFETIME_MS:
                        del self._seen[key]
        self._send_up(address, port, peer, data)


def look_at_address(life, name, facts):
    """Nothing is sent to an address or a number that is not the server's, unless the UART damages
    bytes of the commands.
    """
    if life.faults.noise:
        return
    if name == "udp_up" and (facts["host"], facts["port"]) not in _SERVERS:
        life.wrong("a datagram to %s:%d" % (facts["host"], facts["port"]))
    if name == "sms_submit" and facts["to"].lstrip("+") not in [n.lstrip("+") for n in _NUMBERS]:
        life.wrong("a text message to %s" % facts["to"])


def look_at_stored(life):
    """TS 1.2 Core E.2 (Notification Storing): what was stored at one deep sleep is stored at the
    next, told in between, or dropped for want of room (`stored_bytes`), which is counted.

    A reset that is no deep sleep may lose what was stored, and so does the end of the
    observation.
    """
    observations = life.world.node.client.observations
    stored = [int(float(item[2])) for item in observations.stored if item[1] == 0]
    before, life.stored = life.stored, stored
    dropped, life.store_dropped = life.store_dropped, 0
    told, life.told = life.told, []
    if before is not None:
        lost = [value for value in before if value not in stored and value not in told]
        if len(lost) > dropped:
            life.wrong("stored and lost: %s, %d were dropped" % (lost, dropped))
    size = sum([len(item[2]) for item in observations.stored])
    if size > life.variant.stored_bytes:
        life.wrong("%d bytes are stored" % size)


async def after(life):
    """Look at a life whose faults are over."""
    world = life.world
    peer = life.peer

    # Within a bound after the faults the server reaches the device: trigger, Update, answer.
    start_ms = world.timers.now()
    life.read_back(life.VALUE)
    limit_s = BACK_S + (_UNCALLED_S if life.no_sms else 0)
    reached = await life.call(limit_s)
    life.back_s = (world.timers.now() - start_ms) // 1000
    waiting = [each[0] for each in peer.waiting]
    assert reached, "not back within %d s of the faults; waiting: %s" % (limit_s, waiting)
    read = life.back.get(life.VALUE)
    assert read is not None and 0 < int(float(read)) <= life.measured, read

    # Every accepted Write is there.
    expected = dict(life.values)
    for path in expected:
        life.read_back(path)
    assert await life.call(limit_s), "the second call was not answered"
    for path, wanted in expected.items():
        found = life.back.get(path)
        if path in life.values:
            assert found in wanted, "%s: wrote %s, read %s" % (path, " or ".join(wanted), found)

    # An observation that is asked for tells of what is measured after.
    peer.observe(life.VALUE)
    assert await life.call(limit_s), "the observation was not answered"
    measured = life.measured
    limit_s += 2 * life.variant.report_s
    await world.until(lambda: life.last_told > measured, limit_s, "notified after the faults")
    if life.variant.sends:
        sendings = life.sendings
        await world.until(lambda: life.sendings > sendings, limit_s, "a Send after the faults")
    if world.other:
        world.other.read(life.VALUE)
        assert await life.call(limit_s, world.other), "the second server does not reach it"
    if life.no_sms:
        await world.until(lambda: _unreachable(world.modem), limit_s, "the modem off")

    # Memory is what it was.
    await life.rest()
    enough = life.first_level and life.first_level + _LEVEL_TOLERANCE
    level = await life.level(enough)
    if enough is not None and level is not None:
        assert level <= enough, "%d bytes in use, %d when half of the life was over" % (
            level,
            life.first_level,
        )
    bounds(life)


def _unreachable(modem):
    return modem.state == "off" or modem.psm and modem.psm.resting


def bounds(life):
    """No more boots, Registers, messages and flash writes than the faults are a reason for."""
    for name, found, limit in limits(life):
        assert found <= limit, "%s: %d, at most %d for these faults" % (name, found, limit)


def limits(life) -> list:
    """Return rows (name, how many, at most)."""
    world = life.world
    struck = life.faults.struck
    count = life.counts.get
    days = world.timers.now() / 86_400_000
    delivered = world.network.sms.counters["delivered"]
    # A board in deep sleep boots for each report, each Update, each message, and what wakes it
    # twice: a report that is told holds its Update.
    reports = days * 86_400 / life.variant.report_s
    updates = days * 86_400 / 3_000
    boots = 4 + reports * 1.2 + updates + 2 * delivered + 12 * struck + 2 * life.crashes
    # A Register at the start, and where the server, the board or the way between has lost what
    # there was; what the modem goes through is seldom a reason.
    of_modem = life.schedule.of_modem()
    registers = 2 + 3 * (struck - of_modem) + of_modem + 2 * life.crashes
    rows = []
    if life.world.other:
        rows.append(("Registers, other server", count("other register", 0), registers))
    # What is to outlive a loss of power is written before a deep sleep, and taken up at a start.
    writes = 4 + 3 * life.writes + 2 * struck + 2 * life.crashes
    if life.variant.outlive:
        writes += 2 * world.boots
    return rows + [
        ("boots", world.boots, boots),
        ("Registers", count("server register", 0), registers),
        ("text messages sent", world.network.sms.counters["submitted"], 2 * delivered),
        ("flash writes", life.flash.writes, writes),
    ]
