"""Settings that are usable one by one, and together not what somebody would want.

What could lose an event or deliver one again for sure is a fault and is refused at start; these are
said and nothing more.
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from config.language import localized
from config.redis_url import has_tls_option

# Heroku sends SIGKILL so long after SIGTERM; a worker takes some of it to write its results down.
_HEROKU_KILLS_AFTER_S: Final = 30
_AFTER_GRACE_S: Final = 8
# Variables that are not among the settings: of the console, and one that has gone.
_ELSEWHERE: Final = ("RELAY_ENV_FILE", "RELAY_LANGUAGE", "RELAY_WEB_THREADS")
# The share of letters in common, from which on a name is another one misspelt.
_ALIKE: Final = 0.87
# How long RQ's registries show a job as running without hearing of it.
_SHOWN_AS_RUNNING_S: Final = 3600


def setting_warnings(
    *,
    redis_url: str,
    redis_tls_verify: bool,
    grace_s: float,
    read_s: float,
    job_timeout_s: int,
    environ: Mapping[str, str],
    variables: Sequence[str],
) -> Iterator[str]:
    """A sentence each, which names the variables."""
    if "RELAY_WEB_THREADS" in environ:
        yield localized(
            "RELAY_WEB_THREADS ya no hace nada: cada solicitud es un greenlet, no un hilo",
            "RELAY_WEB_THREADS has no effect any more: a request is a greenlet, not a thread",
        )
    if environ.get("RELAY_LANGUAGE", "es").lower()[:2] not in ("", "es", "en"):
        yield localized(
            "RELAY_LANGUAGE: se esperaba es o en; la consola habla inglés",
            "RELAY_LANGUAGE: expected es or en; the console speaks English",
        )
    for name, meant in _misspelt(environ, [*variables, *_ELSEWHERE]):
        yield localized(
            f"{name} no hace nada: ¿se quiso decir {meant}?",
            f"{name} has no effect: was {meant} meant?",
        )
    if not redis_tls_verify and has_tls_option(redis_url):
        yield localized(
            "RELAY_REDIS_TLS_VERIFY no hace nada: decide ssl_cert_reqs en REDIS_URL",
            "RELAY_REDIS_TLS_VERIFY has no effect: ssl_cert_reqs in REDIS_URL decides",
        )
    if grace_s < read_s:
        yield localized(
            f"RELAY_SHUTDOWN_GRACE ({grace_s:g} s) es menos que RELAY_READ_TIMEOUT_S ({read_s:g} "
            "s): un worker que se detiene corta entregas en curso, que Mercately puede recibir "
            "otra vez",
            f"RELAY_SHUTDOWN_GRACE ({grace_s:g} s) is less than RELAY_READ_TIMEOUT_S ({read_s:g} "
            "s): a worker that stops cuts deliveries off, which Mercately may get again",
        )
    if "DYNO" in environ and grace_s + _AFTER_GRACE_S > _HEROKU_KILLS_AFTER_S:
        yield localized(
            f"RELAY_SHUTDOWN_GRACE ({grace_s:g} s) no cabe en los {_HEROKU_KILLS_AFTER_S} s que da "
            f"Heroku; como mucho {_HEROKU_KILLS_AFTER_S - _AFTER_GRACE_S}",
            f"RELAY_SHUTDOWN_GRACE ({grace_s:g} s) does not fit into the {_HEROKU_KILLS_AFTER_S} s "
            f"that Heroku gives; {_HEROKU_KILLS_AFTER_S - _AFTER_GRACE_S} at most",
        )
    if job_timeout_s > _SHOWN_AS_RUNNING_S:
        yield localized(
            "RELAY_CONNECT_TIMEOUT_S y RELAY_READ_TIMEOUT_S dejan que una entrega dure hasta "
            f"{job_timeout_s} s; RQ muestra una como en curso {_SHOWN_AS_RUNNING_S} s",
            "RELAY_CONNECT_TIMEOUT_S and RELAY_READ_TIMEOUT_S let one delivery last up to "
            f"{job_timeout_s} s; RQ shows one as running for {_SHOWN_AS_RUNNING_S} s",
        )


def _misspelt(environ: Mapping[str, str], variables: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Names of ours that nothing reads, with what was probably meant; relay.toml may use others."""
    for name in environ:
        if name.startswith("RELAY_") and name not in variables:
            yield from ((name, meant) for meant in get_close_matches(name, variables, 1, _ALIKE))
