"""Which addresses we ask on somebody else's word: those of the Internet, none of our networks."""

import ipaddress
import socket
from collections.abc import Callable

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
