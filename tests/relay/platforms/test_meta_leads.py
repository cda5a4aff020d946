"""Meta Lead Ads: the challenge, batches within batches, and leads that have to be looked up."""

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import senders
from cases import all_of
from marshmallow import ValidationError
from platform_samples import request_of, source_of, source_with

from relay.errors import MISMATCH, MISSING, Refused
from relay.inbound.contract import stored_request
from relay.inbound.lookups import LOOKED_UP, SHOP, TOPIC
from relay.inbound.results import NeedsLookup
from relay.model import AwaitingLookup, Held, Ignored, Resource, WebhookRequest
from relay.pipeline import flattened, parse, process, translate
from relay.platforms.meta_leads import platform

SOURCE = source_of("meta_leads")
(SECRET,) = SOURCE.secrets
TOKEN = SOURCE.options["verify_token"]
CHECK = {"hub.mode": "subscribe", "hub.verify_token": TOKEN, "hub.challenge": "1158201444"}


def sample(name: str) -> WebhookRequest:
    return request_of("meta_leads", name)


def sent(body: Any) -> WebhookRequest:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    proof = hmac.new(SECRET.encode(), content, hashlib.sha256).hexdigest()
    return senders.delivery({"x-hub-signature-256": f"sha256={proof}"}, content)


def change(**fields: Any) -> dict[str, Any]:
    value = {"leadgen_id": "44401", "page_id": "15301", "form_id": "1", "created_time": 1793631844}
    value |= fields
    return {
        "field": "leadgen",
        "value": {name: field for name, field in value.items() if field is not ...},
    }


def page(*changes: Any) -> dict[str, Any]:
    return {"object": "page", "entry": [{"id": "15301", "time": 1, "changes": list(changes)}]}


def items_of(request: WebhookRequest) -> list[Any]:
    return list(process(request, SOURCE, senders.NOW))


def keys(request: WebhookRequest) -> list[str]:
    return [item.key for item in parse(request, SOURCE) if isinstance(item, NeedsLookup)]


def test_signature_of_openssl():
    source = source_with(platform, "app_secret", options={"verify_token": TOKEN})
    proof = "22d3988d1017c437ea81a89d41e2d3266c00a508cffdb23f8ad8746d232d77e9"
    request = senders.delivery(
        {"x-hub-signature-256": f"sha256={proof}"}, b'{"object":"page","entry":[]}'
    )
    assert process(request, source, senders.NOW) == [Ignored("", "empty_batch")]
    with pytest.raises(Refused, match=MISMATCH):
        process(replace(request, body=request.body + b" "), source, senders.NOW)
    with pytest.raises(Refused, match=MISSING):
        process(replace(request, headers={}), source, senders.NOW)


@pytest.mark.parametrize(
    ("name", "lead", "page_id"),
    [
        ("leadgen", "444444444444401", "153125381133"),
        ("leadgen__vendor_sample", "233370042045345", "138124712925158"),
    ],
)
def test_lead_awaits_its_lookup(name, lead, page_id):
    (item,) = items_of(sample(name))

    assert isinstance(item, AwaitingLookup)
    assert (item.topic, item.event_type) == ("leadgen", "lead.created")
    assert item.resource == Resource("lead", lead, page_id)
    assert (item.reason, item.key) == ("needs_lead", f"{lead}:leadgen")


def test_every_change_of_every_entry_counts():
    items = items_of(sample("leadgen__batch"))

    assert [item.resource for item in items[:3]] == [
        Resource("lead", "444444444444402", "153125381133"),
        Resource("lead", "444444444444403", "153125381133"),
        Resource("lead", "444444444444404", "153125381134"),
    ]
    assert items[3] == Ignored("feed", "unknown_topic")


def test_retry_is_the_same_event_and_two_leads_are_not():
    first = sample("leadgen__batch")
    later = replace(first, received_at=senders.NOW + timedelta(hours=30))
    leads = keys(first) + keys(sample("leadgen")) + keys(sample("leadgen__vendor_sample"))

    assert keys(first) == keys(later)
    assert len(set(leads)) == len(leads)
    assert keys(sent(page(change(leadgen_id=7)))) == keys(sent(page(change(leadgen_id="7"))))


def test_test_button_of_the_dashboard_makes_no_lead():
    assert items_of(sample("leadgen__test")) == [Ignored("leadgen", "test")]


@all_of("odd", [..., None, [], {}, True, "", -1, "text"])
@all_of("field", ["page_id", "form_id", "ad_id", "adgroup_id", "created_time"])
def test_odd_value_holds_nothing(field, odd):
    (item,) = items_of(sent(page(change(**{field: odd}))))
    assert isinstance(item, AwaitingLookup)


