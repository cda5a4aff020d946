"""`/readyz` tells what concerns one source without taking all out of service."""

from dataclasses import replace

import pytest

from relay.web.app import create_app
from tests.worker.factories import Harness


@pytest.mark.parametrize("held_max, expected", [(1, ["held_full"]), (2, None)])
def test_source_that_is_full_is_a_warning(redis, settings, relay, held_max, expected):
    from relay.model import Held

    bounded = replace(settings, held_max=held_max)
    with Harness(redis, bounded, relay) as harness:
        harness.accept(Held("orders/create", "held-1", "no_customer", {}, b"{}"))
    client = create_app(bounded, relay, redis).test_client()

    answer = client.get("/readyz").json

    assert answer.get("warnings") == expected
    assert "held_full" not in answer["missing"]
