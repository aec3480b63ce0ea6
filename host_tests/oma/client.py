"""A client of a case: its board, and what its server asks of it."""

import itertools
from pathlib import Path

from host_tests.oma.servers import AWAKE_S
from host_tests.oma.stage import PATIENCE_S, Board, Wire

TEXT, LINK, OPAQUE, CBOR, SENML_JSON, SENML_CBOR, TLV, JSON = 0, 40, 42, 60, 110, 112, 11542, 11543
_numbers = itertools.count(1)
_APPLICATION = Path(__file__).resolve().parent / "app.py"


class Client:
    """A board that is registered with a server.

    link: "udp", or a modem. version, queue, lifetime_s and other entries of the configuration's
    `servers` are the site's. Paths are "/3/0", formats CoAP numbers.

    bootstrap: (a server of bootstrap_servers.py, a function from this client to the commands that
    are done there), of a board that knows its bootstrap server; with `factory` it knows the server
    too. second: the URI of another server, with Short Server ID 2. registers: whether to wait for
    the first registration.
    """

    def __init__(
        self,
        loop,
        server,
        link="udp",
        version="1.1",
        application=_APPLICATION,
        bootstrap=None,
        factory=False,
        second=None,
        registers=True,
        root_path="",
        **account,
    ):
        self.server = server
        self.endpoint = "oma-%d" % next(_numbers)
        self.events = server.events(self.endpoint)
        self.wire = Wire(loop, server.port)
        self.uri = "coap://127.0.0.1:%d" % self.wire.port
        account.setdefault("queue", False)
        if account["queue"]:
            account.setdefault("awake_time_s", AWAKE_S)
        account.setdefault("uri", self.uri)
        whole = {
            "endpoint": self.endpoint,
            "version": version,
            "link": link,
            "log": "json",
            "sleep": "idle" if link == "udp" else "deep",
            "modem": {} if link == "udp" else {"apn": "internet"},
            "objects": [{"object": 3303, "units": "Cel"}],
            "servers": [account],
            "root_path": root_path,
        }
        if second:
            whole["servers"].append({**account, "uri": second, "short_server_id": 2})
        if bootstrap:
            asked, commands = bootstrap
            self.bootstrap = asked.events(self.endpoint)
            self.bootstrap_wire = Wire(loop, asked.port)
            asked.configure(self.endpoint, commands(self))
            uri = "coap://127.0.0.1:%d" % self.bootstrap_wire.port
            whole["bootstrap"] = {"uri": uri, "queue": False}
            if not factory:
                whole["servers"] = []
        else:
            self.bootstrap_wire = None
        self.board = Board(loop, whole, application)
        try:
            if registers:
                self.registration = self.next("registered", 60)
                self.board.events.next("registered")
        except AssertionError:
            self.close()
            raise

    def close(self):
        self.board.close()
        self.wire.close()
        if self.bootstrap_wire:
            self.bootstrap_wire.close()

    def next(self, name, within_s=PATIENCE_S, **wanted):
        """Return the server's next event of this name about this client."""
        return self.events.next(name, within_s, **wanted)

    def ask(self, operation, **arguments):
        """Carry out an operation; arguments that are None are not given."""
        given = {key: value for key, value in arguments.items() if value is not None}
        return self.server.ask(self.endpoint, operation, **given)

    def later(self, operation, **arguments):
        return self.server.later(self.endpoint, operation, **arguments)

    def read(self, path, accept=None):
        return self.ask("read", path=path, accept=accept)

    def write(self, path, value, format=None, partial=False):
        return self.ask("write", path=path, value=value, format=format, partial=partial)

    def execute(self, path, argument=None):
        return self.ask("execute", path=path, value=argument)

    def create(self, path, value, instance=None, format=None):
        return self.ask("create", path=path, value=value, instance=instance, format=format)

    def delete(self, path):
        return self.ask("delete", path=path)

    def discover(self, path, depth=None):
        return self.ask("discover", path=path, depth=depth)

    def write_attributes(self, path, **attributes):
        """Write attributes; the value None unsets one."""
        return self.ask("write-attributes", path=path, attributes=attributes)

    def observe(self, path, accept=None, attributes=None):
        return self.ask("observe", path=path, accept=accept, attributes=attributes)

    def cancel(self, path):
        return self.ask("cancel", path=path)

    def read_composite(self, paths, format=SENML_JSON, accept=SENML_JSON):
        return self.ask("read-composite", paths=paths, format=format, accept=accept)

    def write_composite(self, values, format=SENML_JSON):
        """Write {path: value}."""
        return self.ask("write-composite", value=values, format=format)

    def observe_composite(self, paths, format=SENML_JSON, accept=SENML_JSON):
        return self.ask("observe-composite", paths=paths, format=format, accept=accept)

    def cancel_composite(self, paths):
        return self.ask("cancel-composite", paths=paths)

    def forget(self, **arguments):
        """Have the server drop an observation without a word: the next notification is reset."""
        self.server.forget(self.endpoint, **arguments)
