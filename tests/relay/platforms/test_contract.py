"""The platform contract, tested for every platform and every one of its samples.

A platform is one file in `relay/platforms/` and its samples; nothing here names one. A body need
not be JSON: fields are made odd in what the platform decodes of it. Proofs are made by the schemes
themselves here; that these sign as the vendors do is tested with the vendors' own vectors, and for
some platforms by another hand in `tests/relay/inbound/test_platform_contract.py`.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import pytest
import senders
from cases import Test, all_of, check_each, stands_for
from contract_checks import (
    ODD_BODIES,
    STRANGE,
    anonymous,
    assert_parses_again,
    flipped,
    keys,
    lost_values,
    stored,
    translated,
    with_strange_values,
)
from platform_samples import request_of, sender_of, source_of

from config.settings import load as load_settings
from relay.errors import Refused
from relay.inbound import samples
from relay.inbound.contract import Source
from relay.inbound.declaration_check import check_declaration
from relay.inbound.payload_schema import validate
from relay.inbound.results import Handshake
from relay.inbound.samples import file_name
from relay.model import Held, Ignored, Translated, WebhookRequest
from relay.pipeline import process, translate
from relay.platforms import discovered
from relay.source_secrets import tolerance_faults

PLATFORMS = sorted(discovered())
NAMES = {platform: samples.names(platform) for platform in PLATFORMS}
# Imperatives of `tú` and its possessives, which no step has.
TU = re.compile(
    r"(?:^|[.:,;] )(?:[Aa]bre|[Cc]opia|[Pp]ega|[Ee]lige|[Ee]scribe|[Gg]uarda|[Ii]nventa|[Mm]arca"
    r"|[Qq]uita|[Ss]uscribe|[Pp]on|[Cc]rea|[Aa]grega) |\b(?:tu|tus)\b"
)
each_platform = pytest.mark.parametrize("platform", PLATFORMS)
BODY_IS_PROVED = [name for name in PLATFORMS if source_of(name).scheme.vouches_for == "body"]


def each_sample(check: Test) -> Test:
    """A test of a platform and one of its samples is one test for each platform."""

    def test(platform: str) -> None:
        cases = ({"name": name} for name in NAMES[platform])
        check_each(cases, lambda name: check(platform=platform, name=name))

    return each_platform(stands_for(check, test, without=["name"]))


def decoded(request: WebhookRequest, source: Source) -> Any:
    return source.platform.body(request, source)


def with_body(source: Source, value: Any) -> Source:
    """The source of a platform that decodes any body as this value."""
    return replace(source, platform=replace(source.platform, body=lambda *_: value))


def strange_sources(
    request: WebhookRequest, source: Source, strange: list[Any]
) -> Iterator[Source]:
    """The source with each body that differs from the request's in one field."""
    for value in with_strange_values(decoded(request, source), strange, depth=4):
        yield with_body(source, value)


def items_of(request: WebhookRequest, source: Source) -> list[Translated]:
    """What is stored or counted of a request; nothing of what is answered at once."""
    is_answer = isinstance(translate(request, source), Handshake)
    return [] if is_answer else translated(request, source)


def repeats(request: WebhookRequest, source: Source) -> bool:
    """Whether each delivery is an event of its own, by the topic's declaration."""
    if source.platform.topic is None:  # a format, of which each source has its own
        return False
    value = decoded(request, source)
    topic = source.platform.topics.get(source.platform.topic.find(request, value))
    if topic is None or not topic.repeats:
        return False
    values = validate(topic.shape.schema, value).data
    return not any(values.get(name) for name in topic.at)


@each_platform
def test_signed_time_fits_the_memory_of_deliveries(platform, monkeypatch):
    """Else a source of it cannot be configured without a `tolerance` or other settings."""
    monkeypatch.delenv("RELAY_DEDUP_DAYS", raising=False)
    scheme = source_of(platform).scheme

    assert tolerance_faults(platform, scheme, load_settings().dedup_s) == []


@each_platform
def test_platform_is_described(platform):
    declared = discovered()[platform]
    assert NAMES[platform], "no sample"
    assert declared.docs.startswith("https://")
    assert declared.setup.keys() == {"es", "en"}
    assert len(declared.setup["es"]) == len(declared.setup["en"]) > 0


@each_platform
def test_steps_say_where_address_and_secret_go(platform):
    """To a merchant, as `usted`."""
    declared = discovered()[platform]
    spanish, english = " ".join(declared.setup["es"]), " ".join(declared.setup["en"])
    for steps in (spanish, english):
        assert f"{platform.upper()}_SECRET" in steps
    assert re.search(r"direcci[oó]n|URL", spanish)
    assert re.search(r"address|URL", english)
    assert not TU.search(spanish), TU.search(spanish)


@each_platform
def test_declaration_is_sound(platform):
    check_declaration(discovered()[platform])


