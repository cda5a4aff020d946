"""Pipedrive: persons, JSON, with user and password (Basic).

Nothing signs a body. `meta` has action and entity, which are the topic, and an id of the event.
E-mails and phones are lists with the main one first or marked. Wants 2xx within 10 s; sends again
after 3, 30 and 150 s; ten failures stop it for half an hour, and three days without success delete
the webhook. `change_source` is `app` of what was done in Pipedrive itself, else `api`.

https://pipedrive.readme.io/docs/guide-for-webhooks-v2 (read 2026-11, a copy)
https://developers.pipedrive.com/changelog/post/new-field-for-webhooks (read 2026-11)
"""

from typing import Any, Final

from relay.inbound.composite_fields import Person
from relay.inbound.contract import Platform, Source
from relay.inbound.payload import json_body
from relay.inbound.payload_fields import Id, Time
from relay.inbound.payload_schema import PayloadSchema
from relay.inbound.places import Echo, Field, FieldIs
from relay.inbound.signature import Basic
from relay.inbound.topics import Shape, Topic
from relay.model import WebhookRequest

_LISTS: Final = ("emails", "email", "phones", "phone")


class _PersonSchema(PayloadSchema):
    id = Id("data.id", required=True)
    event_id = Id("meta.id")
    at = Time("meta.timestamp")
    buyer = Person(
        "data",
        email=("emails", "email"),
        name="name",
        first_name="first_name",
        last_name="last_name",
        phones=("phones", "phone"),
    )


def _body(request: WebhookRequest, _source: Source) -> Any:
    """The body with action and entity as one topic, and what is primary first in its list."""
    value = json_body(request.body)
    meta = value.get("meta") if isinstance(value, dict) else None
    if not isinstance(meta, dict):
        return value
    data = value.get("data")
    if isinstance(data, dict):
        lists = {name: data[name] for name in _LISTS if isinstance(data.get(name), list)}
        firsts = {name: sorted(each, key=_is_secondary) for name, each in lists.items()}
        value = {**value, "data": {**data, **firsts}}
    return {**value, "topic": f"{meta.get('action')}.{meta.get('entity')}"}


def _is_secondary(each: Any) -> bool:
    return not (isinstance(each, dict) and each.get("primary"))


_PERSON: Final = Shape(schema=_PersonSchema(), kind="person", shown=("buyer",))


platform = Platform(
    name="pipedrive",
    title="Pipedrive",
    docs="https://pipedrive.readme.io/docs/guide-for-webhooks-v2",
    group="crm",
    scheme=Basic(),
    topic=Field("topic"),
    shop=Field("meta.company_id"),
    echo=Echo(FieldIs("meta.change_source", "api"), ignored=("change.person",)),
    body=_body,
    topics={
        "create.person": Topic(type="customer.created", shape=_PERSON, step="created"),
        "change.person": Topic(type="customer.updated", shape=_PERSON, updates=True),
    },
    certainty="unverified",
    deadline_s=10,
    retries="after 3, 30 and 150 seconds",
    disable_after="3 days without success: the webhook is deleted",
    setup={
        "es": (
            "En Pipedrive abra Herramientas y apps > Webhooks > Crear webhook (v2).",
            "Elija «create» y «change» de personas y pegue la dirección de esta fuente.",
            "Invente usuario y clave de autenticación HTTP; guárdelos en PIPEDRIVE_SECRET.",
        ),
        "en": (
            "In Pipedrive open Tools and apps > Webhooks > Create webhook (v2).",
            "Choose create and change of persons and paste the address of this source.",
            (
                "Make up user and password for HTTP auth; put them into PIPEDRIVE_SECRET "
                "(user:password)."
            ),
        ),
    },
)
