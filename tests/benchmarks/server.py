"""`python -m tests.benchmarks.server MODULE:APP`: an app in the relay's own server."""

import relay.patched  # noqa: F401  before anything is imported

# isort: split

import sys
from pkgutil import resolve_name

from config.settings import load
from relay.web.server import WebServer

if __name__ == "__main__":
    app = resolve_name(sys.argv[1])
    WebServer(load(), app if hasattr(app, "wsgi_app") else app()).run()
