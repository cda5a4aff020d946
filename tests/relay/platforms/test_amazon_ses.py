"""Amazon SES: records in SNS's envelope, one event for each recipient, confirmed by a visit."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import senders
from contract_checks import translated
from event_checks import event_of, notes, parsed
from flask.testing import FlaskClient
from platform_samples import request_of, sender_of, source_of

from relay.errors import MISMATCH, STALE, Refused
from relay.inbound.results import Handshake, Skipped, Unparsable
from relay.inbound.signature import CERTIFICATES, SNS_HOST
from relay.model import Event, Held, Ignored, WebhookRequest
from relay.pipeline import process
from relay.web.fetch import Fetcher, FetchFailed

SOURCE = source_of("amazon_ses")
PLATFORM = SOURCE.platform
(ARN,) = SOURCE.secrets
((CERTIFICATE_URL, CERTIFICATE),) = sender_of("amazon_ses").certificates.items()
MAIL = "«Promo de noviembre»"
EMAIL = '"Promo de noviembre"'


class Internet(Fetcher):
    """Answers every address, and says which were asked."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[str, str]] = []
        self.fails = False

    def get(self, url: str, hosts: str) -> bytes:
        self.asked.append((url, hosts))
        if self.fails:
            raise FetchFailed("status")
        return CERTIFICATE


def sample(name: str) -> WebhookRequest:
    return request_of("amazon_ses", name)


