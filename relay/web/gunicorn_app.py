"""`python -P -m relay.web.gunicorn_app …`: gunicorn that imports nothing from where it is started.

gunicorn's own command puts the working directory first on `sys.path`; a `config` or `redis.py` of
another project there would be imported instead of ours.
"""

import os

from gunicorn.app.wsgiapp import WSGIApplication


class GunicornApp(WSGIApplication):  # type: ignore[misc]  # gunicorn ships no types
    """The `gunicorn` command; `--chdir` changes the directory, and not the import path."""

    def chdir(self) -> None:
        os.chdir(self.cfg.chdir)


if __name__ == "__main__":
    GunicornApp("%(prog)s [OPTIONS] [APP_MODULE]", prog="gunicorn").run()
