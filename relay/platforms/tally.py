"""Tally: forms that were filled in, JSON, signed.

`Tally-Signature` is base64 HMAC-SHA256 of the raw body, where the webhook has a signing secret.
`eventId` is the same on retries: five, after 5 and 30 minutes, 1, 6 and 24 hours. Choices are ids,
whose texts are in the field's options.

https://tally.so/help/webhooks (read 2026-11, public receivers)
"""

from typing import Any

from relay.inbound.contract import Platform, Source
from relay.inbound.form_answers import FORM, Answer, objects, of_form
from relay.inbound.payload import json_body
from relay.inbound.places import Field
from relay.inbound.signature import Hmac
from relay.inbound.topics import Topic
from relay.model import WebhookRequest

_KINDS = {"INPUT_EMAIL": "email", "INPUT_PHONE_NUMBER": "phone"}


def _body(request: WebhookRequest, _source: Source) -> Any:
    """The body with what its fields say."""
    value = json_body(request.body)
    data = value.get("data") if isinstance(value, dict) else None
    if not isinstance(data, dict):
        return value
    fields = objects(data.get("fields"))
    return {
        **value,
        "event_id": value.get("eventId"),
        "at": data.get("createdAt"),
        "form": data.get("formName"),
        "said": of_form(map(_answer, fields)),
    }


def _answer(field: dict[str, Any]) -> Answer:
    options = objects(field.get("options"))
    texts = {str(option.get("id")): option.get("text") for option in options}
    value = field.get("value")
    if texts and isinstance(value, list):
        value = [texts.get(str(one), one) for one in value]
    kind = _KINDS.get(str(field.get("type")), "")
    return Answer(str(field.get("label") or ""), value, kind)


platform = Platform(
    name="tally",
    title="Tally",
    docs="https://tally.so/help/webhooks",
    group="forms",
    scheme=Hmac(headers=("tally-signature",)),
    topic=Field("eventType"),
    body=_body,
    topics={
        "FORM_RESPONSE": Topic(type="form.submitted", shape=FORM),
    },
    deadline_s=10,
    retries="5, after 5 and 30 minutes, 1, 6 and 24 hours",
    setup={
        "es": (
            "En Tally abra el formulario > Integrations > Webhooks > Connect.",
            "Pegue la dirección de esta fuente y agregue un signing secret.",
            "Ponga el mismo secreto en TALLY_SECRET.",
        ),
        "en": (
            "In Tally open the form > Integrations > Webhooks > Connect.",
            "Paste the address of this source and add a signing secret.",
            "Put the same secret into TALLY_SECRET.",
        ),
    },
)