@pytest.mark.parametrize(
    "odd",
    [
        change(leadgen_id=...),
        change(leadgen_id=[]),
        {"field": "leadgen"},
        {"value": 1},
        "text",
        7,
        None,
    ],
)
def test_odd_change_does_not_cost_the_others(odd):
    first, second = items_of(sent(page(odd, change())))

    assert isinstance(first, Held)
    assert "relay" not in first.reasons
    assert isinstance(second, AwaitingLookup)
    (again,) = items_of(sent(first.raw))
    assert again == first


@pytest.mark.parametrize(
    "body",
    [
        {"object": "page", "entry": "x"},
        {"object": "page", "entry": [None]},
        {"object": "page", "entry": [{"changes": "x"}]},
        [],
        None,
        b"x",
    ],
)
def test_odd_batch_is_held(body):
    (item,) = items_of(sent(body))
    assert isinstance(item, Held)
    assert "relay" not in item.reasons


@pytest.mark.parametrize("entry", [{}, {"id": "1", "changes": None}, {"messaging": [{}]}])
def test_entry_without_changes_is_ignored(entry):
    assert items_of(sent({"object": "page", "entry": [entry]})) == [Ignored("", "empty_batch")]


@pytest.mark.parametrize("options", [{}, {"verify_token": ""}, {"verify_token": 7}])
def test_verify_token_is_required(options):
    with pytest.raises(ValidationError):
        source_of("meta_leads", options=options)


def test_challenge_is_answered_to_who_knows_the_token(web):
    client = web(SOURCE)
    answer = client.get("/webhooks/meta_leads", query_string=CHECK)

    assert (answer.status_code, answer.data) == (200, b"1158201444")
    assert answer.mimetype == "text/plain"


@pytest.mark.parametrize(
    "changes",
    [
        {"hub.verify_token": "another"},
        {"hub.verify_token": None},
        {"hub.mode": "unsubscribe"},
        {"hub.mode": None},
    ],
)
def test_challenge_of_a_stranger_is_refused(web, changes):
    check = {name: text for name, text in {**CHECK, **changes}.items() if text is not None}
    answer = web(SOURCE).get("/webhooks/meta_leads", query_string=check)

    assert answer.status_code == 405
    assert b"1158201444" not in answer.data


def test_answers(web):
    client = web(SOURCE)
    request = sample("leadgen__batch")
    answers = [
        client.post("/webhooks/meta_leads", data=request.body, headers=dict(request.headers))
        for _ in range(2)
    ]
    unsigned = client.post("/webhooks/meta_leads", query_string=CHECK, data=request.body)

    assert [(answer.status_code, answer.json["status"]) for answer in answers] == [
        (200, "accepted"),
        (200, "duplicate"),
    ]
    assert len(answers[0].json["ids"]) == 3
    assert unsigned.status_code == 401


def looked_up(*answers: tuple[str, list[str]], **fields: Any) -> Any:
    """What is told of a lead that was read, with these fields and answers."""
    given = [{"name": name, "values": values} for name, values in answers]
    lead = {"id": "44401", "created_time": "2026-11-02T15:04:04+0000", "field_data": given}
    headers = {LOOKED_UP: "lead", TOPIC: "leadgen", SHOP: "15301"}
    request = stored_request(headers, json.dumps({**lead, **fields}).encode(), senders.NOW)
    (item,) = flattened(translate(request, SOURCE))
    return item


def test_a_lead_has_its_person_its_answers_and_its_advertisement():
    item = looked_up(
        ("full_name", ["Ana Inventada"]),
        ("email", ["ana@example.com"]),
        ("phone_number", ["+593999000001"]),
        ("¿qué_producto_te_interesa?", ["Café en grano", "Tazas"]),
        ad_name="Café, noviembre",
        platform="ig",
    )
    assert item.event_type == "lead.created"
    assert item.occurred_at == datetime(2026, 11, 2, 15, 4, 4, tzinfo=UTC)
    assert (item.customer.phone, item.customer.email) == ("+593999000001", "ana@example.com")
    assert item.customer.first_name == "Ana Inventada"
    for text in ("¿qué producto te interesa?", "Café en grano, Tazas", "Café, noviembre"):
        assert text in item.body["notes"]


@pytest.mark.parametrize("odd", [None, 7, "x", {}, [None], [{"name": "email"}], [{"values": []}]])
def test_a_lead_with_odd_answers_names_nobody(odd):
    assert looked_up(field_data=odd).reason == "names_nobody"
