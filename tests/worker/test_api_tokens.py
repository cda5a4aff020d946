"""Access tokens of platforms' APIs: asked for once by all workers, and kept before they are used."""

import threading
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

import pytest
from redis import ConnectionError as RedisConnectionError, Redis

from relay.errors import NotStored
from relay.inbound.lookups import Api, Tokens
from relay.store.clock import redis_time
from tests.platform_samples import source_of
from worker.api_tokens import ApiTokens, NotRefreshed

TOKENS = Tokens(
    path="/oauth/token",
    form={"grant_type": "refresh_token", "refresh_token": "{refresh_token}", "client_id": "{app}"},
)
API = Api(url="https://api.acme.example", credentials=("app", "refresh_token"), tokens=TOKENS)
SOURCE = replace(source_of("shopify"), credentials={"app": "a", "refresh_token": "first"})


class Platform:
    """Gives tokens; each refresh token is good once."""

    def __init__(self, lifetime_s: float = 3600, takes_s: float = 0.0) -> None:
        self.lifetime_s = lifetime_s
        self.takes_s = takes_s
        self.forms: list[Mapping[str, str]] = []
        self.good = "first"

    def ask(self, _source: Any, _api: Any, _tokens: Any, form: Mapping[str, str]) -> dict[str, Any]:
        time.sleep(self.takes_s)
        assert form["refresh_token"] == self.good, "a refresh token was used twice"
        self.forms.append(form)
        number = len(self.forms)
        self.good = f"next-{number}"
        return {
            "access_token": f"access-{number}",
            "refresh_token": self.good,
            "expires_in": self.lifetime_s,
        }


def test_a_token_that_does_not_expire_needs_none_of_what_others_are_asked_with() -> None:
    api = replace(API, credentials=("store", "app", "refresh_token"))

    assert api.faults({"store": "s", "app": "a", "refresh_token": "r"}) == []
    assert api.faults({"store": "s", "access_token": "t"}) == []
    assert api.faults({"access_token": "t"}) == [".store: expected a text"]
    assert api.tokens_for({"store": "s", "access_token": "t"}) is None
    assert api.tokens_for({"store": "s", "app": "a", "refresh_token": "r"}) is TOKENS
    without = replace(api, tokens=None)
    assert without.faults({"access_token": "t"})[-1].startswith(".access_token: expected one of")


def test_a_token_is_used_until_it_ends(redis: Redis) -> None:
    platform = Platform()
    tokens = [ApiTokens(redis, platform.ask).access_token(SOURCE, API, TOKENS) for _ in range(3)]

    assert tokens == ["access-1"] * 3
    assert platform.forms == [
        {"grant_type": "refresh_token", "refresh_token": "first", "client_id": "a"}
    ]


def test_the_next_refresh_token_is_kept_before_the_access_token_is_used(redis: Redis) -> None:
    platform = Platform()
    first = ApiTokens(redis, platform.ask).access_token(SOURCE, API, TOKENS)
    again = ApiTokens(redis, platform.ask).access_token(SOURCE, API, TOKENS, refused=first)

    assert (first, again) == ("access-1", "access-2")
    assert [form["refresh_token"] for form in platform.forms] == ["first", "next-1"]


def at_once(redis: Redis, platform: Platform, refused: str = "") -> list[str]:
    """The tokens of eight workers that need one in the same moment."""
    found: list[str] = []

    def need() -> None:
        tokens = ApiTokens(redis, platform.ask)
        found.append(tokens.access_token(SOURCE, API, TOKENS, refused=refused))

    workers = [threading.Thread(target=need) for _ in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return found


@pytest.mark.slow
def test_workers_that_need_one_at_once_ask_once(redis: Redis) -> None:
    platform = Platform(takes_s=0.2)
    assert at_once(redis, platform) == ["access-1"] * 8
    assert len(platform.forms) == 1


@pytest.mark.slow
def test_workers_whose_token_is_refused_at_once_ask_for_another_once(redis: Redis) -> None:
    platform = Platform(takes_s=0.2)
    (first, *_) = at_once(redis, platform)

    assert at_once(redis, platform, refused=first) == ["access-2"] * 8
    assert [form["refresh_token"] for form in platform.forms] == ["first", "next-1"]


@pytest.mark.slow
def test_a_token_that_ended_is_asked_for_once_by_all(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = Platform(lifetime_s=120, takes_s=0.2)
    at_once(redis, platform)
    monkeypatch.setattr("worker.api_tokens.redis_time", lambda redis: redis_time(redis) + 70)

    assert at_once(redis, platform) == ["access-2"] * 8
    assert len(platform.forms) == 2


class Away:
    """A Redis that is away for a while in the moment when the next refresh token is stored."""

    def __init__(self, redis: Redis, times: int) -> None:
        self._redis = redis
        self._times = times
        self.failed = 0

    def set(self, key: str, value: bytes) -> None:
        if self.failed < self._times:
            self.failed += 1
            raise RedisConnectionError
        self._redis.set(key, value)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._redis, name)


@pytest.mark.slow
def test_a_redis_that_is_away_just_then_is_waited_for(redis: Redis) -> None:
    platform, away = Platform(), Away(redis, times=3)
    first = ApiTokens(cast("Redis", away), platform.ask).access_token(SOURCE, API, TOKENS)

    assert away.failed == 3
    assert ApiTokens(redis, platform.ask).access_token(SOURCE, API, TOKENS) == first
    again = ApiTokens(redis, platform.ask).access_token(SOURCE, API, TOKENS, refused=first)
    assert again == "access-2"


def test_it_is_used_only_when_it_is_on_disk(redis: Redis) -> None:
    """A power cut would give back the refresh token that is good no more."""
    platform, waits = Platform(), list[str]()

    def too_slow() -> None:
        waits.append(platform.good)
        raise NotStored("not_on_disk")

    with pytest.raises(NotStored):
        ApiTokens(redis, platform.ask, too_slow).access_token(SOURCE, API, TOKENS)
    assert waits == ["next-1"]
    # By then it is.
    assert ApiTokens(redis, platform.ask).access_token(SOURCE, API, TOKENS) == "access-1"
    assert len(platform.forms) == 1


def test_a_person_writes_new_credentials_and_they_are_used(redis: Redis) -> None:
    platform = Platform()
    ApiTokens(redis, platform.ask).access_token(SOURCE, API, TOKENS)
    platform.good = "by-hand"
    renewed = replace(SOURCE, credentials={"app": "a", "refresh_token": "by-hand"})

    assert ApiTokens(redis, platform.ask).access_token(renewed, API, TOKENS) == "access-2"


def test_tokens_in_redis_are_sealed(redis: Redis) -> None:
    platform = Platform()
    ApiTokens(redis, platform.ask).access_token(SOURCE, API, TOKENS)
    texts = [redis.get(key) or b"" for key in redis.keys("*")]

    assert texts
    for text in texts:
        assert b"access-1" not in text
        assert b"next-1" not in text
        assert not text.startswith(b"{")


def test_who_waits_for_too_long_gives_up(redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker.api_tokens._LOCK_S", 0.3)
    redis.set(f"relay:token:{SOURCE.name}:lock", "somebody", ex=60)

    with pytest.raises(NotRefreshed):
        ApiTokens(redis, Platform().ask).access_token(SOURCE, API, TOKENS)
