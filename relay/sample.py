"""One request per platform and topic, as on the wire: for `send`, the demo and the tests.

`relay/samples/<platform>/<topic>.http` holds comment lines (`# ` and where the facts are from),
header lines, one blank line, and the exact body. The people in them are invented. Topics are
spelled in file names with `_` for `/` and `.`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "samples"


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
