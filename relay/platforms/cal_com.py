"""Cal.com: bookings, JSON, signed.

`X-Cal-Signature-256` is hex HMAC-SHA256 of the raw body; without a secret the header says so, and
the request is refused. Booking, kind and time are the key. There is one attempt. Meetings that
begin or end are not told.

https://cal.com/docs/developing/guides/automation/webhooks (read 2026-11; calcom/cal.com,
sendPayload.ts)
"""

from typing import Final

from relay.inbound.composite_fields import JoinedText, Person
from relay.inbound.contract import Platform
from relay.inbound.payload_fields import Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import Hmac
from relay.inbound.topics import Shape, Topic


class _BookingSchema(PayloadSchema):
    event_id = JoinedText("payload.uid + createdAt")
    at = Time("createdAt")
    service = Text("payload.eventTitle", "payload.title")
    starts_at = Time("payload.startTime")
    ends_at = Time("payload.endTime")
    place = Text("payload.location")
    reason = Text("payload.cancellationReason", "payload.rejectionReason")
    buyer = Person(
        "payload",
        email=("attendees.0.email", "responses.email.value"),
        name=("attendees.0.name", "responses.name.value"),
        phones=(
            "attendees.0.phoneNumber",
            "responses.attendeePhoneNumber.value",
            "responses.smsReminderNumber.value",
            "responses.phone.value",
            "smsReminderNumber",
        ),
    )


_BOOKING: Final = Shape(schema=_BookingSchema())


platform = Platform(
    name="cal_com",
    title="Cal.com",
    docs="https://cal.com/docs/developing/guides/automation/webhooks",
    group="forms",
    scheme=Hmac(headers=("x-cal-signature-256",), encoding="hex"),
    topic=Field("triggerEvent"),
    topics={
        "BOOKING_CREATED": Topic(type="booking.created", shape=_BOOKING),
        "BOOKING_RESCHEDULED": Topic(type="booking.rescheduled", shape=_BOOKING),
        "BOOKING_CANCELLED": Topic(type="booking.cancelled", shape=_BOOKING),
        "BOOKING_REJECTED": Topic(type="booking.cancelled", shape=_BOOKING),
    },
    ignored={"PING": "test"},
    retries="none",
    setup={
        "es": (
            "En Cal.com abra Configuración > Desarrollador > Webhooks > Nuevo.",
            "Pegue la dirección de esta fuente y elija los eventos de reservas.",
            "Invente un secreto, póngalo ahí y en CAL_COM_SECRET.",
        ),
        "en": (
            "In Cal.com open Settings > Developer > Webhooks > New.",
            "Paste the address of this source and choose the booking events.",
            "Make up a secret; enter it there and in CAL_COM_SECRET.",
        ),
    },
)
