"""Purchases of Shopify that are begun, changed and left or ordered, from the web to Mercately."""

import json
import time
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from relay.inbound import samples
from relay.model import State
from relay.store.keys import WAITING
from relay.web.app import create_app
from tests.conftest import relay_toml

TOKEN = "5358b1af1c0ae733cd539eec8ae2aee5"
URL = "https://tienda.example/recover?key=1"
ANA = {
    "email": "ana@example.com", "phone": "+593999000001", "customer": None,
    "billing_address": None, "shipping_address": None,
}  # fmt: skip
SOURCE = '[sources.shopify]\nplatform = "shopify"\nsecrets = "${{SHOPIFY_SECRET}}"\n{}'


@pytest.fixture
def abandoned_after():
    """A line of the source's table."""
    return ""


@pytest.fixture
def config_file(tmp_path, standin_server, abandoned_after):
    """With the rules that event types have by themselves."""
    file = tmp_path / "relay.toml"
    text = relay_toml(standin_server.url, sources=SOURCE.format(abandoned_after))
    file.write_text(text.partition("[events]")[0])
    return file


class Shop:
    """A shop that sends webhooks, and what comes of them."""

    def __init__(self, harness, client, source, standin):
        self.harness = harness
        self.standin = standin
        self._client = client
        self._source = source
        self._began_at = datetime.now(UTC)
        self._seconds = count()

    def sends(self, topic, **changes):
        """The status of the answer; what is accepted at once is delivered."""
        at = (self._began_at + timedelta(seconds=next(self._seconds))).isoformat()
        loaded = samples.load("shopify", topic)
        common = {"created_at": self._began_at.isoformat(), "updated_at": at, **ANA}
        if topic.startswith("checkouts/"):
            common |= {"token": TOKEN, "abandoned_checkout_url": URL, "completed_at": None}
        content = json.dumps({**json.loads(loaded.body), **common, **changes}).encode()
        request = samples.signed(self._source, topic, "http://localhost", content)
        answer = self._client.post(
            "/webhooks/shopify", data=content, headers=dict(request.headers)
        ).json
        for record_id in answer["ids"]:
            assert self.harness.deliver(record_id) == "delivered"
        return answer["status"]

    def waits_until(self):
        """When what waits is due, by entry."""
        return [due_at for _, due_at in self.harness.redis.zrange(WAITING, 0, -1, withscores=True)]

    def an_hour_later(self):
        """How many waiting events were told, when all are due."""
        for entry in self.harness.redis.zrange(WAITING, 0, -1):
            self.harness.redis.zadd(WAITING, {entry: time.time() - 1})
        promoted = self.harness.intake.promote_waiting()
        for record in self.harness.ledger.list([State.ACCEPTED]).records:
            assert self.harness.deliver(record.id) == "delivered"
        return promoted

    @property
    def notes(self):
        """What Mercately was told."""
        return [event.body["notes"] for event in self.standin.events]


@pytest.fixture
def shop(harness, settings, relay, redis, standin):
    client = create_app(settings, relay, redis).test_client()
    return Shop(harness, client, relay.sources["shopify"], standin)


def test_purchase_is_told_at_once_and_when_it_is_left(shop, redis):
    assert shop.sends("checkouts/create", total_price="27.40") == "accepted"
    (note,) = shop.notes
    assert note.startswith("Empezó una compra")

    (due_at,) = shop.waits_until()
    assert due_at == pytest.approx(time.time() + 3600, abs=30)
    assert redis.keys("relay:lane:*") == []
    assert shop.harness.intake.promote_waiting() == 0

    assert shop.an_hour_later() == 1
    assert len(shop.notes) == 2
    assert shop.notes[1].startswith("Dejó una compra sin terminar hace 1 h, $27,40: ")
    assert shop.notes[1].endswith(f"Para retomarla: {URL} (Shopify)")
    assert (shop.waits_until(), shop.an_hour_later()) == ([], 0)


def test_each_update_replaces_what_waits(shop, redis):
    shop.sends("checkouts/create", total_price="1.00")
    (first_due_at,) = shop.waits_until()
    for number in range(50):
        shop.sends("checkouts/update", total_price=f"{number}.00")

    (due_at,) = shop.waits_until()
    assert due_at > first_due_at
    assert redis.keys("relay:lane:*") == []
    assert not shop.harness.ledger.list([State.ACCEPTED]).records
    assert len(shop.notes) == 1  # by default no update is told

    assert shop.an_hour_later() == 1
    assert shop.notes[1].startswith("Dejó una compra sin terminar hace 1 h, $49,00: ")


def test_fifty_updates_and_an_order_in_between_give_no_abandoned_purchase(shop):
    shop.sends("checkouts/create")
    for number in range(25):
        shop.sends("checkouts/update", total_price=f"{number}.00")
    assert shop.sends("orders/create", checkout_token=TOKEN) == "accepted"
    assert shop.waits_until() == []
    for number in range(25):
        shop.sends("checkouts/update", total_price=f"{number}.50")

    assert shop.waits_until() == []
    assert shop.an_hour_later() == 0
    begun, ordered = shop.notes
    assert begun.startswith("Empezó una compra")
    assert ordered.startswith("Pedido ")


@pytest.mark.parametrize("topic", ["orders/updated", "orders/paid"])
def test_any_topic_of_the_order_ends_it(shop, topic):
    shop.sends("checkouts/update")
    assert len(shop.waits_until()) == 1
    shop.sends(topic, checkout_token=TOKEN)
    assert shop.waits_until() == []


def test_completed_purchase_is_not_left(shop):
    shop.sends("checkouts/create")
    shop.sends("checkouts/update", completed_at=datetime.now(UTC).isoformat())
    shop.sends("checkouts/update", total_price="99.00")

    assert shop.waits_until() == []
    assert shop.an_hour_later() == 0


def test_order_of_another_purchase_ends_nothing(shop):
    shop.sends("checkouts/create")
    shop.sends("orders/create", checkout_token="another")
    shop.sends("orders/paid", checkout_token=None)

    assert shop.an_hour_later() == 1


def test_purchase_of_nobody_does_not_wait(shop):
    assert shop.sends("checkouts/create", email=None, phone=None) == "ignored"
    assert shop.waits_until() == []


@pytest.mark.parametrize(
    ("abandoned_after", "due_in_s"),
    [('abandoned_after = "0s"', []), ('abandoned_after = "2h"', [7200])],
)
def test_source_says_when(shop, due_in_s):
    assert shop.sends("checkouts/create") == "accepted"
    expected = [pytest.approx(time.time() + seconds, abs=30) for seconds in due_in_s]
    assert shop.waits_until() == expected
