"""Fixtures for the plugtests: the sides of a module's tests, and a pair of them a test."""

import pytest

from host_tests.interop.aiocoap_sides import AiocoapClient, AiocoapServer, Loop
from host_tests.interop.sides import (
    LibcoapClient,
    LibcoapServer,
    NpmClient,
    NpmServer,
    NudgeClient,
    NudgeServer,
    Pair,
)


class Sides:
    """Every side by name, started when first asked for."""

    def __init__(self):
        self._started = {}

    @property
    def loop(self) -> Loop:
        return self._get("loop", Loop)

    def client(self, name):
        """Return the client named "nudge", "aiocoap", "libcoap" or "npm"."""
        if name == "aiocoap":
            return self._get("aiocoap client", lambda: AiocoapClient(self.loop))
        kinds = {"nudge": NudgeClient, "libcoap": LibcoapClient, "npm": NpmClient}
        return self._get(name + " client", kinds[name])

    def server(self, name):
        """Return the server of one of these names."""
        if name == "aiocoap":
            return self._get("aiocoap server", lambda: AiocoapServer(self.loop))
        kinds = {"nudge": NudgeServer, "libcoap": LibcoapServer, "npm": NpmServer}
        return self._get(name + " server", kinds[name])

    def _get(self, name, make):
        if name not in self._started:
            made = make()  # before it is entered: what it is made of must end after it
            self._started[name] = made
        return self._started[name]

    def close(self):
        """End everything, what was started last first."""
        for started in reversed(list(self._started.values())):
            started.close()


@pytest.fixture(scope="module")
def sides():
    """Clients and servers, started when a test first asks for them."""
    started = Sides()
    yield started
    started.close()


@pytest.fixture
def pair(request, sides):
    """A client and a server, "client-server" as the parameter names them, and a relay between."""
    client, server = request.param.split("-")
    with Pair(sides.client(client), sides.server(server)) as made:
        yield made
