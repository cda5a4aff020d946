"""Destinations: how they do, and what a person can do about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, cast

from redis import Redis

from config.relay_toml import Destination
from config.settings import Settings
from worker.client import Client
from worker.reply import NoResponse, Reply
from worker.throttle import PAUSED_BY_HAND, DestinationThrottle


@dataclass(frozen=True, slots=True)
class DestinationState:
    """How a destination does.

    `state` is `open` when events go out, `slowed` when fewer than its rate do, else why none do:
    `credentials`, `redirected`, `outage` or `paused`. `rate_per_s` is the present one.
    """

    name: str
    server: str
    state: str
    rate_per_s: float
    failures: int


def destination_states(
    redis: Redis, destinations: Mapping[str, Destination]
) -> list[DestinationState]:
    """The states of all destinations; one round trip for each."""
    return [_state(redis, destination) for destination in destinations.values()]


def _state(redis: Redis, destination: Destination) -> DestinationState:
    key = DestinationThrottle(redis, destination).rate_limit.key
    values = cast("list[bytes | None]", redis.hmget(key, "half_open", "rate", "failures"))
    reason, rate, failures = (value.decode() if value else "" for value in values)
    return DestinationState(
        name=destination.name,
        server=destination.server,
        state=reason or ("slowed" if rate else "open"),
        rate_per_s=min(float(rate or destination.rate_per_s), destination.rate_per_s),
        failures=int(failures or 0),
    )


def pause_destination(redis: Redis, destination: Destination) -> None:
    """Send nothing to a destination until a person resumes it; what is accepted waits."""
    DestinationThrottle(redis, destination).pause(PAUSED_BY_HAND)


def resume_destination(redis: Redis, destination: Destination) -> None:
    """Send again, whatever the reason was for which nothing was sent."""
    DestinationThrottle(redis, destination).resume()


ProbeResult = Literal["works", "refused", "forbidden", "page", "elsewhere", "fails", "no_answer"]


def probe_destination(destination: Destination, settings: Settings) -> tuple[ProbeResult, int]:
    """What one request says of server and key, and the status of its answer, 0 without one."""
    client = Client(
        destination,
        user_agent=settings.user_agent,
        connect_timeout_s=settings.connect_timeout_s,
        read_timeout_s=settings.read_timeout_s,
        proxy=settings.outbound_proxy,
    )
    try:
        reply = client.probe()
    except NoResponse:
        return "no_answer", 0
    finally:
        client.close()
    return _meaning(reply), reply.status


def _meaning(reply: Reply) -> ProbeResult:
    if reply.ok:
        return "works"
    if reply.is_html:
        return "page"
    if reply.is_redirect:
        return "elsewhere"
    if reply.status in (400, 401):
        return "refused"
    return "forbidden" if reply.status == 403 else "fails"
