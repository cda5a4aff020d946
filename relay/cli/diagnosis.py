"""What `doctor SOURCE FILE` says: why the proof of a captured request does not fit."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from config.language import localized
from config.settings import Settings
from relay import sources
from relay.cli import context as cli
from relay.cli.terminal import plain, say
from relay.operations.signature_doctor import Finding, diagnose, request_of_dump

# Code -> Spanish, English; `{}` is the finding's detail.
_TEXTS: Final = {
    "fits": (
        "La firma encaja.",
        "The proof fits.",
    ),
    "ignored_topic": (
        "El tema se ignora ({}): es un aviso de prueba o no es un evento.",
        "The topic is ignored ({}): a test ping, or no event.",
    ),
    "old_secret": (
        "Encaja con el secreto número {}, uno anterior: el emisor aún no usa el nuevo.",
        ("It fits with secret number {}, an earlier one: the sender does not use the new one yet."),
    ),
    "missing": (
        ("Falta la prueba: se esperaba {}. ¿La quita un proxy, o el webhook se creó sin secreto?"),
        (
            "The proof is missing: expected {}. Does a proxy drop it, or was the hook made "
            "without a secret?"
        ),
    ),
    "other_scheme": (
        "Lleva la firma de otra plataforma: {}. ¿Es la fuente correcta?",
        "It has the proof of another platform: {}. Is it the right source?",
    ),
    "stale_clock": (
        (
            "La firma encaja, pero su hora está a {} de la de este equipo: reloj atrasado, "
            "petición guardada o repetida."
        ),
        (
            "The proof fits, but its time is {} away from this machine's: a clock that is "
            "off, or a request that was kept or repeated."
        ),
    ),
    "body_changed": (
        "El cuerpo cambió en el camino: {}. Entregue los bytes tal como llegan.",
        "The body was changed on the way: {}. Pass the bytes on as they come.",
    ),
    "other_url": (
        ("Se firmó otra dirección ({}): ponga la que conoce la plataforma en `public_url`."),
        ("Another address was signed ({}): set the one that the platform knows as `public_url`."),
    ),
    "other_notation": (
        "Está en otra notación: {}. ¿Es la plataforma correcta, o falta una opción?",
        ("It is in another notation: {}. Is it the right platform, or is an option missing?"),
    ),
    "secret_written_otherwise": (
        "Encaja si el secreto se escribe de otro modo: {}.",
        "It fits when the secret is written otherwise: {}.",
    ),
    "secret_or_body": (
        (
            "Nada de lo probado encaja ({}): el secreto es otro, o el cuerpo cambió de un "
            "modo que no se reconoce. Copie de nuevo el secreto de la plataforma."
        ),
        (
            "Nothing that was tried fits ({}): the secret is another one, or the body was "
            "changed in a way that is not known. Copy the secret from the platform again."
        ),
    ),
}


def print_diagnosis(settings: Settings, name: str, file: Path | None) -> int:
    """Print what speaks for or against the request in a file; 0 if its proof fits."""
    if file is None:
        raise click.UsageError(
            localized("Indique el archivo de la petición.", "Give the file of the request.")
        )
    source = cli.configured(
        lambda: sources.signing_source(settings.config_file, settings.environ, name)
    )
    if source is None:
        raise click.BadParameter(
            localized("fuente desconocida", "unknown source"), param_hint="source"
        )
    now = datetime.now(UTC)
    found = diagnose(request_of_dump(file.read_bytes(), source, now), source, now)
    for each in found:
        say(plain(_text(each)))
    return 0 if found[0].code in ("fits", "old_secret") else 1


def _text(finding: Finding) -> str:
    return localized(*_TEXTS[finding.code]).format(finding.detail)
