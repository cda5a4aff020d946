"""Default notes, in Spanish and English, about e-mails, messages, forms and bookings.

Jinja2 templates for the person who chats with the customer: one line of about 200 characters, the
important part first. What an event does not say leaves no trace: no empty quotes, no lone colon.
`brief` makes one short line of a value, see `relay/mapping/templates.py`.
"""

from collections.abc import Mapping
from typing import Final

# The e-mail by its subject, else by its campaign. With a subject it is a certain e-mail. A campaign
# that is only a number has no name.
_MAIL: Final = (
    "{% set mail = subject | brief(45) %}"
    "{% set series = campaign | brief(40) %}"
    "{% set series = '' if mail or series | int(-1) >= 0 else series %}"
)  # fmt: skip
_NAMED_ES: Final = (
    "{% if mail %} «{{ mail }}»{% elif series %} de la campaña «{{ series }}»{% endif %}"
)
_NAMED_EN: Final = (
    '{% if mail %} "{{ mail }}"{% elif series %} of campaign "{{ series }}"{% endif %}'
)
_SUBJECT_ES: Final = "{{ 'El' if mail else 'Un' }} correo" + _NAMED_ES
_SUBJECT_EN: Final = "{{ 'The' if mail else 'An' }} e-mail" + _NAMED_EN
_OBJECT_ES: Final = "{{ 'el' if mail else 'un' }} correo" + _NAMED_ES
_OBJECT_EN: Final = "{{ 'the' if mail else 'an' }} e-mail" + _NAMED_EN
_OF_OBJECT_ES: Final = "{{ 'del' if mail else 'de un' }} correo" + _NAMED_ES
# The reason in words where it is known, and the text of the server.
_WHY: Final = (
    "{% set words = reason_text | brief(60) %}"
    "{% set text = server_text | brief(45 if words else 80) %}"
    "{% if words and text %}, {{ words }}: {{ text }}"
    "{% elif words or text %}: {{ words or text }}{% endif %}"
)
_CLICKED: Final = "{% set shown = link_text | brief(30) %}"
_TO: Final = "{% set url = link | brief_url(70) %}{% if url %}: {{ url }}{% endif %}"
_LIST: Final = "{% set list = list_name | brief(60) %}{% set group = list_id | brief(30) %}"
_FORM: Final = "{% set name = form | brief(60) %}{% set text = (answers or message) | brief(80) %}"
# Not twice, where the form's own name begins with it.
_FORM_NOUN: Final = "{% if (name | lower)[:10] != 'formulario' %}el formulario {% endif %}"
_ANSWERS: Final = "{% if text %}: {{ text }}{% endif %}"
_BOOKING: Final = "{% set name = service | brief(60) %}{% set at = start | brief(40) %}"
_REASON: Final = "{% set why = reason | brief(60) %}{% if why %}: {{ why }}{% endif %}"
# Networks as people write them; senders abbreviate, and write small letters.
_NETWORKS: Final = {
    **dict.fromkeys(("fb", "facebook"), "Facebook"),
    **dict.fromkeys(("ig", "instagram"), "Instagram"),
    **dict.fromkeys(("msg", "messenger"), "Messenger"),
    **dict.fromkeys(("wa", "whatsapp"), "WhatsApp"),
    **dict.fromkeys(("tiktok", "tt"), "TikTok"),
    **dict.fromkeys(("google", "google_ads", "adwords"), "Google"),
    "linkedin": "LinkedIn",
    "youtube": "YouTube",
}
_LEAD: Final = (
    "{% set name = form | brief(50) %}{% set shown = ad | brief(40) %}"
    f"{{% set page = ({_NETWORKS}[network | lower] or network) | brief(20) %}}"
    "{% set text = (answers or message) | brief(80) %}"
)


def _pair(sets: str, es: str, en: str, end: str = "") -> tuple[str, str]:
    return sets + es + end, sets + en + end


def _if(name: str, text: str, otherwise: str = "") -> str:
    return f"{{% if {name} %}}{text}{{% else %}}{otherwise}{{% endif %}}"


