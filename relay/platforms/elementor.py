"""Elementor Pro forms: a form per submission, unsigned.

Nothing proves who sent one: the secret is in the path. With *Advanced Data* each field has type and
title; without it the labels are the names, in the site's language, and beside them stand date, page
and browser. There is no id: an equal body within ten minutes is the same event. Anything but 200,
201 included, shows the visitor an error; there is no retry.

https://elementor.com/help/webhook-form-action/ (read 2026-11; proelements, webhook.php)
"""

from typing import Any

from relay.inbound.bodies import FORM as FORM_TYPE, parse_body
from relay.inbound.contract import Platform, Source
from relay.inbound.form_answers import FORM, Answer, of_form
from relay.inbound.places import Field
from relay.inbound.signature import PathToken
from relay.inbound.topics import Topic
from relay.model import WebhookRequest

_KINDS = {"email": "email", "tel": "phone"}
# What stands beside the answers, in the languages of our users.
_META = frozenset(
    ("form_id", "form_name", "date", "time", "page url", "user agent", "remote ip", "powered by",
     "fecha", "hora", "url de la página", "agente de usuario", "ip remota", "desarrollado por")
)  # fmt: skip


def _body(request: WebhookRequest, _source: Source) -> Any:
    """The form with what its fields say."""
    value = parse_body(request).value
    if not isinstance(value, dict):
        return value
    form, fields = value.get("form"), value.get("fields")
    if isinstance(form, dict) and isinstance(fields, dict):
        answers = [_answer(name, part) for name, part in fields.items()]
        name = form.get("name")
    else:
        labels = [label for label in value if label.lower() not in _META]
        answers = [Answer(label, value[label]) for label in labels]
        name = value.get("form_name")
    return {**value, "topic": "submission", "form": name, "said": of_form(answers)}


def _answer(name: str, field: Any) -> Answer:
    if not isinstance(field, dict):
        return Answer(name, field)
    kind = _KINDS.get(str(field.get("type")), "")
    return Answer(str(field.get("title") or name), field.get("value"), kind)


platform = Platform(
    name="elementor",
    title="Elementor",
    docs="https://elementor.com/help/webhook-form-action/",
    group="forms",
    scheme=PathToken(),
    topic=Field("topic"),
    body=_body,
    media_types=(FORM_TYPE,),
    body_is_key=True,
    topics={
        "submission": Topic(type="form.submitted", shape=FORM),
    },
    deadline_s=5,
    retries="none",
    disable_after="never, but anything but 200 shows the visitor an error",
    setup={
        "es": (
            "En Elementor edite el formulario > Acciones después del envío > agregue Webhook.",
            "Invente un secreto largo y guárdelo en ELEMENTOR_SECRET.",
            "Pegue la dirección de esta fuente seguida de /SECRETO, y active Advanced Data.",
        ),
        "en": (
            "In Elementor edit the form > Actions after submit > add Webhook.",
            "Make up a long secret and put it into ELEMENTOR_SECRET.",
            "Paste the address of this source followed by /SECRET, and switch Advanced Data on.",
        ),
    },
)
