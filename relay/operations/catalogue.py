"""The platforms as a merchant sees them, from their declarations: a list, and a page for each."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from config.platform_texts import in_spanish
from relay.inbound import samples
from relay.inbound.contract import Platform, Source
from relay.inbound.results import Handshake
from relay.inbound.signature import PathToken, QueryToken
from relay.mapping.event_types import EVENT_TYPES, Language
from relay.model import Call, WebhookRequest
from relay.operations.impossible import IMPOSSIBLE
from relay.operations.outgoing import request_from_file, transform

_NOW: Final = datetime(2026, 11, 2, 15, 4, 5, tzinfo=UTC)
_HOST: Final = "https://relay.example"
_DEPENDS: Final = "depends"
_AS_CONFIGURED: Final = "as the source's `auth` says"
# What a proof proves, in words: Spanish, English.
_VOUCHES: Final[dict[str, dict[Language, str]]] = {
    "body": {
        "es": "Cada petición va firmada entera: nadie sin el secreto puede inventar un evento.",
        "en": "Each request is signed as a whole: nobody without the secret can invent an event.",
    },
    "identity": {
        "es": (
            "La firma cubre solo lo que identifica al objeto. Lo demás se consulta en la "
            "plataforma, o vale lo que diga quien conozca el secreto."
        ),
        "en": (
            "The signature covers only what identifies the thing. The rest is looked up at the "
            "platform, or is worth what somebody says who knows the secret."
        ),
    },
    "nothing": {
        "es": (
            "No firma nada: el secreto es como una contraseña. Guárdelo como tal, y cámbielo si "
            "alguien más lo vio."
        ),
        "en": (
            "It signs nothing: the secret is like a password. Keep it as one, and change it if "
            "anybody else has seen it."
        ),
    },
    _DEPENDS: {
        "es": "Depende de las opciones de la fuente.",
        "en": "It depends on the source's options.",
    },
}


def impossible_entries() -> list[dict[str, Any]]:
    """The platforms that cannot be had, for a machine to read."""
    return [{"name": each.name, "title": each.title, "impossible": each.why} for each in IMPOSSIBLE]


def entry(platform: Platform) -> dict[str, Any]:
    """A platform, for a machine to read."""
    return {
        "name": platform.name,
        "title": platform.title,
        "group": platform.group,
        "topics": platform.event_types,
        "verification": verification(platform) or _AS_CONFIGURED,
        "vouches_for": vouches_for(platform),
        "needs_api": needs_api(platform),
        "certainty": platform.certainty,
        "docs": platform.docs,
        "deadline_s": platform.deadline_s,
        "disable_after": platform.disable_after,
        "setup": {language: list(steps) for language, steps in platform.setup.items()},
    }


def verification(platform: Platform) -> str:
    """How a request proves who sent it, of a source without options; empty where it needs some."""
    if not callable(platform.scheme):
        return platform.scheme.label
    if platform.options is None or platform.needs_options:
        return ""
    return platform.scheme_for(platform.options().load({})).label


def vouches_for(platform: Platform) -> str:
    return _DEPENDS if callable(platform.scheme) else platform.scheme.vouches_for


def needs_api(platform: Platform) -> bool:
    """Whether some of its notices only name a thing."""
    return any(topic.lookup for topic in platform.topics.values())


def address(platform: Platform) -> str:
    """The address to paste, with the name of the secret's variable where the secret belongs."""
    url = f"{_HOST}/webhooks/{platform.name}"
    scheme = platform.scheme
    if isinstance(scheme, PathToken | QueryToken):
        plain = WebhookRequest("POST", url, {}, b"", _NOW)
        url = scheme.sign(plain, secret_variable(platform), _NOW).url
    return url


def secret_variable(platform: Platform) -> str:
    return f"{platform.name.upper()}_SECRET"


def page(platform: Platform, source: Source | None, language: Language) -> str:
    """What a merchant has to know of a platform, as Markdown.

    `source` translates the samples whose notes it shows; None where it needs options first.
    """

    def say(spanish: str, english: str) -> str:
        return spanish if language == "es" else english

    lines = [f"# {platform.title}", ""]
    for heading, content in _sections(platform, source, language, say):
        if content:
            lines += [f"## {heading}", "", *content, ""]
    lines += [f"<{platform.docs}>"] if platform.docs else []
    return "\n".join(lines).rstrip() + "\n"


Say = Callable[[str, str], str]


def _sections(
    platform: Platform, source: Source | None, language: Language, say: Say
) -> Iterator[tuple[str, list[str]]]:
    """(heading, lines) of each part of a page."""
    yield say("Cómo conectarla", "How to connect it"), _connection(platform, language, say)
    yield say("Qué llega", "What arrives"), _topics(platform, language, say)
    yield say("Consultas a la plataforma", "Look-ups at the platform"), _lookups(platform, say)
    notes = list(_notes(platform, source)) if source else []
    yield say("Lo que lee el agente", "What the agent reads"), notes
    yield say("Qué se comprueba", "What is verified"), _proof(platform, language, say)
    yield say("Cómo probarla", "How to try it"), _trial(platform, say)
    yield say("Si el relay no responde", "When the relay does not answer"), _retries(platform, say)
    yield (
        say("Si no llega nada", "When nothing arrives"),
        [
            f"- `mercately-relay events --source {platform.name}`: "
            + say(
                "lo recibido, y por qué está donde está.", "what came, and why it is where it is."
            ),
            "- " + say("El registro del proceso web", "The log of the web process") + ": "
            "`webhook.received` "
            + say(
                "dice por qué se rechazó (`reason`, `cause`).",
                "says why one was refused (`reason`, `cause`).",
            ),
            "- `mercately-relay check`, `mercately-relay doctor`: "
            + say("la configuración y Redis.", "the configuration and Redis."),
        ],
    )


