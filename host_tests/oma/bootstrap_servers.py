"""The bootstrap servers that the cases can be played against, behind one small interface.

port                             of 127.0.0.1
events(endpoint)                 → its Events: bootstrap_request, bootstrap_answer (do, path,
                                 code, value or links), bootstrapped, bootstrap_failed
configure(endpoint, commands)    what a client that asks is sent, before Bootstrap-Finish:
                                 [{"do": …, "path": …, "value": …}]
"""

from host_tests.oma.servers import Keeper, as_json, plain
from host_tests.oma.stage import Loop
from tools.leshan.program import Program
from tools.server import LwM2mServer, links
from tools.server.bootstrap import BootstrapServer


class EmbeddedBootstrap(Keeper):
    """tools.server.bootstrap on a server of its own."""

    def __init__(self, loop: Loop):
        super().__init__()
        self._loop = loop
        self._server = LwM2mServer(port=0)
        self.port = loop.run(self._server.start())[1]
        self._bootstrap = BootstrapServer(self._server, emit=self._happened)

    def _happened(self, name, facts):
        value = facts.get("value")
        if isinstance(value, list):
            found = [dict(entry) for entry in value]
            facts = {**facts, "links": [(entry.pop("target"), entry) for entry in found]}
        self.keep(name, {**facts, "value": plain(value)})

    def configure(self, endpoint, commands):
        finished = [{"may_fail": True, **command} for command in as_json(commands)]
        finished.append({"do": "finish"})
        self._loop.call(self._bootstrap.configure, endpoint, {"commands": finished})

    def close(self):
        self._loop.call(self._bootstrap.close)
        self._loop.run(self._server.close())


class LeshanBootstrap(Keeper):
    """Leshan's bootstrap server in a Java process (tools/leshan)."""

    def __init__(self):
        super().__init__()
        self._program = Program("bootstrap")
        self._program.on_event = self._happened
        self.port = self._program.port

    def _happened(self, facts):
        parsed = []
        for link in facts.pop("links", ()):
            parsed += links.parse(link.encode())
        facts["links"], facts["value"] = parsed, plain(facts.get("value"))
        self.keep(facts.pop("event"), facts)

    def configure(self, endpoint, commands):
        self._program.ask(do="configure", endpoint=endpoint, commands=as_json(commands))

    def close(self):
        self._program.close()
