"""Events without an id: for how long the same body is one event, and that `check` says so."""

import json
import time

import pytest
import senders

from relay.pipeline import parse
from relay.sources import load
from tests.conftest import relay_toml

TOKEN = "a-token-that-is-long-enough"
READS = 'auth = { kind = "bearer" }\ntype = "type"\ncontact.email = "email"'
LEAD = {"type": "form.submitted", "email": "ana@example.com", "id": "1"}


def source_of(window="", options=READS):
    return senders.source_of("generic", window, options, (TOKEN,))


def remembered_s(window="", options=READS, **headers):
    delivery = senders.delivery(headers, json.dumps(LEAD).encode())
    (event,) = parse(delivery, source_of(window, options))
    return event.remember_s


@pytest.mark.parametrize(
    ("window", "seconds"),
    [
        ("", 600),
        ('repeat_window = "90s"', 90),
        ('repeat_window = "2h"', 7200),
        ('repeat_window = "0s"', 0),  # as long as an event with an id
    ],
)
def test_body_without_an_id_is_remembered_for_the_window(window, seconds):
    assert remembered_s(window) == seconds


def test_event_with_an_id_is_remembered_as_long_as_any():
    assert remembered_s(options=f'{READS}\nid = "id"') == 0
    by_header = f'{READS}\nid_header = "x-id"'
    assert remembered_s(options=by_header, **{"x-id": "1"}) == 0
    assert remembered_s(options=by_header) == 600
    assert remembered_s(options=f'{READS}\nid = "absent"') == 600


@pytest.mark.slow
def test_same_body_is_a_duplicate_within_the_window_and_an_event_after_it(web, redis):
    client = web(source_of('repeat_window = "1s"'))

    def status():
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return client.post("/webhooks/generic", json=LEAD, headers=headers).json["status"]

    assert [status(), status()] == ["accepted", "duplicate"]
    time.sleep(1.1)
    assert [status(), status()] == ["accepted", "duplicate"]


def sources_toml(*lines):
    own = ["[sources.leads]", 'platform = "generic"', f'secrets = ["{TOKEN}"]', *lines]
    return relay_toml("https://app.mercately.com", sources="\n".join(own))


BEARER = 'options.auth = { kind = "bearer" }\noptions.type = "type"\noptions.contact.email = "e"'


@pytest.mark.parametrize(
    ("language", "lines", "warnings"),
    [
        ("en", [BEARER], ["without it the same body within 600 s is taken for one event"]),
        (
            "en",
            [BEARER, 'repeat_window = "30d"'],
            ["without it the same body within 2592000 s is taken for one event"],
        ),
        (
            "en",
            [BEARER, 'repeat_window = "0s"'],
            ["without it the same body is taken for one event"],
        ),
        ("es", [BEARER], ["sin él, el mismo cuerpo dentro de 600 s cuenta como un solo evento"]),
        (
            "es",
            [BEARER, 'repeat_window = "0s"'],
            ["sin él, el mismo cuerpo cuenta como un solo evento"],
        ),
        ("en", [BEARER, 'options.id = "id"'], []),
        ("en", [BEARER, 'options.id_header = "x-id"'], []),
    ],
)
def test_source_without_ids_is_warned_of(tmp_path, language, lines, warnings, monkeypatch):
    """`check` prints the warnings of a configuration."""
    monkeypatch.setenv("RELAY_LANGUAGE", language)
    file = tmp_path / "relay.toml"
    file.write_text(sources_toml(*lines))
    key = "sources.leads.options.id: "
    assert list(load(file, {}).warnings) == [f"{key}{text} (repeat_window)" for text in warnings]
