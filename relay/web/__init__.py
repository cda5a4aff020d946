"""HTTP: the Flask app that receives webhooks, its health checks, and rq-dashboard."""

from relay.web.app import create_app

__all__ = ["create_app"]