def _connection(platform: Platform, language: Language, say: Say) -> list[str]:
    lines = [say("Dirección de esta fuente", "Address of this source") + f": `{address(platform)}`"]
    if platform.needs_options:
        example = f'`platform = "{platform.name}"`'
        lines += ["", say(
            f"Escriba una fuente con {example} y sus opciones en `config/relay.toml`.",
            f"Write a source with {example} and its options into `config/relay.toml`.",
        )]  # fmt: skip
    number = 0
    for step in platform.setup.get(language, ()):
        if "\n" in step:  # a program to paste, which belongs to the step before
            lines += ["", "```", step, "```", ""]
            continue
        number += 1
        lines += [*([""] if number == 1 else []), f"{number}. {step}"]
    if platform.certainty == "unverified":
        lines += ["", say(
            "Parte de esto no se pudo comprobar en la documentación del proveedor: pruébelo antes "
            "de confiar en ello.",
            "Part of this could not be checked in the vendor's documents: try it before you rely "
            "on it.",
        )]  # fmt: skip
    return lines


def _lookups(platform: Platform, say: Say) -> list[str]:
    if not needs_api(platform):
        return []
    if platform.api is None:
        return [say(
            "Algunos avisos solo traen un id; el relay aún no sabe consultarlos: quedan en espera.",
            "Some notices only have an id; the relay cannot look them up yet: they wait.",
        )]  # fmt: skip
    names = ", ".join(f"`{name}`" for name in platform.api.credentials)
    place, kinds = f"`[sources.{platform.name}.credentials]`", ", ".join(sorted(platform.lookups))
    return [say(
        f"Con {names} en {place} el relay consulta: {kinds}. Sin ellas, lo que solo trae un id "
        "queda en espera.",
        f"With {names} in {place} the relay looks up: {kinds}. Without them what only has an id "
        "waits.",
    )]  # fmt: skip


def _topics(platform: Platform, language: Language, say: Say) -> list[str]:
    """A line for each topic: the platform's name for it, our type, and its title."""
    return [
        f"- `{name}` → `{event_type}`: {EVENT_TYPES[event_type].title(language)}"
        for name, event_type in platform.event_types.items()
    ] + _echo(platform, say)


def _echo(platform: Platform, say: Say) -> list[str]:
    """What becomes of what the platform's API wrote, where it marks that."""
    if platform.echo is None:
        return []
    names = ", ".join(f"`{name}`" for name in platform.echo.ignored)
    return ["", say(
        "Lo que escribió su API (otra herramienta, o su propio sistema) "
        + (f"se ignora en {names} y en lo demás se entrega" if names else "se entrega")
        + '; `echo = "ignore"` en la fuente lo ignora, `echo = "deliver"` lo entrega.',
        "What its API wrote (another tool, or your own system) is "
        + (f"ignored of {names} and delivered of the rest" if names else "delivered")
        + '; `echo = "ignore"` of the source ignores it, `echo = "deliver"` delivers it.',
    )]  # fmt: skip


def _notes(platform: Platform, source: Source) -> Iterator[str]:
    """The note of each sample that is delivered at once; equal ones stand once."""
    told: set[str] = set()
    for name in samples.names(platform.name):
        path = samples.FOLDER / platform.name / f"{name}.http"
        request = request_from_file(path.name, path.read_bytes(), source, name, _NOW)
        results = transform(request, source)
        for result in [] if isinstance(results, Handshake) else results:
            call = result.translated
            note = str(call.body.get("notes", "")) if isinstance(call, Call) else ""
            if note and note not in told:
                told.add(note)
                yield f"- {note}"


def _proof(platform: Platform, language: Language, say: Say) -> list[str]:
    label = verification(platform)
    lines = [_VOUCHES[vouches_for(platform)][language]]
    label = say(in_spanish(label), label)
    return [*lines, "", f"{say('Prueba', 'Proof')}: {label}."] if label else lines


def _trial(platform: Platform, say: Say) -> list[str]:
    topic = next(iter(samples.names(platform.name)), "")
    command = f"`mercately-relay send {platform.name} {topic}`"
    return [command + say(
        " envía a su relay una muestra firmada, de una persona inventada.",
        " sends your relay a signed sample, of an invented person.",
    )]  # fmt: skip


def _retries(platform: Platform, say: Say) -> list[str]:
    facts = (
        (say("Espera", "It waits"), f"{platform.deadline_s:g} s" if platform.deadline_s else ""),
        (say("Reintenta", "It tries again"), platform.retries),
        (say("Desactiva el webhook", "It switches the hook off"), platform.disable_after),
    )
    return [f"- {name}: {say(in_spanish(fact), fact)}" for name, fact in facts if fact]
