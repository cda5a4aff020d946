"""The job that every peer runs: one POST with `requests`, as one would write it."""

import os

import requests
from requests.adapters import HTTPAdapter

_SESSION = requests.Session()
_SESSION.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=64))


def post(customer: str, body: dict) -> None:
    """Post a body to the events endpoint of the sink."""
    url = f"{os.environ['BENCH_SINK_URL']}/retailers/api/v1/customers/{customer}/events"
    _SESSION.post(url, json=body, timeout=20).raise_for_status()


def customer_id(number: int) -> str:
    """Each event has a customer of its own, so that none has to wait for another."""
    return f"bench{number:08d}"


def event_body(number: int) -> dict:
    """About 1 kB of JSON."""
    return {
        "notes": f"Pedido #{number:08d}: " + "dos bolsas de café de altura en grano; " * 20,
        "tags": [{"name": "compra", "value": True}],
        "custom_fields": [{"field_name": "pedido", "field_content": f"{number:08d}"}],
        "creation_date": "2026-11-02",
    }
