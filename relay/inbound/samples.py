"""One request per platform and topic, as on the wire: for `send`, the demo and the tests.

`relay/samples/<platform>/<topic>.http` holds comment lines (`# ` and where the facts are from),
header lines, one blank line, and the exact body. The people in them are invented. Topics are
spelled in file names with `_` for `/` and `.`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from relay.inbound.contract import Source
from relay.model import WebhookRequest

FOLDER: Final = Path(__file__).parents[1] / "samples"


@dataclass(frozen=True, slots=True)
class Sample:
    """Headers (lower-case keys, the sample's own signature among them) and exact body."""

    name: str
    headers: Mapping[str, str]
    body: bytes


def file_name(topic: str) -> str:
    """A topic as it is spelled in a file name: `orders/create` is `orders_create`."""
    return topic.replace("/", "_").replace(".", "_")


def topic_named(text: str, topics: Iterable[str]) -> str:
    """The platform's own spelling of a topic given either way; unknown ones stay as they are."""
    return next((topic for topic in topics if file_name(topic) == file_name(text)), text)


def names(platform: str) -> list[str]:
    """The samples there are of a platform."""
    return sorted(path.stem for path in (FOLDER / platform).glob("*.http"))


def load(platform: str, topic: str) -> Sample | None:
    """The sample of a topic, None when there is none."""
    path = FOLDER / platform / f"{file_name(topic)}.http"
    return parse(path.stem, path.read_bytes()) if path.is_file() else None


def parse(name: str, content: bytes) -> Sample:
    """A sample file's content, taken apart."""
    head, _, body = content.partition(b"\n\n")
    lines = [line for line in head.decode().splitlines() if not line.startswith("#")]
    pairs = (line.partition(": ") for line in lines)
    return Sample(name, {key.lower(): value for key, _, value in pairs}, body)


def signed(source: Source, topic: str, base: str, body: bytes | None = None) -> WebhookRequest:
    """A delivery as the platform would send it now.

    Raises:
        LookupError: no body was given and there is no sample of the topic.
        ValueError: the source has no key to sign with.
    """
    platform = source.platform
    topic = topic_named(topic, platform.topics)
    if body is None:
        found = load(platform.name, topic)
        if found is None:
            known = ", ".join(names(platform.name))
            raise LookupError(f"{platform.name}: {topic}? {known}")
        body = found.body
    now = datetime.now(UTC)
    unsigned = WebhookRequest(
        method="POST",
        url=f"{base.rstrip('/')}/webhooks/{source.name}",
        headers=dict(
            platform.sample_headers(topic_named(topic.partition("__")[0], platform.topics), body)
        ),
        body=body,
        received_at=now,
    )
    return source.scheme.sign(unsigned, source.signing_key or source.secrets[0], now)