def envelope_of(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(sample(name).body)
    return value


def record_of(name: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(envelope_of(name)["Message"])
    return value


def signed(envelope: dict[str, Any], at: datetime = senders.NOW) -> WebhookRequest:
    """Signed by the scheme: that it signs as openssl does, its own tests show."""
    request = senders.delivery(
        {"content-type": "text/plain"}, json.dumps(envelope).encode(), received_at=at
    )
    return SOURCE.scheme.sign(request, SOURCE.signing_key, at)


def sent(name: str, message_id: str = "", **changes: Any) -> WebhookRequest:
    """A sample with other fields in its record."""
    envelope = envelope_of(name)
    record = {key: part for key, part in {**record_of(name), **changes}.items() if part is not ...}
    envelope["MessageId"] = message_id or envelope["MessageId"]
    return signed({**envelope, "Message": json.dumps(record)})


def to(*addresses: str, name: str = "Send", **changes: Any) -> WebhookRequest:
    return sent(name, mail={**record_of(name)["mail"], "destination": list(addresses)}, **changes)


@pytest.mark.parametrize("name", [*PLATFORM.event_types, "Bounce__notification"])
def test_sample_signed_by_openssl_verifies_and_no_other(name):
    request = sample(name)
    assert process(request, SOURCE, senders.NOW)
    with pytest.raises(Refused, match=MISMATCH):
        process(
            replace(request, body=request.body.replace(b"ana@", b"eva@", 1)), SOURCE, senders.NOW
        )
    with pytest.raises(Refused, match=MISMATCH):
        process(request, replace(SOURCE, secrets=(ARN + "2",)), senders.NOW)
    CERTIFICATES.put(CERTIFICATE_URL, CERTIFICATE, senders.NOW + timedelta(days=2))
    with pytest.raises(Refused, match=STALE):
        process(request, SOURCE, senders.NOW + timedelta(days=2))


@pytest.mark.parametrize(
    ("name", "event_type", "at", "note_es", "note_en"),
    [
        ("Send", "email.sent", "15:00:02.012", f"Se envió el correo {MAIL}", f"The e-mail {EMAIL} was sent"),
        ("Delivery", "email.delivered", "15:00:14.669", f"Se entregó el correo {MAIL}",
         f"The e-mail {EMAIL} was delivered"),
        ("DeliveryDelay", "email.deferred", "15:02:40.669",
         f"El correo {MAIL} aún no llega y se reintenta, el servidor no responde: 421 4.4.1 Unable to connect to remote host",
         f"The e-mail {EMAIL} is not there yet and is tried again, the server does not answer: 421 4.4.1 Unable to connect to remote host"),
        ("Bounce", "email.bounced", "15:01:02.669",
         f"El correo {MAIL} no llegó, la dirección no existe: 550 5.1.1 user unknown",
         f"The e-mail {EMAIL} bounced, no such address: 550 5.1.1 user unknown"),
        ("Reject", "email.rejected", "15:00:02.012", f"No se envió el correo {MAIL}: no se aceptó su contenido",
         f"The e-mail {EMAIL} was not sent: its content was not accepted"),
        ("Rendering Failure", "email.rejected", "15:00:02.012",
         "No se envió un correo de la campaña «noviembre»: Attribute 'nombre' is not present in the rendering data",
         "An e-mail of campaign \"noviembre\" was not sent: Attribute 'nombre' is not present in the rendering data"),
        ("Complaint", "email.complained", "15:01:02.669", f"Marcó como spam el correo {MAIL}",
         f"Marked the e-mail {EMAIL} as spam"),
        ("Open", "email.opened", "15:02:19.669", f"Abrió el correo {MAIL}", f"Opened the e-mail {EMAIL}"),
        ("Click", "email.clicked", "15:02:25.669",
         f"Hizo clic en un enlace del correo {MAIL}: https://tienda.example/oferta?utm=correo",
         f"Clicked a link in the e-mail {EMAIL}: https://tienda.example/oferta?utm=correo"),
        ("Subscription", "email.unsubscribed", "15:03:17.669", "Se dio de baja de todos los correos",
         "Unsubscribed from all e-mails"),
        ("Subscription__topic", "email.unsubscribed", "15:03:27.669", "Se dio de baja de la lista «Ofertas»",
         'Unsubscribed from the list "Ofertas"'),
    ],
)  # fmt: skip
def test_topic_is_an_event_with_a_note(name, event_type, at, note_es, note_en):
    request = sample(name)
    event = event_of(request, SOURCE)

    assert (event.type, event.topic, event.omitted_fields) == (
        event_type,
        name.partition("__")[0],
        {},
    )
    assert event.contact.email == "ana@example.com"
    assert event.occurred_at == datetime.fromisoformat(f"2026-11-02T{at}Z")
    assert event.fields.message_id == "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000"
    assert event.fields.campaign == "noviembre"
    assert event.body["mail"]["tags"]["ses:configuration-set"] == ["correos"]
    assert notes(request, SOURCE, "es") == [f"{note_es} (Amazon SES)"]
    assert notes(request, SOURCE, "en") == [f"{note_en} (Amazon SES)"]


def test_several_recipients_are_several_events():
    request = sample("Bounce__notification")
    ana, beto = parsed(request, SOURCE)

    assert isinstance(ana, Event)
    assert isinstance(beto, Event)
    assert [event.contact.email for event in (ana, beto)] == ["ana@example.com", "beto@example.com"]
    assert (ana.fields.reason, beto.fields.reason) == (None, "smtp; 552 5.2.2 mailbox full")
    assert ana.key != beto.key
    assert "@" not in ana.key
    assert notes(request, SOURCE, "es") == [
        "Un correo no llegó: el buzón está lleno (Amazon SES)",
        "Un correo no llegó, el buzón está lleno: 552 5.2.2 mailbox full (Amazon SES)",
    ]


@pytest.mark.parametrize("name", ["Send", "Reject", "Rendering Failure"])
def test_what_names_no_recipients_is_about_those_of_the_message(name):
    addresses = ["ana@example.com", "beto@example.com"]
    events = parsed(to(*addresses, name=name), SOURCE)

    assert [event.contact.email for event in events if isinstance(event, Event)] == addresses


@pytest.mark.parametrize("name", ["Open", "Click"])
def test_nobody_knows_who_of_several_opened(name):
    request = to("ana@example.com", "beto@example.com", name=name)

    assert set(parsed(request, SOURCE)) == {Skipped("names_nobody", name)}


def test_both_feeds_say_the_same():
    published = record_of("Bounce")
    kind = published.pop("eventType")
    envelope = {
        **envelope_of("Bounce"),
        "Message": json.dumps({**published, "notificationType": kind}),
    }
    event, other = (event_of(request, SOURCE) for request in (sample("Bounce"), signed(envelope)))

    assert (event.type, event.key, event.fields) == (other.type, other.key, other.fields)


@pytest.mark.parametrize(
    ("name", "changes", "expected"),
    [
        ("Bounce", {"bounceSubType": "OnAccountSuppressionList"}, "email.rejected"),
        ("Bounce", {"bounceType": "Transient", "bounceSubType": "General"}, "email.bounced"),
        ("Bounce", {"bounceType": "Undetermined"}, "email.bounced"),
        ("Complaint", {"complaintSubType": "OnAccountSuppressionList"}, "email.rejected"),
        ("Complaint", {"complaintFeedbackType": "fraud"}, "email.complained"),
        ("Complaint", {"complaintFeedbackType": ...}, "email.complained"),
        ("Complaint", {"complaintFeedbackType": "not-spam"}, "not_spam"),
    ],
)
def test_kinds_of_bounces_and_complaints(name, changes, expected):
    part = {**record_of(name)[name.lower()], **changes}
    part = {key: value for key, value in part.items() if value is not ...}
    (item,) = parsed(sent(name, **{name.lower(): part}), SOURCE)

    assert (item.reason if isinstance(item, Skipped) else item.type) == expected


def _preferences(*, everything: bool = False, **topics: str) -> dict[str, Any]:
    listed = [{"topicName": name, "subscriptionStatus": status} for name, status in topics.items()]
    return {"unsubscribeAll": everything, "topicSubscriptionStatus": listed}


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        (_preferences(A="OptOut", B="OptIn"), _preferences(A="OptIn", B="OptIn"), ("email.unsubscribed", "A")),
        (_preferences(A="OptOut", B="OptOut"), _preferences(A="OptIn", B="OptIn"), ("email.unsubscribed", "A, B")),
        (_preferences(A="OptOut", B="OptIn"), _preferences(A="OptOut", B="OptOut"), ("email.subscribed", "B")),
        (_preferences(A="OptIn"), _preferences(everything=True, A="OptIn"), ("email.subscribed", "Tienda")),
        (_preferences(everything=True, A="OptOut"), _preferences(A="OptIn"), ("email.unsubscribed", None)),
        (_preferences(A="OptIn"), None, ("email.subscribed", "A")),
    ],
)  # fmt: skip
def test_subscription_says_what_was_left_or_joined(new, old, expected):
    subscription = record_of("Subscription")["subscription"]
    changed = {**subscription, "newTopicPreferences": new, "oldTopicPreferences": old}
    event = event_of(sent("Subscription", subscription=changed), SOURCE)

    assert (event.type, event.fields.list_name) == expected


