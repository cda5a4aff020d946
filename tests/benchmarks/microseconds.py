"""Where the microseconds of one accept go, each stage alone in this process.

One stage after the other takes longer than the sum of those alone, whose code and data are in the
caches of the core; so the edge is what an accept takes beyond all stages in turn.
"""

import contextlib
import gc
import io
import itertools
import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.parser import BytesParser
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch
from urllib.parse import urlsplit

from relay import sources
from relay.inbound.contract import Source
from relay.inbound.payload import json_object
from relay.inbound.payload_schema import validate
from relay.mapping import mercately
from relay.mapping.phone import _read, to_e164
from relay.mapping.templates import render as render_template
from relay.model import Customer, Event, WebhookRequest
from relay.pipeline import authenticate, flattened, parse, process, translate
from relay.store.connection import connect
from relay.store.job_store import JobStore
from relay.store.queue import open_queue
from relay.web.app import create_app
from tests.benchmarks.figures import Line, Section, ratio, rounded
from tests.benchmarks.load import Load, requests_of
from tests.benchmarks.stage import SHOPIFY_SECRET, settings_in

_REPEATS: Final = 5
_AT_ONCE: Final = 150
_URL: Final = "http://127.0.0.1/webhooks/shopify"


def measure(environ: Mapping[str, str], order: Path) -> Section:
    """Each stage over the same orders, in this process and its one thread."""
    settings = settings_in(environ)
    relay = sources.load(settings.config_file, settings.environ)
    source = relay.sources["shopify"]
    now = datetime.now(UTC)
    deliveries = list(itertools.islice(_deliveries(order, now), _REPEATS * _AT_ONCE))
    rule = source.rules["order.created"]
    bodies = [json_object(delivery.body) for delivery in deliveries]
    events = [parse(each, source)[0] for each in deliveries]
    calls = [process(delivery, source, now) for delivery in deliveries]
    context = _template_context(events[0], flattened(calls[0])[0].customer, source)
    unsettled = mercately._body(rule, context, events[0].contact, {})

    gc.collect()
    gc.freeze()  # a web process does not hold hundreds of orders, to be looked through again
    with connect(settings, asks_kernel=True) as redis, _devnull() as quiet:
        redis.flushall()
        app = create_app(settings, relay, redis)
        intake = JobStore.open(open_queue(redis, settings.queue), settings)
        environs = [_wsgi(delivery) for delivery in deliveries]

        def accept(n: int) -> None:
            intake.accept(deliveries[n], source, calls[n], now)

        def render(_: int) -> None:
            render_template(rule.notes, context)
            for _name, template in rule.custom_fields:
                render_template(template, context)

        def arguments() -> float:
            answer = [b"accepted", b"id"] * len(flattened(calls[0]))
            with patch.object(intake._commands, "run_script", lambda *_, **__: answer):
                return _each(accept)

        def without_edge(n: int) -> None:
            request = authenticate(deliveries[n], source, now)
            items = translate(request, source, intake.memory(source))
            intake.accept(request, source, items, now)

        with contextlib.redirect_stdout(quiet):
            whole = _each(lambda n: list(app.wsgi_app(environs[n], _start)))
        redis.flushall()
        _read.cache_clear()  # the customers are not those of before
        inner = _each(without_edge)
        redis.flushall()
        hmac = _each(lambda n: source.scheme.verify(deliveries[n], source.secrets, now))
        parsed = _each(lambda n: json_object(deliveries[n].body))
        read_in = _each(
            lambda n: validate(source.platform.topics["orders/create"].shape.schema, bodies[n])
        )
        read = _each(lambda n: parse(deliveries[n], source))
        _read.cache_clear()  # the customers are not those of before
        phone = _each(lambda n: to_e164(events[n].contact.phones, "EC"))
        templates = _each(render)
        out = _each(lambda _: mercately._validate(dict(unsettled)))
        translated = _each(lambda n: translate(deliveries[n], source))
        made = arguments()
        accepted = _each(accept)
        round_trip = _each(lambda _: redis.ping())
    stages = {
        "HMAC": hmac,
        "JSON": parsed,
        "marshmallow in": read_in,
        "event: contact, times, fields": read - parsed - read_in,
        "phone": phone,
        "templates": templates,
        "marshmallow out": out,
        "rest of the mapping": translated - read - phone - templates - out,
        "record and job, as arguments": made,
        "Redis: one round trip": round_trip,
        "Redis: the script, beyond that": accepted - made - round_trip,
        "each after the other, beyond that": inner - hmac - translated - accepted,
        "Flask, edge, answer, log line": whole - inner,
        "all of it": whole,
    }
    return _section(stages)


def _template_context(event: Event, customer: Customer, source: Source) -> dict[str, Any]:
    return mercately._context(
        event, customer, source.destination, "es", source.rules[event.type].words
    ) | {
        "source": "shopify",
        "source_title": "Shopify",
        "platform": "Shopify",
        "id_type": "",
        "id_number": "",
    }


def _section(stages: Mapping[str, float]) -> Section:
    whole = stages["all of it"]
    lines = [Line(what, us, "us", ratio=ratio(us, whole)) for what, us in stages.items()]
    paths = {re.sub(r"\W+", "_", what): us for what, us in stages.items()}
    return Section(
        "accept.microseconds",
        "where the time of one accept goes, without gunicorn",
        lines,
        {path: rounded(us) for path, us in paths.items()},
        ["ratio: the share of all of it"],
    )


def _each(stage: Callable[[int], Any]) -> float:
    """Microseconds a call, each repeat over orders of its own.

    The quickest repeat: what slowed the others was not the stage.
    """
    took = []
    for first in range(0, _REPEATS * _AT_ONCE, _AT_ONCE):
        started = time.perf_counter()
        for number in range(first, first + _AT_ONCE):
            stage(number)
        took.append((time.perf_counter() - started) / _AT_ONCE * 1e6)
    return min(took)


def _deliveries(order: Path, now: datetime) -> Iterator[WebhookRequest]:
    load = Load(port=80, order=str(order), secret=SHOPIFY_SECRET, first=900_000, limit=1)
    for _, request in requests_of(load):
        head, _, body = request.partition(b"\r\n\r\n")
        headers = BytesParser().parsebytes(head.partition(b"\r\n")[2])
        lowered = {name.lower(): str(value) for name, value in headers.items()}
        yield WebhookRequest("POST", _URL, lowered, body, now)


def _wsgi(delivery: WebhookRequest) -> dict[str, Any]:
    """The request as a WSGI server hands it over."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": delivery.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": urlsplit(delivery.url).path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "CONTENT_TYPE": delivery.headers["content-type"],
        "CONTENT_LENGTH": str(len(delivery.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(delivery.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    headers = {f"HTTP_{n.upper().replace('-', '_')}": v for n, v in delivery.headers.items()}
    return headers | environ


def _start(status: str, _headers: Sequence[tuple[str, str]], _error: Any = None) -> None:
    if not status.startswith("200"):
        raise RuntimeError(f"expected 200, found {status}")


def _devnull() -> Any:
    return Path(os.devnull).open("w", encoding="utf-8")
