"""Whether this process runs on greenlets, as web and worker do."""

import sys
import threading

import gevent.local
from redis import ConnectionPool

from config.language import localized


def require_patched() -> None:
    """Exit with a sentence unless the standard library is gevent's, and was before it was used.

    gunicorn's own gevent worker patches after the app was loaded. Locks and `threading.local` of
    before stay native then, and two greenlets may read each other's answers of Redis.
    """
    pool_lock = ConnectionPool()._lock  # noqa: SLF001  what all its connections depend on
    patched = (
        type(threading.Lock()).__module__.startswith("gevent.")
        and issubclass(threading.local, gevent.local.local)
        and type(pool_lock) is type(threading.RLock())
    )
    if not patched:
        sys.exit(
            localized(
                "Esto se inicia con `mercately-relay web` o `mercately-relay worker`, que preparan "
                "la biblioteca estándar antes de cargar nada; no con `gunicorn -c …` directamente.",
                "Start this with `mercately-relay web` or `mercately-relay worker`, which prepare "
                "the standard library before anything is loaded, not with `gunicorn -c …` itself.",
            )
        )
