"""Jotform: forms that were filled in, multipart, unsigned.

Nothing proves who sent one: the secret is in the path. The answers are JSON in the field
`rawRequest`, under names such as `q4_correo`, whose words are those of the question. The submission
is the key. Wants 200 within 30 s; a few retries.

https://www.jotform.com/help/245-how-to-setup-a-webhook-with-jotform/ (read 2026-11)
"""

import re
from typing import Any

from relay.inbound.bodies import FORM as FORM_TYPE, MULTIPART, parse_body
from relay.inbound.contract import Platform, Source
from relay.inbound.form_answers import FORM, Answer, of_form
from relay.inbound.places import Field
from relay.inbound.signature import PathToken
from relay.inbound.topics import Topic
from relay.model import WebhookRequest

_NUMBER = re.compile(r"q\d+_")


def _body(request: WebhookRequest, _source: Source) -> Any:
    """The form with what its raw request says."""
    value = parse_body(request).value
    if not isinstance(value, dict):
        return value
    raw = value.get("rawRequest")
    answers = raw.items() if isinstance(raw, dict) else ()
    said = of_form(Answer(_words(name), part) for name, part in answers if _NUMBER.match(str(name)))
    more = {"event_id": value.get("submissionID"), "form": value.get("formTitle"), "said": said}
    return {**value, "topic": "submission", **more}


def _words(name: str) -> str:
    """`q12_correoElectronico` as words."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])|_", " ", _NUMBER.sub("", name))


platform = Platform(
    name="jotform",
    title="Jotform",
    docs="https://www.jotform.com/help/245-how-to-setup-a-webhook-with-jotform/",
    group="forms",
    scheme=PathToken(),
    topic=Field("topic"),
    body=_body,
    media_types=(MULTIPART, FORM_TYPE),
    stored=("content-type",),
    topics={
        "submission": Topic(type="form.submitted", shape=FORM),
    },
    deadline_s=30,
    retries="a few",
    setup={
        "es": (
            "En Jotform abra el formulario > Configuración > Integraciones > WebHooks.",
            "Invente un secreto largo y guárdelo en JOTFORM_SECRET.",
            "Pegue la dirección de esta fuente seguida de /SECRETO.",
        ),
        "en": (
            "In Jotform open the form > Settings > Integrations > WebHooks.",
            "Make up a long secret and put it into JOTFORM_SECRET.",
            "Paste the address of this source followed by /SECRET.",
        ),
    },
)
