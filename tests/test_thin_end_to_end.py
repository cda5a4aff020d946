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
from relay.store.keys import LOOKUPS
from relay.store.ledger import Ledger
from relay.store.queue import open_queue
from relay.web.app import create_app
from worker.lookups import Lookups
from worker.service import DeliveryService
from worker.tasks import deliver_record

# Its API withholds who bought: `test_an_order_of_nobody_is_looked_up_and_ignored`.
NAMES_NOBODY = "mercadolibre"
# Of each kind of thing the first topic with a sample.
THIN = [
    (name, topic)
    for name, platform in discovered().items()
    if name != NAMES_NOBODY
    for kind in platform.lookups
    for topic in [
        one
        for one, meaning in platform.topics.items()
        if meaning.lookup == kind and samples.load(name, one)
    ][:1]
]


# What is read of each platform, so that none is lost on the way.
KINDS = {
    "bigcommerce": {"order", "customer"},
    "culqi": {"charge"},
    "ecwid": {"order", "customer"},
    "flow": {"payment"},
    "hubspot": {"contact", "deal"},
    "klaviyo": {"event"},
    "magento": {"order", "customer"},
    "mercadopago": {
        "payment", "order", "merchant_order", "preapproval", "authorized_payment", "chargeback",
    },
    "meta_leads": {"lead"},
    "paypal": {"capture", "sale"},
    "prestashop": {"order", "customer"},
    "shopify": {"order"},
    "squarespace": {"order"},
    "stripe": {"session", "cart", "charge", "invoice", "customer"},
    "tiendanube": {"order", "customer"},
    "vtex": {"order"},
    "wix": {"parcels"},
}  # fmt: skip


def test_every_kind_of_thing_that_is_looked_up_is_among_them():
    found: dict[str, set[str]] = {}
    for name, topic in THIN:
        found.setdefault(name, set()).add(discovered()[name].topics[topic].lookup)
    for name, kinds in KINDS.items():
        assert found[name] >= kinds, name
    everywhere = {name: set(platform.lookups) for name, platform in discovered().items()}
    del everywhere[NAMES_NOBODY]
    assert found == {name: kinds for name, kinds in everywhere.items() if kinds}


class Route:
    """From a platform's sample to the stand-in of Mercately."""

    def __init__(
        self, redis: Redis, redis_server: EmbeddedRedis, standin: StandinServer, file: Path
    ) -> None:
        self.redis = redis
        self.standin = standin
        file.write_text(
            f'[destinations.crm]\nserver = "{standin.url}"\napi_key = "{DEMO_KEY}"\n'
            'rate = "1000/s"\n'
        )
        self.settings = make_settings(redis_server.url, file)
        self.destinations = sources.load(file, {}).destinations

    def look_up(self, platform: str, topic: str) -> str:
        """The id of the record of a sample that came by HTTP, after its look-up."""
        source = source_of(platform)
        assert source.platform.api
        names = source.platform.api.credentials
        credentials = {name: f"throw-away-{name.replace('_', '-')}" for name in names}
        source = replace(
            source,
            destination=self.destinations["crm"],
            credentials={**credentials, "api_url": f"{self.standin.url}/_platforms/{platform}"},
        )
        relay = sources.Relay("es", self.destinations, {platform: source}, ())
        client = create_app(self.settings, relay, self.redis).test_client()
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

        jobs = JobStore.open(open_queue(self.redis, self.settings.queue), self.settings)
        ledger = Ledger(self.redis, keep_delivered_s=60)
        lookups = Lookups(ledger, jobs, {platform: source}, user_agent="test")
        while lookups.run_due():
            pass
        return str(record_id)


@pytest.fixture
def route(
    redis: Redis, redis_server: EmbeddedRedis, standin_server: StandinServer, tmp_path: Path
) -> Route:
    return Route(redis, redis_server, standin_server, tmp_path / "relay.toml")


@pytest.mark.slow
@pytest.mark.parametrize(("platform", "topic"), THIN, ids=["/".join(case) for case in THIN])
def test_what_a_notice_names_arrives_complete(platform: str, topic: str, route: Route):
    record_id = route.look_up(platform, topic)
    service = DeliveryService.open(route.redis, route.settings, route.destinations)

    assert deliver_record(service, record_id) == "delivered"
    (event,) = route.standin.standin.events
    assert event.path == "/retailers/api/v1/customers/1713anaec1001/events"
    body = json.loads(event.raw)
    assert body["email"] == "ana@example.com"
    assert len(body["notes"]) > 20
    service.destinations["crm"].client.close()


@pytest.mark.slow
def test_an_order_of_nobody_is_looked_up_and_ignored(route: Route):
    record_id = route.look_up(NAMES_NOBODY, "orders_v2")
    ledger = Ledger(route.redis, keep_delivered_s=60)

    assert ledger.get(record_id) is None
    assert {row["reason"] for row in ledger.ignored()} == {"names_nobody"}
    assert route.redis.zcard(LOOKUPS) == 0
