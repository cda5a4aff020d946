"""Structured log: JSON lines on standard output, a constant event name plus keywords.

No personal data and no secrets are passed to the logger. As a second safeguard, keywords with the
names below are masked.
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
    """Log at `level` and above; an unknown level means INFO."""
    threshold = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _mask,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        # One write a line: lines of several processes in one pipe must not mix.
        logger_factory=structlog.WriteLoggerFactory(),
        cache_logger_on_first_use=False,
    )


def error_location(error: BaseException) -> str:
    """`file.py:line` where an exception was raised; its text may hold personal data, so it is not
    logged.
    """
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "unknown"
    return f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
