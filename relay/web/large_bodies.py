"""Bodies that are too large to translate: verified while they are read, and held in part."""

import hashlib
import threading
from datetime import datetime
from typing import Final

from relay.errors import TOO_LARGE, NotStored, Refused
from relay.inbound.contract import Source
from relay.model import Translated, WebhookRequest
from relay.pipeline import begin_large, hold_large
from relay.web.webhook_request import RequestBody

BYTES_MAX: Final = 25 * 1024**2
AT_ONCE_MAX: Final = 4
STORED_BYTES: Final = 64 * 1024


class LargeBodies:
    """Reads large bodies, a few at a time; one per process, shared by its requests."""

    def __init__(self) -> None:
        self._slots = threading.BoundedSemaphore(AT_ONCE_MAX)

    def hold(
        self, head: WebhookRequest, body: RequestBody, source: Source, now: datetime
    ) -> tuple[WebhookRequest, Translated, int]:
        """The verified request with the beginning of its body, its one item, the body's size.

        Raises:
            Refused: 413 for a body of over `BYTES_MAX`, a scheme that needs all of it, or a source
                that rejects what it does not take; and as `authenticate`.
            NotStored: `large_bodies`, when so many are being read already.
        """
        if source.on_invalid == "reject":
            raise Refused(TOO_LARGE, 413)
        check = begin_large(head, source, now)
        if not self._slots.acquire(blocking=False):
            raise NotStored("large_bodies")
        try:
            digest, beginning, size = hashlib.sha256(), bytearray(), 0
            for part in body.parts(BYTES_MAX):
                check.update(part)
                digest.update(part)
                beginning += part[: STORED_BYTES - len(beginning)]
                size += len(part)
            request = check.finish().with_body(bytes(beginning))
        finally:
            self._slots.release()
        return request, hold_large(request, source, size, digest.hexdigest()), size
