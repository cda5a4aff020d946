"""Addresses: which we ask on somebody else's word, and which names are this machine's own."""

import ipaddress
import socket
from collections.abc import Callable

_OWN_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address


def is_public(address: IPAddress) -> bool:
    """Whether an address is one of the Internet, and of no network of ours."""
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_global and not address.is_multicast


def are_allowed(host: str, is_allowed: Callable[[IPAddress], bool] = is_public) -> bool:
    """Whether all addresses of a host are allowed.

    The connection looks the name up again; if it is led elsewhere meanwhile, the TLS handshake
    fails there before anything is sent.

    Raises:
        OSError: the name has no address.
    """
    try:
        texts = {str(info[4][0]) for info in socket.getaddrinfo(host, None)}
        addresses = [ipaddress.ip_address(text.partition("%")[0]) for text in texts]
    except ValueError as error:
        raise OSError("not a name or address") from error
    return all(map(is_allowed, addresses))


def names_this_machine(host: str) -> bool:
    """Whether a Host header is one of this machine's own names, with any port.

    A page of another site may have its own name lead to an address of this machine.
    """
    name, colon, port = host.lower().rpartition(":")
    return (name if colon and port.isdecimal() else host.lower()) in _OWN_NAMES
