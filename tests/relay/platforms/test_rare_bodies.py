"""Bodies that a platform sends at times, made of its samples by one change."""

import hashlib
from dataclasses import replace

import pytest
import senders
from contract_checks import translated
from platform_samples import request_of, sender_of, source_of

from relay.errors import MALFORMED, Refused
from relay.inbound.contract import Source
from relay.inbound.results import Receipt
from relay.model import WebhookRequest
from relay.platforms import discovered


def changed(platform: str, name: str, old: bytes, new: bytes) -> tuple[WebhookRequest, Source]:
    """A sample with `new` in place of `old`, and a source that takes it."""
    request = request_of(platform, name)
    assert old in request.body
    return replace(request, body=request.body.replace(old, new)), source_of(platform)


def outcome(platform: str, name: str, old: bytes, new: bytes):
    (item,) = translated(*changed(platform, name, old, new))
    return item


def test_calendly_tells_a_booking_that_was_moved_once():
    old, new = b'"rescheduled":false', b'"rescheduled":true'
    item = outcome("calendly", "invitee_canceled", old, new)
    assert item.reason == "told_by_another_topic"


def test_culqi_holds_a_charge_whose_text_is_no_json():
    item = outcome("culqi", "charge_creation_succeeded", rb"\"object\"", b"object")
    assert item.reason == "unreadable"


def test_elementor_reads_fields_that_have_only_a_value():
    old = b"fields%5Bmessage%5D%5Btitle%5D=Mensaje"
    request, source = changed("elementor", "submission", old, b"fields%5Bciudad%5D=Cuenca")
    (call,) = translated(request, source)
    assert "Cuenca" in str(source.platform.body(request, source)["said"])
    assert call.customer.email == "ana@example.com"


def test_getresponse_gets_the_answer_that_it_asks_for():
    answer = discovered()["getresponse"].response(Receipt(("accepted",), ("1",)))
    assert (answer.status, answer.body) == (200, b'{"status": "OK"}')


def test_izipay_refuses_what_is_signed_with_the_key_of_browsers():
    old, new = b"kr-hash-key=password", b"kr-hash-key=sha256_hmac"
    request, source = changed("izipay", "PAID", old, new)
    with pytest.raises(Refused, match=MALFORMED):
        source.scheme.verify(request, source.secrets, senders.NOW)


@pytest.mark.parametrize(
    ("value", "signed"), [("129900.00", "129900.0"), ("150.50", "150.5"), ("150.26", "150.26")]
)
def test_payu_signs_a_value_without_its_last_zero(value, signed):
    request, source = changed("payu_latam", "4", b"value=129900.00", f"value={value}".encode())
    secret = sender_of("payu_latam").secret
    request = source.scheme.sign(request, secret, senders.NOW)
    text = f"{secret}~508029~PEDIDO-1042~{signed}~COP~4"
    assert f"sign={hashlib.md5(text.encode()).hexdigest()}".encode() in request.body
    source.scheme.verify(request, source.secrets, senders.NOW)


@pytest.mark.parametrize("kind", ["60", "100"])
def test_sparkpost_ignores_what_a_machine_answered(kind):
    old, new = b'"bounce_class":"10"', f'"bounce_class":"{kind}"'.encode()
    assert outcome("sparkpost", "bounce", old, new).reason == "made_by_a_machine"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b'"payment_status":"paid"', b'"payment_status":"unpaid"', "not_paid_yet"),
        (b'"mode":"payment"', b'"mode":"setup"', "not_a_payment"),
    ],
)
def test_stripe_tells_of_no_payment_before_there_is_one(old, new, reason):
    """A voucher of OXXO completes its checkout when it is printed."""
    assert outcome("stripe", "checkout_session_completed", old, new).reason == reason


@pytest.mark.parametrize("name", ["checkout_session_async_payment_failed"])
def test_stripe_tells_that_a_voucher_was_not_paid(name):
    item = outcome("stripe", name, b'"livemode":true', b'"payment_status":"unpaid","livemode":true')
    assert item.event_type == "payment.declined"


@pytest.mark.parametrize(
    ("name", "billing_reason", "told"),
    [
        ("invoice_paid", b"subscription_create", "subscription.created"),
        ("invoice_paid", b"subscription_cycle", "subscription.renewed"),
        ("invoice_payment_failed", b"subscription_create", "subscription.payment_failed"),
        ("invoice_payment_failed", b"subscription_cycle", "subscription.payment_failed"),
    ],
)
def test_stripe_tells_a_first_invoice_from_a_later_one(name, billing_reason, told):
    new = b'"billing_reason":"' + billing_reason + b'","object":"invoice"'
    assert outcome("stripe", name, b'"object":"invoice"', new).event_type == told


@pytest.mark.parametrize("name", ["invoice_paid", "invoice_payment_failed"])
def test_stripe_tells_an_invoice_made_by_hand_by_its_charge_alone(name):
    new = b'"billing_reason":"manual","object":"invoice"'
    assert outcome("stripe", name, b'"object":"invoice"', new).reason == "told_by_another_topic"


@pytest.mark.parametrize("to", [b'"ana@example.com"', b'["Ana <ana@example.com>","b@example.com"]'])
def test_resend_names_one_recipient_however_they_are_listed(to):
    item = outcome("resend", "email_bounced", b'["ana@example.com"]', to)
    assert item.customer.email == "ana@example.com"
