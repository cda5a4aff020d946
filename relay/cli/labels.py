"""States, outcomes and checks in words; machine-readable output keeps the codes."""

from typing import Any, Final

import click

from config.language import localized
from relay.model import State

_SPANISH: Final = {
    "accepted": "aceptado",
    "retrying": "reintentando",
    "delivered": "entregado",
    "held": "retenido",
    "dead": "muerto",
    "discarded": "descartado",
    "ignored": "ignorado",
    "duplicate": "duplicado",
    "requeued": "en cola de nuevo",
    "open": "sigue abierto",
    "moved": "cambió mientras tanto",
    "absent": "no existe",
    "nothing_left": "no queda nada que enviar",
    "unknown_source": "fuente desconocida",
    "unreadable": "ilegible",
    "too_large": "demasiado grande",
    "awaiting_lookup": "espera una consulta",
}
_CODES: Final = {spanish: code for code, spanish in _SPANISH.items()}
# Why an event stays where it is: Spanish, English. The code stands beside it.
_REASONS: Final = {
    "no_customer": ("no dice de qué cliente se trata", "does not say which customer it is"),
    "hook_user": (
        "el usuario del webhook no puede leerlo: créelo de nuevo como administrador",
        "the hook's user may not read it: make the hook anew as an administrator",
    ),
    "content_encoding": (
        "viene comprimido de un modo que no se entiende: desactívelo en el proxy o en quien envía",
        "is compressed in a way that is not understood: switch that off at the proxy or the sender",
    ),
    "privacy_request": (
        "un cliente pide sus datos: `show` de este aviso dice qué se guarda de él",
        "a customer asks for their data: `show` of this notice says what is kept of them",
    ),
    "privacy_redaction": (
        "piden borrar los datos de un cliente: use `forget CORREO`, que también borra este aviso",
        "a customer's data are to be deleted: use `forget EMAIL`, which deletes this notice too",
    ),
    "privacy_forgetting": (
        "piden borrar los datos de un cliente o la tienda: lo hace el worker, y borra este aviso",
        "a customer's or the shop's data are to be deleted: the worker does, and deletes this",
    ),
    "setup_code": (
        "trae el código que la plataforma pide al crear el webhook: véalo con `show`",
        "has the code that the platform asks for when the hook is made: see it with `show`",
    ),
    "to_review": (
        "`when` de la fuente pide que alguien lo vea antes: `replay` lo entrega",
        "`when` of the source asks that somebody sees it first: `replay` delivers it",
    ),
    "lookup_reconnect": (
        "conecte de nuevo la tienda: ponga otro refresh_token en `credentials` y use `replay`",
        "connect the shop again: put another refresh_token into `credentials` and use `replay`",
    ),
    "lookup_credentials": (
        "la plataforma no acepta las credenciales: corríjalas en `credentials` y use `replay`",
        "the platform does not accept the credentials: mend `credentials` and use `replay`",
    ),
    "lookup_forbidden": (
        "a las credenciales les falta un permiso: agréguelo en la plataforma y use `replay`",
        "the credentials lack a right: add it at the platform and use `replay`",
    ),
    "lookup_plan": (
        "el plan de la tienda no incluye la API: cámbielo y use `replay`",
        "the shop's plan is without the API: change it and use `replay`",
    ),
    "lookup_not_found": (
        "la plataforma no encuentra lo que nombró: quizá se borró",
        "the platform does not find what it named: it may have been deleted",
    ),
    "lookup_id": (
        "nombra algo que no tiene la forma de un id: no se consulta",
        "names something that has not the form of an id: it is not looked up",
    ),
    "lookup_address": (
        "la dirección de `credentials` no es de Internet, o no es https: no se consulta",
        "the address in `credentials` is not on the Internet, or not https: it is not asked",
    ),
    "when": (
        "una condición `when` de relay.toml lo ignora",
        "a condition `when` in relay.toml ignores it",
    ),
    "made_by_an_api": (
        'lo escribió la API de la plataforma: `echo = "deliver"` en la fuente lo entrega',
        'the platform\'s API wrote it: `echo = "deliver"` of the source delivers it',
    ),
    "topic_mismatch": ("el tema no coincide con el cuerpo", "the topic contradicts the body"),
}
_NEEDS: Final = ("falta consultarlo en la plataforma", "has to be looked up at the platform")
# What `doctor` and /readyz check: Spanish, English.
_CHECKS: Final = {
    "redis_reachable": ("Redis no responde", "Redis does not answer"),
    "redis_writable": ("Redis no acepta escrituras", "Redis accepts no writes"),
    "redis_append_only": ("Redis no guarda en disco (appendonly yes)", "appendonly is not yes"),
    "redis_fsync": (
        "el disco no se sincroniza como pide RELAY_DURABILITY",
        "the disk is not synced as RELAY_DURABILITY asks",
    ),
    "redis_full": (
        "Redis está más lleno de lo que permite RELAY_MEMORY_WATERMARK",
        "Redis is fuller than RELAY_MEMORY_WATERMARK allows",
    ),
    "backlog_full": (
        "esperan tantos eventos como permite RELAY_BACKLOG_MAX",
        "as many events are waiting as RELAY_BACKLOG_MAX allows",
    ),
    "redis_schema": (
        "los datos de Redis son de otra versión",
        "the data in Redis are of another version",
    ),
    "redis_no_eviction": (
        "Redis puede expulsar claves (maxmemory-policy noeviction)",
        "maxmemory-policy is not noeviction",
    ),
    "redis_primary": ("Redis es una réplica", "Redis is a replica"),
    "redis_version": ("Redis es anterior a 6.2", "Redis is older than 6.2"),
    "held_full": (
        "de alguna fuente esperan a una persona tantos eventos como permite RELAY_HELD_MAX",
        "as many events of a source wait for a person as RELAY_HELD_MAX allows",
    ),
    "data_lost": (
        "Redis perdió datos en la última semana: pida a las tiendas que reenvíen lo que falte",
        "Redis lost data in the past week: have the shops send again what is missing",
    ),
    "worker_seen": ("ningún worker en el último minuto", "no worker in the last minute"),
}


def label(code: str) -> str:
    """A state or outcome in the language of the console; other codes stay as they are."""
    return localized(_SPANISH.get(code, code), code)


def outcome_text(code: str) -> str:
    """The outcome of a replay: a state's word, or the reason code with what it means."""
    explained = reason_text(code)
    return label(code) if explained == code else explained


def reason_text(code: str) -> str:
    """A reason code, with what it means where that is not plain."""
    texts = _NEEDS if code.startswith("needs_") else _REASONS.get(code)
    return f"{code} · {localized(*texts)}" if texts else code


def missing_check(code: str) -> str:
    """A failed check in words, with its code."""
    spanish, english = _CHECKS.get(code, (code, code))
    return localized(f"falta: {spanish} ({code})", f"missing: {code} ({english})")


class StateChoice(click.Choice[str]):
    """One of some states: its code, or the Spanish word that tables show."""

    def __init__(self, *states: State | str) -> None:
        super().__init__([str(state) for state in states])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        word = str(value).lower()
        return super().convert(_CODES.get(word, word), param, ctx)
