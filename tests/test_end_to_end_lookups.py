"""A notice in at the relay's HTTP edge, the whole event out at Mercately's events endpoint.

Between them a platform's API is asked; `relay/samples/<platform>/api.json` is what it answers.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from conftest import make_settings, relay_toml
from platform_samples import source_of
from redis import Redis

from relay import sources
from relay.devtools.embedded_redis import EmbeddedRedis
from relay.devtools.standin import StandinServer
from relay.inbound import samples
from relay.model import State
from relay.platforms import discovered
from relay.store.job_store import JobStore
from relay.store.ledger import Ledger
from relay.store.queue import open_queue
from relay.web.app import create_app
from worker.lookups import Lookups
from worker.service import DeliveryService
from worker.tasks import deliver_record

# What the agent has to read of it, at the customer whom it is about.
ARRIVES = {
    ("hubspot", "contact_creation"): "Nuevo contacto (HubSpot)",
    ("hubspot", "contact_propertyChange"): "Se actualizaron sus datos de contacto (HubSpot)",
    ("hubspot", "deal_creation"): "Pedido Café para Ana creado por $49,90 (HubSpot)",
    ("klaviyo", "clicked_email"): "Tu café te espera",
    ("klaviyo", "bounced_email"): "Tu café te espera",
    ("klaviyo", "unsubscribed_from_sms_marketing"): "Ya no quiere recibir mensajes",
}


@pytest.mark.parametrize(("platform", "name"), ARRIVES, ids=["/".join(case) for case in ARRIVES])
def test_a_notice_arrives_complete(
    platform: str,
    name: str,
    redis: Redis,
    redis_server: EmbeddedRedis,
    standin_server: StandinServer,
    tmp_path: Path,
):
    file = tmp_path / "relay.toml"
    file.write_text(relay_toml(standin_server.url))
    settings = make_settings(redis_server.url, file)
    destinations = sources.load(file, settings.environ).destinations
    api = discovered()[platform].api
    assert api
    source = replace(
        source_of(platform),
        destination=destinations["principal"],
        credentials={
            **{key: f"throw-away-{key}" for key in api.credentials},
            "api_url": f"{standin_server.url}/_platforms/{platform}",
        },
    )
    relay = sources.Relay("es", destinations, {platform: source}, ())
    base = "http://localhost"
    request = samples.signed(source, name, base)
    client = create_app(settings, relay, redis).test_client()
    answer = client.post(
        request.url.removeprefix(base), data=request.body, headers=dict(request.headers)
    )
    service = DeliveryService.open(redis, settings, destinations)
    ledger = Ledger(redis, keep_delivered_s=60)
    (record_id,) = answer.json["ids"]
    assert ledger.get(record_id).state is State.AWAITING_LOOKUP
    jobs = JobStore.open(open_queue(redis, settings.queue, settings.job_timeout_s), settings)
    Lookups(ledger, jobs, {platform: source}, user_agent="test").run_due()

    assert deliver_record(service, record_id) == "delivered"
    (event,) = standin_server.standin.events
    body = json.loads(event.raw)
    assert event.path == "/retailers/api/v1/customers/1713anaec1001/events"
    assert ARRIVES[platform, name] in body["notes"]
    for target in service.destinations.values():
        target.client.close()
