"""Why an e-mail did not arrive: the fixed reasons of vendors and the status codes of mail servers,
in words of both languages. The text of a server itself is never translated.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from relay.mapping.event_types import Language

# Reason -> Spanish, English; they stand within a sentence.
_TEXTS: Final[Mapping[str, tuple[str, str]]] = {
    "no_such_address": ("la dirección no existe", "no such address"),
    "invalid_address": ("la dirección no es válida", "the address is not valid"),
    "no_such_domain": ("el dominio de la dirección no existe", "the address has no such domain"),
    "bounced_before": ("la dirección ya había rebotado", "the address had bounced before"),
    "unsubscribed": ("la persona se había dado de baja", "the person had unsubscribed"),
    "complained_before": (
        "la persona había marcado correos como spam", "the person had marked e-mails as spam",
    ),
    "spam": ("su contenido parece spam", "its content looks like spam"),
    "content": ("no se aceptó su contenido", "its content was not accepted"),
    "over_quota": ("se agotó el límite de envíos del plan", "the plan's sending limit is used up"),
    "bad_header": ("el correo estaba mal armado", "the e-mail was not built correctly"),
    "reputation": (
        "el servidor desconfía del remitente", "the server does not trust the sender",
    ),
    "too_many": ("se enviaron demasiados correos seguidos", "too many e-mails at once"),
    "mailbox_full": ("el buzón está lleno", "the mailbox is full"),
    "mailbox_unavailable": ("el buzón no está disponible", "the mailbox is not available"),
    "too_large": ("el correo es demasiado grande", "the e-mail is too large"),
    "technical": ("hubo un problema técnico", "there was a technical problem"),
    "unreachable": ("el servidor no responde", "the server does not answer"),
    "expired": ("se agotó el tiempo de espera", "the time to deliver it ran out"),
}  # fmt: skip
# The fixed words of vendors, in small letters.
# SendGrid: reasons of `dropped` and `bounce_classification`,
# https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event.
# Mandrill: `bounce_description` and reasons of its denylist,
# https://mandrill.zendesk.com/hc/en-us/articles/205583307-Message-Event-Webhook-Format.
# Amazon SES, Resend: subtypes of a bounce,
# https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html.
_WORDS: Final[Mapping[str, str]] = {
    "invalid": "invalid_address",
    "bounced address": "bounced_before",
    "unsubscribed address": "unsubscribed",
    "spam reporting address": "complained_before",
    "spam content": "spam",
    "spam content (if spam checker app is enabled)": "spam",
    "spam content (if spam checker app enabled)": "spam",
    "invalid smtpapi header": "bad_header",
    "recipient list over package quota": "over_quota",
    "invalid address": "no_such_address",
    "content": "content",
    "reputation": "reputation",
    "frequency or volume too high": "too_many",
    "mailbox unavailable": "mailbox_unavailable",
    "technical": "technical",
    "technical failure": "technical",
    "bad_mailbox": "no_such_address",
    "invalid_domain": "no_such_domain",
    "mailbox_full": "mailbox_full",
    "hard-bounce": "bounced_before",
    "soft-bounce": "bounced_before",
    "spam": "complained_before",
    "unsub": "unsubscribed",
    "noemail": "no_such_address",
    "suppressed": "bounced_before",
    "onaccountsuppressionlist": "bounced_before",
    "mailboxfull": "mailbox_full",
    "messagetoolarge": "too_large",
    "contentrejected": "content",
    "attachmentrejected": "content",
}
# Subject and detail of enhanced status codes, RFC 3463; the class before them is of no matter.
_CODES: Final[Mapping[str, str]] = {
    "1.1": "no_such_address",
    "1.2": "no_such_domain",
    "1.3": "invalid_address",
    "1.10": "no_such_domain",
    "2.1": "mailbox_unavailable",
    "2.2": "mailbox_full",
    "2.3": "too_large",
    "3.4": "too_large",
    "4.1": "unreachable",
    "4.2": "unreachable",
    "4.7": "expired",
}
_STATUS: Final = re.compile(r"(?<![\d.])[245]\.(\d{1,3}\.\d{1,3})(?![\d.])")
# The words of senders' names are short; longer texts are a server's.
_WORDS_MAX: Final = 60


def mail_reason(fields: Mapping[str, Any], language: Language) -> dict[str, str]:
    """`reason_text`, the reason in words, and `server_text`, the rest; "" where there is none.

    Looks at the fields `reason`, `status`, `classification` and `bounce_type` of an e-mail's event.
    """
    reason = _text(fields.get("reason"))
    code = _WORDS.get(reason.lower()) if len(reason) <= _WORDS_MAX else None
    server_text = "" if code else reason
    status = _STATUS.search(_text(fields.get("status"))) or _STATUS.search(reason[:200])
    if code is None and status is not None:
        code = _CODES.get(status[1])
    for name in ("classification", "bounce_type"):
        code = code or _WORDS.get(_text(fields.get(name)).lower())
    texts = _TEXTS[code] if code else ("", "")
    return {
        "reason_text": texts[0] if language == "es" else texts[1],
        "server_text": server_text,
    }


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
