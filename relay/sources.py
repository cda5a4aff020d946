"""relay.toml bound to the platforms: the sources that exist, and everything wrong with the file.

A source without a usable secret does not exist.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from marshmallow import ValidationError

from config import relay_toml
from config.fault_texts import in_console_language
from config.relay_toml import ConfigError, Destination, RelayFile, SourceEntry, messages
from relay.inbound.contract import Platform, Source
from relay.inbound.signature import PathToken, Scheme
from relay.inbound.when import When, WhenSchema
from relay.mapping.default_rules import compile_all, inherited_types
from relay.mapping.event_types import EVENT_TYPES, Language
from relay.mapping.rules import Rule
from relay.platforms import discovered
from relay.source_secrets import scheme_of, secret_warnings, tolerance_faults

# Words of sources' names that people write in capitals.
_ACRONYMS: Final = frozenset(
    ("api", "b2b", "crm", "erp", "pos", "sms", "ec", "co", "mx", "pe", "cl")
)


@dataclass(frozen=True, slots=True)
class Relay:
    """The whole configuration, usable. `warnings` are for a person to read at start.

    `inherited` maps each event type that `[events]` does not name to the one whose rule it has, or
    to "" for its default rule.
    """

    language: Language
    destinations: Mapping[str, Destination]
    sources: Mapping[str, Source]
    warnings: tuple[str, ...]
    inherited: Mapping[str, str] = field(default_factory=dict)


class _PlaceholderEnv(dict[str, str]):
    """An environment in which every variable has a placeholder, for a look without secrets.

    It is a URL, which is a text too: a server may be a variable.
    """

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name) or default or f"https://{name.lower().replace('_', '-')}.invalid"


def load(file: Path, environ: Mapping[str, str], dedup_s: int | None = None) -> Relay:
    """The configuration in `file`, checked whole.

    `dedup_s` is how long a delivery is remembered: a signed time may not be accepted for longer.

    Raises:
        ConfigError: with every fault, each naming key and file.
    """
    platforms = discovered()
    content = relay_toml.load(file, environ, _env_platforms(platforms, environ))
    faults = list(content.faults)
    rules, rule_faults, warnings = compile_all(content.events, content.language)
    faults += rule_faults
    warnings += _schedule_warnings(content.destinations, dedup_s)
    sources = {}
    for name, entry in content.sources.items():
        key = f"sources.{name}"
        platform = platforms.get(entry.platform)
        if platform is None:
            faults.append(f"{key}.platform: expected one of {list(platforms)}")
            continue
        options, option_faults = _options(key, platform, entry)
        own_rules, rule_faults, rule_warnings = _rules_for(key, content, entry, rules)
        when, when_faults = _when(key, platform, entry)
        faults += option_faults + rule_faults + when_faults
        warnings += rule_warnings
        faults += _topic_faults(key, entry, platform, options or {})
        faults += _credential_faults(key, platform, entry)
        if entry.echo and platform.echo is None:
            faults.append(f"{key}.echo: {platform.name} does not mark what its API wrote")
        if options is None or entry.destination not in content.destinations:
            continue
        scheme, secrets, scheme_faults = scheme_of(key, platform, options, entry)
        faults += scheme_faults + tolerance_faults(key, scheme, dedup_s)
        warnings += secret_warnings(key, scheme, entry, secrets)
        warnings += _id_warnings(key, platform, options, entry)
        if platform.api and platform.is_thin and not entry.credentials:
            needed = ", ".join(platform.api.credentials)
            warnings.append(
                f"{key}.credentials: without {needed} what {platform.title} only names"
                " is kept as awaiting_lookup and not delivered"
            )
        usable = replace(entry, secrets=secrets)
        sources[name] = _source(usable, platform, scheme, options, own_rules, content, when=when)
    warnings += content.warnings
    if faults:
        raise ConfigError(file, faults)
    shown_warnings = tuple(in_console_language(warning) for warning in warnings)
    return Relay(
        content.language,
        content.destinations,
        sources,
        shown_warnings,
        inherited_types(content.events),
    )


def offline_source(
    file: Path, environ: Mapping[str, str], platform: Platform, name: str = ""
) -> Source:
    """A source for translating bodies on disk: its rules, topics and options, without secrets.

    `name` picks one of the file's sources; without it the platform's first one, or a plain one.

    Raises:
        ConfigError: the file has no such source, or its options or rules are not usable.
    """
    content = relay_toml.load(file, _PlaceholderEnv(environ))
    entries = [e for e in content.sources.values() if e.platform == platform.name]
    entry = next((e for e in entries if name in ("", e.name)), None)
    if entry is None:
        if name or platform.needs_options or not content.destinations:
            raise ConfigError(file, [f"sources: expected one of platform {platform.name}"])
        entry = SourceEntry(
            name=platform.name,
            platform=platform.name,
            destination=next(iter(content.destinations)),
            secrets=(),
        )
    if entry.destination not in content.destinations:
        raise ConfigError(file, content.faults)
    key = f"sources.{entry.name}"
    options, faults = _options(key, platform, entry)
    rules, rule_faults, _ = compile_all(
        content.events, content.language, (f"{key}.events", entry.events)
    )
    when, when_faults = _when(key, platform, entry)
    if options is None or faults or rule_faults or when_faults:
        raise ConfigError(file, faults + rule_faults + when_faults)
    dry = replace(entry, secrets=())
    return _source(dry, platform, PathToken(), options, rules, content, when=when)


def signing_source(file: Path, environ: Mapping[str, str], name: str) -> Source | None:
    """A source for signing requests as its platform does, None when the file has none so named.

    Only this source has to be usable: no destination needs its key, and what is wrong with other
    sources or with rules is left to `load`.

    Raises:
        ConfigError: with the faults of this source.
    """
    platforms = discovered()
    content = relay_toml.load(file, environ, _env_platforms(platforms, environ))
    key = f"sources.{name}"
    entry = content.sources.get(name)
    if entry is None:
        own_faults = [fault for fault in content.faults if fault.startswith((f"{key}.", f"{key}:"))]
        if own_faults:
            raise ConfigError(file, own_faults)
        return None
    platform = platforms.get(entry.platform)
    if platform is None:
        raise ConfigError(file, [f"{key}.platform: expected one of {list(platforms)}"])
    options, faults = _options(key, platform, entry)
    if options is None:
        raise ConfigError(file, faults)
    scheme, secrets, scheme_faults = scheme_of(key, platform, options, entry)
    if faults or scheme_faults:
        raise ConfigError(file, faults + scheme_faults)
    keyless = relay_toml.load(file, _PlaceholderEnv(environ))
    if entry.destination not in keyless.destinations:
        raise ConfigError(file, keyless.faults)
    return _source(replace(entry, secrets=secrets), platform, scheme, options, {}, keyless)


def _env_platforms(platforms: Mapping[str, Platform], environ: Mapping[str, str]) -> list[str]:
    """Platforms whose `<PLATFORM>_SECRET` is set, and makes a source without being written down."""
    named = [name for name in platforms if environ.get(f"{name.upper()}_SECRET")]
    return [name for name in named if not platforms[name].needs_options]


def _source(
    entry: SourceEntry,
    platform: Platform,
    scheme: Scheme,
    options: Mapping[str, Any],
    rules: Mapping[str, Rule],
    content: RelayFile,
    *,
    when: When | None = None,
) -> Source:
    destination = content.destinations[entry.destination]
    return Source(
        name=entry.name,
        title=entry.title or (_readable(entry.name) if platform.any_sender else platform.title),
        platform=platform,
        scheme=scheme,
        secrets=entry.secrets,
        destination=destination,
        rules=rules,
        timezone=entry.timezone or destination.timezone,
        topics=entry.topics,
        types=entry.types,
        abandoned_after_s=entry.abandoned_after_s,
        repeat_window_s=entry.repeat_window_s,
        machine_events=entry.machine_events,
        public_url=entry.public_url.rstrip("/"),
        on_invalid=entry.on_invalid,
        # A sender that asked for a 422 gets it for an event without a customer too.
        on_nobody=entry.on_nobody or ("hold" if entry.on_invalid == "reject" else "ignore"),
        on_redaction=entry.on_redaction,
        options=options,
        credentials=entry.credentials,
        signing_key=entry.signing_key,
        echo=entry.echo,
        when=when,
        customer_id=entry.customer_id,
        language=content.language,
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


def _when(key: str, platform: Platform, entry: SourceEntry) -> tuple[When | None, list[str]]:
    """The conditions of a source, None without any, and what is wrong with them."""
    if entry.when is None:
        return None, []
    try:
        when: When = WhenSchema().load(entry.when)
    except ValidationError as error:
        return None, messages(f"{key}.when", error.messages_dict)
    # Senders of their own fields may have any.
    unknown = [] if platform.any_sender else when.unknown_names()
    return when, [f"{key}.when: no event has {name!r}" for name in unknown]


def _schedule_warnings(
    destinations: Mapping[str, Destination], dedup_s: int | None
) -> Iterator[str]:
    """That an event may still be tried when its platform's repetition counts as a new one."""
    for name, destination in destinations.items():
        total_s = sum(destination.retry_delays_s)
        if dedup_s is not None and total_s > dedup_s:
            yield (
                f"destinations.{name}.retry_schedule: {total_s:.0f} s of waiting are more than "
                f"RELAY_DEDUP_DAYS, {dedup_s} s; what is sent again after that is delivered again, "
                "although the first may still be tried"
            )


