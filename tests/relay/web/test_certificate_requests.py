"""Webhooks whose certificate, or whose address to visit, has to be fetched before the answer."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import platform_samples
import pytest
import senders
from flask.testing import FlaskClient
from key_pairs import RSA_CERTIFICATE, RSA_PRIVATE_KEY
from redis import Redis

from relay.devtools.embedded_redis import EmbeddedRedis
from relay.errors import TITLES
from relay.inbound.contract import Source
from relay.inbound.results import Handshake, PlatformResponse, Skipped
from relay.inbound.signature import CERTIFICATES, SNS_HOST, AmazonSns
from relay.model import WebhookRequest
from relay.sources import Relay
from relay.web.app import create_app
from relay.web.fetch import Fetcher, FetchFailed
from tests.conftest import make_settings

TOPIC = "arn:aws:sns:us-east-1:123456789012:bounces"
VISIT = "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&Token=2336"


class Internet(Fetcher):
    """Answers by URL; what is not there fails."""

    def __init__(self) -> None:
        super().__init__()
        self.bodies: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []

    def get(self, url: str, hosts: str) -> bytes:
        self.asked.append((url, hosts))
        if url not in self.bodies:
            raise FetchFailed("status")
        return self.bodies[url]


def _parse(request: WebhookRequest, *_: Any) -> Handshake | Skipped:
    message = json.loads(request.body)
    if message["Type"] == "SubscriptionConfirmation":
        return Handshake(PlatformResponse(body=b"confirmed"), message["SubscribeURL"])
    return Skipped("test")


def _handshake(request: WebhookRequest, _source: Source) -> Handshake | None:
    return Handshake(visit=VISIT) if request.body == b"unverified" else None


@pytest.fixture
def source() -> Source:
    plain = senders.source_of("generic")
    platform = replace(
        plain.platform,
        parse=_parse,
        handshake=_handshake,
        visit_hosts=SNS_HOST,
        retry_response=PlatformResponse(429),
    )
    return replace(plain, platform=platform, scheme=AmazonSns(), secrets=(TOPIC,))


@pytest.fixture
def internet() -> Internet:
    return Internet()


@pytest.fixture
def client(
    source: Source,
    internet: Internet,
    redis: Redis,
    redis_server: EmbeddedRedis,
    tmp_path: Path,
) -> FlaskClient:
    settings = make_settings(redis_server.url, tmp_path / "absent.toml")
    relay = Relay("es", {"crm": source.destination}, {"sns": source}, ())
    return create_app(settings, relay, redis, internet).test_client()


@pytest.fixture(autouse=True)
def empty_cache() -> Iterator[None]:
    CERTIFICATES.clear()
    yield
    CERTIFICATES.clear()


@pytest.fixture
def signed(source: Source) -> Callable[..., bytes]:
    """The body of a message signed now."""

    def body(**values: str) -> bytes:
        message = {"Type": "Notification", "MessageId": "1", "TopicArn": TOPIC, "Message": "x"}
        request = senders.delivery({}, json.dumps(message | values).encode())
        return source.scheme.sign(request, RSA_PRIVATE_KEY, datetime.now(UTC)).body

    return body


def certificate_url(body: bytes) -> str:
    url: str = json.loads(body)["SigningCertURL"]
    return url


def confirmation(signed: Callable[..., bytes], visit: str = VISIT) -> bytes:
    return signed(Type="SubscriptionConfirmation", SubscribeURL=visit, Token="2336")


def test_certificate_is_fetched_once(client, internet, signed):
    body = signed()
    internet.bodies[certificate_url(body)] = RSA_CERTIFICATE
    answers = [client.post("/webhooks/sns", data=body) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 200]
    assert internet.asked == [(certificate_url(body), SNS_HOST)]


@pytest.mark.parametrize("content", [None, b"<html>"])
def test_platform_sends_again_where_the_certificate_cannot_be_had(
    content, client, internet, signed
):
    body = signed()
    if content is not None:
        internet.bodies[certificate_url(body)] = content
    answer = client.post("/webhooks/sns", data=body)

    assert (answer.status_code, answer.json["reason"]) == (429, "certificate")
    assert answer.json["title"] == TITLES["certificate"]


def test_signature_that_does_not_match_is_refused_after_all(client, internet, signed):
    body = signed()
    internet.bodies[certificate_url(body)] = RSA_CERTIFICATE
    answer = client.post("/webhooks/sns", data=body.replace(b'"x"', b'"y"'))

    assert (answer.status_code, answer.json["reason"]) == (401, "mismatch")


def test_nothing_is_fetched_for_a_stranger(client, internet, signed):
    stranger = signed(TopicArn=TOPIC.replace("bounces", "mine"))
    other_host = signed(SigningCertURL="https://evil.example/x.pem")
    answers = [client.post("/webhooks/sns", data=body) for body in (stranger, other_host)]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert internet.asked == []


def test_address_is_visited_before_the_answer(client, internet, signed):
    body = confirmation(signed)
    internet.bodies |= {certificate_url(body): RSA_CERTIFICATE, VISIT: b"<ok/>"}
    answer = client.post("/webhooks/sns", data=body)

    assert (answer.status_code, answer.data) == (200, b"confirmed")
    assert internet.asked[-1] == (VISIT, SNS_HOST)


def test_platform_sends_again_where_the_visit_fails(client, internet, signed):
    body = confirmation(signed)
    internet.bodies[certificate_url(body)] = RSA_CERTIFICATE
    answer = client.post("/webhooks/sns", data=body)

    assert (answer.status_code, answer.json["reason"]) == (429, "visit")
    assert answer.json["title"] == TITLES["visit"]


def test_unverified_request_has_nothing_visited(client, internet):
    answer = client.post("/webhooks/sns", data=b"unverified")

    assert answer.status_code == 200
    assert internet.asked == []


def test_large_body_is_refused(source, internet, redis, redis_server, tmp_path, signed):
    settings = make_settings(redis_server.url, tmp_path / "absent.toml", body_max_bytes=100)
    relay = Relay("es", {"crm": source.destination}, {"sns": source}, ())
    client = create_app(settings, relay, redis, internet).test_client()

    assert client.post("/webhooks/sns", data=signed()).status_code == 413


def test_certificate_of_a_large_body_is_fetched_too(internet, redis, redis_server, tmp_path):
    source = platform_samples.source_of("paypal")
    settings = make_settings(redis_server.url, tmp_path / "absent.toml", body_max_bytes=1_000)
    relay = Relay("es", {"crm": source.destination}, {"paypal": source}, ())
    client = create_app(settings, relay, redis, internet).test_client()
    body = b'{"id":"WH-1","note":"' + b"x" * 2_000 + b'"}'
    signed = source.scheme.sign(senders.delivery({}, body), source.signing_key, datetime.now(UTC))
    first = client.post("/webhooks/paypal", headers=signed.headers, data=body)
    internet.bodies[signed.headers["paypal-cert-url"]] = RSA_CERTIFICATE
    second = client.post("/webhooks/paypal", headers=signed.headers, data=body)

    assert (first.status_code, first.json["reason"]) == (503, "certificate")
    assert (second.status_code, second.json["status"]) == (200, "held")
