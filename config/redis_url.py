"""The form of REDIS_URL, checked at start: each fault one sentence, and no part of the value."""

import re
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from environs import ValidationError

_FORM: Final = (
    "expected redis://[user:password@]host[:port][/number]; a password's special characters are "
    "written percent-encoded: / as %2F, # as %23, ? as %3F, @ as %40"
)
_TLS_PREFIX: Final = "ssl_"


def _is_number(text: str) -> bool:
    return bool(re.fullmatch(r"\d+(\.\d+)?", text))


def _is_flag(text: str) -> bool:
    return text.lower() in ("true", "false", "yes", "no", "1", "0")


# What may stand behind the `?`. redis-py would fail at the first connection over another option,
# and some of its own (decode_responses, max_connections) would break what the relay relies on.
_OPTIONS: Final[dict[str, tuple[Callable[[str], object], str]]] = {
    "db": (str.isdecimal, "expected a whole number"),
    "username": (bool, "expected a text"),
    "password": (bool, "expected a text"),
    "client_name": (bool, "expected a text"),
    "socket_timeout": (_is_number, "expected a number of seconds"),
    "socket_connect_timeout": (_is_number, "expected a number of seconds"),
    "health_check_interval": (str.isdecimal, "expected a whole number"),
    "socket_keepalive": (_is_flag, "expected true or false"),
    "ssl_cert_reqs": (
        lambda text: text in ("none", "optional", "required"),
        "expected none, optional or required",
    ),
    "ssl_check_hostname": (_is_flag, "expected true or false"),
    "ssl_ca_certs": (bool, "expected a path"),
    "ssl_certfile": (bool, "expected a path"),
    "ssl_keyfile": (bool, "expected a path"),
}


def check_redis_url(url: str) -> None:
    """Refuse what redis-py would misread, such as a password with an unescaped `/` or `#`, a line
    break that came along from a secret, or an option that it has not.

    Raises:
        ValidationError: with what was expected, and no part of the URL.
    """
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in ("redis", "rediss", "unix"):
        raise ValidationError("expected redis://, rediss:// or unix://")
    if not re.fullmatch(r"[!-~]+", url):
        raise ValidationError(
            "expected no space, line break or character beyond ASCII; in a password they are "
            "written percent-encoded"
        )
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:  # whose text quotes the URL
        raise ValidationError(_FORM) from None
    if scheme == "unix":
        if not parts.path.strip("/"):
            raise ValidationError("expected the path of a socket after unix://")
    elif not host or port == 0 or parts.fragment or not re.fullmatch(r"/?\d*/?", parts.path):
        raise ValidationError(_FORM)
    _check_options(scheme, parts.query)


def has_tls_option(url: str) -> bool:
    """Whether the URL itself says how far a certificate is checked."""
    return "ssl_cert_reqs" in dict(parse_qsl(urlsplit(url).query))


def _check_options(scheme: str, query: str) -> None:
    options = parse_qsl(query, keep_blank_values=True)
    for name, value in options:
        if name not in _OPTIONS:  # which may be the rest of a password
            known = ", ".join(sorted(_OPTIONS))
            raise ValidationError(f"expected only these options after ?: {known}")
        if name.startswith(_TLS_PREFIX) and scheme != "rediss":
            raise ValidationError(f"{name} needs rediss://")
        fits, expected = _OPTIONS[name]
        if not fits(value):
            raise ValidationError(f"{name}: {expected}")
