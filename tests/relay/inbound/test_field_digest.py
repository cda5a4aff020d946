"""Digests of chosen fields of the body: vectors of platforms, and everything else is refused."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest
import senders
from hypothesis import given, strategies as st
from proofs import reason, with_headers

from relay.errors import MALFORMED, MISMATCH, MISSING, STALE
from relay.inbound.signature import FieldDigest, Fields, IncrementalScheme
from relay.model import WebhookRequest


def _wompi_message(fields: Fields, secret: str) -> str:
    """The sender says which fields are signed: the transaction has to be one of them."""
    paths = fields.texts("signature.properties")
    signed = "".join(fields.text(f"data.{path}") for path in paths)
    return signed + fields.text("timestamp") + secret


def _payu_message(fields: Fields, secret: str) -> str:
    value = fields.text("value")
    value = value.removesuffix("0")
    names = ("merchant_id", "reference_sale", None, "currency", "state_pol")
    return "~".join([secret, *(fields.text(name) if name else value for name in names)])


def _epayco_message(fields: Fields, secret: str) -> str:
    names = ("x_ref_payco", "x_transaction_id", "x_amount", "x_currency_code")
    return "^".join(["00000", secret, *map(fields.text, names)])


WOMPI = FieldDigest(
    _wompi_message, field="signature.checksum", header="x-event-checksum", time="timestamp"
)
MAILGUN = FieldDigest(
    lambda fields, _secret: fields.text("signature.timestamp") + fields.text("signature.token"),
    field="signature.signature",
    keyed=True,
    time="signature.timestamp",
    tolerance_s=300,
)
PAYU = FieldDigest(_payu_message, field="sign", body="form", digest="md5")
EPAYCO = FieldDigest(_epayco_message, field="x_signature", body="form")
NUVEI = FieldDigest(
    lambda f, secret: f"{f.text('transaction.id')}_APPCODE_{f.text('user.id')}_{secret}",
    field="transaction.stoken",
    digest="md5",
)
ECWID = FieldDigest(
    lambda fields, _secret: f"{fields.text('eventCreated')}.{fields.text('eventId')}",
    header="x-ecwid-webhook-signature",
    keyed=True,
    encoding="base64",
)
IZIPAY = FieldDigest(
    lambda fields, _secret: fields.text("kr-answer"),
    field="kr-hash",
    body="form",
    keyed=True,
    vouches_for="body",
)


def _request(body: Any, at: int = 0, **parts: Any) -> WebhookRequest:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = parts.pop("headers", {})
    received_at = datetime.fromtimestamp(at, UTC)
    return senders.delivery(headers, content, received_at=received_at, **parts)


WOMPI_SECRET = "prod_events_OcHnIzeBl5socpwByQ4hA52Em3USQ93Z"
WOMPI_CHECKSUM = "5a18ec5e8fdb7df463e9f94774cba8f583ba21bd04a09ceff2ea68a4bc0aefbe"
WOMPI_BODY: dict[str, Any] = {
    "event": "transaction.updated",
    "data": {
        "transaction": {
            "id": "1234-1610641025-49201",
            "amount_in_cents": 4490000,
            "status": "APPROVED",
            "customer_email": "ana@example.com",
        }
    },
    "signature": {
        "properties": ["transaction.id", "transaction.status", "transaction.amount_in_cents"],
        "checksum": WOMPI_CHECKSUM.upper(),
    },
    "timestamp": 1530291411,
}
MAILGUN_BODY: dict[str, Any] = {
    "signature": {
        "token": "d1931d9645b65e60f6fddf94448e982ff8db9256144a7fcb15",
        "timestamp": "1661621787",
        "signature": "1aed11dcc25700d6b75f9a6d568343ea02ecdd3fc89cc3209e2883a19e5cdd50",
    },
    "event-data": {"event": "delivered"},
}
EPAYCO_FORM = b"x_ref_payco=12345678&x_transaction_id=87654321&x_amount=116000&x_currency_code=COP&x_signature=51bd3003a7d186bc832ee931c31d64ce40a7226e7274ab711ac5099e3f31a97f"
ECWID_BODY = {"eventCreated": 1234567, "eventId": "80aece08-40e8-4145-8764-6c2f0d38678"}
ECWID_HEADER = "U0baajmZbvmlgiauSUaxLzk62KWTQRbk5qLSe3DSQh8="
VECTORS = {
    # docs.wompi.co prints the string, with a checksum that does not follow from it; this is what
    # `openssl dgst -sha256` makes of the string.
    "wompi": (WOMPI, WOMPI_SECRET, _request(WOMPI_BODY, 1530291411)),
    # symfony/symfony, Bridge/Mailgun/Tests/Webhook
    "mailgun": (
        MAILGUN,
        "key-0p6mqbf74lb20gzq9f4dhpn9rg3zyk26",
        _request(MAILGUN_BODY, 1661621787),
    ),
    # developers.payulatam.com, with two decimals and with one
    "payu": (
        PAYU,
        "4Vj8eK4rloUd272L48hsrarnUA",
        _request(
            b"merchant_id=508029&reference_sale=TestPayU05&value=150.26&currency=USD&state_pol=4&sign=1d95778a651e11a0ab93c2169a519cd6"
        ),
    ),
    "payu_one_decimal": (
        PAYU,
        "4Vj8eK4rloUd272L48hsrarnUA",
        _request(
            b"merchant_id=508029&reference_sale=TestPayU04&value=150.00&currency=USD&state_pol=4&sign=b607a2c2fa100e0947b206d41864fb86"
        ),
    ),
    # None published: `openssl dgst` over the string.
    "epayco": (EPAYCO, "clave_p_key_de_prueba", _request(EPAYCO_FORM)),
    "epayco_in_the_query": (
        EPAYCO,
        "clave_p_key_de_prueba",
        _request(b"", query=tuple(parse_qsl(EPAYCO_FORM.decode()))),
    ),
    "nuvei": (
        NUVEI,
        "APPKEY",
        _request(
            {
                "transaction": {"id": "TX-1", "stoken": "fdd808a9ee13e364f3d55d9aab7b1d2d"},
                "user": {"id": "123"},
            }
        ),
    ),
    "ecwid": (
        ECWID,
        "client_secret",
        _request(
            {**ECWID_BODY, "eventCreated": "1234567"},
            headers={"x-ecwid-webhook-signature": ECWID_HEADER},
        ),
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_vector_verifies_with_the_new_or_the_old_secret(name):
    scheme, secret, request = VECTORS[name]

    assert reason(scheme, request, secret) == ""
    assert reason(scheme, request, "another-secret", secret) == ""
    assert reason(scheme, request, secret, "another-secret") == ""
    assert reason(scheme, request, "another-secret") == MISMATCH
    assert not isinstance(scheme, IncrementalScheme)


def test_vendor_sample_that_does_not_follow_from_its_key_is_refused():
    body = b"merchant_id=508029&reference_sale=2015-05-27+13%3A04%3A37&value=100.00&currency=USD&state_pol=6&sign=e1b0939bbdc99ea84387bee9b90e4f5c"

    assert reason(PAYU, _request(body), "4Vj8eK4rloUd272L48hsrarnUA") == MISMATCH


def _wompi(**changes: Any) -> str:
    """Why the event with other values at these paths is refused; `...` leaves one out."""
    body = json.loads(json.dumps(WOMPI_BODY))
    for path, value in changes.items():
        *parents, name = path.split("__")
        node = body
        for parent in parents:
            node = node[parent]
        if value is ...:
            del node[name]
        else:
            node[name] = value
    return reason(WOMPI, _request(body, 1530291411), WOMPI_SECRET)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"data__transaction__id": "1234-1610641025-49202"}, MISMATCH),
        ({"data__transaction__status": "VOIDED"}, MISMATCH),
        ({"data__transaction__amount_in_cents": 4490001}, MISMATCH),
        ({"timestamp": 1530291412}, MISMATCH),
        ({"signature__properties": ["transaction.id", "transaction.status"]}, MISMATCH),
        ({"signature__checksum": "00" * 32}, MISMATCH),
        ({"data__transaction__customer_email": "otra@example.com"}, ""),
        ({"signature__checksum": ...}, MISSING),
        ({"signature__checksum": ""}, MISSING),
        ({"signature": ...}, MISSING),
        ({"signature": "text"}, MISSING),
        ({"signature__checksum": "xyz"}, MALFORMED),
        ({"signature__checksum": ["5a"]}, MALFORMED),
        ({"signature__properties": []}, MALFORMED),
        ({"signature__properties": ...}, MALFORMED),
        ({"signature__properties": "transaction.id"}, MALFORMED),
        ({"signature__properties": [1]}, MALFORMED),
        ({"signature__properties": ["transaction.id", "transaction.id"]}, MALFORMED),
        ({"signature__properties": ["transaction"]}, MALFORMED),
        ({"signature__properties": ["transaction.id.x"]}, MALFORMED),
        ({"signature__properties": ["__class__"]}, MALFORMED),
        ({"data__transaction__status": None}, MALFORMED),
        ({"data__transaction__status": True}, MALFORMED),
        ({"timestamp": ...}, MALFORMED),
    ],
)
def test_each_signed_field_counts_and_no_other(changes, expected):
    assert _wompi(**changes) == expected


def test_a_path_leads_into_objects_and_is_no_name_by_itself():
    """What the platform's parser reads has to be what was signed."""
    body = {**WOMPI_BODY, "data.transaction.id": "1234-1610641025-49201", "data": {}}

    assert reason(WOMPI, _request(body), WOMPI_SECRET) == MALFORMED


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"1", b"null", b"\xff", b"[" * 10_000])
def test_body_that_is_no_object_is_malformed(body):
    assert reason(WOMPI, _request(body), WOMPI_SECRET) == MALFORMED


