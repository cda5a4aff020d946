"""What a webhook has us fetch before it is answered: a signing certificate, an address to visit.

The URL comes from the sender. So its host has to be one that the platform's file allows, no
redirect is followed, no private address is asked, and time and size are bounded.
"""

import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from relay.addresses import IPAddress, are_allowed, is_public
from relay.errors import NeedsCertificate, NotStored
from relay.inbound.signature import CERTIFICATES

WITHIN_S: Final = 5.0
BYTES_MAX: Final = 64 * 1024
AT_ONCE_MAX: Final = 4
_PART_BYTES: Final = 8 * 1024


class FetchFailed(Exception):
    """Nothing was fetched."""


class Fetcher:
    """GETs, a few at a time; one per process, shared by its requests.

    `protocol` and `is_allowed` (of an address) are for tests, whose server is on this machine.
    """

    def __init__(
        self,
        *,
        protocol: str = "https",
        is_allowed: Callable[[IPAddress], bool] = is_public,
        within_s: float = WITHIN_S,
    ) -> None:
        self._protocol = protocol
        self._is_allowed = is_allowed
        self._within_s = within_s
        self._slots = threading.BoundedSemaphore(AT_ONCE_MAX)
        self._threads = ThreadPoolExecutor(AT_ONCE_MAX, "fetch")  # begun with the first fetch

    def certificate(self, needed: NeedsCertificate, now: datetime) -> None:
        """Put a certificate into `CERTIFICATES`.

        Raises:
            NotStored: `certificate`, when it could not be fetched or is none.
        """
        try:
            CERTIFICATES.put(needed.url, self.get(needed.url, needed.hosts), now)
        except (FetchFailed, ValueError) as error:
            raise NotStored("certificate") from error

    def visit(self, url: str, hosts: str) -> None:
        """GET a URL for the sake of it.

        Raises:
            NotStored: `visit`, when that did not succeed.
        """
        try:
            self.get(url, hosts)
        except FetchFailed as error:
            raise NotStored("visit") from error

    def get(self, url: str, hosts: str) -> bytes:
        """The body at a URL, whose host has to match `hosts`.

        Raises:
            FetchFailed: it is not allowed or did not succeed, or too much is fetched already.
        """
        if not re.fullmatch(rf"{self._protocol}://(?:{hosts})(?:[/?][!-\[\]-~]*)?", url):
            raise FetchFailed("host")
        if not self._slots.acquire(blocking=False):
            raise FetchFailed("busy")
        future = self._threads.submit(self._fetch, url)
        future.add_done_callback(self._release)
        try:
            # A deadline for all of it: names are looked up without one, and a socket's own begins
            # anew with each byte.
            return future.result(self._within_s)
        except TimeoutError as error:
            raise FetchFailed("time") from error

    def _release(self, _future: Future[bytes]) -> None:
        self._slots.release()

    def _fetch(self, url: str) -> bytes:
        give_up_at = time.monotonic() + self._within_s
        self._require_allowed_addresses(urlsplit(url).hostname or "")
        request = requests.Request("GET", url, headers={"Accept-Encoding": "identity"}).prepare()
        content = b""
        try:
            # The adapter alone follows no redirect and knows no proxy, no cookie and no ~/.netrc.
            with HTTPAdapter().send(request, stream=True, timeout=self._within_s) as response:
                if not 200 <= response.status_code < 300:
                    raise FetchFailed("status")
                while part := response.raw.read1(_PART_BYTES):
                    content += part
                    if len(content) > BYTES_MAX or time.monotonic() > give_up_at:
                        raise FetchFailed("size or time")
        except (requests.RequestException, HTTPError, OSError) as error:
            raise FetchFailed("connection") from error
        return content

    def _require_allowed_addresses(self, host: str) -> None:
        """Refuse a name that leads into a network of ours."""
        try:
            is_allowed = are_allowed(host, self._is_allowed)
        except OSError as error:
            raise FetchFailed("name") from error
        if not is_allowed:
            raise FetchFailed("address")
