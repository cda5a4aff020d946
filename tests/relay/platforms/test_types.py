"""`types` of a source: any topic of a platform as an event of ours."""

import pytest
import senders

from relay.model import AwaitingLookup, Call, Ignored
from relay.pipeline import flattened, translate


def translated(platform, types, name, /, *, more="", **changes):
    source = senders.source_of(platform, f"types = {types}\n{more}")
    delivery = senders.sent(platform, name, **changes)
    return senders.without_ends(flattened(translate(delivery, source)))[0]


def test_draft_order_of_shopify_may_be_a_created_order():
    types = '{ "draft_orders/create" = "order.created" }'
    changes = {"x-shopify-topic": "draft_orders/create", "name": "#D7", "line_items": []}
    call = translated("shopify", types, "orders/create", **changes)
    assert isinstance(call, Call)
    assert (call.event_type, call.topic) == ("order.created", "draft_orders/create")
    assert call.body["notes"].startswith("Pedido #D7 creado por $")
    assert call.omitted_fields == {}
    ignored = translated("shopify", "{}", "orders/create", **changes)
    assert ignored == Ignored("draft_orders/create", "draft")


def test_draft_order_is_told_each_time_it_comes_under_another_id():
    """It stands alone: nothing is remembered of it but its keys."""
    source = senders.source_of("shopify", 'types = { "draft_orders/update" = "order.updated" }')
    topic = {"x-shopify-topic": "draft_orders/update"}
    for webhook_id in ("w1", "w2"):
        delivery = senders.sent(
            "shopify", "orders/create", **topic, **{"x-shopify-webhook-id": webhook_id}
        )
        call, *_ = translate(delivery, source)
        assert isinstance(call, Call)
        assert call.key == webhook_id


def test_known_topic_of_a_source_is_the_type_that_it_says():
    types = '{ "orders/paid" = "payment.approved" }'
    call = translated("shopify", types, "orders/paid")
    assert (call.event_type, call.topic) == ("payment.approved", "orders/paid")
    assert call.body["notes"].startswith("Pago aprobado: $")


def test_topic_that_needs_a_lookup_still_does():
    notice = translated("shopify", '{ "refunds/create" = "payment.refunded" }', "refunds/create")
    assert isinstance(notice, AwaitingLookup)
    assert notice.event_type == "payment.refunded"


@pytest.mark.parametrize(
    ("platform", "topic", "event_type", "name", "changes"),
    [
        ("shopify", "orders/risk", "order.on_hold", "orders/create", {"x-shopify-topic": "orders/risk"}),
        ("woocommerce", "action.woo", "order.paid", "order_created", {"x-wc-webhook-topic": "action.woo"}),
        ("sendgrid", "amp_open", "email.opened", "open", {"event": "amp_open"}),
        ("generic", "lead.lost", "contact.updated", "lead_created", {"type": "lead.lost"}),
        ("standard_webhooks", "order.lost", "order.cancelled", "order_created", {"type": "order.lost"}),
    ],
)  # fmt: skip
def test_unknown_topic_is_the_type_that_a_source_says(platform, topic, event_type, name, changes):
    more = f'topics = ["{topic}"]\nmachine_events = true'
    call = translated(platform, f'{{ "{topic}" = "{event_type}" }}', name, more=more, **changes)
    assert isinstance(call, Call)
    assert (call.event_type, call.topic) == (event_type, topic)
    unknown = translated(platform, "{}", name, **changes)
    assert unknown == Ignored(topic, "unknown_topic")


@pytest.mark.parametrize(
    ("topics", "is_told"),
    [('["order.*"]', True), ('["draft_orders/*"]', True), ('["customer.*"]', False)],
)
def test_topics_of_a_source_filter_by_either_name(topics, is_told):
    types = '{ "draft_orders/create" = "order.created" }'
    changes = {"x-shopify-topic": "draft_orders/create"}
    item = translated("shopify", types, "orders/create", more=f"topics = {topics}", **changes)
    if is_told:
        assert isinstance(item, Call)
    else:
        assert item == Ignored("draft_orders/create", "topic_not_wanted", "order.created")
