"""Wompi: a digest of the fields that the sender lists, and states that are told once."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import senders
from cases import all_of
from event_checks import notes
from field_digest_vectors import WOMPI_BODY, WOMPI_SECRET, request_of as vector_of
from platform_samples import request_of, source_of
from proofs import reason, with_headers
from remembering import Remembering

from relay.errors import MALFORMED, MISMATCH, MISSING
from relay.mapping.event_fields import PaymentFields
from relay.model import Address, Event, Held, Ignored, Money, WebhookRequest
from relay.pipeline import parse, translate

SOURCE = source_of("wompi")
(SECRET,) = SOURCE.secrets
LISTED = ["transaction.id", "transaction.status", "transaction.amount_in_cents"]


def changed(body: dict[str, Any], changes: dict[str, Any]) -> bytes:
    """The body with other fields of its transaction, or of itself; `...` leaves one out."""
    transaction = {**body["data"]["transaction"], **changes.pop("transaction", {})}
    transaction = {name: value for name, value in transaction.items() if value is not ...}
    return json.dumps({**body, "data": {"transaction": transaction}, **changes}).encode()


def sent(name: str = "transaction_updated", at: int = 1793631841, **transaction: Any):
    """A sample with other fields, signed anew by another hand than the scheme's."""
    request = request_of("wompi", name)
    body = json.loads(changed(json.loads(request.body), {"transaction": transaction}))
    return signed(body, at=at)


def signed(body: dict[str, Any], listed: list[str] | None = None, at: int = 1793631841):
    listed = LISTED if listed is None else listed
    values = [str(body["data"]["transaction"].get(path.partition(".")[2])) for path in listed]
    checksum = hashlib.sha256("".join([*values, str(at), SECRET]).encode()).hexdigest().upper()
    body = {**body, "timestamp": at, "signature": {"properties": listed, "checksum": checksum}}
    return senders.delivery({"x-event-checksum": checksum}, json.dumps(body).encode())


def event(request: WebhookRequest) -> Event:
    (item,) = parse(request, SOURCE)
    assert isinstance(item, Event)
    return item


def refusal(request: WebhookRequest) -> str:
    return reason(SOURCE.scheme, request, SECRET)


def test_vector_of_the_vendors_string_verifies():
    """docs.wompi.co prints a checksum that does not follow from its string; this is OpenSSL's."""
    assert refusal(vector_of(WOMPI_BODY, 1530291411)) == ""
    assert WOMPI_SECRET == SECRET


@pytest.mark.parametrize("days", [0, 1, 400])
def test_any_age_will_do(days):
    """The last retry comes after a day, and nobody says with which time."""
    request = request_of("wompi", "transaction_updated")
    assert reason(SOURCE.scheme, request, SECRET, late_s=days * 86400) == ""


@pytest.mark.parametrize("moved", [-4, -1, 1, 3])
def test_digits_do_not_move_between_amount_and_time(moved):
    """What is signed has nothing between the two."""
    request = request_of("wompi", "transaction_updated")
    body = json.loads(request.body)
    amount = str(body["data"]["transaction"]["amount_in_cents"])
    digits, at = amount + str(body["timestamp"]), len(amount) + moved
    changes = {"transaction": {"amount_in_cents": digits[:at]}, "timestamp": digits[at:]}

    assert refusal(replace(request, body=changed(body, changes))) == MALFORMED


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"transaction": {"id": "12015602-1793631838-78651"}}, MISMATCH),
        ({"transaction": {"status": "DECLINED"}}, MISMATCH),
        ({"transaction": {"amount_in_cents": 1}}, MISMATCH),
        ({"timestamp": 1793631842}, MISMATCH),
        ({"transaction": {"status": ...}}, MALFORMED),
        ({"timestamp": None}, MALFORMED),
        ({"transaction": {"customer_email": "otra@example.com"}}, ""),
    ],
)
def test_what_is_listed_is_signed_and_nothing_else(changes, expected):
    request = request_of("wompi", "transaction_updated")
    body = changed(json.loads(request.body), changes)

    assert refusal(replace(request, body=body)) == expected


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        (LISTED, ""),
        (LISTED[::-1], ""),
        ([*LISTED, "transaction.reference"], ""),
        (LISTED[:2], MALFORMED),
        (LISTED[1:], MALFORMED),
        ([LISTED[0], LISTED[2]], MALFORMED),
        (["transaction.reference"], MALFORMED),
        ([], MALFORMED),
        ([*LISTED, LISTED[0]], MALFORMED),
    ],
)
def test_sender_may_not_list_less_than_id_state_and_amount(listed, expected):
    body = json.loads(request_of("wompi", "transaction_updated").body)

    assert refusal(signed(body, listed)) == expected


def test_without_a_checksum_there_is_no_proof():
    request = with_headers(sent(), {"x-event-checksum": None})
    body = json.loads(request.body)
    del body["signature"]["checksum"]

    assert refusal(replace(request, body=json.dumps(body).encode())) == MISSING
    assert reason(SOURCE.scheme, sent(), "test_events_another") == MISMATCH


