"""Gravity Forms (WordPress, Webhooks add-on): entries, JSON, with a fixed token.

The merchant adds the header `Authorization: Bearer` and the secret. *Select fields* sends the
merchant's own names; *All fields* sends fields by number: then what looks like an e-mail or a phone
is found, and the parts of a name, which always have the same number behind the point. The entry's
id is the key. Any answer counts as done, and only a failed connection is tried again.

https://docs.gravityforms.com/webhooks-add-on/ (read 2026-11)
"""

from collections.abc import Mapping
from typing import Any

from relay.inbound.contract import Platform, Source
from relay.inbound.form_answers import FORM, Answer, of_form
from relay.inbound.payload import json_body
from relay.inbound.places import Field
from relay.inbound.signature import Bearer
from relay.inbound.topics import Topic
from relay.model import WebhookRequest

# Fields of an entry that nobody has answered.
_META = frozenset(
    ("id", "form_id", "form_title", "post_id", "date_created", "date_updated", "is_starred",
     "is_read", "ip", "source_url", "user_agent", "currency", "payment_status", "payment_amount",
     "transaction_id", "status", "created_by", "payment_date", "payment_method")
)  # fmt: skip

# The inputs of a name field; those of an address have the same numbers, and begin with the street.
_NAME_PARTS = {"3": "first_name", "6": "last_name"}


def _kind(name: str, entry: Mapping[str, Any]) -> str:
    number, _, part = name.partition(".")
    is_name = f"{number}.1" not in entry and f"{number}.5" not in entry
    return _NAME_PARTS.get(part, "") if number.isdecimal() and is_name else ""


def _body(request: WebhookRequest, _source: Source) -> Any:
    """The entry with what its fields say."""
    value = json_body(request.body)
    if not isinstance(value, dict):
        return value
    answers = [
        Answer(name, part, _kind(name, value)) for name, part in value.items() if name not in _META
    ]
    return {
        **value,
        "topic": "entry",
        "event_id": value.get("id"),
        "at": value.get("date_created"),
        "form": value.get("form_title"),
        "url": value.get("source_url"),
        "said": of_form(answers),
    }


platform = Platform(
    name="gravity_forms",
    title="Gravity Forms",
    docs="https://docs.gravityforms.com/webhooks-add-on/",
    group="forms",
    scheme=Bearer(),
    topic=Field("topic"),
    body=_body,
    topics={
        "entry": Topic(type="form.submitted", shape=FORM),
    },
    certainty="unverified",
    retries="only when the connection fails",
    setup={
        "es": (
            "En WordPress abra Formularios > el formulario > Ajustes > Webhooks > Agregar.",
            "Pegue la dirección de esta fuente, método POST y formato JSON.",
            "Invente un secreto largo y agregue la cabecera Authorization: Bearer SECRETO.",
            "Guarde ese secreto en GRAVITY_FORMS_SECRET.",
            "En Request Body elija Select Fields: id, form_title, nombre, correo, celular…",
        ),
        "en": (
            "In WordPress open Forms > the form > Settings > Webhooks > Add new.",
            "Paste the address of this source, method POST and format JSON.",
            "Make up a long secret and add the header Authorization: Bearer SECRET.",
            "Put that secret into GRAVITY_FORMS_SECRET.",
            "As request body choose Select Fields: id, form_title, name, email, phone…",
        ),
    },
)
