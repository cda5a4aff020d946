"""Google Forms: answers that a script of the form's owner sends, JSON, with a fixed token.

Google has no webhook for forms: the script of `mercately-relay platforms google_forms` runs on each
submission and posts what was answered, with the header `X-Relay-Token`. The response's id is
the key. There are no retries: Google writes an e-mail to the script's author when it fails.

https://developers.google.com/apps-script/guides/triggers/installable (read 2026-11)
"""

from typing import Any, Final

from relay.inbound.contract import Platform, Source
from relay.inbound.form_answers import FORM, Answer, objects, of_form
from relay.inbound.payload import json_body
from relay.inbound.places import Field
from relay.inbound.signature import Bearer
from relay.inbound.topics import Topic
from relay.model import WebhookRequest

_SCRIPT: Final = """\
function enviar(e) {
  var r = e.response;
  var answers = r.getItemResponses().map(function (i) {
    return { title: i.getItem().getTitle(), value: i.getResponse() };
  });
  UrlFetchApp.fetch("https://.../webhooks/google_forms", {
    method: "post",
    contentType: "application/json",
    headers: { "X-Relay-Token": "..." },
    payload: JSON.stringify({
      form_title: e.source.getTitle(), response_id: r.getId(), answers: answers,
      submitted_at: r.getTimestamp(), respondent_email: r.getRespondentEmail()
    })
  });
}"""


def _body(request: WebhookRequest, _source: Source) -> Any:
    """The body with what its answers say."""
    value = json_body(request.body)
    if not isinstance(value, dict):
        return value
    answers = objects(value.get("answers"))
    said = [Answer(str(one.get("title") or ""), one.get("value")) for one in answers]
    said.append(Answer("", value.get("respondent_email"), "email"))
    return {
        **value,
        "topic": "form_submit",
        "event_id": value.get("response_id"),
        "at": value.get("submitted_at"),
        "form": value.get("form_title"),
        "said": of_form(said),
    }


platform = Platform(
    name="google_forms",
    title="Google Forms",
    docs="https://developers.google.com/apps-script/guides/triggers/installable",
    group="forms",
    scheme=Bearer(header="x-relay-token", prefix=""),
    topic=Field("topic"),
    body=_body,
    topics={
        "form_submit": Topic(type="form.submitted", shape=FORM),
    },
    retries="none",
    setup={
        "es": (
            (
                "En el formulario abra ⋮ > Apps Script y pegue este programa, con la dirección de "
                "esta fuente y un secreto largo que usted invente:"
            ),
            _SCRIPT,
            (
                "En Activadores agregue uno para la función `enviar`: evento «Al enviar el "
                "formulario»."
            ),
            "Guarde el mismo secreto en GOOGLE_FORMS_SECRET.",
        ),
        "en": (
            (
                "In the form open ⋮ > Apps Script and paste this program, with the address of this "
                "source and a long secret you make up:"
            ),
            _SCRIPT,
            "In Triggers add one for `enviar`, on form submit.",
            "Put the same secret into GOOGLE_FORMS_SECRET.",
        ),
    },
)