def test_approved_payment():
    result = event(request_of("wompi", "transaction_updated"))

    assert result.type == "payment.approved"
    assert result.key == "12015602-1793631838-78650 APPROVED:transaction.updated"
    assert result.occurred_at == datetime(2026, 11, 2, 15, 4, 1, tzinfo=UTC)
    assert result.fields == PaymentFields(
        payment_id="12015602-1793631838-78650",
        reference="PEDIDO-1042",
        amount=Money(Decimal("129900.00"), "COP"),
        payment_method="CARD",
        status="APPROVED",
    )
    person = result.contact
    assert (person.email, person.first_name) == ("beto@example.com", "Beto Ficticio")
    assert [(phone.text, phone.country) for phone in person.phones] == [("3009000002", "CO")]
    assert (person.id_type, person.id_number) == ("CC", "1020304050")


@pytest.mark.parametrize(
    ("name", "event_type", "why"),
    [
        ("transaction_updated__declined", "payment.declined", "Fondos insuficientes"),
        ("transaction_updated__error", "payment.declined", "Error del banco"),
        ("transaction_updated__voided", "payment.refunded", None),
    ],
)
def test_state_is_the_event(name, event_type, why):
    result = event(request_of("wompi", name))

    assert result.type == event_type
    assert getattr(result.fields, "reason", "") == why


def test_address_is_that_of_the_delivery():
    result = event(request_of("wompi", "transaction_updated__voided"))

    assert result.contact.address == Address(
        address="Calle 34 # 56 - 78, Apto 502",
        city="Bogotá",
        state="Cundinamarca",
        zip_code="110111",
        country="CO",
    )


@pytest.mark.parametrize(
    ("cents", "currency", "expected"),
    [(4490000, "COP", "44900"), (150, "COP", "1.5"), (2688, "USD", "26.88")],
)
def test_amount_counts_hundredths_of_any_currency(cents, currency, expected):
    fields: Any = event(sent(amount_in_cents=cents, currency=currency)).fields

    assert fields.amount == Money(Decimal(expected), currency)


def test_each_state_is_told_once():
    shop = Remembering(SOURCE)
    assert shop.outcome(sent(status="PENDING")) == ["nothing_changed"]
    assert shop.outcome(sent()) == ["payment.approved"]
    assert shop.outcome(sent(at=1793631900)) == ["duplicate"]
    shop.keys.clear()  # they are forgotten before the payment is
    assert shop.outcome(sent(at=1793718300)) == ["duplicate"]
    assert shop.outcome(sent(status="VOIDED")) == ["payment.refunded"]
    shop.keys.clear()
    assert shop.outcome(sent()) == ["stale"]
    assert shop.outcome(sent(status="PENDING")) == ["duplicate"]


def test_attempts_of_one_order_are_payments_of_their_own():
    shop = Remembering(SOURCE)
    assert shop.outcome(sent("transaction_updated__error")) == ["payment.declined"]
    assert shop.outcome(sent("transaction_updated__declined")) == ["payment.declined"]
    assert shop.outcome(sent()) == ["payment.approved"]


def test_retry_has_the_same_key_and_other_states_have_others():
    first = event(sent())
    retry = event(sent(at=1793718300))
    others = [event(sent(status="VOIDED")), event(sent(id="12015602-1793631838-78651"))]

    assert retry.key == first.key
    assert len({first.key, *(other.key for other in others)}) == 3


def test_no_header_is_stored():
    assert SOURCE.headers_to_store(request_of("wompi", "transaction_updated")) == {}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"environment": "test"}, "test"),
        ({"event": "nequi_token.updated"}, "names_nobody"),
        ({"event": "bancolombia_transfer_token.updated"}, "names_nobody"),
        ({"event": "payout.updated"}, "unknown_topic"),
    ],
)
def test_what_is_no_event_of_ours(changes, expected):
    request = request_of("wompi", "transaction_updated")
    body = changed(json.loads(request.body), changes)
    (item,) = translate(replace(request, body=body), SOURCE)

    assert isinstance(item, Ignored)
    assert item.reason == expected


@all_of("value", [None, "", [], {}, False, 5, {"a": [None]}, ...])
@all_of(
    "name",
    [
        "reference", "currency", "customer_data", "billing_data", "shipping_address",
        "payment_method_type", "status_message", "finalized_at",
    ],
)  # fmt: skip
def test_odd_value_in_an_optional_field_holds_nothing(name, value):
    shop = Remembering(SOURCE)
    assert shop.outcome(sent(**{name: value})) == ["payment.approved"]


def test_transaction_without_an_id_is_held():
    request = sent()
    body = changed(json.loads(request.body), {"transaction": {"id": ...}})
    (item,) = translate(replace(request, body=body), SOURCE)

    assert isinstance(item, Held)


@pytest.mark.parametrize(
    ("name", "es", "en"),
    [
        (
            "transaction_updated",
            "Pago aprobado: COP 129.900, referencia PEDIDO-1042 (Wompi)",
            "Payment approved: COP 129,900, reference PEDIDO-1042 (Wompi)",
        ),
        (
            "transaction_updated__declined",
            "Pago rechazado: COP 129.900, fondos insuficientes, referencia PEDIDO-1042 (Wompi)",
            "Payment declined: COP 129,900, insufficient funds, reference PEDIDO-1042 (Wompi)",
        ),
        (
            "transaction_updated__voided",
            "Pago devuelto: COP 129.900, referencia PEDIDO-1042 (Wompi)",
            "Payment refunded: COP 129,900, reference PEDIDO-1042 (Wompi)",
        ),
    ],
)
def test_notes(name, es, en):
    request = request_of("wompi", name)
    assert notes(request, SOURCE, "es") == [es]
    assert notes(request, SOURCE, "en") == [en]
