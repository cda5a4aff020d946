"""Both halves of the relay on one Redis, for all tests of the store."""

from dataclasses import replace

import pytest

from tests.worker.factories import Harness

DEDUP_S = 3600
KEEP_DELIVERED_S = 1000
# Of a record that no worker removes.
RECORD_TTL_S = KEEP_DELIVERED_S + 86400


@pytest.fixture
def harness(redis, settings, relay):
    values = replace(settings, dedup_s=DEDUP_S, keep_delivered_s=KEEP_DELIVERED_S)
    with Harness(redis, values, relay) as opened:
        yield opened


@pytest.fixture
def ledger(harness):
    return harness.ledger


@pytest.fixture
def keep(harness):
    return harness.keep
