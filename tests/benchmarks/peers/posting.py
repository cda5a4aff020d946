"""The job that every peer runs: one POST with `requests`, as one would write it."""

import os
import random

import requests
from requests.adapters import HTTPAdapter

_SESSION = requests.Session()
_SESSION.mount("http://", HTTPAdapter(pool_connections=1, pool_maxsize=64))
# Prose, so that what squeezes bodies gains no more than it would of real ones.
_WORDS = """
    pedido café altura grano molido bolsa entrega mañana tarde portón timbre vecina edificio piso
    llamar antes dejar recepción factura datos cédula empresa regalo tarjeta mensaje feliz día
    gracias favor cambiar dirección barrio calle esquina frente parque mercado casa azul puerta
    negra perro suelto después almuerzo sin con para por el la los de en un una dos tres hasta
"""
_PROSE = " ".join(random.Random(7).choices(_WORDS.split(), k=4000))
_NOTE_LENGTH = 820


def post(customer: str, body: dict) -> None:
    """Post a body to the events endpoint of the sink."""
    url = f"{os.environ['BENCH_SINK_URL']}/retailers/api/v1/customers/{customer}/events"
    _SESSION.post(url, json=body, timeout=20).raise_for_status()


def customer_id(number: int) -> str:
    """Each event has a customer of its own, so that none has to wait for another."""
    return f"bench{number:08d}"


def event_body(number: int) -> dict:
    """About 1 kB of JSON."""
    start = number * 37 % (len(_PROSE) - _NOTE_LENGTH)
    return {
        "notes": f"Pedido #{number:08d}: {_PROSE[start : start + _NOTE_LENGTH]}",
        "tags": [{"name": "compra", "value": True}],
        "custom_fields": [{"field_name": "pedido", "field_content": f"{number:08d}"}],
        "creation_date": "2026-11-02",
    }
