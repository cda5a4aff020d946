"""A payment that fails twice: each attempt is told once, however the platform names it."""

from dataclasses import replace

import pytest
from cases import all_of
from platform_samples import request_of, source_of
from remembering import Remembering

# platform -> sample of a failure, the event type, and what in it is another at the next attempt.
ATTEMPTS = {
    "stripe": ("charge_failed", "payment.declined", ("evt_1Invented0006", "ch_3Invented0004")),
    "payu_latam": ("6", "payment.declined", ("f5e668f1-7ecc-4b83-a4d1-0aaa68260006",)),
    "izipay": ("UNPAID", "payment.declined", ("1c8356b0e24442b2acc579cf1ae4d811",)),
    "conekta": ("order_declined", "order.failed", ("6307a60c41de27127515a573",)),
    "kushki": ("DECLINED", "payment.declined", ("672148913082649094",)),
    "epayco": ("2", "payment.declined", ("12345672",)),
    "bold": ("SALE_REJECTED", "payment.declined", ("TRX00000002",)),
    "openpay": ("charge_failed", "payment.declined", ("tr0000000000000001",)),
}


def attempt(platform: str, sample: str, ids: tuple[str, ...], number: int):
    request = request_of(platform, sample)
    body = request.body
    for text in ids:
        assert text.encode() in body
        body = body.replace(text.encode(), f"{text[:-1]}{number}".encode())
    return replace(request, body=body)


@all_of("platform", ATTEMPTS)
def test_second_failure_is_told_and_a_repetition_is_not(platform):
    sample, event_type, ids = ATTEMPTS[platform]
    shop = Remembering(source_of(platform))
    numbers = (1, 1, 2, 2, 1, 3)
    outcomes = [shop.outcome(attempt(platform, sample, ids, number)) for number in numbers]
    told, again = [event_type], ["duplicate"]
    assert outcomes == [told, again, told, again, again, told]


@pytest.mark.parametrize("is_charge_first", [True, False])
def test_failure_of_a_checkout_to_be_paid_later_is_that_of_its_charge(is_charge_first):
    session = request_of("stripe", "checkout_session_async_payment_failed")
    body = session.body.replace(b"pi_3Invented0003", b"pi_3Invented0005")
    request = attempt("stripe", "charge_failed", ATTEMPTS["stripe"][2], 1)
    charge_body = request.body.replace(b'"type":"card"', b'"type":"oxxo"')
    pair = [replace(session, body=body), replace(request, body=charge_body)]
    shop = Remembering(source_of("stripe"))
    outcomes = [shop.outcome(one) for one in (reversed(pair) if is_charge_first else pair)]
    assert outcomes == [["payment.declined"], ["duplicate"]]
