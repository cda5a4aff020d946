"""Why Redis cannot be used: one of a closed set of words, the same in log, `/readyz`, `doctor` and
on the command line, and what to do about it; never any part of REDIS_URL's password.
"""

import re
import ssl
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    ConnectionError as RedisConnectionError,
    MaxConnectionsError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    TimeoutError as RedisTimeoutError,
)

from config.language import localized


class FaultWord(StrEnum):
    """What Redis refuses; `refused` is an error of its own that is none of the others."""

    CERTIFICATE = "certificate"
    AUTHENTICATION = "authentication"
    NOT_ALLOWED = "not_allowed"
    MAX_CLIENTS = "max_clients"
    MISCONF = "misconf"
    READONLY = "readonly"
    OOM = "oom"
    LOADING = "loading"
    AWAY = "away"
    REFUSED = "refused"


_BY_TYPE: Final[tuple[tuple[type[BaseException], FaultWord], ...]] = (
    (ssl.SSLCertVerificationError, FaultWord.CERTIFICATE),
    (AuthenticationError, FaultWord.AUTHENTICATION),
    (NoPermissionError, FaultWord.NOT_ALLOWED),
    (BusyLoadingError, FaultWord.LOADING),
    (MaxConnectionsError, FaultWord.MAX_CLIENTS),
    (ReadOnlyError, FaultWord.READONLY),
    (OutOfMemoryError, FaultWord.OOM),
)
# Within a script Redis 6.2 and 7.0 put the code behind words of their own.
_BY_TEXT: Final[tuple[tuple[str, FaultWord], ...]] = (
    ("certificate verify", FaultWord.CERTIFICATE),
    (r"\b(noauth|wrongpass)\b", FaultWord.AUTHENTICATION),
    (r"\bnoperm\b|can't run this command|acl failure in script", FaultWord.NOT_ALLOWED),
    ("max number of clients", FaultWord.MAX_CLIENTS),
    (r"\bmisconf\b|errors? writing to the aof file", FaultWord.MISCONF),
    (r"\breadonly\b|read only replica", FaultWord.READONLY),
    (r"\boom\b|used memory > 'maxmemory'", FaultWord.OOM),
    (r"\bloading\b", FaultWord.LOADING),
)


def fault_word(error: BaseException) -> FaultWord:
    """The word for an exception of redis-py, or of the connection."""
    chain = _chain(error)
    for link in chain:
        for kind, word in _BY_TYPE:
            if isinstance(link, kind):
                return word
    text = " ".join(str(link) for link in chain).lower()
    for pattern, word in _BY_TEXT:
        if re.search(pattern, text):
            return word
    gone = (RedisConnectionError, RedisTimeoutError, OSError)
    return FaultWord.AWAY if isinstance(error, gone) else FaultWord.REFUSED


def error_name(error: BaseException | None) -> str:
    """For a log line: the word for what Redis refuses, else the exception's type."""
    return fault_word(error).value if isinstance(error, RedisError) else type(error).__name__


def advice(word: FaultWord) -> str:
    """What is wrong and what to do, for a person who runs the relay."""
    spanish, english = _ADVICE[word]
    return localized(spanish, english)


