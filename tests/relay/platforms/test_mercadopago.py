"""Mercado Pago: what is signed is in query and headers, and the body is only believed a little."""

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
import senders
from cases import all_of
from platform_samples import request_of, samples_of, source_of, source_with

from relay.errors import MISMATCH, MISSING, STALE, Refused
from relay.inbound.contract import stored_request
from relay.inbound.lookups import LOOKED_UP, SHOP, TOPIC
from relay.inbound.samples import FOLDER, file_name
from relay.model import AwaitingLookup, Call, Held, Ignored, Resource, WebhookRequest
from relay.pipeline import flattened, parse, process, translate
from relay.platforms.mercadopago import platform

SOURCE = source_of("mercadopago")
(SECRET,) = SOURCE.secrets
REQUEST_ID = "2066ca19-c6f1-498a-be75-1923005edd06"
TOPICS = sorted(platform.topics)
BODY = {
    "id": 12345,
    "live_mode": True,
    "type": "payment",
    "date_created": "2026-11-02T11:04:04.396-04:00",
    "user_id": 44444,
    "api_version": "v1",
    "action": "payment.created",
    "data": {"id": "999999999"},
}


def sample(topic: str) -> WebhookRequest:
    return request_of("mercadopago", topic)


def sent(
    data_id: str = "999999999", at: datetime = senders.NOW, secret: str = SECRET, **fields: Any
) -> WebhookRequest:
    """A notice about this id, with these fields of the body, signed."""
    body = {name: value for name, value in {**BODY, **fields}.items() if value is not ...}
    time = f"{at.timestamp():.0f}"
    message = f"id:{data_id};request-id:{REQUEST_ID};ts:{time};"
    proof = hmac.new(secret.encode(), message.encode(), hashlib.sha256).hexdigest()
    headers = {"x-signature": f"ts={time},v1={proof}", "x-request-id": REQUEST_ID}
    query = (("data.id", data_id), ("type", "payment"))
    return senders.delivery(headers, json.dumps(body).encode(), query=query, received_at=at)


def item_of(request: WebhookRequest, now: datetime = senders.NOW, **parts: Any) -> Any:
    (item,) = process(request, replace(SOURCE, **parts), now)
    return item


def key(request: WebhookRequest) -> str:
    (item,) = parse(request, SOURCE)
    text: str = item.key
    return text


@pytest.mark.parametrize(
    ("data_id", "proof"),
    [
        (
            "ORD01JQ4S4KY8HWQ6NA5PXB65B3D3",
            "fb15ae6472eb449173c556793205d77787d58f384d183bb5bc3b724c27bd103c",
        ),
        (
            "ord01jq4s4ky8hwq6na5pxb65b3d3",
            "633f91233312dd391ec75fa0bea539cfc2d6c4918873305b84a96cc1c58db71c",
        ),
        (  # sent in capitals, signed in small letters
            "ORD01JQ4S4KY8HWQ6NA5PXB65B3D3",
            "633f91233312dd391ec75fa0bea539cfc2d6c4918873305b84a96cc1c58db71c",
        ),
    ],
)
def test_constants_of_the_vendors_sdk_with_a_time_in_ms(data_id, proof):
    """Of mercadopago/sdk-go and sdk-python, with a signature of `openssl dgst`."""
    source = source_with(platform, "your_secret_key_here")
    at = datetime.fromtimestamp(1742505638.683, UTC)
    request = replace(
        sent(data_id, type="order", data={"id": data_id}),
        headers={"x-signature": f"ts=1742505638683,v1={proof}", "x-request-id": REQUEST_ID},
    )
    (item,) = process(request, source, at)
    assert item.resource == Resource("order", data_id, "44444")


@pytest.mark.parametrize(
    ("topic", "event_type", "resource"),
    [
        ("payment", "payment.approved", Resource("payment", "99999999901", "44444444")),
        ("order", "order.paid", Resource("order", "ORD01KD3JQ4S4KY8HWQ6NA5PXB65B", "44444444")),
        (
            "merchant_order",
            "order.paid",
            Resource("merchant_order", "23603350801", "44444444"),
        ),
        (
            "topic_merchant_order_wh",
            "order.paid",
            Resource("merchant_order", "23603350801", "44444444"),
        ),
        (
            "topic_chargebacks_wh",
            "payment.charged_back",
            Resource("chargeback", "233000061680860001", "44444444"),
        ),
        (
            "subscription_preapproval",
            "subscription.created",
            Resource("preapproval", "2c9380848f2a0b4b018f2a3c3b4d0001"),
        ),
        (
            "subscription_authorized_payment",
            "subscription.renewed",
            Resource("authorized_payment", "7013494801"),
        ),
    ],
)
def test_sample_verifies_and_awaits_its_lookup(topic, event_type, resource):
    request = sample(topic)
    item = item_of(request)

    assert isinstance(item, AwaitingLookup)
    assert (item.topic, item.event_type, item.resource) == (topic, event_type, resource)
    assert (item.reason, item.raw) == (f"needs_{resource.kind}", request.body)