def test_the_header_will_do_and_copies_of_it():
    body = json.loads(json.dumps(WOMPI_BODY))
    del body["signature"]["checksum"]
    request = _request(body, 1530291411)

    for value in (WOMPI_CHECKSUM, f"zz,{'00' * 32}, {WOMPI_CHECKSUM}"):
        changed = with_headers(request, {"x-event-checksum": value})
        assert reason(WOMPI, changed, WOMPI_SECRET) == ""
    changed = with_headers(request, {"x-event-checksum": "00" * 32})
    assert reason(WOMPI, changed, WOMPI_SECRET) == MISMATCH


def test_form_field_that_comes_twice_is_none_unless_it_is_the_same():
    def with_more(more: bytes) -> str:
        return reason(EPAYCO, _request(EPAYCO_FORM + more), "clave_p_key_de_prueba")

    assert with_more(b"&x_amount=116000") == ""
    assert with_more(b"&x_amount=1") == MALFORMED
    assert with_more(b"&x_amount=1&x_amount=116000") == MALFORMED
    assert with_more(b"&x_signature=00") == MISSING
    assert with_more(b"&x_extra=1") == ""


def test_query_counts_only_where_the_body_is_empty():
    query = tuple(parse_qsl(EPAYCO_FORM.decode()))
    request = _request(b"x_amount=1", query=query)

    assert reason(EPAYCO, request, "clave_p_key_de_prueba") == MISSING


