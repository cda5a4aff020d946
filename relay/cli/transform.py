"""The command that shows what a body would become, and which expression gave what."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from config.language import localized
from relay import operations, sources
from relay.cli import context as cli
from relay.cli.output import echo_json
from relay.inbound import samples
from relay.inbound.expression import Attempt, fault_text
from relay.inbound.results import Handshake
from relay.operations import Translation
from relay.platforms import discovered


@click.command(
    help=localized(
        "Muestra el evento y la llamada que resultarían de un cuerpo guardado en un archivo, o de "
        "una petición completa (.http). Sin archivo usa la muestra del tema. No envía nada.",
        "Shows the event and the call that a body in a file would become, or a whole request "
        "(.http). Without a file it takes the sample of the topic. Sends nothing.",
    )
)
@click.argument("platform")
@click.argument("topic")
@click.argument(
    "file", type=click.Path(exists=True, dir_okay=False, path_type=Path), required=False
)
@click.option(
    "--source",
    default="",
    help=localized("Con sus reglas y opciones.", "With its rules and options."),
)
@click.pass_context
def transform(
    context: click.Context, platform: str, topic: str, file: Path | None, source: str
) -> None:
    declared = discovered().get(platform)
    if declared is None:
        raise click.BadParameter(f"{platform}: {cli.expected_one_of(discovered())}")
    settings = cli.settings(context)
    offline = cli.configured(
        lambda: sources.offline_source(settings.config_file, settings.environ, declared, source)
    )
    path = file or samples.FOLDER / declared.name / f"{samples.file_name(topic)}.http"
    if not path.is_file():
        raise click.ClickException(no_sample(declared.name, topic))
    request = operations.request_from_file(
        path.name, path.read_bytes(), offline, topic, datetime.now(UTC)
    )
    translations = operations.transform(request, offline)
    if isinstance(translations, Handshake):
        echo_json({"handshake": translations.response.status}, indent=None)
        return
    echo_json([_as_object(translation) for translation in translations])


def _as_object(translation: Translation) -> dict[str, Any]:
    name = type(translation.translated).__name__
    kind = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    content: dict[str, Any] = {"outcome": kind, kind: asdict(translation.translated)}
    if translation.event is not None:
        content["event"] = asdict(translation.event)
        del content["event"]["raw"], content["event"]["body"]
    if translation.expressions:
        content["expressions"] = {
            name: _as_attempts(attempts) for name, attempts in translation.expressions.items()
        }
    return content


def _as_attempts(attempts: Sequence[Attempt]) -> list[dict[str, Any]]:
    """Each expression with what it gives; the first usable one is the value."""
    used = next((attempt for attempt in attempts if attempt.is_usable), None)
    return [
        {
            "expression": attempt.expression,
            **({"error": fault_text(attempt.error)} if attempt.error else {"value": attempt.value}),
            "used": attempt is used,
        }
        for attempt in attempts
    ]


def no_sample(platform: str, topic: str) -> str:
    names = ", ".join(samples.names(platform))
    return localized(
        f"{platform} no tiene una muestra de {topic}; hay: {names}",
        f"{platform} has no sample of {topic}; there are: {names}",
    )
