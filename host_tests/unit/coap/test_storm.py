"""RFC 7252 §4: an endpoint in a storm of random events, within a board's heap."""

import gc
import sys

from coap.endpoint import LATER, Endpoint
from coap.message import ACK, CON, NON, RST, Message, decode
from unit.coap.helpers import Link, Sink, pattern

HEAP_K = 72  # the storm itself takes some

_SCALE = 2 if sys.maxsize >> 32 else 1
_ROUND = 1_500
_ROUNDS = 4


class Dice:
    """Numbers that are random enough and the same on every runtime."""

    def __init__(self, seed):
        self.state = seed

    def bits(self, count):
        self.state = (self.state * 1_103_515_245 + 12_345) & 0x7FFFFFFF
        high = self.state >> 15
        if count > 16:
            return high << 16 ^ self.bits(16)
        return high & (1 << count) - 1

    def below(self, limit):
        return self.bits(15) % limit

    def pick(self, choices):
        return choices[self.below(len(choices))]


class Storm:
    """An endpoint, two links, three peers. What each datagram must and must not bring about is
    the fuzz tests' part; here it is that nothing raises, grows or is stuck."""

    def __init__(self, seed):
        self.dice = Dice(seed)
        self.endpoint = Endpoint(self.handle, self.dice.bits, None, self.on_body)
        self.endpoint.body_limit = 1_000
        self.endpoint.amplification = self.dice.pick((0, 4))
        self.links = (Link(), Link())
        self.links[1].mtu = 140
        self.latest = []
        self.pending = None
        self.now = 0
        self.asked = self.ended = 0
        self.content = pattern(700)

    def handle(self, request, peer, link, now):
        request.path()
        request.ids()
        chance = self.dice.below(8)
        if chance == 0:
            return None
        if chance == 1:
            self.pending = (request, peer, link)
            return LATER
        if chance == 2:
            return request.reply(0x84, b"nothing here")
        return request.reply(0x45, self.content[: self.dice.pick((0, 5, 60, 300, 700))], 42)

    def on_body(self, request, peer, link, now):
        chance = self.dice.below(4)
        if chance == 0:
            return request.reply(0x8F)
        return True if chance < 3 else Sink(self.dice.pick((None, None, 0x8D)))

    def on_response(self, response, reason, now):
        self.ended += 1

    def datagram(self):
        """A message of random parts, now and then damaged."""
        dice = self.dice
        message = Message(
            dice.pick((0, 1, 1, 2, 3, 5, 0x45, 0x5F, 0x88)), dice.pick((CON, NON)), b"tokn",
            self.content[: dice.pick((0, 0, 16, 64))], dice.bits(9),
        )
        if self.latest and dice.below(3):
            sent = decode(dice.pick(self.latest))
            message.type = dice.pick((CON, NON, ACK, ACK, RST))
            message.token = sent.token
            if message.type >= ACK:
                message.message_id = sent.message_id
        if message.type == RST or not message.code:
            message.code = 0
            message.token = message.payload = b""
        else:
            message.add(11, dice.pick(("a", "3", "65536")))
            for number in (4, 6, 12, 23, 27, 28, 60, 252, 258, 292, 2049, 2050):
                if dice.below(6) == 0:
                    message.add(number, dice.pick((0, 2, 8, 10, 18, 26, 0x1234, b"long value")))
        data = bytearray(message.encode())
        if dice.below(10) == 0:
            data[dice.below(len(data))] = dice.bits(8)
        return bytes(data[: dice.below(len(data))] if dice.below(20) == 0 else data)

    def blow(self):
        """Let one thing happen."""
        dice = self.dice
        endpoint = self.endpoint
        peer = ("192.0.2.%d" % dice.below(3), 5683)
        link = dice.pick(self.links)
        chance = dice.below(30)
        if chance == 0:
            request = Message(dice.pick((1, 2, 3)), dice.pick((CON, NON)))
            if request.code != 1:
                request.payload = self.content[: dice.pick((10, 300))]
            sink = Sink() if dice.below(2) else None
            endpoint.request(request.add(11, "rd"), peer, link, self.now, self.on_response, sink)
            self.asked += 1
        elif chance == 1:
            message = Message(0x45, dice.pick((CON, NON)), b"obs", self.content[: dice.bits(9)])
            request = Message(1, CON, b"obs").add(11, "a").add(6, 0)
            endpoint.notify(
                message.add(6, 9), peer, link, self.now, lambda reason, now: None, request
            )
        elif chance == 2 and self.pending:
            request, peer, link = self.pending
            self.pending = None
            response = request.reply(0x45, self.content[: dice.pick((5, 300))])
            endpoint.respond(request, response, peer, link, self.now)
        elif chance == 3:
            self.now += dice.pick((100, 3_000, 70_000))
        elif chance == 4 and dice.below(4) == 0:
            endpoint.cancel(self.now, peer)
        else:
            endpoint.receive(self.datagram(), peer, link, self.now)
        if dice.below(3) == 0:
            endpoint.step(self.now)
        for each in self.links:
            for data, _ in each.sent[-2:]:
                if 0 < data[1] < 0x20 or data[0] >> 4 & 3 < ACK:
                    self.latest = self.latest[-2:] + [data]
            each.sent = []

    def calm(self):
        """Let time pass until nothing is due."""
        for _ in range(400):
            deadline = self.endpoint.step(self.now)
            if deadline is None:
                break
            assert deadline > self.now
            self.now = deadline
            for each in self.links:
                each.sent = []
        assert not self.endpoint.busy() and self.asked == self.ended


def test_storm():
    """RFC 7252 §4, DESIGN §4: nothing raises, every request ends, what is kept does not grow."""
    for seed in (1, 2, 3):
        storm = Storm(seed)
        levels = []
        for _ in range(_ROUNDS):
            for _ in range(_ROUND):
                storm.blow()
            storm.calm()
            storm.latest = []
            storm.pending = None
            gc.collect()
            if hasattr(gc, "mem_alloc"):
                levels.append(gc.mem_alloc())
        assert storm.asked > 100 and len(storm.endpoint.dropped) < 20
        for level in levels[1:]:
            # What is remembered of the latest messages differs from time to time.
            assert level - levels[0] <= 8_000 * _SCALE, levels