@each_sample
def test_sample_has_no_value_that_its_event_lacks(platform, name):
    assert lost_values(request_of(platform, name), source_of(platform)) == []


@each_platform
def test_every_topic_has_a_sample(platform):
    topics = {file_name(topic) for topic in discovered()[platform].event_types}
    assert topics <= set(NAMES[platform])


@each_sample
def test_sample_says_where_it_is_from(platform, name):
    file = samples.FOLDER / platform / f"{name}.http"
    head = file.read_bytes().partition(b"\n\n")[0].decode()
    comments = [line for line in head.splitlines() if line.startswith("# ")]
    assert any("invented" in line for line in comments)
    assert max(map(len, head.splitlines())) < 400  # an RSA signature


@each_platform
def test_secret_is_usable(platform):
    source = source_of(platform)
    assert [source.scheme.examine(secret).fault for secret in source.secrets] == [""]


@each_sample
def test_sample_verifies(platform, name):
    assert process(request_of(platform, name), source_of(platform), senders.NOW)


@each_platform
def test_an_older_secret_in_second_place_verifies(platform):
    source, sender = source_of(platform), sender_of(platform)
    assert source.scheme.examine(sender.spare).fault == ""
    rotated = replace(source, secrets=(sender.spare, *source.secrets))
    assert process(request_of(platform, NAMES[platform][0]), rotated, senders.NOW)


@each_platform
def test_nothing_is_taken_without_a_secret(platform):
    source = replace(source_of(platform), secrets=())
    with pytest.raises(Refused):
        source.scheme.verify(request_of(platform, NAMES[platform][0]), source.secrets, senders.NOW)


@pytest.mark.parametrize("platform", BODY_IS_PROVED)
@all_of("position", [0, 0.25, 0.5, 0.75])
def test_one_flipped_byte_is_refused(platform, position):
    source = source_of(platform)
    with pytest.raises(Refused):
        process(flipped(request_of(platform, NAMES[platform][0]), position), source, senders.NOW)


@each_sample
def test_sample_is_parsed_again_from_its_stored_headers_and_body(platform, name):
    assert_parses_again(request_of(platform, name), source_of(platform))


@pytest.mark.slow
@each_sample
def test_redelivery_has_the_same_keys(platform, name):
    """Hours later, received and signed anew where a time is signed."""
    source, request = source_of(platform), request_of(platform, name)
    later = senders.NOW + timedelta(hours=3)
    key = source.signing_key or source.secrets[0]
    again = source.scheme.sign(replace(request, received_at=later), key, later)

    assert process(again, source, later)
    if repeats(request, source):
        assert set(keys(again, source)).isdisjoint(keys(request, source))
    else:
        assert keys(again, source) == keys(request, source)


@each_platform
def test_different_events_never_share_a_key(platform):
    """A sample of a batch may have an event of another sample in it, to the letter."""
    source = source_of(platform)
    result = [
        item for name in NAMES[platform] for item in stored(request_of(platform, name), source)
    ]
    bodies = {item.key: item.raw for item in result}
    assert [bodies[item.key] for item in result] == [item.raw for item in result]


@each_sample
def test_unknown_field_changes_nothing(platform, name):
    source, request = source_of(platform), request_of(platform, name)
    value, unknown = decoded(request, source), {"field_we_never_saw": {"with": ["parts"]}}
    more = [part | unknown for part in value] if isinstance(value, list) else value | unknown
    items = items_of(request, with_body(source, more))

    assert [*map(anonymous, items)] == [*map(anonymous, items_of(request, source))]


@pytest.mark.slow
@each_platform
@all_of("odd", ODD_BODIES)
def test_odd_body_is_held_or_ignored(platform, odd):
    source = source_of(platform)
    for name in NAMES[platform]:
        items = items_of(replace(request_of(platform, name), body=ODD_BODIES[odd]), source)
        assert all(isinstance(item, Held | Ignored) for item in items)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("platform", "name"),
    [
        pytest.param(platform, name, id=f"{platform}/{name}")
        for platform, names in NAMES.items()
        for name in names
    ],
)
def test_strange_value_in_any_field_is_no_crash(platform, name):
    """What comes of it is an answer, or items that no exception has made."""
    request = request_of(platform, name)
    for source in strange_sources(request, source_of(platform), STRANGE):
        items_of(request, source)


@pytest.mark.slow
@each_platform
def test_what_comes_of_a_body_can_be_stored(platform):
    """What .NET writes for "no date", in each field of each sample."""
    for name in NAMES[platform]:
        request = request_of(platform, name)
        for source in strange_sources(request, source_of(platform), ["0001-01-01T00:00:00Z"]):
            for item in items_of(request, source):
                json.dumps(asdict(item), default=str, ensure_ascii=False).encode()