@pytest.mark.parametrize(
    ("late_s", "expected"), [(300, ""), (301, STALE), (-300, ""), (-301, STALE)]
)
def test_signed_time_has_a_window(late_s, expected):
    scheme, secret, request = VECTORS["mailgun"]

    assert reason(scheme, request, secret, late_s=late_s) == expected


def test_time_is_not_checked_without_a_tolerance():
    scheme, secret, request = VECTORS["wompi"]

    assert reason(scheme, request, secret, late_s=1e6) == ""
    assert reason(replace(scheme, tolerance_s=60), request, secret, late_s=61) == STALE


SIGNED = {
    **VECTORS,
    "izipay": (IZIPAY, "password", _request(b"kr-answer=%7B%22a%22%3A1%7D&kr-hash-key=password")),
}
del SIGNED["epayco_in_the_query"]


@pytest.mark.parametrize("name", SIGNED)
def test_what_is_signed_verifies(name):
    scheme, _, request = SIGNED[name]
    signed = scheme.sign(replace(request, headers={}), "a-secret", senders.NOW)

    assert reason(scheme, signed, "a-secret", now=senders.NOW) == ""
    assert reason(scheme, signed, "another", now=senders.NOW) == MISMATCH


def test_signing_writes_time_and_signature_and_leaves_the_rest():
    wompi = WOMPI.sign(_request(WOMPI_BODY), WOMPI_SECRET, senders.NOW)
    body = json.loads(wompi.body)
    assert body["timestamp"] == 1793631845
    assert body["data"] == WOMPI_BODY["data"]
    assert body["signature"]["checksum"] == wompi.headers["x-event-checksum"]

    mailgun = MAILGUN.sign(_request(MAILGUN_BODY), "a-secret", senders.NOW)
    assert json.loads(mailgun.body)["signature"]["timestamp"] == "1793631845"

    form = b"kr-answer=%7B%22a%22%3A1%7D&kr-hash=old"
    izipay = IZIPAY.sign(_request(form), "password", senders.NOW)
    assert izipay.body.startswith(b"kr-answer=%7B%22a%22%3A1%7D&kr-hash=")
    assert b"old" not in izipay.body


def test_signature_may_stand_where_there_was_no_object():
    scheme = replace(NUVEI, message=lambda _fields, secret: secret, field="proof.of.it")
    signed = scheme.sign(_request({"proof": 1}), "a-secret", senders.NOW)

    assert reason(scheme, signed, "a-secret") == ""


def test_labels_and_secrets():
    assert WOMPI.label == "SHA256 of some fields, hex, `x-event-checksum`"
    assert MAILGUN.label == "HMAC-SHA256 of some fields, hex, `signature.signature`"
    assert WOMPI.examine(WOMPI_SECRET).kind == "secret, 44 characters"
    assert WOMPI.examine("").fault == "expected a secret that is not empty"
    assert MAILGUN.examine("short").kind == "HMAC key, 5 characters"
    assert {scheme.vouches_for for scheme, *_ in VECTORS.values()} == {"identity"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


@given(data=st.data())
def test_arbitrary_values_are_refused_and_nothing_else(data):
    body = {name: data.draw(JSON, name) for name in WOMPI_BODY}
    body["signature"] = {"properties": data.draw(JSON), "checksum": data.draw(JSON)}

    assert reason(WOMPI, _request(body), WOMPI_SECRET) in (MISSING, MALFORMED, MISMATCH)
