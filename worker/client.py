"""Mercately's HTTP API: one connection pool per destination, no redirects, no retries.

Every answer is a `Reply`; `NoResponse` says whether the request may have been acted on.
"""

import json
import logging
import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Final
from urllib.parse import quote, urlencode

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, NewConnectionError

from config.relay_toml import Destination
from worker.reply import NoResponse, Reply

# Its warnings contain the URL, in which a phone or e-mail may stand.
logging.getLogger("urllib3").setLevel(logging.CRITICAL)

_ROOT: Final = "/retailers/api/v1"
_ANSWER_MAX_BYTES: Final = 64 * 1024
_POOL: Final = 64


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
        on_extra: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_extra = on_extra
        self._base = destination.server + _ROOT
        self._wrapper = destination.customer_wrapper
        self._timeouts = (connect_timeout_s, read_timeout_s)
        # Requests are copies of one prepared request, sent by the adapter: a session would process
        # redirects, cookies, hooks and the environment for each, half the cost of a request. A
        # ~/.netrc must not replace our key either, nor a proxy see it.
        self._adapter = HTTPAdapter(pool_connections=1, pool_maxsize=_POOL)
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
            self._plain = plain.prepare()
        except requests.RequestException:  # whose text has the key in it
            raise ValueError(f"{destination.name}: unusable server or key") from None

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

    def agents(self) -> Reply:
        """The cheapest request that tells whether the API key works."""
        return self._ask("GET", "/agents")

    def history(self, customer_id: str, page: int, per_page: int) -> Reply:
        query = f"?page={page}&results_per_page={per_page}"
        return self._ask(
            "GET", f"/customers/{_segment(customer_id)}/customer_events_history{query}"
        )

    def close(self) -> None:
        self._adapter.close()

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Reply:
        request = self._plain.copy()
        request.method, request.url = method, self._base + path
        if body is not None:
            request.body = json.dumps(body, ensure_ascii=False).encode()
            request.headers["Content-Type"] = "application/json"
            request.headers["Content-Length"] = str(len(request.body))
        if not path.endswith("/events"):
            self._on_extra()
        try:
            with self._adapter.send(request, stream=True, timeout=self._timeouts) as response:
                content = response.raw.read(_ANSWER_MAX_BYTES, decode_content=True) or b""
                return _reply(response, content)
        except requests.ConnectTimeout as error:
            raise NoResponse("connect_timeout", ambiguous=False) from error
        except requests.ConnectionError as error:
            refused = _never_connected(error)
            reason = "connection_refused" if refused else "connection_lost"
            raise NoResponse(reason, ambiguous=not refused) from error
        except requests.Timeout as error:
            raise NoResponse("read_timeout", ambiguous=True) from error
        except (requests.RequestException, OSError, HTTPError) as error:
            raise NoResponse("broken_answer", ambiguous=True) from error


def _never_connected(error: requests.ConnectionError) -> bool:
    """Whether nothing was sent: there was no connection, or none whose certificate was trusted."""
    if isinstance(error, requests.exceptions.SSLError):
        return True
    cause = error.args[0] if error.args else None
    reason = getattr(cause, "reason", cause)
    return isinstance(reason, NewConnectionError)


def _reply(response: requests.Response, content: bytes) -> Reply:
    kind = response.headers.get("Content-Type", "")
    text = content.decode("utf-8", "replace")
    return Reply(
        status=response.status_code,
        text=text,
        is_html="html" in kind.lower() or text.lstrip()[:9].lower().startswith(("<!doc", "<html")),
        retry_after_s=_retry_after_s(response.headers.get("Retry-After", "")),
    )


def _retry_after_s(value: str) -> float | None:
    """Seconds, or an HTTP date, as seconds from now."""
    if re.fullmatch(r"[0-9]{1,9}", value.strip()):
        return float(value.strip())
    try:
        return max(parsedate_to_datetime(value).timestamp() - time.time(), 0.0)
    except (ValueError, TypeError, OverflowError):
        return None


def _segment(text: str) -> str:
    return quote(text, safe="")
