"""A notice that only names a thing: in at the HTTP edge, looked up at a stand-in of the platform's
API, and out, complete, at the stand-in of Mercately."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from conftest import make_settings
from platform_samples import sender_of, source_of
from redis import Redis

from relay import sources
from relay.devtools.embedded_redis import EmbeddedRedis
from relay.devtools.standin import DEMO_KEY, StandinServer
from relay.inbound import samples
from relay.inbound.signature import CERTIFICATES
from relay.platforms import discovered
from relay.store.job_store import JobStore
from relay.store.ledger import Ledger
from relay.store.queue import open_queue
from relay.web.app import create_app
from worker.lookups import Lookups
from worker.service import DeliveryService
from worker.tasks import deliver_record

# Mercado Libre's API withholds who bought.
# Of each kind of thing the first topic with a sample.
THIN = [
    (name, topic)
    for name, platform in discovered().items()
    if name != "mercadolibre"
    for kind in platform.lookups
    for topic in [
        one
        for one, meaning in platform.topics.items()
        if meaning.lookup == kind and samples.load(name, one)
    ][:1]
]


@pytest.mark.parametrize(("platform", "topic"), THIN, ids=["/".join(case) for case in THIN])
def test_what_a_notice_names_arrives_complete(
    platform: str,
    topic: str,
    redis: Redis,
    redis_server: EmbeddedRedis,
    standin_server: StandinServer,
    tmp_path: Path,
):
    file = tmp_path / "relay.toml"
    file.write_text(
        f'[destinations.crm]\nserver = "{standin_server.url}"\napi_key = "{DEMO_KEY}"\n'
        'rate = "1000/s"\n'
    )
    settings = make_settings(redis_server.url, file)
    destinations = sources.load(file, {}).destinations
    source = source_of(platform)
    assert source.platform.api
    names = source.platform.api.credentials
    credentials = {name: f"throw-away-{name.replace('_', '-')}" for name in names}
    source = replace(
        source,
        destination=destinations["crm"],
        credentials={**credentials, "api_url": f"{standin_server.url}/_platforms/{platform}"},
    )
    relay = sources.Relay("es", destinations, {platform: source}, ())
    client = create_app(settings, relay, redis).test_client()
    for url, pem in sender_of(platform).certificates.items():
        CERTIFICATES.put(url, pem, datetime.now(UTC))
    request = samples.signed(source, topic, "https://relay.example")
    path = request.url.removeprefix("https://relay.example")
    answer = client.post(
        path,
        base_url="https://relay.example",  # which some platforms sign
        data=request.body,
        headers=dict(request.headers),
    )
    (record_id,) = answer.json["ids"]

    ledger = Ledger(redis, keep_delivered_s=60)
    jobs = JobStore.open(open_queue(redis, settings.queue), settings)
    lookups = Lookups(ledger, jobs, {platform: source}, user_agent="test")
    while lookups.run_due():
        pass
    service = DeliveryService.open(redis, settings, destinations)

    assert deliver_record(service, record_id) == "delivered"
    (event,) = standin_server.standin.events
    assert event.path == "/retailers/api/v1/customers/1713anaec1001/events"
    body = json.loads(event.raw)
    assert body["email"] == "ana@example.com"
    assert len(body["notes"]) > 20
    service.destinations["crm"].client.close()
