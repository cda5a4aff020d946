"""The signature scheme of a source, the secrets that it can use, and what is weak about them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from config.relay_toml import SourceEntry
from relay.inbound.contract import Platform
from relay.inbound.signature import FUTURE_S, Scheme, TimedScheme, first_fault


def scheme_of(
    key: str, platform: Platform, options: Mapping[str, Any], entry: SourceEntry
) -> tuple[Scheme, tuple[str, ...], list[str]]:
    """The scheme, the secrets it can use, and faults."""
    scheme = platform.scheme_for(options)
    secrets = _usable(entry, scheme)
    faults = []
    if fault := first_fault(scheme, secrets):
        faults.append(f"{key}.secrets: {fault}")
    if entry.tolerance_s is not None:
        if isinstance(scheme, TimedScheme) and scheme.tolerance_s is not None:
            scheme = replace(scheme, tolerance_s=entry.tolerance_s)
        else:
            faults.append(f"{key}.tolerance: {platform.name} signs no time")
    if entry.on_invalid == "reject" and platform.name != "generic":
        faults.append(f"{key}.on_invalid: only generic may reject; others drop a hook that refuses")
    return scheme, secrets, faults


def _usable(entry: SourceEntry, scheme: Scheme) -> tuple[str, ...]:
    """The secrets of the source.

    Of a text with commas the parts and the whole each count where they can be a secret of this
    scheme. Where the whole cannot (two keys in base64), every part has to be one.
    """
    if not entry.whole_secret:
        return entry.secrets
    if scheme.examine(entry.whole_secret).fault:
        parts = tuple(text for text in entry.secrets if text != entry.whole_secret)
        return parts or entry.secrets
    return tuple(text for text in entry.secrets if not scheme.examine(text).fault)


def secret_warnings(
    key: str, scheme: Scheme, entry: SourceEntry, secrets: tuple[str, ...]
) -> list[str]:
    """What is weak or doubtful about the secrets, without any part of one."""
    warnings = []
    for index, secret in enumerate(secrets):
        if weakness := scheme.examine(secret).weakness:
            place = f"[{index}]" if len(secrets) > 1 else ""
            warnings.append(f"{key}.secrets{place}: {weakness}")
    unused = [text for text in entry.secrets if text not in secrets and text != entry.whole_secret]
    warnings += [
        f"{key}.secrets: a part of {length} characters between commas is no secret of its own; "
        "to say which secrets there are, write a list in relay.toml"
        for length in (*entry.short_parts, *map(len, unused))
    ]
    return warnings


def tolerance_faults(key: str, scheme: Scheme, dedup_s: int | None) -> list[str]:
    """A captured request must not be valid for longer than it is remembered."""
    tolerance_s = getattr(scheme, "tolerance_s", None)
    if tolerance_s is None or dedup_s is None or tolerance_s + FUTURE_S < dedup_s:
        return []
    fault = (
        f"{tolerance_s} s is not less than RELAY_DEDUP_DAYS, {dedup_s} s; a request sent again in "
        "between would be delivered again"
    )
    return [f"{key}.tolerance: {fault}"]


def server_warnings(key: str, server: str) -> list[str]:
    """What is doubtful about the address that an API key is sent to."""
    parts = urlsplit(server)
    is_here = parts.hostname in ("localhost", "127.0.0.1", "::1")
    warnings = []
    if parts.scheme != "https" and not is_here:
        warnings.append(f"{key}: without https the API key goes in clear over the network")
    if parts.username or parts.password:
        warnings.append(f"{key}: a user or password in it is not used; the API key is the proof")
    if parts.query or parts.fragment:
        warnings.append(f"{key}: a query or fragment in it is not used")
    return warnings
