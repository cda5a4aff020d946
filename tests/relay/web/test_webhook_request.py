"""The `WebhookRequest` that a scheme gets: public URL, headers, raw body."""

from dataclasses import dataclass, field, replace

import pytest
import senders

from relay.inbound.signature import SecretReport
from relay.sources import Relay
from relay.web.app import create_app
from tests.conftest import make_settings

BODY = b'{"id": 1, "email": "ana@example.com"}'


@dataclass(frozen=True)
class Recording:
    """Believes everybody, and keeps what it was shown."""

    seen: list = field(default_factory=list)
    label = "none"
    vouches_for = "body"

    def verify(self, delivery, secrets, now):
        self.seen.append(delivery)
        return delivery

    def sign(self, delivery, secret, now):
        return delivery

    def examine(self, secret):
        return SecretReport("anything")


@pytest.fixture
def deliver(redis, redis_server, tmp_path):
    """Sends to a source, and returns what its scheme saw."""

    def sent(path="/webhooks/shopify", *, public_url="", own="", headers=None, **options):
        source = replace(senders.source_of("shopify"), scheme=Recording(), public_url=own)
        settings = make_settings(redis_server.url, tmp_path / "absent.toml", public_url=public_url)
        relay = Relay("es", {"crm": source.destination}, {source.name: source}, ())
        found = {"X-Shopify-Topic": "orders/create", "X-Shopify-Webhook-Id": "1"} | (headers or {})
        client = create_app(settings, relay, redis).test_client()
        options = {"data": BODY, "content_type": "application/json"} | options
        assert client.post(path, headers=found, **options).status_code == 200
        (delivery,) = source.scheme.seen
        return delivery

    return sent


HOSTS = [
    ({}, "http://localhost"),
    ({"base_url": "http://relay.example:8080"}, "http://relay.example:8080"),
    ({"base_url": "https://relay.example"}, "https://relay.example"),
    ({"headers": {"Host": "tienda.example"}}, "http://tienda.example"),
]


@pytest.mark.parametrize(("options", "server"), HOSTS)
def test_without_more_said_the_url_is_of_the_host_that_was_asked(deliver, options, server):
    delivery = deliver(**options)
    assert delivery.url == f"{server}/webhooks/shopify"
    assert delivery.method == "POST"


QUERIES = ["a=1&b=%20x&a=2", "sin=valor%C3%B1", "a=b?c", "vac%C3%ADo=", "only"]


@pytest.mark.parametrize("query", QUERIES)
@pytest.mark.parametrize("public_url", ["", "https://relay.example"])
def test_query_is_told_as_it_came(deliver, query, public_url):
    delivery = deliver(f"/webhooks/shopify?{query}", public_url=public_url)
    assert delivery.url == f"{public_url or 'http://localhost'}/webhooks/shopify?{query}"


def test_query_is_told_in_parts_too(deliver):
    delivery = deliver("/webhooks/shopify?a=1&a=2&b=%20x")
    assert delivery.query == (("a", "1"), ("a", "2"), ("b", " x"))


def test_empty_query_is_none(deliver):
    delivery = deliver("/webhooks/shopify?")
    assert (delivery.url, delivery.query) == ("http://localhost/webhooks/shopify", ())


def test_what_follows_the_source_in_the_path_is_its_token(deliver):
    delivery = deliver("/webhooks/shopify/a/b?c=d")
    assert delivery.token == "a/b"
    assert delivery.url == "http://localhost/webhooks/shopify/a/b?c=d"


PUBLIC = [
    ("https://relay.example", "", "https://relay.example/webhooks/shopify/t?q=1"),
    ("https://relay.example/", "", "https://relay.example/webhooks/shopify/t?q=1"),
    ("https://example.com/relay/", "", "https://example.com/relay/webhooks/shopify/t?q=1"),
    ("", "https://tienda.example/hook", "https://tienda.example/hook?q=1"),
    ("https://relay.example", "https://tienda.example/hook/", "https://tienda.example/hook/?q=1"),
]


@pytest.mark.parametrize(("public_url", "own", "url"), PUBLIC)
def test_behind_a_proxy_it_is_the_one_that_was_configured(deliver, public_url, own, url):
    delivery = deliver("/webhooks/shopify/t?q=1", public_url=public_url, own=own)
    assert delivery.url == url


def test_headers_are_there_under_their_names_in_lower_case(deliver):
    delivery = deliver(headers={"X-ShoPify-Hmac-SHA256": "AbC=", "X-Empty": ""})

    assert delivery.headers["x-shopify-topic"] == "orders/create"
    assert delivery.headers["x-shopify-hmac-sha256"] == "AbC="  # a value is left as it is
    assert delivery.headers["x-empty"] == ""
    assert all(name == name.lower() and "_" not in name for name in delivery.headers)
    assert delivery.headers["host"] == "localhost"


def test_type_and_length_of_the_body_are_among_the_headers(deliver):
    delivery = deliver(content_type="application/json; charset=utf-8")

    assert delivery.headers["content-type"] == "application/json; charset=utf-8"
    assert delivery.headers["content-length"] == str(len(BODY))
    assert delivery.body == BODY


def test_body_without_a_type_has_none(deliver):
    assert "content-type" not in deliver(content_type=None).headers


def test_nothing_of_the_server_s_own_is_among_the_headers(deliver):
    assert deliver().headers.keys() <= {
        "x-shopify-topic", "x-shopify-webhook-id", "content-type", "content-length", "host",
        "user-agent",
    }  # fmt: skip