_ADVICE: Final[dict[FaultWord, tuple[str, str]]] = {
    FaultWord.CERTIFICATE: (
        (
            "su certificado TLS no es de confianza. Si es autofirmado, como en Heroku, defina "
            "RELAY_REDIS_TLS_VERIFY=false."
        ),
        (
            "its TLS certificate is not trusted. If it is self-signed, as Heroku's is, set "
            "RELAY_REDIS_TLS_VERIFY=false."
        ),
    ),
    FaultWord.AUTHENTICATION: (
        "rechaza el usuario o la contraseña; corríjalos en REDIS_URL.",
        "it refuses the user or the password; correct them in REDIS_URL.",
    ),
    FaultWord.NOT_ALLOWED: (
        (
            "el usuario no tiene permiso para un comando que el relay necesita; déselo con ACL "
            "SETUSER: todo menos INFO, CONFIG y CLIENT hace falta."
        ),
        (
            "the user may not run a command that the relay needs; allow it with ACL SETUSER: all "
            "but INFO, CONFIG and CLIENT is needed."
        ),
    ),
    FaultWord.MAX_CLIENTS: (
        "no admite más conexiones (maxclients); baje RELAY_REDIS_CONNECTIONS o contrate más.",
        "it takes no more connections (maxclients); lower RELAY_REDIS_CONNECTIONS or buy more.",
    ),
    FaultWord.MISCONF: (
        "no puede escribir en su disco y rechaza todo (MISCONF); haga sitio en el disco de Redis.",
        "it cannot write to its disk and refuses all writes (MISCONF); make room on Redis's disk.",
    ),
    FaultWord.READONLY: (
        "es una réplica y no acepta escrituras (READONLY); REDIS_URL debe nombrar el primario.",
        "it is a replica and takes no writes (READONLY); REDIS_URL has to name the primary.",
    ),
    FaultWord.OOM: (
        "no le queda memoria (maxmemory); auméntela, o espere a que se entregue lo pendiente.",
        "it is out of memory (maxmemory); raise it, or wait until what is pending is delivered.",
    ),
    FaultWord.LOADING: (
        "todavía carga sus datos; espere, no hay que hacer nada.",
        "it is still loading its data; wait, there is nothing to do.",
    ),
    FaultWord.AWAY: (
        (
            "no se puede conectar con él, o no responde; compruebe que está en marcha y que "
            "REDIS_URL es correcta."
        ),
        "it cannot be reached, or does not answer; see that it is running and REDIS_URL is right.",
    ),
    FaultWord.REFUSED: (
        "responde con un error; mire el registro de Redis.",
        "it answers with an error; look at Redis's log.",
    ),
}


def redis_fault(error: RedisError | OSError, url: str) -> str:
    """A sentence for a person: where, the word, what is wrong and what to do.

    `url` is the unmasked REDIS_URL.
    """
    word = fault_word(error)
    reason = advice(word)
    if word is FaultWord.AWAY and any(isinstance(link, ssl.SSLError) for link in _chain(error)):
        reason = localized(
            "no habla TLS en ese puerto; use redis:// en lugar de rediss://.",
            "it does not speak TLS on this port; use redis:// instead of rediss://.",
        )
    elif word is FaultWord.AWAY:
        reason = _connection_reason(_chain(error), url)
    elif "db index is out of range" in str(error).lower():
        reason = localized(
            "no tiene una base de datos con el número que dice REDIS_URL; la 0 existe siempre.",
            "it has no database of the number in REDIS_URL; there always is a 0.",
        )
    elif word is FaultWord.REFUSED:
        reason = f"{reason} ({type(error).__name__})"
    opening = localized("No se puede usar Redis en", "Redis cannot be used at")
    return f"{opening} {_place(url)} (REDIS_URL), {word}: {reason}"


def _connection_reason(chain: list[BaseException], url: str) -> str:
    for link in chain:
        if isinstance(link, ConnectionRefusedError):
            return localized(
                "conexión rechazada; ¿está en marcha?", "connection refused; is it running?"
            )
        if isinstance(link, FileNotFoundError):
            return localized("el socket no existe.", "there is no such socket.")
    names = {type(link).__name__ for link in chain}
    if "gaierror" in names:
        return localized("el nombre del host no existe.", "the host name is not known.")
    if "TimeoutError" in names and url.startswith("rediss://"):
        return localized(
            "no respondió a tiempo. Si el puerto no es de TLS, use redis:// en lugar de rediss://.",
            "it did not answer in time. If the port is no TLS one, use redis:// instead of rediss://.",
        )
    if "TimeoutError" in names:
        return localized("no respondió a tiempo.", "it did not answer in time.")
    if url.startswith("redis://") and names & {"ConnectionError", "ConnectionResetError"}:
        return localized(
            "cerró la conexión. Si el puerto es de TLS, use rediss:// en lugar de redis://.",
            "it closed the connection. If the port is a TLS one, use rediss:// instead of redis://.",
        )
    return advice(FaultWord.AWAY)


def _chain(error: BaseException) -> list[BaseException]:
    """The exception and those that led to it."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return chain


def _place(url: str) -> str:
    """Host and port, or the socket, without user, password and options."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return parts.path
    return f"{parts.hostname}:{parts.port or 6379}"
