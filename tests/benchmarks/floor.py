"""The least that an accept can be: HMAC, JSON and one Redis round trip, under the same gunicorn."""

import base64
import hmac
import json
import os

from flask import Flask, Response, request
from redis import Redis

_SECRET = os.environ["SHOPIFY_SECRET"].encode()
_REDIS = Redis.from_url(os.environ["REDIS_URL"])
app = Flask(__name__)


@app.post("/webhooks/shopify")
def accept():
    body = request.get_data()
    expected = base64.b64encode(hmac.digest(_SECRET, body, "sha256")).decode()
    if not hmac.compare_digest(expected, request.headers["x-shopify-hmac-sha256"]):
        return Response(status=401)
    order = json.loads(body)
    _REDIS.rpush("floor", body)
    told = json.dumps({"status": "accepted", "id": order["id"]})
    return Response(told, content_type="application/json")
