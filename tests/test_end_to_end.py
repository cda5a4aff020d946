"""Bytes in at the relay's HTTP edge, bytes out at Mercately's events endpoint."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import senders
from conftest import make_settings
from redis import Redis

from relay import sources
from relay.devtools.embedded_redis import EmbeddedRedis
from relay.devtools.standin import DEMO_KEY, Standin, StandinServer, demo_customers
from relay.inbound import samples
from relay.mapping.body_schema import CustomerEventSchema
from relay.model import State
from relay.store.ledger import Ledger
from relay.web.app import create_app
from worker.service import DeliveryService
from worker.tasks import deliver_record

# What relay.toml must say for every field of the contract to be sent.
EVERY_FIELD = """
notes = "Nota de {{ name }}: {{ order }}"
tags = ["vip", "-nuevo"]
custom_fields = { ultimo_pedido = "{{ order }}", total = "{{ total }}" }
outbound_status = "error"
error_message = "{{ error }}"
campaign_id = 77
campaign_url = "https://tienda.example/{{ order }}"
agent_id = 901
creation_date = "occurred_at"
sent_at = "sent"
delivered_at = "2026-01-31"
read_at = "occurred_at"
last_chat_interaction = "occurred_at"
profile = true
addresses = true
address = { country_id = 3, main = true, description = "Casa {{ order }}" }
"""
SOURCE = """
[sources.{name}]
platform = "generic"
destination = "{name}"
secrets = ["a-token-of-enough-length"]
[sources.{name}.options]
auth = {{ kind = "bearer" }}
type = "type"
id = "id"
time = "at"
[sources.{name}.options.contact]
email = "who.email"
phone = "who.phone"
first_name = "who.first"
last_name = "who.last"
id_type = "who.doc.type"
id_number = "who.doc.number"
address = {{ address = "where.street", city = "where.city", state = "where.state", zip_code = "where.zip", latitude = "where.lat", longitude = "where.lon" }}
[sources.{name}.options.fields]
order = "order"
total = "total"
error = "error"
sent = "sent"
"""
BODY = {
    "type": "order.created",
    "id": "ev-1",
    "at": "2026-11-03T03:30:00Z",  # still the 2nd in Guayaquil
    "sent": "2026-11-01T12:00:00-05:00",
    "order": "A-1",
    "total": "12.50",
    "error": "sin cupo",
    "who": {
        "email": "ana@example.com",
        "phone": "0999000001",
        "first": "Ana",
        "last": "Ñandú",
        "doc": {"type": "cedula", "number": "0102030400"},
    },
    "where": {
        "street": "Av. Siempre Viva 1",
        "city": "Cuenca",
        "state": "Azuay",
        "zip": "010101",
        "lat": -2.9,
        "lon": "-79.0",
    },
}
# The contract, field by field, in its own order and types.
ARRIVES = (
    '{"first_name": "Ana", "last_name": "Ñandú", "email": "ana@example.com", '
    '"phone": "+593999000001", "id_type": "cedula", "id_number": "0102030400", '
    '"customer_addresses_attributes": [{"address": "Av. Siempre Viva 1", "city": "Cuenca", '
    '"state": "Azuay", "zip_code": "010101", "description": "Casa A-1", "latitude": "-2.9", '
    '"longitude": "-79.0", "country_id": 3, "main": true}], "notes": "Nota de Ana Ñandú: A-1", '
    '"agent_id": 901, "tags": [{"name": "vip", "value": true}, {"name": "nuevo", "value": false}], '
    '"custom_fields": [{"field_name": "ultimo_pedido", "field_content": "A-1"}, '
    '{"field_name": "total", "field_content": "12.50"}], "outbound_status": "error", '
    '"campaign_id": 77, "campaign_url": "https://tienda.example/A-1", '
    '"error_message": "sin cupo", "creation_date": "2026-11-02", "sent_at": "2026-11-01", '
    '"delivered_at": "2026-01-31", "read_at": "2026-11-02", '
    '"last_chat_interaction": "2026-11-02"}'
)


@pytest.fixture
def shop_server() -> Iterator[StandinServer]:
    """The contract's second server."""
    with StandinServer(Standin(customers=demo_customers())) as server:
        yield server


