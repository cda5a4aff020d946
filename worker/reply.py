"""Mercately's answer to a request, or the lack of one."""

import json
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer. `retry_after_s` is None when the header is absent or not readable.

    `is_redirect`: it sends us elsewhere; Mercately's own 302, a refusal, has no `Location`.
    `is_cut`: the body broke off, or was too slow; its beginning is in `text`.
    """

    status: int
    text: str = ""
    is_html: bool = False
    retry_after_s: float | None = None
    is_redirect: bool = False
    is_cut: bool = False

    @property
    def ok(self) -> bool:
        """Only 2xx is success, and no page: Mercately answers some failures with 302."""
        is_page = self.is_html and ("<" in self.text or self.is_cut)
        return 200 <= self.status < 300 and not is_page

    def json(self) -> Any:
        """The JSON in the body, None when there is none."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return None


class NoResponse(Exception):
    """No answer came; `ambiguous` if the request may have arrived all the same."""

    def __init__(self, reason: str, *, ambiguous: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.ambiguous = ambiguous


def http_moment(date: str) -> float | None:
    """An HTTP date (`Date`, `Retry-After`) as unix s; None where it is none."""
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