def test_same_message_has_the_same_key_and_another_has_not():
    later = senders.NOW + timedelta(minutes=50)
    first = event_of(sample("Click"), SOURCE)

    assert event_of(signed(envelope_of("Click"), later), SOURCE).key == first.key
    assert event_of(sent("Click", "another-message"), SOURCE).key != first.key
    names = [*PLATFORM.event_types, "Bounce__notification", "Subscription__topic"]
    keys = [
        item.key
        for name in names
        for item in parsed(sample(name), SOURCE)
        if isinstance(item, Event)
    ]
    assert len(set(keys)) == len(names) + 1


@pytest.mark.parametrize(
    ("request_", "topic", "reason"),
    [
        (sample("Notification"), "Notification", "no_record"),
        (sample("UnsubscribeConfirmation"), "UnsubscribeConfirmation", "no_record"),
        (sent("Send", eventType=..., notificationType="AmazonSnsSubscriptionSucceeded", mail=...),
         "AmazonSnsSubscriptionSucceeded", "no_record"),
        (sent("Send", eventType=..., notificationType="Received"), "Received", "inbound"),
        (sent("Send", eventType="Something New"), "Something New", "unknown_topic"),
    ],
)  # fmt: skip
def test_what_is_no_event_is_skipped(request_, topic, reason):
    assert translated(request_, SOURCE) == [Ignored(topic, reason)]
    assert parsed(request_, SOURCE) == [Skipped(reason, topic)]


