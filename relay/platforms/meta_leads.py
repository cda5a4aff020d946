"""Meta Lead Ads: leads of forms on Facebook and Instagram, JSON, signed; they have to be looked up.

Signs `sha256=` and hex HMAC-SHA256 of the raw body with the app's secret as text; the body has
non-ASCII letters escaped and must be verified byte for byte. A request is a batch: entries, one for
each page, with their changes, up to 1,000. Each change only names a lead, whose `leadgen_id` is its
key: it stays the same on every retry, and happens once. Ids come as texts or numbers. When the
address is saved, a GET wants its `hub.challenge` back, if its `hub.verify_token` is the one in the
source's options. Anything but 200 is sent again at once and then ever more seldom for 36 h; after
about an hour of failures the page can be unsubscribed. How long it waits is not documented. The
dashboard's test button sends a lead that does not exist.

A lead has its answers under the names of the fields; those of an advertiser's own questions are the
questions, with underscores. A token without access to the leads is told that there is none (400).

https://developers.facebook.com/docs/graph-api/webhooks/getting-started and
https://developers.facebook.com/docs/marketing-api/guides/lead-ads/retrieving (read 2026-11)
"""

import hmac
from typing import Any, Final

from marshmallow import Schema, fields, validate

from relay.inbound.contract import Platform, Source, each_part
from relay.inbound.form_answers import FORM, Answer, of_form
from relay.inbound.lookups import Api, Lookup, Read
from relay.inbound.payload_fields import Id, OmittedFields, Text, Time
from relay.inbound.payload_schema import ListOf, Object, PayloadSchema
from relay.inbound.places import Field, FieldIs
from relay.inbound.results import Handshake, PlatformResponse
from relay.inbound.signature import Hmac
from relay.inbound.topics import Shape, Topic, Values
from relay.model import WebhookRequest

_TEST_LEAD: Final = "444444444444"
_FIELDS: Final = (
    "id", "created_time", "field_data", "ad_name", "campaign_name", "form_id", "platform",
)  # fmt: skip
_KINDS: Final = {
    "email": "email", "phone_number": "phone", "full_name": "name",
    "first_name": "first_name", "last_name": "last_name",
}  # fmt: skip
_NETWORKS: Final = {"fb": "Facebook", "ig": "Instagram"}


class _OptionsSchema(Schema):
    verify_token = fields.String(required=True, validate=validate.Length(min=1))


class _NoticeSchema(PayloadSchema):
    id = Id("value.leadgen_id", required=True)
    event_id = Id("value.leadgen_id")


class _AnswerSchema(PayloadSchema):
    name = Text()
    values = ListOf(Text())


class _LeadSchema(PayloadSchema):
    id = Id(required=True)
    at = Time("created_time")
    ad = Text("ad_name", "campaign_name")
    network = Text("platform")
    _answers = ListOf(Object(_AnswerSchema), "field_data")


def _said(_topic: str, values: Values) -> Values:
    """Who it is and what they answered."""
    given = [(one.get("name") or "", one.get("values")) for one in values.get("_answers") or ()]
    said = of_form(
        Answer(name.replace("_", " "), answer, _KINDS.get(name, "")) for name, answer in given
    )
    network = values.get("network", "")
    found = FORM.schema.values_of({"said": said}, "", OmittedFields())
    return {**found, "network": _NETWORKS.get(network, network)}


def _handshake(request: WebhookRequest, source: Source) -> Handshake | None:
    query = dict(request.query)
    token = query.get("hub.verify_token", "").encode()
    is_ours = hmac.compare_digest(token, source.options["verify_token"].encode())
    if request.method != "GET" or query.get("hub.mode") != "subscribe" or not is_ours:
        return None
    return Handshake(PlatformResponse(body=query.get("hub.challenge", "").encode()))


def _changes(value: Any) -> list[Any]:
    """The changes of every entry; a stored part is one change."""
    if not isinstance(value, dict) or "entry" not in value:
        return [value]
    entries = [
        (entry.get("changes") or []) if isinstance(entry, dict) else entry
        for entry in each_part(value["entry"])
    ]
    return [change for changes in entries for change in each_part(changes)]


platform = Platform(
    name="meta_leads",
    title="Meta Lead Ads",
    docs="https://developers.facebook.com/docs/graph-api/webhooks/getting-started",
    group="forms",
    scheme=Hmac(headers=("x-hub-signature-256",), encoding="hex", prefix="sha256="),
    topic=Field("field"),
    shop=Field("value.page_id"),
    test=(FieldIs("value.leadgen_id", _TEST_LEAD),),
    parts=_changes,
    topics={
        "leadgen": Topic(
            type="lead.created",
            shape=Shape(schema=_NoticeSchema()),
            lookup="lead",
        )
    },
    api=Api(
        url="https://graph.facebook.com/v26.0",
        credentials=("access_token",),
        headers={"Authorization": "Bearer {access_token}"},
    ),
    lookups={
        "lead": Lookup(
            Read("/{id}", query={"fields": ",".join(_FIELDS)}),
            shape=Shape(schema=_LeadSchema(), refine=_said),
        )
    },
    handshake=_handshake,
    options=_OptionsSchema,
    retries="at once, then ever more seldom for 36 hours",
    disable_after="about 1 hour of failures: the page is unsubscribed",
    setup={
        "es": (
            "En developers.facebook.com, abra su app y copie la clave secreta a META_LEADS_SECRET.",
            "Invente un token de verificación y escríbalo como `verify_token` en las opciones.",
            "En Webhooks > Page, pegue la dirección https de esta fuente y ese token, y verifique.",
            "Suscriba el campo `leadgen`, y luego la página: `/{page}/subscribed_apps`.",
            "Publique la app y agréguela en el Administrador de acceso a clientes potenciales.",
            (
                "Ponga un token de usuario del sistema con `leads_retrieval` en `credentials` de "
                "la fuente: `access_token`."
            ),
            "Pruebe con la Herramienta de prueba de anuncios para clientes potenciales.",
        ),
        "en": (
            (
                "On developers.facebook.com, open your app and copy its app secret to "
                "META_LEADS_SECRET."
            ),
            "Invent a verify token and write it as `verify_token` into the options.",
            "In Webhooks > Page, paste the https address of this source and that token; verify.",
            "Subscribe the field `leadgen`, then the page: `/{page}/subscribed_apps`.",
            "Publish the app, and add it in the Leads Access Manager of the page.",
            (
                "Put a system user's token with `leads_retrieval` into the source's "
                "`credentials`: `access_token`."
            ),
            "Test with the Lead Ads Testing Tool.",
        ),
    },
)
