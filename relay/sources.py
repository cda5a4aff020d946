"""relay.toml bound to the platforms: the sources that exist, and everything wrong with the file.

A source without a usable secret does not exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from marshmallow import ValidationError

from config import relay_toml
from config.relay_toml import ConfigError, Destination, RelayFile, SourceEntry, messages
from relay.inbound.contract import Platform, Source
from relay.inbound.signature import Ecdsa, PathToken, Scheme, StandardWebhooks, first_fault
from relay.mapping.event_types import EVENT_TYPES, Language
from relay.mapping.rules import Rule, compile_rules
from relay.platforms import discovered


@dataclass(frozen=True, slots=True)
class Relay:
    """The whole configuration, usable. `warnings` are for a person to read at start."""

    language: Language
    destinations: Mapping[str, Destination]
    sources: Mapping[str, Source]
    warnings: tuple[str, ...]


def load(file: Path, environ: Mapping[str, str]) -> Relay:
    """The configuration in `file`, checked whole.

    Raises:
        ConfigError: with every fault, each naming key and file.
    """
    platforms = discovered()
    env_platforms = [name for name, platform in platforms.items() if not platform.needs_options]
    read = relay_toml.load(file, environ, env_platforms)
    faults = list(read.faults)
    rules, rule_faults, warnings = compile_rules([("events", read.events)], read.language)
    faults += rule_faults
    sources = {}
    for name, entry in read.sources.items():
        key = f"sources.{name}"
        platform = platforms.get(entry.platform)
        if platform is None:
            faults.append(f"{key}.platform: expected one of {list(platforms)}")
            continue
        options, found = _options(key, platform, entry)
        faults += found
        own_rules, found, more = _rules_for(key, read, entry, rules)
        faults += found
        warnings += more
        faults += _topic_faults(key, entry, platform, options or {})
        if options is None or entry.destination not in read.destinations:
            continue
        scheme, usable, found = _scheme(key, platform, options, entry)
        faults += found
        bound = replace(entry, secrets=usable)
        sources[name] = _source(bound, platform, scheme, options, own_rules, read)
    if faults:
        raise ConfigError(file, faults)
    return Relay(read.language, read.destinations, sources, tuple(warnings))


class _PlaceholderEnv(dict[str, str]):
    """An environment in which every variable has a stand-in, for a look without secrets.

    It is a URL, which is a text too: a server may be a variable.
    """

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name) or default or f"https://{name.lower().replace('_', '-')}.invalid"


def offline_source(
    file: Path, environ: Mapping[str, str], platform: Platform, name: str = ""
) -> Source:
    """A source for looking at bodies on disk: its rules, wishes and options, no secrets needed.

    `name` picks one of the file's sources; without it the platform's first one, or a plain one.

    Raises:
        ConfigError: the file has no such source, or its options or rules are not usable.
    """
    unset = _PlaceholderEnv(environ)
    read = relay_toml.load(file, unset)
    wanted = [e for e in read.sources.values() if e.platform == platform.name]
    entry = next((e for e in wanted if name in ("", e.name)), None)
    if entry is None:
        if name or platform.needs_options or not read.destinations:
            raise ConfigError(file, [f"sources: expected one of platform {platform.name}"])
        entry = SourceEntry(
            name=platform.name,
            platform=platform.name,
            destination=next(iter(read.destinations)),
            secrets=(),
        )
    if entry.destination not in read.destinations:
        raise ConfigError(file, read.faults)
    key = f"sources.{entry.name}"
    options, faults = _options(key, platform, entry)
    rules, rule_faults, _ = compile_rules(
        [("events", read.events), (f"{key}.events", entry.events)], read.language
    )
    if options is None or faults or rule_faults:
        raise ConfigError(file, faults + rule_faults)
    return _source(replace(entry, secrets=()), platform, PathToken(), options, rules, read)


def _source(
    entry: SourceEntry,
    platform: Platform,
    scheme: Scheme,
    options: Mapping[str, Any],
    rules: Mapping[str, Rule],
    read: RelayFile,
) -> Source:
    return Source(
        name=entry.name,
        platform=platform,
        scheme=scheme,
        secrets=entry.secrets,
        destination=read.destinations[entry.destination],
        rules=rules,
        topics=entry.topics,
        machine_events=entry.machine_events,
        public_url=entry.public_url.rstrip("/"),
        on_invalid=entry.on_invalid,
        options=options,
        signing_key=entry.signing_key,
        customer_id=entry.customer_id,
        language=read.language,
    )


def _options(
    key: str, platform: Platform, entry: SourceEntry
) -> tuple[Mapping[str, Any] | None, list[str]]:
    if platform.options is None:
        extra = sorted(entry.options)
        return {}, [f"{key}.options: {platform.name} takes none, found {extra}"] if extra else []
    try:
        options = platform.options().load(dict(entry.options))
    except ValidationError as error:
        return None, messages(f"{key}.options", error.messages_dict)
    fault = platform.options_fault(options)
    return options, [f"{key}.options.{fault}"] if fault else []


def _scheme(
    key: str, platform: Platform, options: Mapping[str, Any], entry: SourceEntry
) -> tuple[Scheme, tuple[str, ...], list[str]]:
    """The scheme, the secrets it can use, and faults."""
    scheme = platform.scheme_for(options)
    secrets = _usable(entry.secrets, scheme)
    faults = []
    if fault := first_fault(scheme, secrets):
        faults.append(f"{key}.secrets: {fault}")
    if entry.tolerance_s is not None:
        if isinstance(scheme, StandardWebhooks | Ecdsa):
            scheme = replace(scheme, tolerance_s=entry.tolerance_s)
        else:
            faults.append(f"{key}.tolerance: {platform.name} signs no time")
    if entry.on_invalid == "reject" and platform.name != "generic":
        faults.append(f"{key}.on_invalid: only generic may reject; others drop a hook that refuses")
    return scheme, secrets, faults


def _usable(secrets: tuple[str, ...], scheme: Scheme) -> tuple[str, ...]:
    """Without the whole of several secrets, where it cannot be one itself (two public keys)."""
    parts = tuple(s for s in secrets if "," not in s or not scheme.fault(s))
    return parts or secrets


def _rules_for(
    key: str, read: RelayFile, entry: SourceEntry, rules: Mapping[str, Rule]
) -> tuple[Mapping[str, Rule], list[str], list[str]]:
    """The general rules, with the source's own on top; only its own are faulted here."""
    if not entry.events:
        return rules, [], []
    own_key = f"{key}.events"
    compiled, faults, warnings = compile_rules(
        [("events", read.events), (own_key, entry.events)], read.language
    )
    return (
        compiled,
        [fault for fault in faults if fault.startswith(own_key)],
        [warning for warning in warnings if warning.startswith(own_key)],
    )


def _topic_faults(
    key: str, entry: SourceEntry, platform: Platform, options: Mapping[str, Any]
) -> list[str]:
    """A wanted topic is one of our types, one of theirs, or has a `*`; anything else is a typo."""
    if not platform.topics:
        return []
    known = {*EVENT_TYPES, *platform.topics, *options.get("types", {})}
    return [
        f"{key}.topics: {topic!r} is neither an event type nor a topic of {platform.name}"
        for topic in entry.topics
        if "*" not in topic and topic not in known
    ]
