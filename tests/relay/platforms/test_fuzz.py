"""Bodies made at random of each platform's own: no parser raises, and no sender is told 5xx."""

import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from unittest.mock import Mock

import pytest
from conftest import make_settings
from fuzzing import check, mutated, requests_of
from hypothesis import HealthCheck, given, settings, strategies as st
from platform_samples import sender_of, source_of
from redis import Redis

from relay.devtools.embedded_redis import EmbeddedRedis
from relay.errors import NotStored, Refused, Unreadable
from relay.inbound.signature import CERTIFICATES
from relay.platforms import discovered
from relay.sources import Relay
from relay.web.app import create_app

pytestmark = pytest.mark.slow

PLATFORMS = sorted(discovered())
each_platform = pytest.mark.parametrize("platform", PLATFORMS)
chances = st.integers(0, 2**64 - 1).map(random.Random)
bounded = settings(suppress_health_check=list(HealthCheck))


@each_platform
@settings(bounded, max_examples=60)
@given(data=st.data(), chance=chances)
def test_no_parser_raises(platform: str, data: st.DataObject, chance: random.Random) -> None:
    requests = requests_of(platform)
    request = requests[data.draw(st.sampled_from(sorted(requests)))]
    check(replace(request, body=mutated(request.body, chance)), source_of(platform))


@each_platform
@settings(bounded, max_examples=25)
@given(data=st.data(), body=st.binary(max_size=200))
def test_no_parser_raises_for_any_bytes(platform: str, data: st.DataObject, body: bytes) -> None:
    requests = requests_of(platform)
    request = requests[data.draw(st.sampled_from(sorted(requests)))]
    check(replace(request, body=body), source_of(platform))


@pytest.fixture
def client(redis: Redis, redis_server: EmbeddedRedis, tmp_path: Any) -> Any:
    sources = {name: source_of(name) for name in PLATFORMS}
    destination = next(iter(sources.values())).destination
    relay = Relay("es", {destination.name: destination}, sources, ())
    fetcher = Mock()
    fetcher.certificate.side_effect = NotStored("certificate")  # nothing is fetched here
    made_settings = make_settings(redis_server.url, tmp_path / "absent.toml")
    for name in PLATFORMS:
        for url, pem in sender_of(name).certificates.items():
            CERTIFICATES.put(url, pem, datetime.now(UTC))
    return create_app(made_settings, relay, redis, fetcher).test_client()


@each_platform
@settings(bounded, max_examples=12)
@given(data=st.data(), chance=chances, is_signed=st.booleans())
def test_no_sender_is_told_that_we_are_at_fault(
    platform: str, client: Any, data: st.DataObject, chance: random.Random, *, is_signed: bool
) -> None:
    source = source_of(platform)
    requests = {
        name: one for name, one in requests_of(platform).items() if not name.endswith("looked up")
    }
    request = requests[data.draw(st.sampled_from(sorted(requests)))]
    request = replace(request, body=mutated(request.body, chance), received_at=datetime.now(UTC))
    if is_signed:
        try:
            key = source.signing_key or source.secrets[0]
            request = source.scheme.sign(request, key, request.received_at)
        except (
            ValueError,
            LookupError,
            Refused,
            Unreadable,
        ):  # a proof that stands in the body, which is none any more
            is_signed = False
    headers = dict(request.headers)
    if not is_signed:
        for name in headers:
            if chance.random() < 0.5:
                headers[name] = chance.choice(["", "x" * 300, "=,=;", "t=1,v1=zz", "Basic =", "ñ"])
    response = client.post(
        request.url.removeprefix("https://relay.example"),
        base_url="https://relay.example",
        data=request.body,
        headers=headers,
    )
    if response.status_code >= 500:
        assert response.json["reason"] == "certificate", response.json
