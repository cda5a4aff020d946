"""JSON lines on standard output: a constant event name and keywords.

Nothing that names a person or opens a door is passed to the logger; as a second net, keywords
with such names are masked here.
"""

import logging
from collections.abc import MutableMapping
from typing import Any

import structlog

_MASKED = frozenset(
    {"api_key", "authorization", "body", "email", "first_name", "last_name", "phone", "secret"}
    | {"secrets", "token", "password", "customer", "notes", "headers", "url"}
)


def _mask(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in _MASKED & line.keys():
        line[name] = "***"
    return line


def configure(level: str = "INFO") -> None:
    """Log JSON lines at `level` and above; unknown levels mean INFO."""
    threshold = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _mask,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(),
        cache_logger_on_first_use=False,
    )


def error_location(error: BaseException) -> str:
    """File and line of an exception: where, without what, since its text may name a person."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "unknown"
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
