"""The platform contract, tested for every trial and every one of its samples.

Asserts of trials what `tests/relay/inbound/test_platform_contract.py` asserts of shipped platforms,
with the senders of `tests/trial_senders.py`. A body need not be JSON: fields are made odd in what
the platform decodes of it.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

import pytest
import senders
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
from trial_senders import SENDERS, request_of, source_of

from relay.errors import Refused
from relay.inbound.contract import Source
from relay.inbound.declaration_check import check_declaration
from relay.inbound.payload_schema import validate
from relay.inbound.results import Handshake
from relay.inbound.samples import file_name
from relay.model import Held, Ignored, Translated, WebhookRequest
from relay.pipeline import process, translate
from tests.trials import SAMPLES, trials

TRIALS = sorted(trials())
NAMES = {trial: sorted(file.stem for file in (SAMPLES / trial).glob("*.http")) for trial in TRIALS}
each_trial = pytest.mark.parametrize("trial", TRIALS)
each_sample = pytest.mark.parametrize(
    ("trial", "name"),
    [
        pytest.param(trial, name, id=f"{trial}/{name}")
        for trial, names in NAMES.items()
        for name in names
    ],
)


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
    value = decoded(request, source)
    assert source.platform.topic is not None
    topic = source.platform.topics.get(source.platform.topic.find(request, value))
    if topic is None or not topic.repeats:
        return False
    values = validate(topic.shape.schema, value).data
    return not any(values.get(name) for name in topic.at)


@each_trial
def test_trial_is_known_and_described(trial):
    platform = trials()[trial]
    assert trial in SENDERS, f"tests/trial_senders.py: how does {trial} send?"
    assert platform.name == trial
    assert platform.docs.startswith("https://")
    assert platform.setup.keys() == {"es", "en"}
    assert len(platform.setup["es"]) == len(platform.setup["en"]) > 0


@each_trial
def test_declaration_is_sound(trial):
    check_declaration(trials()[trial])


@each_sample
def test_sample_has_no_value_that_its_event_lacks(trial, name):
    assert lost_values(request_of(trial, name), source_of(trial)) == []


@each_trial
def test_every_topic_has_a_sample(trial):
    topics = {file_name(topic) for topic in trials()[trial].event_types}
    assert topics <= set(NAMES[trial])


@each_sample
def test_sample_says_where_it_is_from(trial, name):
    head = (SAMPLES / trial / f"{name}.http").read_bytes().partition(b"\n\n")[0].decode()
    comments = [line for line in head.splitlines() if line.startswith("# ")]
    assert any("invented" in line for line in comments)
    assert max(map(len, head.splitlines())) < 200


@each_trial
def test_secret_is_usable(trial):
    source = source_of(trial)
    assert [source.scheme.examine(secret).fault for secret in source.secrets] == [""]


@each_sample
def test_sample_verifies(trial, name):
    assert process(request_of(trial, name), source_of(trial), senders.NOW)


@each_trial
def test_nothing_is_taken_without_a_secret(trial):
    source = replace(source_of(trial), secrets=())
    with pytest.raises(Refused):
        source.scheme.verify(request_of(trial, NAMES[trial][0]), source.secrets, senders.NOW)


@each_trial
@pytest.mark.parametrize("position", [0, 0.25, 0.5, 0.75], ids=["first", "2nd", "3rd", "last"])
def test_one_flipped_byte_is_refused(trial, position):
    source = source_of(trial)
    if source.scheme.vouches_for != "body":
        pytest.skip("its proof does not cover the body")
    with pytest.raises(Refused):
        process(flipped(request_of(trial, NAMES[trial][0]), position), source, senders.NOW)


@each_sample
def test_sample_is_parsed_again_from_its_stored_headers_and_body(trial, name):
    assert_parses_again(request_of(trial, name), source_of(trial))


@each_sample
def test_redelivery_has_the_same_keys(trial, name):
    """Hours later, received and signed anew where a time is signed."""
    source, request = source_of(trial), request_of(trial, name)
    later = senders.NOW + timedelta(hours=3)
    key = source.signing_key or source.secrets[0]
    again = source.scheme.sign(replace(request, received_at=later), key, later)

    assert process(again, source, later)
    if repeats(request, source):
        assert set(keys(again, source)).isdisjoint(keys(request, source))
    else:
        assert keys(again, source) == keys(request, source)


@each_trial
def test_different_events_never_share_a_key(trial):
    """A sample of a batch may have an event of another sample in it, to the letter."""
    source = source_of(trial)
    result = [item for name in NAMES[trial] for item in stored(request_of(trial, name), source)]
    bodies = {item.key: item.raw for item in result}
    assert [bodies[item.key] for item in result] == [item.raw for item in result]


@each_sample
def test_unknown_field_changes_nothing(trial, name):
    source, request = source_of(trial), request_of(trial, name)
    value, unknown = decoded(request, source), {"field_we_never_saw": {"with": ["parts"]}}
    more = [part | unknown for part in value] if isinstance(value, list) else value | unknown
    items = items_of(request, with_body(source, more))

    assert [*map(anonymous, items)] == [*map(anonymous, items_of(request, source))]


@each_trial
@pytest.mark.parametrize("odd", ODD_BODIES)
def test_odd_body_is_held_or_ignored(trial, odd):
    source = source_of(trial)
    for name in NAMES[trial]:
        items = translated(replace(request_of(trial, name), body=ODD_BODIES[odd]), source)
        assert all(isinstance(item, Held | Ignored) for item in items)


@pytest.mark.slow
@each_sample
def test_strange_value_in_any_field_is_no_crash(trial, name):
    """What comes of it is an answer, or items that no exception has made."""
    request = request_of(trial, name)
    for source in strange_sources(request, source_of(trial), STRANGE):
        items_of(request, source)


@pytest.mark.slow
@each_trial
def test_what_comes_of_a_body_can_be_stored(trial):
    """What .NET writes for "no date", in each field of each sample."""
    for name in NAMES[trial]:
        request = request_of(trial, name)
        for source in strange_sources(request, source_of(trial), ["0001-01-01T00:00:00Z"]):
            for item in items_of(request, source):
                json.dumps(asdict(item), default=str, ensure_ascii=False).encode()
