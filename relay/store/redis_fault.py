"""Why Redis cannot be used, in a sentence for a person; never any part of REDIS_URL's password."""

import ssl
from typing import Final
from urllib.parse import urlsplit

from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    MaxConnectionsError,
    NoPermissionError,
    RedisError,
)

from config.language import localized

# How Redis answers who connects when `maxclients` is reached.
_TOO_MANY: Final = "max number of clients"


def redis_fault(error: RedisError | OSError, url: str) -> str:
    """What is wrong, by the exception and the scheme of `url`, which is the unmasked REDIS_URL."""
    place = _place(url)
    chain = _chain(error)
    reason = _reason(error, chain, url)
    opening = localized(
        f"Redis no responde en {place} (REDIS_URL)", f"Redis does not answer at {place} (REDIS_URL)"
    )
    return f"{opening}: {reason}"


def _reason(error: BaseException, chain: list[BaseException], url: str) -> str:
    text = " ".join(str(link) for link in chain).lower()
    if (
        any(isinstance(link, ssl.SSLCertVerificationError) for link in chain)
        or "certificate verify" in text
    ):
        return localized(
            "su certificado TLS no es de confianza. Si es autofirmado, como en Heroku, defina "
            "RELAY_REDIS_TLS_VERIFY=false.",
            "its TLS certificate is not trusted. If it is self-signed, as Heroku's is, set "
            "RELAY_REDIS_TLS_VERIFY=false.",
        )
    if any(isinstance(link, ssl.SSLError) for link in chain):
        return localized(
            "no habla TLS en ese puerto; use redis:// en lugar de rediss://.",
            "it does not speak TLS on this port; use redis:// instead of rediss://.",
        )
    if isinstance(error, AuthenticationError):
        return localized(
            "rechaza el usuario o la contraseña.", "it refuses the user or the password."
        )
    if isinstance(error, NoPermissionError):
        return localized(
            "el usuario no tiene permiso para un comando que el relay necesita.",
            "the user may not run a command that the relay needs.",
        )
    if isinstance(error, BusyLoadingError):
        return localized("todavía carga sus datos.", "it is still loading its data.")
    if isinstance(error, MaxConnectionsError) or _TOO_MANY in text:
        return localized(
            "no admite más conexiones (maxclients).", "it takes no more connections (maxclients)."
        )
    return _connection_reason(chain, url)


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
    return f"{type(chain[0]).__name__}."


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