def _credential_faults(key: str, platform: Platform, entry: SourceEntry) -> list[str]:
    if not entry.credentials:
        return []
    if platform.api is None:
        return [f"{key}.credentials: {platform.name} has nothing to look up"]
    return [f"{key}.credentials{fault}" for fault in platform.api.faults(entry.credentials)]


def _id_warnings(
    key: str, platform: Platform, options: Mapping[str, Any], entry: SourceEntry
) -> list[str]:
    """That events without an id are told apart by their bodies alone."""
    has_id = "id" in options or options.get("id_header")
    if not platform.any_sender or has_id:
        return []
    window = f" within {entry.repeat_window_s:.0f} s" if entry.repeat_window_s else ""
    warning = f"without it the same body{window} is taken for one event (repeat_window)"
    return [f"{key}.options.id: {warning}"]


def _rules_for(
    key: str, content: RelayFile, entry: SourceEntry, rules: Mapping[str, Rule]
) -> tuple[Mapping[str, Rule], list[str], list[str]]:
    """The general rules overridden by the source's, with the faults and warnings of the latter."""
    if not entry.events:
        return rules, [], []
    own_key = f"{key}.events"
    compiled, faults, warnings = compile_all(
        content.events, content.language, (own_key, entry.events)
    )
    return (
        compiled,
        [fault for fault in faults if fault.startswith(own_key)],
        [warning for warning in warnings if warning.startswith(own_key)],
    )


def _readable(name: str) -> str:
    """A source's name as a title: `tienda-norte` is "Tienda Norte", `crm` is "CRM"."""
    words = re.split(r"[-_]+", name.strip("-_"))
    return " ".join(word.upper() if word in _ACRONYMS else word.capitalize() for word in words)


def _topic_faults(
    key: str, entry: SourceEntry, platform: Platform, options: Mapping[str, Any]
) -> list[str]:
    """Topics that are neither our types nor the platform's own, and have no `*`: typing errors.

    So are targets in `types` that are no event type.
    """
    faults = [
        f'{key}.types."{topic}": unknown event type {name!r}'
        for topic, name in entry.types.items()
        if name not in EVENT_TYPES
    ]
    if not platform.topics:
        return faults
    names = {*EVENT_TYPES, *platform.topics, *options.get("types", {}), *entry.types}
    return faults + [
        f"{key}.topics: {topic!r} is neither an event type nor a topic of {platform.name}"
        for topic in entry.topics
        if "*" not in topic and topic not in names
    ]
