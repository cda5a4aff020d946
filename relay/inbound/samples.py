"""One sample request per platform and topic, for `send`, the demo and the tests.

`relay/samples/<platform>/<topic>.http` holds comment lines (`# `, with the sources), header lines,
one blank line, and the exact body. The people in them are invented. In file names `/` and `.` of a
topic are `_`.

Lines that begin with `:` say how a sample is sent where its headers do not: `:query` and `:token`,
what of its address is behind the source's name; and for all samples of the platform, in any one of
them, the throw-away `:secret` that they are signed with, a `:spare` one of the same kind where it
has to be of a form, the `:signing_key` where that is another, `:certificate`, the address of the
signer's, and `:options`, a TOML table.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final
from uuid import uuid4

from relay.inbound.contract import Platform, Source
from relay.inbound.places import Header
from relay.model import WebhookRequest

# The date of an ISO time.
_DAY: Final = re.compile(r"\b20\d\d-\d\d-\d\d(?=T\d\d:\d\d)")
# When the samples were sent; later dates in them are plans, such as the next payment.
_SENT: Final = date(2026, 11, 2)
FOLDER: Final = Path(__file__).parents[1] / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    """Headers (lower-case keys, the sample's own signature among them) and exact body.

    `sender` is what the lines with `:` say, by their names without it.
    """

    name: str
    headers: Mapping[str, str]
    body: bytes
    sender: Mapping[str, str] = field(default_factory=dict)


def file_name(topic: str) -> str:
    """The file name of a topic, without suffix: `orders/create` is `orders_create`."""
    return topic.replace("/", "_").replace(".", "_")


def topic_named(text: str, topics: Iterable[str]) -> str:
    """The topic that a topic or file name stands for; unknown names are returned as they are."""
    return next((topic for topic in topics if file_name(topic) == file_name(text)), text)


def names(platform: str) -> list[str]:
    """The names of a platform's samples, sorted."""
    return sorted(path.stem for path in (FOLDER / platform).glob("*.http"))


def load(platform: str, topic: str) -> Sample | None:
    """Read the sample of a topic from disk, None when there is none."""
    path = FOLDER / platform / f"{file_name(topic)}.http"
    return parse(path.stem, path.read_bytes()) if path.is_file() else None


def parse(name: str, content: bytes) -> Sample:
    """Parse the content of a sample file."""
    head, _, body = content.partition(b"\n\n")
    lines = [line for line in head.decode().splitlines() if not line.startswith("#")]
    pairs = [(line[0] + line[1:].partition(": ")[0], line[1:].partition(": ")[2]) for line in lines]
    headers = {key.lower(): value for key, value in pairs if key[0] != ":"}
    return Sample(name, headers, body, {key[1:]: value for key, value in pairs if key[0] == ":"})


def signed(
    source: Source,
    topic: str,
    base: str,
    body: bytes | None = None,
    now: datetime | None = None,
) -> WebhookRequest:
    """A request as the platform would send it now, with `body` or the sample of the topic.

    Raises:
        LookupError: there is no body and no sample of the topic.
        ValueError: the source has no usable key to sign with.
    """
    platform, now = source.platform, now or datetime.now(UTC)
    topic = topic_named(topic, platform.topics)
    if body is None:
        sample = load(platform.name, topic)
        if sample is None:
            available = ", ".join(names(platform.name))
            raise LookupError(f"{platform.name}: {topic}? {available}")
        body = of_today(sample.body, now)
    unsigned = WebhookRequest(
        method="POST",
        url=f"{base.rstrip('/')}/webhooks/{source.name}",
        headers=unsigned_headers(platform, topic_named(topic.partition("__")[0], platform.topics)),
        body=body,
        received_at=now,
    )
    return source.scheme.sign(unsigned, source.signing_key or source.secrets[0], now)


def unsigned_headers(platform: Platform, topic: str) -> dict[str, str]:
    """The headers that a request of a topic has beside its proof."""
    headers = {"content-type": platform.media_types[0]}
    values = {platform.topic: topic, platform.delivery_id: str(uuid4())}
    for place in platform.places:
        if isinstance(place, Header) and (value := values.get(place) or place.sample):
            headers[place.headers[0]] = value
    return headers


def of_today(body: bytes, now: datetime) -> bytes:
    """The body with its ISO times moved by whole days, the latest past one to yesterday or today.

    An order that was paid months ago is told differently.
    """
    days = [date.fromisoformat(day) for day in set(_DAY.findall(body.decode()))]
    if not days:
        return body
    shift = (now - timedelta(hours=12)).date() - min(max(days), _SENT)
    return _DAY.sub(
        lambda day: (date.fromisoformat(day[0]) + shift).isoformat(), body.decode()
    ).encode()
