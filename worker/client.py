"""Mercately's HTTP API: one connection pool per destination, no redirects, no retries.

Every answer is a `Reply`; `NoResponse` says whether the request may have been acted on.
"""

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import requests
from urllib3.exceptions import HTTPError

from config.relay_toml import Destination
from worker.reply import Reply, http_moment
from worker.wire import Wire

# Its warnings contain the URL, in which a phone or e-mail may stand.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)

_ROOT: Final = "/retailers/api/v1"
# How a page begins, maybe after comments or a declaration of XML.
_PAGE: Final = re.compile(
    r"\s*(<!--.{0,2000}?-->\s*|<\?xml.{0,200}?\?>\s*)*<(!doctype|html|head|body)\b",
    re.DOTALL | re.IGNORECASE,
)


class Client:
    """One destination's API, shared by all greenlets.

    `on_extra` is called before every request besides an event's own.
    """

    def __init__(
        self,
        destination: Destination,
        *,
        user_agent: str,
        connect_timeout_s: float,
        read_timeout_s: float,
        proxy: str = "",
        on_extra: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_extra = on_extra
        self._wrapper = destination.customer_wrapper
        self._probe = destination.probe
        plain = requests.Request(
            "GET",
            destination.server,
            headers={
                "api-key": destination.api_key,
                "User-Agent": user_agent,
                "Accept": "application/json",
                "Accept-Encoding": "gzip, deflate",
                "Connection": "keep-alive",
            },
        )
        try:
            prepared = plain.prepare()
            self._wire = Wire(prepared, (connect_timeout_s, read_timeout_s), proxy)
        except (requests.RequestException, HTTPError):  # whose text may have the key in it
            raise ValueError(f"{destination.name}: unusable server or key") from None
        self._base = prepared.path_url.rstrip("/") + _ROOT
        self._headers = dict(prepared.headers)
        self._json_headers = self._headers | {"Content-Type": "application/json"}

    def post_event(self, customer_id: str, body: Mapping[str, Any]) -> Reply:
        return self._ask("POST", f"/customers/{_segment(customer_id)}/events", body)

    def find_customer(self, reference: str) -> Reply:
        """Look a customer up by id, phone or e-mail."""
        return self._ask("GET", f"/customers/{_segment(reference)}")

    def find_by_document(self, document: tuple[str, str]) -> Reply:
        """List the customers with an id type and id number; an empty type is not asked for."""
        id_type, id_number = document
        filters = {"id_type": id_type, "id_number": id_number}
        query = urlencode({name: value for name, value in filters.items() if value})
        return self._ask("GET", f"/customers?{query}")

    def create_customer(self, customer: Mapping[str, str]) -> Reply:
        return self._ask(
            "POST", "/customers", {"customer": customer} if self._wrapper else customer
        )

    def probe(self) -> Reply:
        """The cheapest request that tells whether the API key works."""
        return self._ask("GET", self._probe)

    def history(self, customer_id: str, page: int, per_page: int) -> Reply:
        query = f"?page={page}&results_per_page={per_page}"
        return self._ask(
            "GET", f"/customers/{_segment(customer_id)}/customer_events_history{query}"
        )

    def close(self) -> None:
        self._wire.close()

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Reply:
        if not path.endswith("/events"):
            self._on_extra()
        target = self._base + path
        headers = self._headers if body is None else self._json_headers
        data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        status, fields, content, is_whole = self._wire.ask(method, target, headers, data)
        return _reply(status, fields, content, is_whole=is_whole)


def _reply(status: int, headers: Mapping[str, str], content: bytes, *, is_whole: bool) -> Reply:
    kind = headers.get("Content-Type", "")
    text = content.decode("utf-8-sig", "replace")
    return Reply(
        status=status,
        text=text,
        is_html="html" in kind.lower() or _PAGE.match(text) is not None,
        retry_after_s=retry_after_s(headers.get("Retry-After", ""), headers.get("Date", "")),
        is_redirect=300 <= status < 400 and bool(headers.get("Location")),
        is_cut=not is_whole,
    )


def retry_after_s(value: str, date: str = "") -> float | None:
    """Seconds, or an HTTP date, as seconds from the `Date` of who answered."""
    if re.fullmatch(r"[0-9]{1,9}", value.strip()):
        return float(value.strip())
    moment = http_moment(value)
    return None if moment is None else max(moment - (http_moment(date) or time.time()), 0.0)


def _segment(text: str) -> str:
    return quote(text, safe="")
