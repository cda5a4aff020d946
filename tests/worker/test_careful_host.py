"""A host may forbid INFO, CONFIG and CLIENT: the worker delivers all the same."""

from dataclasses import replace

import pytest

from tests.worker.factories import Harness, deployed, signals_kept
from worker import process as entry

PASSWORD = "hush-hush"


@pytest.mark.filterwarnings("ignore:CLIENT")  # RQ's, of the address that it cannot show
def test_worker_needs_no_info_config_or_client(
    redis, redis_server, settings, relay, standin, monkeypatch
):
    rights = ("+@all", "-info", "-config", "-client", "-@admin")
    redis.execute_command("ACL", "SETUSER", "app", "on", f">{PASSWORD}", "~*", "&*", *rights)
    url = redis_server.url.replace("unix://", f"unix://app:{PASSWORD}@")
    allowed = replace(settings, redis_url=url)
    try:
        with Harness(redis, settings, relay) as harness:
            harness.keep("order-1", "order-2")
            with deployed(monkeypatch, allowed), signals_kept():
                entry.run(allowed, burst=True)
    finally:
        redis.execute_command("ACL", "DELUSER", "app")

    assert len(standin.events) == 2