def test_every_field_of_the_contract_arrives_at_both_servers_to_the_byte(
    redis: Redis,
    redis_server: EmbeddedRedis,
    standin_server: StandinServer,
    shop_server: StandinServer,
    tmp_path: Path,
):
    servers = {"app": standin_server, "shop": shop_server}
    file = tmp_path / "relay.toml"
    destinations = "".join(
        f'[destinations.{name}]\nserver = "{server.url}/"\napi_key = "{DEMO_KEY}"\nrate = "100/s"\n'
        for name, server in servers.items()
    )
    configured = "".join(SOURCE.format(name=name) for name in servers)
    file.write_text(destinations + configured + f'[events."order.created"]\n{EVERY_FIELD}')
    settings = make_settings(redis_server.url, file)
    relay = sources.load(file, {})
    client = create_app(settings, relay, redis).test_client()
    service = DeliveryService.open(redis, settings, relay.destinations)
    for name, server in servers.items():
        answer = client.post(
            f"/webhooks/{name}",
            json=BODY,
            headers={"Authorization": "Bearer a-token-of-enough-length"},
        )
        (record_id,) = answer.json["ids"]

        assert (answer.status_code, answer.json["status"]) == (200, "accepted")
        assert deliver_record(service, record_id) == "delivered"
        (event,) = server.standin.events
        assert event.raw.decode() == ARRIVES
        assert event.path == "/retailers/api/v1/customers/1713anaec1001/events"
        history = service.destinations[name].client.history("1713anaec1001", 1, 20)
        assert history.json() == {"messages": "Customer event created successfully"}
        service.destinations[name].client.close()

    assert list(json.loads(ARRIVES)) == list(CustomerEventSchema().fields)


CASES = [(p, n) for p in senders.SECRETS for n in samples.names(p)]


@pytest.mark.slow
@pytest.mark.parametrize(("platform", "name"), CASES, ids=["/".join(case) for case in CASES])
def test_a_sample_of_every_topic_is_delivered_or_says_why_not(
    platform: str,
    name: str,
    redis: Redis,
    redis_server: EmbeddedRedis,
    standin_server: StandinServer,
    tmp_path: Path,
):
    """Through the real schemes: each sample carries the signature it would have on the wire."""
    source = senders.source_of(platform)
    file = tmp_path / "relay.toml"
    file.write_text(
        f'[destinations.crm]\nserver = "{standin_server.url}"\napi_key = "{DEMO_KEY}"\n'
        'rate = "1000/s"\non_absent = "create"\n'
    )
    settings = make_settings(redis_server.url, file)
    destinations = sources.load(file, {}).destinations
    relay = sources.Relay("es", destinations, {platform: source}, ())
    client = create_app(settings, relay, redis).test_client()
    headers, body = senders.request_for(platform, name)
    now_headers = senders.signed(platform, headers, body, senders.datetime.now(senders.UTC))
    answer = client.post(f"/webhooks/{platform}", data=body, headers=now_headers)
    service = DeliveryService.open(redis, settings, destinations)
    ledger = Ledger(redis, keep_delivered_s=60)

    assert answer.status_code == 200
    for record_id in answer.json["ids"]:
        record = ledger.get(record_id)
        if record.state is State.ACCEPTED:
            assert deliver_record(service, record_id) == "delivered"
            assert json.loads(standin_server.standin.events[-1].raw) == record.body
        else:
            assert record.state in (State.HELD, State.AWAITING_LOOKUP)
            assert record.reasons
    assert answer.json["ids"] or answer.json["reasons"]
    for post in service.destinations.values():
        post.client.close()
