"""One stand-in a file, as new for each test, and a client that speaks to it."""

import pytest

from relay.devtools.standin import Behaviour, Standin, StandinServer, demo_customers

from .client import APIClient


@pytest.fixture(scope="module")
def server():
    with StandinServer(Standin(customers=demo_customers())) as running:
        yield running


@pytest.fixture
def standin(server):
    standin = server.standin
    standin.reset()
    standin.behaviour = Behaviour()
    standin.hang_s, standin.slow_s, standin.retry_after_s = 60, 1, 2
    return standin


@pytest.fixture
def api(server, standin):
    with APIClient(server.url) as client:
        yield client
