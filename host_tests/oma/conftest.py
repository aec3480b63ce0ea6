"""Fixtures of the OMA cases. `--server leshan` plays them against Eclipse Leshan."""

import pytest

from host_tests.oma.client import Client
from host_tests.oma.servers import Embedded, Leshan
from host_tests.oma.stage import Loop


def pytest_addoption(parser):
    """Add the choice of the server."""
    parser.addoption("--server", choices=("embedded", "leshan"), default="embedded")


@pytest.fixture(scope="session")
def _loop():
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture(scope="session")
def server(request, _loop):
    """The LwM2M server of the cases."""
    leshan = request.config.getoption("--server", "embedded") == "leshan"
    made = Leshan() if leshan else Embedded(_loop)
    yield made
    made.close()


@pytest.fixture
def start(server, _loop):
    """Return what starts a board and registers it: `start(lifetime_s=60)` makes a Client."""
    clients = []

    def starting(**options):
        version = options.get("version", "1.1")
        if version not in server.versions:
            pytest.skip(f"{server.name} does not know LwM2M {version}")
        server.events.forget()
        clients.append(Client(_loop, server, **options))
        return clients[-1]

    yield starting
    for client in clients:
        client.close()
