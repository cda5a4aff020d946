"""gunicorn's own log, without what a sender wrote into a request that is no HTTP."""

from typing import Any, Final

import structlog
from gunicorn.glogging import Logger

_INVALID_REQUEST: Final = "Invalid request from "


class GunicornLog(Logger):  # type: ignore[misc]  # gunicorn ships no types
    """A refused request is one line as of any other; gunicorn's text may quote a secret path."""

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        if msg.startswith(_INVALID_REQUEST):
            structlog.get_logger().info("request.refused", reason="invalid_request")
        else:
            super().warning(msg, *args, **kwargs)
