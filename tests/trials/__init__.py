"""Trial adapters: one for each shape of platform that the shipped ones do not have.

A trial is one module here with `platform = Platform(...)`, and its samples in
`samples/<name>/<topic>.http`. It proves that the contract takes its shape without a line elsewhere.
"""

import pkgutil
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import senders

from relay.inbound import samples
from relay.inbound.contract import Platform, Source

SAMPLES = Path(__file__).parent / "samples"


@cache
def trials() -> Mapping[str, Platform]:
    """The trial platforms, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {
        name: import_module(f"{__name__}.{name}").platform
        for name in names
        if not name.startswith(("test_", "conftest"))
    }


def source_of(platform: Platform, *secrets: str, **parts: Any) -> Source:
    """A source of a trial platform, with a rule for every event type; `parts` are its fields.

    `language` is that of its notes, too.
    """
    options: Mapping[str, Any] = parts.pop("options", {})
    if platform.options is not None:
        options = platform.options().load(dict(options))
    return replace(
        senders.source_of("generic", language=parts.get("language", "es")),
        name=platform.name,
        title=platform.title,
        platform=platform,
        scheme=platform.scheme_for(options),
        secrets=secrets,
        options=options,
        **parts,
    )


def sample(platform: str, name: str) -> samples.Sample:
    """A sample of a trial platform: headers with lower-case names, and the exact body."""
    file = SAMPLES / platform / f"{name}.http"
    return samples.parse(name, file.read_bytes())
