"""Generic: any JSON or form, for senders without an adapter of their own.

The source's options choose the signature scheme (`auth`: an HMAC header, Standard Webhooks, Basic,
a bearer token, or a secret last segment of the path) and give JMESPath expressions for type, id,
time, contact and fields. Basic, bearer and path prove who sent the request, not that its body is
intact: use them over TLS only.

https://jmespath.org (read 2026-11)
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

from marshmallow import Schema, ValidationError, fields, post_load, validate

from relay.inbound.bodies import FORM, MULTIPART
from relay.inbound.contract import Platform, address_check
from relay.inbound.jmespath_options import JMESPathOptions, header_names, types_fault
from relay.inbound.jmespath_reader import parse, trace
from relay.inbound.signature import Basic, Bearer, Hmac, PathToken, Scheme, StandardWebhooks

_KEY: Final = validate.OneOf(["utf8", "base64", "hex"])


class _AuthSchema(Schema):
    """The kind of scheme and its parameters; a parameter of another scheme is a fault."""

    kind = fields.String(
        required=True,
        validate=validate.OneOf(["hmac", "standard_webhooks", "basic", "bearer", "path"]),
    )
    header = fields.String()
    prefix = fields.String()
    encoding = fields.String(validate=validate.OneOf(["base64", "hex"]))
    digest = fields.String(validate=validate.OneOf(["sha1", "sha256", "sha512"]))
    key = fields.String(validate=_KEY)

    @post_load
    def _make(self, data: dict[str, Any], **_: Any) -> Scheme:
        kind: Literal["hmac", "standard_webhooks", "basic", "bearer", "path"] = data.pop("kind")
        allowed = {
            "hmac": {"header", "prefix", "encoding", "digest", "key"},
            "standard_webhooks": {"prefix", "key"},
            "bearer": {"header", "prefix"},
        }.get(kind, set())
        if extra := sorted(data.keys() - allowed):
            raise ValidationError(f"{kind} takes no {', '.join(extra)}", extra[0])
        if "header" in data:
            data["header"] = data["header"].lower()
        if kind == "hmac":
            return Hmac(headers=(data.pop("header", "x-signature"),), **data)
        if kind == "standard_webhooks":
            return StandardWebhooks(**data)
        if kind == "bearer":
            return Bearer(**data)
        return Basic() if kind == "basic" else PathToken()


class _OptionsSchema(JMESPathOptions):
    auth = fields.Nested(_AuthSchema, required=True)


def _scheme(options: Mapping[str, Any]) -> Scheme:
    scheme: Scheme = options["auth"]
    return scheme


platform = Platform(
    name="generic",
    title="Generic JSON",
    docs="https://jmespath.org",
    media_types=("application/json", FORM, MULTIPART),
    scheme=_scheme,
    options=_OptionsSchema,
    options_fault=types_fault,
    parse=parse,
    trace=trace,
    any_sender=True,
    handshake=address_check,
    stored=header_names,
    setup={
        "es": (
            "En las opciones diga cómo prueba la herramienta quién es: `auth`.",
            "Diga allí también dónde están el id, la hora, el tipo y el contacto de cada evento.",
            "Pegue la dirección de esta fuente donde la herramienta pide la URL del webhook.",
            "Copie a GENERIC_SECRET el secreto que ella muestra, o invente uno y póngalo allí.",
            "`mercately-relay transform` muestra qué se lee de un webhook guardado en un archivo.",
        ),
        "en": (
            "In the options say how the tool proves who it is: `auth`.",
            "Say there, too, where id, time, type and contact of each event are.",
            "Paste the address of this source where the tool asks for the URL of the webhook.",
            "Copy to GENERIC_SECRET the secret that it shows, or make one up and put it there.",
            "`mercately-relay transform` shows what is read of a webhook saved in a file.",
        ),
    },
)
