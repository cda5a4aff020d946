"""Zoho CRM (workflow webhooks): records, JSON or a form, with a fixed token.

The merchant writes body and headers: the names below are those of the set-up steps. Nothing signs a
body. Record and time of the change are the key. It sends again once, after 15 minutes. Notices of
the Notifications API have nothing but ids, and are ignored.

https://help.zoho.com/portal/en/kb/crm/ (workflow webhooks, read 2026-11)
"""

from typing import Any, Final

from relay.inbound.bodies import parse_body
from relay.inbound.composite_fields import JoinedText, Person
from relay.inbound.contract import Platform, Source
from relay.inbound.payload_fields import Id, Text, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Field
from relay.inbound.signature import Bearer
from relay.inbound.topics import Shape, Topic
from relay.model import WebhookRequest


class _RecordSchema(PayloadSchema):
    id = Id("id")
    event_id = JoinedText("id + modified_time")
    at = Time("modified_time", "created_time")
    form = Text("lead_source")
    message = Text("description")
    buyer = Person(
        "",
        email="email",
        first_name="first_name",
        last_name="last_name",
        phones=("mobile", "phone"),
        country="country",
    )


def _body(request: WebhookRequest, _source: Source) -> Any:
    value = parse_body(request).value
    is_notice = isinstance(value, dict) and "event" not in value and {"ids", "module"} <= {*value}
    return {**value, "event": "notification"} if is_notice else value


_RECORD: Final = Shape(schema=_RecordSchema())


platform = Platform(
    name="zoho_crm",
    title="Zoho CRM",
    docs="https://help.zoho.com/portal/en/kb/crm/automate-business-processes/actions/articles/configuring-webhooks",
    group="crm",
    scheme=Bearer(),
    topic=Field("event"),
    body=_body,
    media_types=("application/json", "application/x-www-form-urlencoded"),
    topics={
        "lead.created": Topic(type="lead.created", shape=_RECORD),
        "contact.created": Topic(type="customer.created", shape=_RECORD),
        "contact.updated": Topic(type="contact.updated", shape=_RECORD),
    },
    ignored={"notification": "names_nobody"},
    certainty="unverified",
    retries="once, after 15 minutes",
    setup={
        "es": (
            "En Zoho CRM abra Configuración > Automatización > Acciones > Webhooks > Configurar.",
            (
                "Pegue la dirección de esta fuente, método POST, y la cabecera "
                "Authorization: Bearer SECRETO."
            ),
            "Guarde ese secreto en ZOHO_CRM_SECRET.",
            (
                "En el cuerpo agregue los campos event (lead.created), id, email, first_name, "
                "last_name, mobile, modified_time."
            ),
            "Asócielo a una regla de flujo de trabajo.",
        ),
        "en": (
            "In Zoho CRM open Setup > Automation > Actions > Webhooks > Configure.",
            (
                "Paste the address of this source, method POST, and the header Authorization: "
                "Bearer SECRET."
            ),
            "Put that secret into ZOHO_CRM_SECRET.",
            (
                "To the body add event (lead.created), id, email, first_name, last_name, "
                "mobile, modified_time."
            ),
            "Associate it with a workflow rule.",
        ),
    },
)
