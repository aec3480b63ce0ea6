"""Fixtures for the plugtests: the sides of a module's tests, and a pair of them a test."""

import pytest

from host_tests.interop.aiocoap_sides import AiocoapClient, AiocoapServer, Loop
from host_tests.interop.sides import (
    Compiled,
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

    _CLIENTS = {
        "nudge": NudgeClient,
        "aiocoap": AiocoapClient,
        "libcoap": LibcoapClient,
        "npm": NpmClient,
    }
    _SERVERS = {
        "nudge": NudgeServer,
        "aiocoap": AiocoapServer,
        "libcoap": LibcoapServer,
        "npm": NpmServer,
    }

    def __init__(self):
        self._started = {}

    @property
    def compiled(self) -> Compiled:
        return self._get("compiled", Compiled)

    @property
    def loop(self) -> Loop:
        return self._get("loop", Loop)

    def client(self, name):
        return self._get(name + " client", self._CLIENTS[name], self)

    def server(self, name):
        return self._get(name + " server", self._SERVERS[name], self)

    def _get(self, name, make, *arguments):
        if name not in self._started:
            made = make(*arguments)
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
