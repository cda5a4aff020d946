"""The web process: gunicorn with our settings, the app loaded once, before its processes fork."""

from pathlib import Path
from typing import Final

import structlog
from flask import Flask
from gunicorn.app.base import Application

import config
from config.relay_toml import ConfigError
from config.settings import Settings
from relay.web.app import create_app

_CONFIGURATION: Final = Path(config.__file__).with_name("gunicorn.conf.py")


class WebServer(Application):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn's arbiter. SIGHUP loads relay.toml anew; a faulty one is logged and changes nothing.

    What is loaded before the fork is in memory once, and a killed process is replaced in
    milliseconds. GUNICORN_CMD_ARGS overrides config/gunicorn.conf.py.
    """

    def __init__(self, settings: Settings, app: Flask) -> None:
        self._settings = settings
        self._app = app
        super().__init__("%(prog)s", prog="mercately-relay")

    def load_config(self) -> None:
        # As gunicorn's own, without the command line, which is ours.
        self.load_config_from_file(str(_CONFIGURATION))
        arguments = self.cfg.get_cmd_args_from_env()
        if arguments:
            overrides = vars(self.cfg.parser().parse_args(arguments))
            for name, value in overrides.items():
                if value is not None and name != "args":
                    self.cfg.set(name.lower(), value)

    def load(self) -> Flask:
        return self._app

    def reload(self) -> None:
        try:
            self.callable = self._app = create_app(self._settings)
        except ConfigError as error:
            structlog.get_logger().error("config.not_reloaded", faults=error.faults)
        else:
            names = sorted(self._app.extensions["relay"].sources)
            structlog.get_logger().info("config.reloaded", sources=names)


def serve(settings: Settings) -> None:
    """Serve until a signal says stop.

    Raises:
        ConfigError: relay.toml is not usable.
    """
    WebServer(settings, create_app(settings)).run()
