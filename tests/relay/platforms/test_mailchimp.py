"""Mailchimp: forms, signed or not, checked with a GET."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, urlencode

import pytest
import senders
from composed_hmac_vectors import VECTORS
from contract_checks import translated
from event_checks import event_of, notes, parsed
from platform_samples import request_of, source_of, source_with

from relay.errors import MISMATCH, MISSING, STALE, Refused
from relay.inbound.results import Skipped, Unparsable
from relay.model import Address, Call, Event, Ignored, Phone, WebhookRequest
from relay.pipeline import process

TOKEN = "0123456789abcdefghij"
SOURCE = source_of("mailchimp")
PLATFORM = SOURCE.platform
# What the samples are signed with: openssl dgst -sha256 -hmac SECRET.
(SECRET,) = SOURCE.secrets
NAMED = source_of("mailchimp", options={"lists": {"a6b5da1054": "Novedades"}})
BY_PATH = source_with(PLATFORM, TOKEN, options={"auth": "path"})
BY_QUERY = source_with(PLATFORM, TOKEN, options={"auth": "query"})
TOPICS = tuple(PLATFORM.topics)


def changed(name: str, **changes: str) -> WebhookRequest:
    """A sample with other fields, signed anew; the names are those of the last brackets."""
    request = request_of("mailchimp", name)
    pairs = parse_qsl(request.body.decode(), keep_blank_values=True)
    body = urlencode(
        [(key, changes.get(key.split("[")[-1].rstrip("]"), text)) for key, text in pairs]
    )
    return signed(replace(request, body=body.encode()))


def signed(request: WebhookRequest) -> WebhookRequest:
    return SOURCE.scheme.sign(request, SECRET, senders.NOW)


def unsigned(name: str, **parts: object) -> WebhookRequest:
    request = request_of("mailchimp", name, **parts)
    headers = {key: text for key, text in request.headers.items() if "signature" not in key}
    return replace(request, headers=headers)


def test_vector_of_the_fact_sheet_verifies():
    _, secret, request = VECTORS["mailchimp"]
    at = request.received_at
    assert SOURCE.scheme.verify(request, (secret,), at) == request
    with pytest.raises(Refused, match=MISMATCH):
        SOURCE.scheme.verify(replace(request, body=request.body + b" "), (secret,), at)


@pytest.mark.parametrize("name", TOPICS)
def test_sample_signed_by_openssl_verifies_and_no_other(name):
    request = request_of("mailchimp", name)
    assert process(request, SOURCE, senders.NOW)
    tampered = replace(request, body=request.body.replace(b"ana", b"eva", 1))
    with pytest.raises(Refused, match=MISMATCH):
        process(tampered, SOURCE, senders.NOW)
    with pytest.raises(Refused, match=MISSING):
        process(unsigned(name), SOURCE, senders.NOW)
    with pytest.raises(Refused, match=STALE):
        process(request, SOURCE, senders.NOW + timedelta(seconds=301))


def test_unsigned_hook_has_its_secret_in_the_address():
    for source, where in (
        (BY_PATH, {"token": TOKEN}),
        (BY_QUERY, {"query": (("secret", TOKEN),)}),
    ):
        assert isinstance(event_of(unsigned("subscribe", **where), source), Event)
        with pytest.raises(Refused, match=MISSING):
            process(unsigned("subscribe"), source, senders.NOW)
        # A signature that nobody can check is no proof.
        with pytest.raises(Refused, match=MISSING):
            process(request_of("mailchimp", "subscribe"), source, senders.NOW)


def test_signed_is_what_a_source_is_unless_it_says_otherwise():
    assert not PLATFORM.needs_options
    with pytest.raises(Exception, match="Must be one of"):
        source_of("mailchimp", options={"auth": "none"})


@pytest.mark.parametrize("source", [SOURCE, BY_PATH, BY_QUERY], ids=["signed", "path", "query"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_address_check_is_answered(web, source, method):
    client = web(source)
    paths = (
        "/webhooks/mailchimp",
        f"/webhooks/mailchimp/{TOKEN}",
        f"/webhooks/mailchimp?secret={TOKEN}",
    )
    for path in paths:
        answer = client.open(path, method=method)
        assert (answer.status_code, answer.data) == (200, b"")


def test_form_that_is_posted_is_taken(web):
    client = web(BY_QUERY)
    sample = request_of("mailchimp", "subscribe")
    path = f"/webhooks/mailchimp?secret={TOKEN}"
    answers = [
        client.post(path, data=sample.body, content_type=sample.headers["content-type"]).json
        for _ in range(2)
    ]
    assert [answer["status"] for answer in answers] == ["accepted", "duplicate"]


@pytest.mark.parametrize(
    ("name", "event_type", "note_es", "note_en"),
    [
        ("subscribe", "email.subscribed", "Se suscribió a los correos: lista «Novedades»",
         'Subscribed to e-mails: list "Novedades"'),
        ("unsubscribe", "email.unsubscribed", "Se dio de baja de la lista «Novedades»",
         'Unsubscribed from the list "Novedades"'),
        ("unsubscribe__abuse", "email.complained", "Marcó como spam un correo",
         "Marked an e-mail as spam"),
        ("profile", "contact.updated", "Se actualizaron sus datos de contacto",
         "Contact details were updated"),
        ("upemail", "contact.updated", "Cambió su correo a ana.nueva@example.com",
         "Changed their e-mail to ana.nueva@example.com"),
        ("cleaned", "email.bounced", "Un correo no llegó", "An e-mail bounced"),
    ],
)  # fmt: skip
def test_topic_is_an_event_with_a_note(name, event_type, note_es, note_en):
    request = request_of("mailchimp", name)
    event = event_of(request, NAMED)

    assert (event.type, event.topic) == (event_type, name.partition("__")[0])
    assert event.contact.email == "ana@example.com"
    assert event.omitted_fields == {}
    assert event.occurred_at.date() == senders.NOW.date()
    assert notes(request, NAMED, "es") == [f"{note_es} (Mailchimp)"]
    assert notes(request, NAMED, "en") == [f"{note_en} (Mailchimp)"]


def test_person_is_read_from_the_merge_fields():
    event = event_of(request_of("mailchimp", "subscribe"), SOURCE)
    contact = event.contact

    assert (contact.first_name, contact.last_name) == ("Ana", "Inventada")
    assert contact.phones == (Phone("099 900 0001", "EC"),)
    assert contact.address == Address(
        address="Av. Amazonas 123", city="Quito", state="Pichincha", zip_code="170150", country="EC"
    )
    (call,) = translated(request_of("mailchimp", "subscribe"), SOURCE)
    assert isinstance(call, Call)
    assert call.customer.phone == "+593999000001"


@pytest.mark.parametrize("tag", ["PHONE", "CELULAR", "WHATSAPP"])
def test_phone_has_the_tag_of_the_list(tag):
    request = request_of("mailchimp", "subscribe")
    body = request.body.replace(b"%5BPHONE%5D", f"%5B{tag}%5D".encode())
    event = event_of(signed(replace(request, body=body)), SOURCE)

    assert [phone.text for phone in event.contact.phones] == ["099 900 0001"]


def test_lists_without_a_name_leave_no_id_in_notes():
    request = request_of("mailchimp", "subscribe")

    assert notes(request, SOURCE, "es") == ["Se suscribió a los correos (Mailchimp)"]
    assert event_of(request, SOURCE).body["data"]["list_id"] == "a6b5da1054"


def test_what_a_removed_address_and_a_changed_one_say():
    assert event_of(request_of("mailchimp", "cleaned"), SOURCE).fields.bounce_type == "hard"
    complained = event_of(changed("cleaned", reason="abuse"), SOURCE)
    assert complained.type == "email.complained"
    moved = event_of(request_of("mailchimp", "upemail"), SOURCE)
    assert moved.fields.new_email == "ana.nueva@example.com"


def test_campaign_is_about_nobody():
    request = request_of("mailchimp", "campaign")

    assert parsed(request, SOURCE) == [Skipped("names_nobody", "campaign")]
    assert translated(request, SOURCE) == [Ignored("campaign", "names_nobody")]


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-02 15:03:20", datetime(2026, 11, 2, 15, 3, 20, tzinfo=UTC)),
        ("", senders.NOW),
        ("yesterday", senders.NOW),
    ],
)
def test_time_without_a_zone_is_utc(text, at):
    assert event_of(changed("subscribe", fired_at=text), SOURCE).occurred_at == at


def test_same_event_has_the_same_key_and_another_has_not():
    names = [*TOPICS, "unsubscribe__abuse"]
    keys = {name: event_of(request_of("mailchimp", name), SOURCE).key for name in names}
    later = senders.NOW + timedelta(minutes=70)

    assert len(set(keys.values())) == len(names)
    for name, key in keys.items():
        again = SOURCE.scheme.sign(request_of("mailchimp", name, received_at=later), SECRET, later)
        assert event_of(again, SOURCE).key == key
    assert (
        event_of(changed("subscribe", fired_at="2026-11-02 15:03:21"), SOURCE).key
        != keys["subscribe"]
    )


ODD = ["", "\x00", "[]", "{}", '{"a": 1}', "9" * 400, "ñ" * 300, "null"]


@pytest.mark.parametrize("name", TOPICS)
def test_odd_text_in_any_optional_field_holds_nothing(name):
    request = request_of("mailchimp", name)
    pairs = parse_qsl(request.body.decode(), keep_blank_values=True)
    for place, (key, _) in enumerate(pairs):
        for odd in ODD if key != "type" else ():
            body = urlencode([*pairs[:place], (key, odd), *pairs[place + 1 :]]).encode()
            (item,) = translated(replace(request, body=body), SOURCE)
            assert isinstance(item, Call | Ignored), key


@pytest.mark.parametrize(
    "body",
    [b"", b"a=1", b"type=", b"[1]", b"{}", b"null", b"type[]=subscribe&type[]=x", b"\xff=%ff"],
)
def test_body_without_a_type_is_held(body):
    (item,) = parsed(signed(replace(request_of("mailchimp", "subscribe"), body=body)), SOURCE)
    assert isinstance(item, Unparsable)