# Event type -> the note in Spanish and in English.
MESSAGE_NOTES: Final[Mapping[str, tuple[str, str]]] = {
    "email.sent": _pair(_MAIL, f"Se envió {_OBJECT_ES}", f"{_SUBJECT_EN} was sent"),
    "email.delivered": _pair(_MAIL, f"Se entregó {_OBJECT_ES}", f"{_SUBJECT_EN} was delivered"),
    "email.deferred": _pair(
        _MAIL, f"{_SUBJECT_ES} aún no llega y se reintenta",
        f"{_SUBJECT_EN} is not there yet and is tried again", _WHY,
    ),
    "email.blocked": _pair(
        _MAIL, f"{_SUBJECT_ES} fue bloqueado por ahora", f"{_SUBJECT_EN} was blocked for now", _WHY,
    ),
    "email.opened": _pair(_MAIL, f"Abrió {_OBJECT_ES}", f"Opened {_OBJECT_EN}"),
    "email.clicked": _pair(
        _MAIL + _CLICKED,
        "Hizo clic en {% if shown %}«{{ shown }}»{% else %}un enlace{% endif %} " + _OF_OBJECT_ES,
        'Clicked {% if shown %}"{{ shown }}"{% else %}a link{% endif %} in ' + _OBJECT_EN,
        _TO,
    ),
    "email.bounced": _pair(_MAIL, f"{_SUBJECT_ES} no llegó", f"{_SUBJECT_EN} bounced", _WHY),
    "email.rejected": _pair(
        _MAIL, f"No se envió {_OBJECT_ES}", f"{_SUBJECT_EN} was not sent", _WHY,
    ),
    "email.complained": _pair(
        _MAIL, f"Marcó como spam {_OBJECT_ES}", f"Marked {_OBJECT_EN} as spam",
    ),
    "email.subscribed": _pair(
        _LIST,
        "Se suscribió a los correos"
        + _if("list", ": lista «{{ list }}»", _if("group", ": grupo {{ group }}")),
        "Subscribed to e-mails"
        + _if("list", ': list "{{ list }}"', _if("group", ": group {{ group }}")),
    ),
    "email.unsubscribed": _pair(
        _LIST,
        "Se dio de baja de "
        + _if("list", "la lista «{{ list }}»", _if("group", "los correos del grupo {{ group }}",
            _if("all_emails is sameas true", "todos los correos", "los correos"))),
        "Unsubscribed from "
        + _if("list", 'the list "{{ list }}"', _if("group", "the e-mails of group {{ group }}",
            _if("all_emails is sameas true", "all e-mails", "e-mails"))),
        _WHY,
    ),
    "sms.subscribed": ("Aceptó recibir mensajes", "Agreed to receive messages"),
    "sms.unsubscribed": ("Ya no quiere recibir mensajes", "No longer wants messages"),
    "form.submitted": _pair(
        _FORM,
        "Llenó "
        + _if("name", f"{_FORM_NOUN}«{{{{ name }}}}»", "un formulario"),
        "Filled in " + _if("name", 'the form "{{ name }}"', "a form"),
        _ANSWERS,
    ),
    "lead.created": _pair(
        _LEAD,
        "Nuevo contacto"
        + _if("shown", " desde el anuncio «{{ shown }}»", _if("page", " desde un anuncio"))
        + _if("page", " de {{ page }}") + _if("name", ", formulario «{{ name }}»"),
        "New lead"
        + _if("shown or page", " from " + _if("shown", "the " + _if("page", "{{ page }} ")
            + 'ad "{{ shown }}"', "an ad on {{ page }}"))
        + _if("name", ', form "{{ name }}"'),
        _ANSWERS,
    ),
    "booking.created": _pair(
        _BOOKING,
        "Reservó " + _if("name", "«{{ name }}»", "una cita") + _if("at", " para el {{ at }}"),
        "Booked " + _if("name", '"{{ name }}"', "an appointment") + _if("at", " for {{ at }}"),
    ),
    "booking.rescheduled": _pair(
        _BOOKING,
        "Cambió " + _if("name", "la cita «{{ name }}»", "su cita")
        + _if("at", " al {{ at }}", " de fecha"),
        "Moved " + _if("name", 'the booking "{{ name }}"', "their booking")
        + _if("at", " to {{ at }}", " to another time"),
    ),
    "booking.cancelled": _pair(
        _BOOKING,
        "Canceló " + _if("name", "«{{ name }}»", "su cita") + _if("at", " del {{ at }}"),
        "Cancelled " + _if("name", '"{{ name }}"', "their booking") + _if("at", " of {{ at }}"),
        _REASON,
    ),
    "contact.updated": _pair(
        "{% set email = new_email | brief(100) %}",
        _if("email", "Cambió su correo a {{ email }}", "Se actualizaron sus datos de contacto"),
        _if("email", "Changed their e-mail to {{ email }}", "Contact details were updated"),
    ),
}  # fmt: skip
