"""Amazon SES: e-mail events through an SNS topic, JSON in JSON, signed.

SNS signs the envelope with a key whose certificate it names; the secrets are the ARNs of the topics
that are taken. `Message` is the record of SES as a text. A new subscription is confirmed by a visit
to its `SubscribeURL`. SES then tells in words that it reached the topic, which is no event. A
record may be of several recipients and is one event for each; an open or click of such a message
does not say whose it was, and a complaint names all recipients at the provider that passed it on.
SNS keeps the `MessageId` of what it sends again: 3 times, 20 s apart, unless the topic says
otherwise. The feed of an identity calls the kind `notificationType`, that of a configuration set
`eventType`. A transient bounce is final, too: SES has tried again before. Whoever is on the
account's suppression list was sent nothing. Tags are the sender's own: one called `campaign` is the
campaign. With raw delivery there is no envelope and no signature: it must be off.

https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html
(read 2026-11)
"""

from collections.abc import Mapping
from typing import Any, Final

from relay.inbound.composite_fields import Person
from relay.inbound.contract import Platform, Source, stable_key
from relay.inbound.parts import each_of
from relay.inbound.payload import json_object
from relay.inbound.payload_fields import Flag, Id, Text, Time
from relay.inbound.payload_schema import ListOf, Object, PayloadSchema
from relay.inbound.places import Field
from relay.inbound.results import Handshake, Skipped
from relay.inbound.signature import SNS_HOST, AmazonSns
from relay.inbound.topics import Shape, Values, alike
from relay.model import WebhookRequest

_TIMED: Final = (
    "bounce", "complaint", "delivery", "deliveryDelay", "open", "click", "subscription", "mail",
)  # fmt: skip
_PREFERENCES: Final = "TopicPreferences.topicSubscriptionStatus"


class _PreferenceSchema(PayloadSchema):
    name = Text("topicName")
    status = Text("subscriptionStatus")


class _RecordSchema(PayloadSchema):
    buyer = Person("recipient", email="emailAddress")
    _sns_id = Id("MessageId", required=True)
    at = Time(*(f"{name}.timestamp" for name in _TIMED), "Timestamp")
    message_id = Text("mail.messageId")
    subject = Text("mail.commonHeaders.subject")
    campaign = Text("mail.tags.campaign.0", "mail.tags.Campaign.0")
    status = Text("recipient.status")
    reason = Text("recipient.diagnosticCode", "reject.reason", "failure.errorMessage")
    response = Text("delivery.smtpResponse")
    bounce_type = Text("bounce.bounceType")
    classification = Text(
        "bounce.bounceSubType", "complaint.complaintSubType", "deliveryDelay.delayType"
    )
    link = Text("click.link")
    _contact_list = Text("subscription.contactList")
    all_emails = Flag("subscription.newTopicPreferences.unsubscribeAll")
    _complaint = Text("complaint.complaintFeedbackType")
    _new = ListOf(Object(_PreferenceSchema), f"subscription.new{_PREFERENCES}")
    _old = ListOf(Object(_PreferenceSchema), f"subscription.old{_PREFERENCES}")
    _destination = ListOf(Text(), "mail.destination")


def _body(request: WebhookRequest, _source: Source) -> Any:
    """The record with the id and time of its envelope; the envelope where there is no record."""
    value = json_object(request.body)
    message = value.get("Message")
    if not isinstance(message, str) or not message.lstrip().startswith("{"):
        return value
    envelope = {name: value.get(name) for name in ("MessageId", "Timestamp")}
    return json_object(message.encode()) | envelope


def _signed_handshake(body: Mapping[str, Any]) -> Handshake | None:
    is_new = body.get("Type") == "SubscriptionConfirmation"
    return Handshake(visit=body.get("SubscribeURL", "")) if is_new else None


def _refined(topic: str, values: Values) -> Values | Skipped:
    if topic in ("Open", "Click") and len(values.get("_destination", ())) > 1:
        return Skipped("names_nobody")
    if values.get("_complaint") == "not-spam":
        return Skipped("not_spam")
    address = values["buyer"].email if "buyer" in values else ""
    more = {"event_id": stable_key(values["_sns_id"], address)}
    if values.get("classification") == "OnAccountSuppressionList":
        return {**more, "type": "email.rejected"}
    is_of_some = topic == "Subscription" and not values.get("all_emails")
    return more | _changes(values) if is_of_some else more


def _changes(values: Values) -> dict[str, str]:
    """What was left, else what was joined: topics of the contact list."""
    changed = [each for each in values.get("_new", ()) if each not in values.get("_old", ())]
    left = [each.get("name", "") for each in changed if each.get("status") == "OptOut"]
    joined = [each.get("name", "") for each in changed if each.get("status") == "OptIn"]
    list_name = ", ".join(left or joined) or values.get("_contact_list", "")
    return {"list_name": list_name, "type": f"email.{'un' if left else ''}subscribed"}


_EVENT: Final = Shape(schema=_RecordSchema(), refine=_refined)

platform = Platform(
    name="amazon_ses",
    title="Amazon SES",
    docs="https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html",
    group="email",
    scheme=AmazonSns(),
    topic=Field("eventType", "notificationType", "Type"),
    topics=alike(_EVENT, {
        "Send": "email.sent",
        "Delivery": "email.delivered",
        "DeliveryDelay": "email.deferred",
        "Bounce": "email.bounced",
        "Reject": "email.rejected",
        "Rendering Failure": "email.rejected",
        "Complaint": "email.complained",
        "Open": "email.opened",
        "Click": "email.clicked",
        "Subscription": "email.unsubscribed",
    }),
    ignored={
        # `Message` is a text: SES says that it reached the topic.
        "Notification": "no_record",
        "AmazonSnsSubscriptionSucceeded": "no_record",
        "UnsubscribeConfirmation": "no_record",
        "Received": "inbound",
    },
    body=_body,
    signed_handshake=_signed_handshake,
    parts=each_of(
        "recipient", "bounce.bouncedRecipients", "complaint.complainedRecipients",
        "delivery.recipients", "deliveryDelay.delayedRecipients", "mail.destination",
        text="emailAddress",
    ),
    media_types=("text/plain", "application/json"),
    visit_hosts=SNS_HOST,
    deadline_s=15,
    retries="3 in 1 minute, or as the topic says, for an hour at most",
    setup={
        "es": (
            "En Amazon SNS cree un tema (Standard) y copie su ARN a AMAZON_SES_SECRET.",
            (
                "En SES abra Configuration sets > su conjunto > Event destinations, agregue un "
                "destino de tipo Amazon SNS con ese tema y marque los eventos. Envíe sus correos "
                "con ese conjunto."
            ),
            (
                "En el tema pulse Create subscription: protocolo HTTPS, la dirección de esta "
                "fuente, y sin marcar la entrega sin formato (raw message delivery)."
            ),
            "La suscripción se confirma sola: debe decir Confirmed.",
        ),
        "en": (
            "In Amazon SNS make a (standard) topic and copy its ARN to AMAZON_SES_SECRET.",
            (
                "In SES open Configuration sets > your set > Event destinations, add one of type "
                "Amazon SNS with that topic and tick the events. Send your e-mails with that set."
            ),
            (
                "At the topic press Create subscription: protocol HTTPS, this source's address, "
                "and raw message delivery left off."
            ),
            "The subscription confirms itself: it must say Confirmed.",
        ),
    },
)  # fmt: skip
