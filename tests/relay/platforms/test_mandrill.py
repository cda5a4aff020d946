"""Mandrill: batches in a form field, signed with the address, checked before there is a key."""

import base64
import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote_plus

import pytest
import senders
from contract_checks import translated
from event_checks import event_of, notes, parsed
from platform_samples import request_of, source_of, source_with

from relay.errors import MISMATCH, MISSING, Refused
from relay.inbound.contract import stored_request
from relay.inbound.results import Handshake, Skipped, Unparsable
from relay.mapping.rules import compile_rules
from relay.model import Call, Event, Held, Ignored, WebhookRequest
from relay.pipeline import authenticate, process

SOURCE = source_of("mandrill")
PLATFORM = SOURCE.platform
# What the samples are signed with: openssl dgst -sha1 -hmac KEY -binary.
(KEY,) = SOURCE.secrets
URL = "https://relay.example/webhooks/mandrill"
PUBLISHED = Path(__file__).parents[2] / "fixtures" / "mandrill_click_signed.form"
MAIL = "«Tu pedido 1001 va en camino»"
EMAIL = '"Tu pedido 1001 va en camino"'


def sample(name: str, **parts: Any) -> WebhookRequest:
    return request_of("mandrill", name, **parts)


def events_in(name: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = json.loads(
        parse_qs(sample(name).body.decode())["mandrill_events"][0]
    )
    return events


def batch(*events: object, key: str = KEY, url: str = URL) -> WebhookRequest:
    """Signed here, as the platform's documentation says."""
    return batch_of_text(json.dumps(events), key, url)


def batch_of_text(value: str, key: str = KEY, url: str = URL) -> WebhookRequest:
    message = f"{url}mandrill_events{value}".encode()
    signature = base64.b64encode(hmac.digest(key.encode(), message, hashlib.sha1)).decode()
    headers = {
        "content-type": "application/x-www-form-urlencoded",
        "x-mandrill-signature": signature,
    }
    return senders.delivery(headers, f"mandrill_events={quote_plus(value)}".encode(), url=url)


def click(**changes: Any) -> dict[str, Any]:
    return {**events_in("click")[0], **changes}


def test_published_sample_is_two_clicks_with_metadata():
    request = senders.delivery(
        {
            "content-type": "application/x-www-form-urlencoded",
            "x-mandrill-signature": "7rUa4lNJitlb178MgGOcHO6T4Bg=",
        },
        PUBLISHED.read_bytes(),
        url="http://requestb.in/q9a918q9",
    )
    source = source_with(PLATFORM, "ntynTMaFpM_octE5R1DKAw")
    # The example repeats itself.
    first, second = parsed(request, source)
    assert isinstance(first, Event)
    assert first == second
    assert (first.type, first.occurred_at) == (
        "email.clicked",
        datetime(2013, 9, 15, 8, 32, 20, tzinfo=UTC),
    )
    assert first.body["msg"]["metadata"] == {"user_id": 111}


@pytest.mark.parametrize("name", [*PLATFORM.event_types, "batch"])
def test_sample_signed_by_openssl_verifies_and_no_other(name):
    request = sample(name)
    assert process(request, SOURCE, senders.NOW)
    for changed in (
        replace(request, body=request.body.replace(b"ana", b"eva", 1)),
        replace(request, url=URL + "/"),
        replace(request, url=URL + "?x=1"),
    ):
        with pytest.raises(Refused, match=MISMATCH):
            process(changed, SOURCE, senders.NOW)
    with pytest.raises(Refused, match=MISSING):
        process(replace(request, headers={}), SOURCE, senders.NOW)


@pytest.mark.parametrize(
    ("name", "event_type", "note_es", "note_en"),
    [
        ("send", "email.sent", f"Se envió el correo {MAIL}", f"The e-mail {EMAIL} was sent"),
        ("deferral", "email.deferred",
         f"El correo {MAIL} aún no llega y se reintenta: 451 4.3.5 Temporarily unavailable, try again later",
         f"The e-mail {EMAIL} is not there yet and is tried again: 451 4.3.5 Temporarily unavailable, try again later"),
        ("delivered", "email.delivered", f"Se entregó el correo {MAIL}", f"The e-mail {EMAIL} was delivered"),
        ("hard_bounce", "email.bounced",
         f"El correo {MAIL} no llegó, la dirección no existe: 550 5.1.1 The email account that you tried…",
         f"The e-mail {EMAIL} bounced, no such address: 550 5.1.1 The email account that you tried…"),
        ("soft_bounce", "email.bounced",
         f"El correo {MAIL} no llegó, el buzón está lleno: 552 5.2.2 Over quota",
         f"The e-mail {EMAIL} bounced, the mailbox is full: 552 5.2.2 Over quota"),
        ("reject", "email.rejected",
         f"No se envió el correo {MAIL}: la dirección ya había rebotado",
         f"The e-mail {EMAIL} was not sent: the address had bounced before"),
        ("open", "email.opened", f"Abrió el correo {MAIL}", f"Opened the e-mail {EMAIL}"),
        ("click", "email.clicked",
         f"Hizo clic en un enlace del correo {MAIL}: https://tienda.example/pedido/1001?utm=correo",
         f"Clicked a link in the e-mail {EMAIL}: https://tienda.example/pedido/1001?utm=correo"),
        ("spam", "email.complained", f"Marcó como spam el correo {MAIL}", f"Marked the e-mail {EMAIL} as spam"),
        ("unsub", "email.unsubscribed", "Se dio de baja de los correos", "Unsubscribed from e-mails"),
    ],
)  # fmt: skip
def test_topic_is_an_event_with_a_note(name, event_type, note_es, note_en):
    request = sample(name)
    event = event_of(request, SOURCE)

    assert (event.type, event.topic, event.omitted_fields) == (event_type, name, {})
    assert event.contact.email == "ana@example.com"
    assert event.occurred_at == datetime.fromtimestamp(events_in(name)[0]["ts"], UTC)
    assert event.fields.message_id == "9a32184309ad4d5e9bfd20368d9d7981"
    assert (event.fields.subject, event.fields.categories) == (
        "Tu pedido 1001 va en camino",
        "envios",
    )
    assert event.fields.campaign == "envios"
    assert notes(request, SOURCE, "es") == [f"{note_es} (Mandrill)"]
    assert notes(request, SOURCE, "en") == [f"{note_en} (Mandrill)"]


def test_metadata_are_at_hand_in_templates():
    rule = {"custom_fields": {"pedido": "{{ body.msg.metadata.pedido }}"}}
    rules, faults, _ = compile_rules([("events", {"email.sent": rule})], "es")
    assert faults == []
    (call,) = translated(sample("send"), replace(SOURCE, rules=rules))
    assert isinstance(call, Call)
    assert call.body["custom_fields"] == [{"field_name": "pedido", "field_content": "1001"}]


def test_parts_of_a_batch_are_kept_by_themselves():
    items = parsed(sample("batch"), SOURCE)
    *events, denied = items

    assert [event.type for event in events if isinstance(event, Event)] == [
        "email.sent", "email.delivered", "email.sent", "email.clicked",
    ]  # fmt: skip
    assert denied == Skipped("no_message", "blacklist")
    assert len({event.key for event in events}) == 4
    for event, sent in zip(events, events_in("batch"), strict=False):
        assert json.loads(event.raw) == sent


@pytest.mark.parametrize(
    "bad", ["not an event", None, 7, {}, {"event": None}, {"event": ["send"], "msg": {}}]
)
def test_bad_event_does_not_lose_its_neighbours(bad):
    request = batch(click(), bad, *events_in("open"))
    before, held, after = translated(request, SOURCE)

    assert isinstance(before, Call)
    assert isinstance(after, Call)
    assert isinstance(held, Held)
    assert held.reasons == {"event": ["expected the name of an event"]}
    assert json.loads(held.raw) == bad
    stored = stored_request(SOURCE.headers_to_store(request), held.raw, senders.NOW)
    assert translated(stored, SOURCE) == [held]


def test_a_thousand_events_are_a_thousand_calls():
    message = events_in("send")[0]["msg"]
    items = translated(
        batch(
            *(events_in("send")[0] | {"msg": {**message, "_id": f"id-{i}"}} for i in range(1000))
        ),
        SOURCE,
    )

    assert len({item.key for item in items if isinstance(item, Call)}) == 1000


def test_same_event_has_the_same_key_and_another_has_not():
    first = event_of(batch(click()), SOURCE)
    # Sent again, with what has happened since.
    message = {**click()["msg"], "opens": [{"ts": 1}, {"ts": 2}]}
    later = replace(batch(click(msg=message)), received_at=senders.NOW + timedelta(hours=3))
    others = [
        click(ts=1793631711),
        click(url="https://tienda.example/otra"),
        click(event="open"),
        click(msg={**message, "_id": "another"}),
    ]
    keys = [event_of(batch(other), SOURCE).key for other in others]

    assert event_of(later, SOURCE).key == first.key
    assert len({first.key, *keys}) == 5


@pytest.mark.parametrize("missing", ["ts", "_id"])
def test_event_without_time_or_message_is_its_own_key(missing):
    def bare(link: str) -> dict[str, Any]:
        message = {name: part for name, part in click()["msg"].items() if name != missing}
        return {
            name: part for name, part in click(msg=message, url=link).items() if name != missing
        }

    keys = [event_of(batch(bare(link)), SOURCE).key for link in ("a", "a", "b")]
    assert keys[0] == keys[1] != keys[2]


def test_opens_of_robots_are_machines():
    robot = {**click()["user_agent_parsed"], "type": "Robot"}
    event = event_of(batch(click(user_agent_parsed=robot)), SOURCE)

    assert event.machine
    assert not event_of(sample("click"), SOURCE).machine
    assert translated(batch(click(user_agent_parsed=robot)), SOURCE) == [
        Ignored("click", "made_by_a_machine", "email.clicked")
    ]


@pytest.mark.parametrize("topic", ["blacklist", "whitelist", "inbound"])
def test_what_is_no_message_of_ours_is_skipped(topic):
    part = {"event": topic} if topic == "inbound" else {"type": topic, "action": "add", "ts": 1}
    (item,) = parsed(batch(part), SOURCE)
    assert isinstance(item, Skipped)


def test_denylist_can_be_asked_for():
    source = replace(SOURCE, types={"blacklist": "email.unsubscribed"})
    event = parsed(sample("batch"), source)[-1]

    assert isinstance(event, Event)
    assert (event.type, event.contact.email) == ("email.unsubscribed", "carla@example.com")


class TestAddressCheck:
    EMPTY = b"mandrill_events=%5B%5D"

    def test_head_is_answered(self, web):
        client = web(SOURCE)
        answer = client.head("/webhooks/mandrill")
        assert (answer.status_code, answer.data) == (200, b"")

    def test_empty_batch_with_the_test_key_is_answered(self, web):
        source = replace(SOURCE, public_url=URL)
        client = web(source)
        request = batch_of_text("[]", "test-webhook")
        assert request.body == self.EMPTY
        answer = client.post("/webhooks/mandrill", data=request.body, headers=dict(request.headers))
        assert (answer.status_code, answer.data) == (200, b"")

    def test_it_is_signed_with_the_address(self):
        request = batch_of_text("[]", "test-webhook")
        assert authenticate(request, SOURCE, senders.NOW) == Handshake()
        with pytest.raises(Refused, match=MISMATCH):
            authenticate(replace(request, url=URL + "x"), SOURCE, senders.NOW)
        with pytest.raises(Refused, match=MISSING):
            authenticate(replace(request, headers={}), SOURCE, senders.NOW)

    def test_test_key_signs_nothing_else(self):
        for request in (batch(click(), key="test-webhook"), batch_of_text("[ ]", "test-webhook")):
            with pytest.raises(Refused, match=MISMATCH):
                process(request, SOURCE, senders.NOW)

    def test_empty_batch_with_the_real_key_has_no_events(self):
        assert parsed(batch(), SOURCE) == [Skipped("empty_batch")]


@pytest.mark.parametrize("value", ["", "x", "{", "[1", '{"a": 1}', "null", "7", '"x"'])
def test_field_that_is_no_list_of_events_is_held(value):
    (item,) = parsed(batch_of_text(value), SOURCE)
    assert isinstance(item, Unparsable)


@pytest.mark.parametrize("body", [b"", b"a=1", b"{}", b"mandrill_events"])
def test_form_without_the_field_is_held(body):
    request = SOURCE.scheme.sign(replace(sample("send"), body=body), KEY, senders.NOW)
    (item,) = parsed(request, SOURCE)
    assert isinstance(item, Unparsable)


ODD = [None, "", "\x00", -1, 10**30, True, [], {"a": [None]}, "9999-12-31"]


@pytest.mark.parametrize("name", ["click", "deferral", "reject"])
def test_odd_value_in_any_optional_field_holds_nothing(name):
    (event,) = events_in(name)
    for odd in ODD:
        changed = [event | {key: odd} for key in event if key != "event"]
        changed += [event | {"msg": event["msg"] | {key: odd}} for key in event["msg"]]
        for item in translated(batch(*changed), SOURCE):
            assert isinstance(item, Call | Ignored)