def test_what_is_signed_cannot_be_changed():
    request = sent()
    changes: list[dict[str, Any]] = [
        {"query": (("data.id", "999999998"), ("type", "payment"))},
        {"query": ()},
        {"headers": {**request.headers, "x-request-id": "another"}},
        {"headers": {"x-signature": request.headers["x-signature"]}},
    ]
    for change in changes:
        with pytest.raises(Refused, match=MISMATCH):
            item_of(replace(request, **change))
    with pytest.raises(Refused, match=MISSING):
        item_of(replace(request, headers={}))


def test_what_is_missing_is_left_out_of_what_is_signed():
    """`printf 'ts:1793631845;' | openssl dgst -sha256 -hmac throw-away-secret-of-an-application`"""
    proof = "26cf164e810e9d6604efdfd10495863cf3ec3551bf05f0825d661b8703aedd37"
    request = senders.delivery({"x-signature": f"ts=1793631845,v1={proof}"}, b"{}")
    assert isinstance(item_of(request), Held)


def test_id_to_look_up_is_the_signed_one():
    item = item_of(sent(data={"id": "1"}, id=7))
    assert item.resource.id == "999999999"
    assert item_of(sent(data=...)).resource.id == "999999999"


def test_retry_hours_later_with_the_first_time_is_taken():
    later = senders.NOW + timedelta(hours=7)
    request = sent()
    assert isinstance(item_of(request, later), AwaitingLookup)
    with pytest.raises(Refused, match=STALE):
        item_of(request, senders.NOW + timedelta(hours=26))


@pytest.mark.parametrize("topic", TOPICS)
def test_id_of_the_query_is_stored_and_no_header(topic):
    request = sample(topic)
    headers = SOURCE.headers_to_store(request)

    assert headers.keys() == {":query"}
    assert stored_request(headers, b"", senders.NOW).query == request.query[:1]


def test_retry_is_the_same_event_and_two_are_not():
    later = senders.NOW + timedelta(minutes=15)
    distinct = [
        sent(),
        sent(id=12346),
        sent(data_id="1"),
        sent(action="payment.updated"),
        sent(type="order"),
        *map(sample, TOPICS),
    ]
    order = sample("topic_merchant_order_wh")
    distinct.append(replace(order, body=order.body.replace(b'"version": 1', b'"version": 2')))

    assert key(sent()) == key(sent(at=later))
    assert len(set(map(key, distinct))) == len(distinct)


@pytest.mark.parametrize("live", [False, "false", 0])
def test_what_is_not_live_is_a_test(live):
    assert item_of(sent(live_mode=live)) == Ignored("payment", "test")


@all_of("odd", [..., None, [], {}, "perhaps", 7])
@all_of("field", ["id", "live_mode", "date_created", "user_id", "api_version", "action", "data"])
def test_odd_value_holds_nothing(field, odd):
    assert isinstance(item_of(sent(**{field: odd})), AwaitingLookup)


@pytest.mark.parametrize("body", [b"[]", b"null", b"x", b"{}", b'{"type": 7}', b'{"data": []}'])
def test_odd_body_is_held_or_ignored(body):
    item = item_of(replace(sent(), body=body))
    assert isinstance(item, Held | Ignored)
    assert "relay" not in getattr(item, "reasons", {})


@pytest.mark.parametrize(
    ("topic", "reason"),
    [
        ("mp-connect", "names_nobody"),
        ("subscription_preapproval_plan", "names_nobody"),
        ("automatic-payments", "names_nobody"),
        ("stop_delivery_op_wh", "unknown_topic"),
    ],
)
def test_topic_without_a_use_is_ignored(topic, reason):
    assert item_of(sent(type=topic)) == Ignored(topic, reason)


def test_source_that_wants_refusals_alone_keeps_payments():
    assert isinstance(item_of(sent(), topics=("payment.declined",)), AwaitingLookup)
    assert isinstance(item_of(sent(type="order"), topics=("payment.declined",)), Ignored)


