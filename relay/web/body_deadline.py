"""A deadline for request bodies, so that slow senders do not occupy connections for ever.

gunicorn does not limit the time that a body takes. Heads, and connections that say nothing, end by
its own limit (`keepalive`, config/gunicorn.conf.py).
"""

from typing import Final

import gevent

# Shopify allows five seconds for the whole request, Mercado Libre half a second.
BODY_WITHIN_S: Final = 5.0


class TooSlow(Exception):
    """A body was not complete in time."""


def body_read_deadline(within_s: float = BODY_WITHIN_S) -> gevent.Timeout:
    """What limits the time of the reads inside its block; nothing else may wait in it.

    The block raises `TooSlow` when the time is up. Without greenlets, as in a test, there is no
    limit.
    """
    return gevent.Timeout(within_s, TooSlow)
