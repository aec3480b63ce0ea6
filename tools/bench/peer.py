"""aiocoap serving the GET that operations.py serves: `python -m tools.bench.peer COUNT`.

Datagrams are handed over and taken in this process, without a socket: what is measured is
decoding, routing, rendering and encoding, with aiocoap's own asyncio tasks around them.
"""

import asyncio
import sys

from aiocoap import ACK, CON, CONTENT, GET, Context, Message, interfaces, resource
from aiocoap.transports.generic_udp import GenericMessageInterface

_PATH = ("3303", "0", "5700")


class _Value(resource.Resource):
    async def render_get(self, request):
        return Message(code=CONTENT, payload=b"21.5", content_format=0)


class _Peer(interfaces.EndpointAddress):
    """The remote address, which keeps what is sent to it."""

    scheme = "coap"
    hostinfo = "192.0.2.1"
    hostinfo_local = "192.0.2.2"
    uri_base = "coap://192.0.2.1"
    uri_base_local = "coap://192.0.2.2"
    is_multicast = is_multicast_locally = False
    maximum_block_size_exp = 6
    maximum_payload_size = 1024
    blockwise_key = hostinfo
    authenticated_claims = ()

    def __init__(self):
        self.last = b""
        self.arrived = asyncio.Event()

    def send(self, datagram):
        self.last = datagram
        self.arrived.set()


class _Nothing:
    async def shutdown(self):
        pass


async def serve(count: int) -> tuple:
    """Have so many requests served; return (bytes of one request, its response)."""
    site = resource.Site()
    site.add_resource(_PATH, _Value())
    loop = asyncio.get_running_loop()
    context = Context(loop=loop, serversite=site)
    transports = []

    async def interface(manager):
        made = GenericMessageInterface(manager, context.log, loop)
        made._pool = _Nothing()
        transports.append(made)
        return made

    await context._append_tokenmanaged_messagemanaged_transport(interface)
    request = Message(
        code=GET, uri_path=_PATH, accept=0, _mtype=CON, _mid=0, _token=b"\x51U\xd2\x8a"
    )
    datagram = bytearray(request.encode())
    peer = _Peer()
    for i in range(count):
        datagram[2:4] = (i & 0xFFFF).to_bytes(2, "big")
        peer.arrived.clear()
        transports[0]._received_datagram(peer, bytes(datagram))
        await peer.arrived.wait()
    response = Message.decode(peer.last, peer)
    assert response.mtype == ACK and response.payload == b"21.5", response
    await context.shutdown()
    return len(datagram), peer.last


if __name__ == "__main__":
    sent, reply = asyncio.run(serve(int(sys.argv[1])))
    print(sent + len(reply))
