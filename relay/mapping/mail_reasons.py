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
    "refused": ("el servidor no lo aceptó", "the server did not accept it"),
    "later": ("el servidor pidió intentarlo más tarde", "the server asked to try again later"),
    "listed": (
        "la dirección está en una lista de bloqueo", "the address is on a block list",
    ),
    "repeated": ("ya estaba en el mismo envío", "it was in the same mailing already"),
    "not_wanted": ("ya no quiere recibirlos", "no longer wants them"),
    "never_wanted": ("dice que nunca se suscribió", "says they never subscribed"),
    "expired": ("se agotó el tiempo de espera", "the time to deliver it ran out"),
}  # fmt: skip
# The fixed words of vendors, in small letters.
# SendGrid: reasons of `dropped` and `bounce_classification`,
# https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event.
# Mandrill: `bounce_description` and reasons of its denylist,
# https://mandrill.zendesk.com/hc/en-us/articles/205583307-Message-Event-Webhook-Format.
# Amazon SES, Resend: subtypes of a bounce,
# https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html.
# Mailjet: `error`, https://dev.mailjet.com/email/guides/webhooks/. Mailgun: `reason` of failures,
# https://documentation.mailgun.com/docs/mailgun/user-manual/events/events. Resend: of `failed`.
# MailerSend: reasons that a person picks on leaving.
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
    "bad content": "content",
    "user unknown": "no_such_address",
    "mailbox inactive": "mailbox_unavailable",
    "quota exceeded": "mailbox_full",
    "blacklisted": "listed",
    "preblocked": "bounced_before",
    "spam reporter": "complained_before",
    "invalid domain": "no_such_domain",
    "no mail host": "no_such_domain",
    "relay/access denied": "refused",
    "policy issue": "refused",
    "greylisted": "later",
    "typofix": "invalid_address",
    "bad or empty template": "bad_header",
    "error in template language": "bad_header",
    "sender blocked": "reputation",
    "content blocked": "content",
    "system issue": "technical",
    "protocol issue": "technical",
    "connection issue": "technical",
    "duplicate in campaign": "repeated",
    "suppress-bounce": "bounced_before",
    "suppress-complaint": "complained_before",
    "suppress-unsubscribe": "unsubscribed",
    "espblock": "reputation",
    "not delivering to previously bounced address": "bounced_before",
    "not delivering to unsubscribed address": "unsubscribed",
    "reached_daily_quota": "over_quota",
    "reached_monthly_quota": "over_quota",
    "no_longer_want": "not_wanted",
    "never_signed": "never_wanted",
    "never_signed_up": "never_wanted",
}
# How longer sentences of vendors begin: Resend's, and those by which Postmark describes its types.
_STARTS: Final[Mapping[str, str]] = {
    "the recipient's email provider sent a": "refused",
    "the server was unable to deliver your message": "mailbox_unavailable",
    "the server could not temporarily deliver your message": "technical",
    "unable to temporarily deliver message": "mailbox_unavailable",
    "the address is not a valid email address": "invalid_address",
    "blocked from this isp due to content or blacklisting": "reputation",
    "the message was delivered, but was either blocked by the user": "spam",
}
# What most mail servers say without a code. The sender's own domain is not the address's.
_SAID: Final[Mapping[str, re.Pattern[str]]] = {
    "mailbox_full": re.compile(
        r"mailbox (?:is )?full|over ?quota|quota (?:is )?(?:exceeded|full)|out of storage"
    ),
    "no_such_domain": re.compile(
        r"domain name not found|domain (?:not found|does not exist)|(?:no such|unknown) domain"
    ),
    "no_such_address": re.compile(
        r"(?:no such|unknown) (?:user|recipient|mailbox)|no mailbox here"
        r"|(?:user|recipient|mailbox|address|account)(?: is)? (?:unknown|not found)"
        "|(?:user|recipient|mailbox|address|account) (?:does ?n[o'\u2019]t|does not) exist"
    ),
    "mailbox_unavailable": re.compile(
        r"(?:mailbox|account) (?:is |has been )?(?:unavailable|disabled|inactive|suspended)"
    ),
}
_SENDER: Final = re.compile(r"\b(?:sender|from)\b")
# The kind of the diagnostic text, before it.
_PROTOCOL: Final = re.compile(r"^smtp;\s*", re.IGNORECASE)
# A code of words, which no server writes as its text.
_CODE_OF_WORDS: Final = re.compile(r"[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+")
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


# The variables that `mail_reason` makes.
REASONS: Final = ("reason_text", "server_text")


def mail_reason(fields: Mapping[str, Any], language: Language) -> dict[str, str]:
    """`reason_text`, the reason in words, and `server_text`, the rest; "" where there is none.

    Looks at the fields `reason`, `status`, `classification` and `bounce_type` of an e-mail's event.
    """
    reason = _PROTOCOL.sub("", _text(fields.get("reason")))
    code = _of_vendor(reason)
    server_text = "" if code else reason
    if _CODE_OF_WORDS.fullmatch(server_text):
        server_text = server_text.replace("_", " ").lower()
    status = _STATUS.search(_text(fields.get("status"))) or _STATUS.search(reason[:200])
    if code is None and status is not None:
        code = _CODES.get(status[1])
    for name in ("classification", "bounce_type"):
        code = code or _WORDS.get(_text(fields.get(name)).lower())
    code = code or _of_server(reason[:200].lower())
    texts = _TEXTS[code] if code else ("", "")
    return {
        "reason_text": texts[0] if language == "es" else texts[1],
        "server_text": server_text,
    }


def _of_vendor(reason: str) -> str | None:
    text = reason.lower().rstrip(".")
    if len(reason) <= _WORDS_MAX and text in _WORDS:
        return _WORDS[text]
    return next((code for start, code in _STARTS.items() if text.startswith(start)), None)


def _of_server(text: str) -> str | None:
    if _SENDER.search(text):
        return None
    return next((code for code, said in _SAID.items() if said.search(text)), None)


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
