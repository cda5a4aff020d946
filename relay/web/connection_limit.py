"""How many connections of senders a web process takes, and the files that they need."""

import resource
from typing import Final

_CONNECTIONS: Final = 4000
# Files besides connections: Redis, listeners, logs, libraries.
_OTHER_FILES: Final = 96


def possible_connections() -> int:
    """As many as the hard limit of open files allows, at most 4,000."""
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        return _CONNECTIONS
    return max(1, min(_CONNECTIONS, hard - _OTHER_FILES))


def raise_limit() -> int:
    """Raise the soft limit of open files as far as needed; the number of connections."""
    connections = possible_connections()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
    return connections
