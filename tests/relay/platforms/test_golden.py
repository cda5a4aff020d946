"""Golden files: what every sample is parsed and translated as, in `tests/golden/<platform>/`.

`--update-golden` writes them, and signs samples that are not; a person reviews the difference.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import senders
from cases import check_each
from platform_samples import request_of, samples_of, source_of

from relay.errors import Refused
from relay.inbound import samples
from relay.inbound.results import Handshake
from relay.model import Event, WebhookRequest
from relay.pipeline import flattened, parse, process, translate
from relay.platforms import discovered

GOLDEN = Path(__file__).parents[2] / "golden"
NAMES = {platform: samples.names(platform) for platform in discovered()}


@pytest.mark.parametrize("platform", NAMES)
def test_samples_read_as_their_golden_files(platform, request):
    is_update = request.config.getoption("--update-golden")
    cases = ({"name": name} for name in NAMES[platform])
    check_each(cases, lambda name: check_golden(platform, name, is_update=is_update))


def check_golden(platform: str, name: str, *, is_update: bool) -> None:
    if is_update:
        _sign_unless_signed(platform, name)
    delivery, source = request_of(platform, name), source_of(platform)
    text = json.dumps(_read(delivery, source), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    file = GOLDEN / platform / f"{name}.json"
    if is_update:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    assert text == file.read_text("utf-8")


def test_no_golden_file_is_left_over():
    files = {f"{file.parent.name}/{file.stem}" for file in GOLDEN.glob("*/*.json")}
    assert files == {f"{platform}/{name}" for platform, names in NAMES.items() for name in names}


def _read(delivery: WebhookRequest, source: Any) -> dict[str, Any]:
    items = translate(delivery, source)
    if isinstance(items, Handshake):
        return {"handshake": _filled(asdict(items), delivery)}
    return {
        "events": [_shown(event, delivery) for event in parse(delivery, source)],
        "translated": [_shown(item, delivery) for item in flattened(items)],
    }


def _sign_unless_signed(platform: str, name: str) -> None:
    """Write the platform's proof into a sample's headers, with the secret of the samples."""
    source, delivery = source_of(platform), request_of(platform, name)
    try:
        process(delivery, source, senders.NOW)
    except Refused:
        file = samples.FOLDER / platform / f"{name}.http"
        key = source.signing_key or source.secrets[0]
        proof = source.scheme.sign(delivery, key, senders.NOW)
        headers = {
            header: value
            for header, value in proof.headers.items()
            if delivery.headers.get(header) != value
        }
        head, _, _ = file.read_bytes().partition(b"\n\n")
        lines = [line for line in head.decode().splitlines() if _name_of(line) not in headers]
        lines += [f"{header.title()}: {value}" for header, value in headers.items()]
        file.write_bytes("\n".join(lines).encode() + b"\n\n" + proof.body)
        samples_of.cache_clear()


def _name_of(line: str) -> str:
    return line.partition(": ")[0].lower()


def _shown(item: Any, delivery: WebhookRequest) -> dict[str, Any]:
    """An item as a person reads it: what is empty is left out, a whole body is only named."""
    parts = asdict(item)
    if isinstance(item, Event):
        del parts["body"]
    return {"is": type(item).__name__, **_filled(parts, delivery)}


EMPTY = ("", b"", None, [], {}, False)


def _filled(value: Any, delivery: WebhookRequest) -> Any:
    match value:
        case Mapping():
            parts = {name: _filled(part, delivery) for name, part in value.items()}
            return {name: part for name, part in parts.items() if part not in EMPTY}
        case list() | tuple():
            return [_filled(part, delivery) for part in value]
        case datetime():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case bytes() if value:
            return "the whole body" if value == delivery.body else "a part of the body"
        case _:
            return value
