"""The plain socket link: what it takes from the network, and what it leaves to others."""

import asyncio
import socket

from coap import transmission
from node.udp_socket import UdpSocketLink

_PORT = 45683


async def _received(datagrams):
    """Return (what the link handed on, its drops, turns that another task had)."""
    link = UdpSocketLink(_PORT)
    link.transmission = transmission.udp()
    taken = []
    link.on_datagram = lambda data, peer, link: taken.append(bytes(data))
    turns = 0
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    address = socket.getaddrinfo("127.0.0.1", _PORT)[0][-1]
    for datagram in datagrams:
        sender.sendto(datagram, address)
    sender.close()
    task = asyncio.create_task(link.run())
    while len(taken) + len(link.dropped) < len(datagrams):
        turns += 1
        assert turns < 1_000_000
        await asyncio.sleep_ms(0)
    task.cancel()
    link.close()
    return taken, link.dropped, turns


def test_too_long():
    """RFC 7252 §4.6: a datagram that does not fit is dropped, not taken without its end."""
    taken, dropped, _ = asyncio.run(_received([b"a" * 1536, b"b" * 1537]))
    assert taken == [b"a" * 1536] and dropped == {"too_long": 1}


def test_flood():
    """DESIGN §6: while datagrams keep coming the rest of the node has its turns."""
    taken, dropped, turns = asyncio.run(_received([b"x"] * 50))
    assert len(taken) == 50 and not dropped and turns >= 10
