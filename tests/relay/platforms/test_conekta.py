"""Conekta: a buyer writes a Mexican phone without its country."""

import json
from dataclasses import replace

import pytest
import senders
from platform_samples import request_of, source_of

from relay.model import Call
from relay.pipeline import flattened, process

SOURCE = source_of("conekta")


@pytest.mark.parametrize("phone", ["5550000001", "55 5000 0001", "+52 55 5000 0001"])
def test_a_phone_without_a_country_is_mexican(phone):
    request = request_of("conekta", "order.paid")
    value = json.loads(request.body)
    value["data"]["object"]["customer_info"]["phone"] = phone
    changed = replace(request, body=json.dumps(value).encode())
    signed = SOURCE.scheme.sign(changed, SOURCE.signing_key, senders.NOW)
    (item,) = flattened(process(signed, SOURCE, senders.NOW))
    assert isinstance(item, Call)
    assert item.customer.phone == "+525550000001"
