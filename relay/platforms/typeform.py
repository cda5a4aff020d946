"""Typeform: forms that were filled in, JSON, signed.

`Typeform-Signature: sha256=` and base64 HMAC-SHA256 of the raw body, where the webhook has a
secret. `event_id` is the same on retries, which come every few minutes for ten hours; 404 and 410
switch the webhook off. The title of a question is in the form's definition, by the id of its field.

https://www.typeform.com/developers/webhooks/secure-your-webhooks/ (read 2026-11)
"""

from typing import Any

from relay.inbound.contract import Platform, Source
from relay.inbound.form_answers import FORM, Answer, objects, of_form
from relay.inbound.payload import json_body
from relay.inbound.places import Field
from relay.inbound.signature import Hmac
from relay.inbound.topics import Topic
from relay.model import WebhookRequest

_KINDS = {"email": "email", "phone_number": "phone"}


def _body(request: WebhookRequest, _source: Source) -> Any:
    """The body with what its answers say."""
    value = json_body(request.body)
    response = value.get("form_response") if isinstance(value, dict) else None
    if not isinstance(response, dict):
        return value
    definition = response.get("definition")
    definition = definition if isinstance(definition, dict) else {}
    fields = objects(definition.get("fields"))
    titles = {str(field.get("id")): str(field.get("title") or "") for field in fields}
    answers = objects(response.get("answers"))
    return {
        **value,
        "at": response.get("submitted_at"),
        "form": definition.get("title"),
        "said": of_form(_answer(answer, titles) for answer in answers),
    }


def _answer(answer: dict[str, Any], titles: dict[str, str]) -> Answer:
    field = answer.get("field")
    field = field if isinstance(field, dict) else {}
    kind = str(answer.get("type") or "")
    said = answer.get(kind)
    if isinstance(said, dict):  # a choice, or several
        said = said.get("label") or said.get("labels")
    label = titles.get(str(field.get("id"))) or str(field.get("ref") or "")
    return Answer(label, said, _KINDS.get(kind, ""))


platform = Platform(
    name="typeform",
    title="Typeform",
    docs="https://www.typeform.com/developers/webhooks/",
    group="forms",
    scheme=Hmac(headers=("typeform-signature",), prefix="sha256="),
    topic=Field("event_type"),
    body=_body,
    topics={
        "form_response": Topic(type="form.submitted", shape=FORM),
    },
    deadline_s=30,
    retries="every few minutes for 10 hours",
    disable_after="404 or 410, which we never answer",
    setup={
        "es": (
            "En Typeform abra el formulario > Connect > Webhooks > Add a webhook.",
            "Pegue la dirección de esta fuente y active el webhook.",
            "En su configuración ponga un secreto, y el mismo en TYPEFORM_SECRET.",
        ),
        "en": (
            "In Typeform open the form > Connect > Webhooks > Add a webhook.",
            "Paste the address of this source and switch the webhook on.",
            "In its settings enter a secret, and the same in TYPEFORM_SECRET.",
        ),
    },
)
