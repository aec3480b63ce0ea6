"""What tools/deploy.py brought onto a board, on real MicroPython: started, registered."""

import asyncio
import json

from programs.repl_peer import BLOCK, Flash, ReplPeer

from host_tests.interop.image_board import ImageBoard
from host_tests.interop.server_peer import Log
from tools import boards, build, deploy
from tools.board import HEAP_K
from tools.server import running

_APP = """
from lwm2m.objects.ipso import Temperature


def setup(node):
    node.add(Temperature(units="Cel")).set(5700, {value})
"""


def test_a_board_that_was_deployed_to_registers(tmp_path):
    """ISSUE 6: an empty board gets the firmware, a site and an application, and registers; then
    the application alone is another, and one file is sent.
    """
    build.build()
    flash = Flash(tmp_path / "flash.bin")
    site, app = tmp_path / "site.json", tmp_path / "app.py"

    def deployed():
        with ReplPeer(flash, at_repl=True) as peer:
            wanted = deploy.collect(boards.load("host"), site, app)
            live = deploy.LiveBoard.connect(peer.path, 5, print)
            try:
                return deploy.deploy(live, wanted, lambda *_: None)[0]
            finally:
                live.close()

    async def value_read(server, log, count):
        device = Log()
        folder = tmp_path / str(count)
        folder.mkdir()
        size = flash.blocks * BLOCK
        wiring = boards.load("host").module
        board = ImageBoard(*(flash.path, 0, size, folder, device), wiring=wiring, heap_k=HEAP_K)
        try:
            await board.power_on()
            await log.wait("registered", 40, count=count)
            return (await server.read("b1", "/3303/0/5700")).value
        finally:
            await board.power_off()

    async def whole():
        log = Log()
        async with running("127.0.0.1", 0, on_event=log, awake_s=5) as server:
            account = {"uri": "coap://127.0.0.1:%d" % server.port}
            site.write_text(json.dumps({"endpoint": "b1", "link": "udp", "servers": [account]}))
            for count, (value, sent) in enumerate(((21.5, None), (7.0, ["app.mpy"])), 1):
                app.write_text(_APP.format(value=value))
                todo = await asyncio.to_thread(deployed)
                assert sent in (None, todo.send)
                assert await value_read(server, log, count) == value

    asyncio.run(asyncio.wait_for(whole(), 150))
