"""Digests of chosen fields of the body: vectors of platforms, and everything else is refused."""

import json
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl

import pytest
import senders
from cases import all_of
from field_digest_vectors import (
    EPAYCO,
    EPAYCO_FORM,
    IZIPAY,
    MAILGUN,
    MAILGUN_BODY,
    NUVEI,
    PAYU,
    VECTORS,
    WOMPI,
    WOMPI_BODY,
    WOMPI_CHECKSUM,
    WOMPI_SECRET,
    request_of,
)
from hypothesis import given, strategies as st
from proofs import reason, with_headers

from relay.errors import MALFORMED, MISMATCH, MISSING, STALE, TOO_LARGE, Refused
from relay.inbound.bodies import FORM, parse_body
from relay.inbound.signature import IncrementalScheme, body_fields
from relay.inbound.signature.body_fields import JSON_BYTES_MAX


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

    assert reason(PAYU, request_of(body), "4Vj8eK4rloUd272L48hsrarnUA") == MISMATCH


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
    return reason(WOMPI, request_of(body, 1530291411), WOMPI_SECRET)


@all_of(
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

    assert reason(WOMPI, request_of(body), WOMPI_SECRET) == MALFORMED


@pytest.mark.parametrize("body", [b"", b"no json", b"[]", b"1", b"null", b"\xff", b"[" * 10_000])
def test_body_that_is_no_object_is_malformed(body):
    assert reason(WOMPI, request_of(body), WOMPI_SECRET) == MALFORMED


def test_large_body_is_refused_and_not_parsed(monkeypatch):
    """Who sent it is not known before it is parsed, and that takes its time."""
    monkeypatch.setattr(body_fields, "json_object", lambda _: pytest.fail("was parsed"))
    body = b'{"a":"' + b"x" * JSON_BYTES_MAX + b'"}'

    with pytest.raises(Refused) as caught:
        WOMPI.verify(senders.delivery({}, body), ("secret",), senders.NOW)

    assert (caught.value.reason, caught.value.status) == (TOO_LARGE, 413)


def test_the_header_will_do_and_copies_of_it():
    body = json.loads(json.dumps(WOMPI_BODY))
    del body["signature"]["checksum"]
    request = request_of(body, 1530291411)

    for value in (WOMPI_CHECKSUM, f"zz,{'00' * 32}, {WOMPI_CHECKSUM}"):
        changed = with_headers(request, {"x-event-checksum": value})
        assert reason(WOMPI, changed, WOMPI_SECRET) == ""
    changed = with_headers(request, {"x-event-checksum": "00" * 32})
    assert reason(WOMPI, changed, WOMPI_SECRET) == MISMATCH


def test_form_field_that_comes_twice_is_none_unless_it_is_the_same():
    def with_more(more: bytes) -> str:
        return reason(EPAYCO, request_of(EPAYCO_FORM + more), "clave_p_key_de_prueba")

    assert with_more(b"&x_amount=116000") == ""
    assert with_more(b"&x_amount=1") == MALFORMED
    assert with_more(b"&x_amount=1&x_amount=116000") == MALFORMED
    assert with_more(b"&x_signature=00") == MISSING
    assert with_more(b"&x_extra=1") == ""


ANOTHER = b'{"x_amount": "999", "z": "&' + EPAYCO_FORM + b'&"}'
IN_PARTS = (
    EPAYCO_FORM
    + b'&z=\r\n--X\r\nContent-Disposition: form-data; name="x_amount"\r\n\r\n999\r\n--X--\r\n'
)
IN_UTF_16 = '{"x_amount": "999", "z": "'.encode("utf-16-be") + b"&" + EPAYCO_FORM + b"&"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (ANOTHER, FORM),
        (ANOTHER, "application/json"),
        (IN_PARTS, "multipart/form-data; boundary=X"),
        (IN_UTF_16 + b"\0" * (len(IN_UTF_16) % 2) + '"}'.encode("utf-16-be"), "text/plain; charset=utf-16-be"),
        (b"\xef\xbb\xbfx_amount=999&" + EPAYCO_FORM, FORM),
        (EPAYCO_FORM + b"&\x00\xa7m\x81\x94\x96\xa4\x95\xa3=999", f"{FORM}; charset=cp037"),
    ],
    ids=["json", "json by its type", "multipart", "utf-16", "bom", "ebcdic"],
)  # fmt: skip
def test_what_was_verified_is_what_is_parsed(body, content_type):
    """Else one signed request would sign for any body that has its fields somewhere."""
    request = with_headers(request_of(body), {"content-type": content_type})
    verified = EPAYCO.verify(request, ("clave_p_key_de_prueba",), senders.NOW)
    signed = dict(parse_qsl(EPAYCO_FORM.decode()))

    assert signed.items() <= parse_body(verified).value.items()


@pytest.mark.parametrize("name", [b"x_amount[]", b"x_amount[0]", b"x_amount%5Ba%5D"])
def test_signed_field_with_brackets_beside_it_is_none(name):
    request = request_of(EPAYCO_FORM + b"&" + name + b"=999")

    assert reason(EPAYCO, request, "clave_p_key_de_prueba") == MALFORMED


def test_query_counts_only_where_the_body_is_empty():
    query = tuple(parse_qsl(EPAYCO_FORM.decode()))
    request = request_of(b"x_amount=1", query=query)

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
    "izipay": (IZIPAY, "password", request_of(b"kr-answer=%7B%22a%22%3A1%7D&kr-hash-key=password")),
}
del SIGNED["epayco_in_the_query"]


@pytest.mark.parametrize("name", SIGNED)
def test_what_is_signed_verifies(name):
    scheme, _, request = SIGNED[name]
    signed = scheme.sign(replace(request, headers={}), "a-secret", senders.NOW)

    assert reason(scheme, signed, "a-secret", now=senders.NOW) == ""
    assert reason(scheme, signed, "another", now=senders.NOW) == MISMATCH


def test_signing_writes_time_and_signature_and_leaves_the_rest():
    wompi = WOMPI.sign(request_of(WOMPI_BODY), WOMPI_SECRET, senders.NOW)
    body = json.loads(wompi.body)
    assert body["timestamp"] == 1793631845
    assert body["data"] == WOMPI_BODY["data"]
    assert body["signature"]["checksum"] == wompi.headers["x-event-checksum"]

    mailgun = MAILGUN.sign(request_of(MAILGUN_BODY), "a-secret", senders.NOW)
    assert json.loads(mailgun.body)["signature"]["timestamp"] == "1793631845"

    form = b"kr-answer=%7B%22a%22%3A1%7D&kr-hash=old"
    izipay = IZIPAY.sign(request_of(form), "password", senders.NOW)
    assert izipay.body.startswith(b"kr-answer=%7B%22a%22%3A1%7D&kr-hash=")
    assert b"old" not in izipay.body


def test_signature_may_stand_where_there_was_no_object():
    scheme = replace(NUVEI, message=lambda _fields, secret: secret, field="proof.of.it")
    signed = scheme.sign(request_of({"proof": 1}), "a-secret", senders.NOW)

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

    assert reason(WOMPI, request_of(body), WOMPI_SECRET) in (MISSING, MALFORMED, MISMATCH)
