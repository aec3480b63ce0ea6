"""Fixtures of the OMA cases. `--server leshan` plays them against Eclipse Leshan."""

import contextlib

import pytest

from host_tests.oma.bootstrap_servers import EmbeddedBootstrap, LeshanBootstrap
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


def _made(request, loop, embedded, leshan):
    chosen = request.config.getoption("--server", "embedded") == "leshan"
    made = leshan() if chosen else embedded(loop)
    yield made
    made.close()


@pytest.fixture(scope="session")
def server(request, _loop):
    """The LwM2M server of the cases."""
    yield from _made(request, _loop, Embedded, Leshan)


@pytest.fixture(scope="session")
def bootstrap_server(request, _loop):
    """The bootstrap server of the cases."""
    yield from _made(request, _loop, EmbeddedBootstrap, LeshanBootstrap)


@pytest.fixture(scope="session")
def starting(server, _loop):
    """Return a context that yields what `start` is, and switches off what it has started."""

    @contextlib.contextmanager
    def opened():
        clients = []

        def start(**options):
            version = options.get("version", "1.1")
            steps_down = options.pop("steps_down", False)  # to a version that the server knows
            if version not in server.versions and not steps_down:
                pytest.skip(f"{server.name} does not know LwM2M {version}")
            clients.append(Client(_loop, server, **options))
            return clients[-1]

        try:
            yield start
        finally:
            for client in clients:
                client.close()

    return opened


@pytest.fixture
def start(starting):
    """Return what starts a board and registers it: `start(lifetime_s=60)` makes a Client."""
    with starting() as starter:
        yield starter
