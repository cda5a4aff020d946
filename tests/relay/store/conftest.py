"""Both halves of the relay on one Redis, for all tests of the store."""

from dataclasses import replace

import pytest

from tests.worker.depot import Depot

DEDUP_S = 3600
KEEP_DELIVERED_S = 1000


@pytest.fixture
def depot(redis, settings, relay):
    values = replace(settings, dedup_s=DEDUP_S, keep_delivered_s=KEEP_DELIVERED_S)
    with Depot(redis, values, relay) as opened:
        yield opened


@pytest.fixture
def ledger(depot):
    return depot.ledger


@pytest.fixture
def keep(depot):
    return depot.keep
