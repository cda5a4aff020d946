"""Structured log: JSON lines on standard output, a constant event name plus keywords.

No personal data and no secrets are passed to the logger. As a second safeguard, keywords with the
names below are masked.
"""

import json
import logging
import select
import sys
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any

import msgspec
import structlog
from gevent.monkey import get_original

_MASKED = frozenset(
    {"api_key", "authorization", "body", "email", "first_name", "last_name", "phone", "secret"}
    | {"secrets", "token", "password", "customer", "notes", "headers", "url"}
)


def _mask(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name in _MASKED & line.keys():
        line[name] = "***"
    return line


_ENCODER = msgspec.json.Encoder(enc_hook=repr)


def _json(line: Any, **_: Any) -> str:
    """A line in ASCII, as `json.dumps` writes it in ten times as long."""
    with suppress(UnicodeEncodeError):  # half of a character
        text = msgspec.json.format(_ENCODER.encode(line), indent=0).decode()
        if text.isascii() and text.isprintable():
            return text
    return json.dumps(line, default=repr)


# A pipe that has room has some for 4 KiB (PIPE_BUF); lines are shorter.
_WAIT_MS = 200
# Not gevent's: no other greenlet runs between two lines, and files and signal handlers log too.
_poll: Any = get_original("select", "poll")


class _Output:
    """Logs a line to standard output, in one write: those of several processes must not mix.

    Where it cannot be written (its reader is gone or reads no more, its disk is full) it is lost:
    what was stored is answered all the same.
    """

    def __init__(self) -> None:
        self._is_stalled = False

    def msg(self, line: str) -> None:
        with suppress(OSError, ValueError):
            if self._has_room():
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()

    def _has_room(self) -> bool:
        """Whether a line can be written without waiting; a slow reader is waited for once."""
        try:
            output = sys.stdout.fileno()
        except (OSError, ValueError, AttributeError):  # in memory, or closed
            return True
        room = _poll()
        room.register(output, select.POLLOUT)
        self._is_stalled = not room.poll(0 if self._is_stalled else _WAIT_MS)
        return not self._is_stalled

    debug = info = warning = error = critical = msg


_OUTPUT = _Output()


def configure(level: str = "INFO") -> None:
    """Log at `level` and above; an unknown level means INFO."""
    threshold = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _mask,
            structlog.processors.JSONRenderer(_json),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=lambda *_: _OUTPUT,
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
