"""The relay one would write first: our verification and translation, then stock `Queue.enqueue`."""

import json
from datetime import UTC, datetime
from urllib.parse import quote

from flask import Flask, Response, request
from redis import Redis
from rq import Queue

from config.settings import load as load_settings
from relay import sources
from relay.model import Call, Customer, WebhookRequest
from relay.pipeline import flattened, process
from tests.benchmarks.peers import posting

QUEUE = "naive"


def create_app() -> Flask:
    settings = load_settings()
    source = sources.load(settings.config_file, settings.environ).sources["shopify"]
    queue = Queue(QUEUE, connection=Redis.from_url(settings.redis_url))
    app = Flask(__name__)

    @app.post("/webhooks/shopify")
    def accept():
        now = datetime.now(UTC)
        headers = {name.lower(): value for name, value in request.headers.items()}
        delivery = WebhookRequest("POST", request.base_url, headers, request.get_data(), now)
        for item in flattened(process(delivery, source, now)):
            if isinstance(item, Call):
                queue.enqueue(post, item.customer, dict(item.body))
        return Response(json.dumps({"status": "accepted"}), content_type="application/json")

    return app


def post(customer: Customer, body: dict) -> None:
    """Its job: the phone itself in the address, so that there is nobody to look up."""
    posting.post(quote(customer.customer_id or customer.phone or customer.email, safe=""), body)