@pytest.mark.parametrize(
    "message", ['{"eventType": "Send"', '{"mail": {}}', "{}", '{"eventType": ["Send"]}']
)
def test_record_that_cannot_be_read_is_held(message):
    (item,) = parsed(signed({**envelope_of("Send"), "Message": message}), SOURCE)

    assert isinstance(item, Unparsable)


class TestSubscription:
    @pytest.fixture
    def internet(self) -> Internet:
        return Internet()

    @pytest.fixture
    def client(self, internet: Internet, web: Any) -> FlaskClient:
        CERTIFICATES.clear()
        return web(SOURCE, fetcher=internet)

    def post(self, client: FlaskClient, name: str) -> Any:
        request = signed(envelope_of(name), datetime.now(UTC))
        return client.post(
            "/webhooks/amazon_ses", data=request.body, content_type="text/plain; charset=UTF-8"
        )

    def test_is_confirmed_by_a_visit(self, client, internet):
        answer = self.post(client, "SubscriptionConfirmation")

        assert (answer.status_code, answer.data) == (200, b"")
        visited = envelope_of("SubscriptionConfirmation")["SubscribeURL"]
        assert internet.asked == [(CERTIFICATE_URL, SNS_HOST), (visited, SNS_HOST)]

    def test_is_sent_again_where_the_visit_fails(self, client, internet):
        self.post(client, "Send")
        internet.fails = True
        answer = self.post(client, "SubscriptionConfirmation")

        assert (answer.status_code, answer.json["reason"]) == (503, "visit")

    def test_of_another_topic_is_not_visited(self, client, internet):
        envelope = {**envelope_of("SubscriptionConfirmation"), "TopicArn": ARN + "2"}
        body = signed(envelope, datetime.now(UTC)).body
        answer = client.post("/webhooks/amazon_ses", data=body, content_type="text/plain")

        assert (answer.status_code, internet.asked) == (401, [])

    def test_words_of_ses_are_no_event(self, client):
        answer = self.post(client, "Notification")

        assert (answer.status_code, answer.json["status"]) == (200, "ignored")

    def test_end_of_it_is_not_undone(self, client, internet):
        answer = self.post(client, "UnsubscribeConfirmation")

        assert (answer.status_code, answer.json["status"]) == (200, "ignored")
        assert internet.asked == [(CERTIFICATE_URL, SNS_HOST)]

    def test_event_of_two_people_is_stored_once_for_each(self, client):
        answers = [self.post(client, "Bounce__notification").json for _ in range(2)]

        assert [len(answer["ids"]) for answer in answers] == [2, 2]
        assert [answer["status"] for answer in answers] == ["accepted", "duplicate"]


def test_confirmation_is_a_handshake():
    verified = process(sample("SubscriptionConfirmation"), SOURCE, senders.NOW)
    assert verified == Handshake(visit=envelope_of("SubscriptionConfirmation")["SubscribeURL"])


ODD = [None, "", "\x00", -1, 10**30, True, [], {"a": [None]}, [None], ["x"], "9999-12-31"]


@pytest.mark.parametrize("name", ["Bounce", "Delivery", "Complaint", "Subscription", "Click"])
def test_odd_value_in_any_optional_field_holds_nothing(name):
    record = record_of(name)
    envelope = envelope_of(name)
    for odd in ODD:
        changed = [record | {key: odd} for key in record if key != "eventType"]
        for key, part in record.items():
            if isinstance(part, dict):
                changed += [record | {key: part | {inner: odd}} for inner in part]
        for each in changed:
            body = json.dumps({**envelope, "Message": json.dumps(each)}).encode()
            for item in translated(replace(sample(name), body=body), SOURCE):
                assert not isinstance(item, Held)
