"""The address of a destination: what an API key is sent to, and what is doubtful about it."""

import re
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

_API_PATH: Final = re.compile(r"/retailers/api/v1(/.*)?$")


def without_extras(server: str) -> str:
    """Scheme, host, port and path of a URL: what else is in it is neither sent nor shown.

    The path of the API, which Mercately's page shows behind the server, is not of the address.
    """
    parts = urlsplit(server)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{_API_PATH.sub('', parts.path)}".rstrip("/")


def doubts(key: str, server: str) -> list[str]:
    """What a person should know about the address that stands in `key`, a sentence each."""
    parts = urlsplit(server)
    warnings = []
    if parts.scheme != "https" and not is_loopback(server):
        warnings.append(f"{key}: without https the API key goes in clear over the network")
    if parts.username is not None or parts.password is not None:
        warnings.append(f"{key}: a user or password in it is not used; the API key is the proof")
    if parts.query or parts.fragment:
        warnings.append(f"{key}: a query or fragment in it is not used")
    return warnings


def is_loopback(server: str) -> bool:
    """Whether a URL leads to this machine."""
    host = urlsplit(server).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