@pytest.mark.parametrize("topic", TOPICS)
def test_sample_sent_by_hand_comes_to_the_same(topic):
    unsigned = senders.delivery({}, samples_of("mercadopago")[file_name(topic)].body)
    request = platform.scheme_for({}).sign(unsigned, SECRET, senders.NOW)

    assert request.url.endswith(urlencode(request.query))
    assert item_of(request) == item_of(sample(topic))


def test_answers(web):
    client = web(SOURCE)
    request = sent(at=datetime.now(UTC))
    address = f"/webhooks/mercadopago?{urlencode(request.query)}"
    answers = [
        client.post(address, data=request.body, headers=dict(request.headers)) for _ in range(2)
    ]
    refused = client.post("/webhooks/mercadopago", data=request.body, headers=request.headers)

    assert [(answer.status_code, answer.json["status"]) for answer in answers] == [
        (200, "accepted"),
        (200, "duplicate"),
    ]
    assert refused.status_code == 401


def read(kind: str, topic: str, change: dict[str, Any] | None = None) -> list[Any]:
    """What is told once a thing was read at the API: that of the samples, with a change."""
    (reads,) = [lookup.reads for name, lookup in platform.lookups.items() if name == kind]
    answers = json.loads((FOLDER / "mercadopago" / "api.json").read_text("utf-8"))
    bodies = {path.rpartition("/")[0]: body for path, body in answers.items()}
    found = {
        each.name: bodies[f"GET {each.path.rpartition('/')[0]}"]
        for each in reads
        if f"GET {each.path.rpartition('/')[0]}" in bodies
    }
    first = reads[0].name
    found[first] = {**found[first], **(change or {})}
    body = found if first else found[first]
    headers = {LOOKED_UP: kind, TOPIC: topic, SHOP: "44444444"}
    request = stored_request(headers, json.dumps(body).encode(), senders.NOW)
    return [
        (each.event_type, each.body["notes"]) if isinstance(each, Call) else each.reason
        for each in flattened(translate(request, SOURCE))
    ]


PART = {"transaction_amount_refunded": 16.9}
WHOLE = {"status": "refunded", "transaction_amount_refunded": 49.9}
NOTHING = ["nothing_new"]


@pytest.mark.parametrize(
    ("kind", "topic", "change", "told"),
    [
        ("payment", "payment", {}, [("payment.approved", "Pago aprobado: $49,90")]),
        ("payment", "payment", {"status": "pending"}, NOTHING),
        ("payment", "payment", {"status": "rejected"}, [("payment.declined", "Pago rechazado: $49,90")]),
        ("payment", "payment", PART, [
            ("payment.approved", "Pago aprobado: $49,90"),
            ("payment.refunded", "Pago devuelto en parte: $16,90 de $49,90"),
        ]),
        ("payment", "payment", WHOLE, [("payment.refunded", "Pago devuelto: $49,90")]),
        ("payment", "payment", {"status": "charged_back"}, [("payment.charged_back", "Contracargo: $49,90")]),
        ("order", "order", {}, [("order.paid", "Pedido pedido-1042 pagado")]),
        ("order", "order", {"status": "created"}, NOTHING),
        ("merchant_order", "merchant_order", {}, [("order.paid", "Pedido pedido-1042 pagado")]),
        ("merchant_order", "merchant_order", {"order_status": "payment_required"}, NOTHING),
        ("preapproval", "subscription_preapproval", {}, [
            ("subscription.created", "Se suscribió a «Café cada mes» por $19,90"),
        ]),
        ("preapproval", "subscription_preapproval", {"status": "cancelled"}, [
            ("subscription.cancelled", "Canceló «Café cada mes»"),
        ]),
        ("authorized_payment", "subscription_authorized_payment", {}, [
            ("subscription.renewed", "Se renovó «Café cada mes» por $19,90"),
        ]),
        ("authorized_payment", "subscription_authorized_payment",
            {"payment": {"status": "rejected"}},
            [("subscription.payment_failed", "Falló el cobro de «Café cada mes» por $19,90")]),
        ("chargeback", "topic_chargebacks_wh", {}, [("payment.charged_back", "Contracargo: $49,90")]),
    ],
)  # fmt: skip
def test_state_that_was_read_says_what_is_told(kind, topic, change, told):
    outcomes = read(kind, topic, change)
    if told is NOTHING:
        assert all(isinstance(each, str) for each in outcomes)
        return
    assert [event_type for event_type, _ in outcomes] == [event_type for event_type, _ in told]
    for (_, note), (_, start) in zip(outcomes, told, strict=True):
        assert note.startswith(start)
