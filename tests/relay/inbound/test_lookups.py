"""What is asked of a platform's API, and what its answer is read as."""

from dataclasses import replace

import pytest
from platform_samples import request_of, source_of

from relay.inbound.declared import parse
from relay.inbound.lookups import LOOKED_UP, SHOP, TOPIC, MissingValue, filled_in
from relay.inbound.results import Skipped

VALUES = {"id": 7, "customer": {"id": "a/b"}, "lines": [{"sku": "x"}], "paid": True, "up": ".."}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("/orders/{id}", "/orders/7"),
        ("/customers/{customer.id}", "/customers/a%2Fb"),
        ("/items/{lines.0.sku}", "/items/x"),
    ],
)
def test_values_are_filled_into_a_path(text, filled):
    assert filled_in(text, VALUES, is_path=True) == filled


@pytest.mark.parametrize(
    "name", ["none", "customer", "customer.none", "lines.1.sku", "lines.first", "paid", "up"]
)
def test_value_that_may_not_be_in_a_path_is_told_by_its_name(name):
    with pytest.raises(MissingValue, match=f"^{name}$"):
        filled_in(f"/orders/{{{name}}}", VALUES, is_path=True)


@pytest.mark.parametrize(("kind", "topic"), [("order", "orders/gone"), ("gone", "order/created")])
def test_answer_that_this_version_knows_no_more_is_skipped(kind, topic):
    """It was asked for by a version that did."""
    headers = {LOOKED_UP: kind, TOPIC: topic, SHOP: "1"}
    answer = replace(request_of("tiendanube", "order_created"), headers=headers, body=b"{}")

    assert parse(answer, source_of("tiendanube")) == Skipped("unknown_topic", topic)
