"""Everything on one machine: embedded Redis, stand-in, web, worker and dashboard, and a table.

The processes it starts end with it. With `CI=true` or without a terminal it exits after the table:
0 when every event arrived, 1 otherwise.
"""

import base64
import contextlib
import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from dotenv import dotenv_values
from redis import Redis
from rich.console import Console
from rich.table import Table
from werkzeug.serving import make_server

import config
from config.language import localized
from config.settings import Settings, load as load_settings
from relay import sources
from relay.children import die_with_parent
from relay.devtools.command_line import command_line
from relay.devtools.embedded_redis import EmbeddedRedis, NoRedisServer
from relay.devtools.standin import DEMO_KEY, Standin, StandinServer, demo_standin
from relay.inbound.samples import signed
from relay.model import OPEN_STATES, State
from relay.sources import Relay
from relay.store.ledger import Ledger
from relay.web import dashboard

# One correctly signed request per source: the topic of a sample.
_TOPICS: Final = {
    "shopify": "orders_create",
    "woocommerce": "order_created",
    "sendgrid": "bounce",
    "standard_webhooks": "order_created",
    "tiendanube": "order_created",
    "crm": "lead_created",
}
_UNDER_WAY: Final = {*OPEN_STATES, State.AWAITING_LOOKUP}
_BODY_COLUMN: Final = 3
_READY_WITHIN_S: Final = 60.0
_DELIVERED_WITHIN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Row:
    """One request and its delivery; `ms` from acceptance to delivery, None without one."""

    source: str
    topic: str
    answer: str
    arrived: str
    ms: float | None


def run(folder: Path) -> int:
    """Run the demo; the exit status."""
    signal.signal(signal.SIGTERM, _interrupt)
    console = Console(width=None if sys.stdout.isatty() else 150)
    try:
        with contextlib.ExitStack() as stack:
            return _run(folder, console, stack)
    except KeyboardInterrupt:
        return 0
    except (NoRedisServer, TimeoutError) as error:
        console.print(str(error))
        return 1


def _run(folder: Path, console: Console, stack: contextlib.ExitStack) -> int:
    redis_server = stack.enter_context(EmbeddedRedis(folder / "redis"))
    standin = demo_standin()
    mercately = stack.enter_context(StandinServer(standin, port=_port(9000)))
    environ = _environ(folder, redis_server.url, mercately.url)
    os.environ.update(environ)
    settings = load_settings()
    relay = sources.load(settings.config_file, settings.environ, settings.dedup_s)
    redis = stack.enter_context(contextlib.closing(Redis.from_url(redis_server.url)))
    redis.flushall()  # samples carry fixed ids: yesterday's would make today's duplicates
    web_url = f"http://127.0.0.1:{settings.port}"
    stack.enter_context(_child(folder / "web.log", "relay", "web"))
    stack.enter_context(_child(folder / "worker.log", "worker"))
    dashboard_url = stack.enter_context(_dashboard(settings))
    _wait_until_ready(web_url, folder)
    ledger = Ledger.open(redis, settings)
    rows = [_send(name, topic, web_url, relay, ledger, standin) for name, topic in _TOPICS.items()]
    console.print(_table(rows))
    status = 0 if all(row.ms is not None for row in rows) else 1
    if os.environ.get("CI") == "true":
        return status
    if not sys.stdout.isatty():
        console.print(
            localized(
                "La salida no es una terminal: todo se ha detenido. Ejecútelo en una terminal, sin "
                "tubería, para que siga sirviendo.",
                "The output is no terminal: everything has been stopped. Run it at a terminal, "
                "without a pipe, to keep it serving.",
            )
        )
        return status
    _print_addresses(console, folder, web_url, dashboard_url, mercately.url)
    signal.pause()
    return 0


def _environ(folder: Path, redis_url: str, standin_url: str) -> Mapping[str, str]:
    """The environment of the demo's processes, also written to a file for other commands."""
    file = folder / "demo.env"
    keys = _secrets()
    old_values = dotenv_values(file) if file.exists() else {}
    if all(old_values.get(name) for name in keys):  # keys of one pair come and go together
        keys = {name: str(old_values[name]) for name in keys}
    environ = {
        "REDIS_URL": redis_url,
        "RELAY_CONFIG": str(Path(config.__file__).parent / "demo.toml"),
        "RELAY_HOST": "127.0.0.1",
        "PORT": str(_port(8000)),
        "MERCATELY_SERVER": standin_url,
        "MERCATELY_API_KEY": DEMO_KEY,
        **keys,
    }
    file.touch(mode=0o600)
    file.write_text("".join(f'{name}="{value}"\n' for name, value in environ.items()))
    return environ


def _secrets() -> dict[str, str]:
    """New keys, for this demo alone."""
    key = ec.generate_private_key(ec.SECP256R1())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return {
        "SHOPIFY_SECRET": secrets.token_hex(16),
        "WOOCOMMERCE_SECRET": secrets.token_hex(16),
        "SENDGRID_SECRET": base64.b64encode(public).decode(),
        "SENDGRID_SIGNING_KEY": private.decode(),
        "STANDARD_WEBHOOKS_SECRET": "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode(),
        "TIENDANUBE_SECRET": secrets.token_hex(16),
        "CRM_SECRET": secrets.token_hex(16),
    }


@contextlib.contextmanager
def _child(log: Path, *arguments: str) -> Iterator[None]:
    """A process of ours, its output in a file, ended when the demo ends."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", *arguments],
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            preexec_fn=die_with_parent,  # noqa: PLW1509  one prctl call, no locks
            start_new_session=True,  # Ctrl-C is for the demo, which then ends them in order
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextlib.contextmanager
def _dashboard(settings: Settings) -> Iterator[str]:
    server = make_server("127.0.0.1", _port(9181), dashboard.create_app(settings), threaded=True)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # no line per poll of the page
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _wait_until_ready(web_url: str, folder: Path) -> None:
    give_up_at = time.monotonic() + _READY_WITHIN_S
    while time.monotonic() < give_up_at:
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(f"{web_url}/readyz", timeout=5).ok:
                return
        time.sleep(0.05)
    raise TimeoutError(
        localized(f"no inició; revise {folder}/*.log", f"did not start; see {folder}/*.log")
    )


def _send(
    name: str, topic: str, web_url: str, relay: Relay, ledger: Ledger, standin: Standin
) -> Row:
    """Send one sample and wait until it has been delivered."""
    request = signed(relay.sources[name], topic, web_url)
    response = requests.post(
        request.url, data=request.body, headers=dict(request.headers), timeout=10
    )
    content: dict[str, Any] = response.json()
    answer = f"{response.status_code} {content.get('status')}"
    give_up_at = time.monotonic() + _DELIVERED_WITHIN_S
    for record_id in content.get("ids", []):
        while time.monotonic() < give_up_at:
            record = ledger.get(record_id)
            if record is not None and record.state not in _UNDER_WAY:
                if record.state != "delivered":
                    return Row(name, topic, f"{answer}: {record.reason}", "", None)
                ms = (record.settled_at - record.accepted_at) * 1000
                return Row(name, record.topic, answer, standin.events[-1].raw.decode(), ms)
            time.sleep(0.005)
    return Row(name, topic, answer, "", None)


def _table(rows: list[Row]) -> Table:
    headings = localized(
        "fuente,tema,respuesta,cuerpo que llegó a Mercately (events),ms hasta la entrega",
        "source,topic,answer,body that reached Mercately's events endpoint,ms to delivery",
    )
    table = Table()
    for index, heading in enumerate(headings.split(",")):
        table.add_column(heading, overflow="fold", no_wrap=index != _BODY_COLUMN)
    for row in rows:
        ms = f"{row.ms:.0f}" if row.ms is not None else localized("no llegó", "did not arrive")
        table.add_row(row.source, row.topic, row.answer, row.arrived, ms)
    return table


def _print_addresses(
    console: Console, folder: Path, web_url: str, dashboard_url: str, standin_url: str
) -> None:
    console.print(f"webhooks   {web_url}/webhooks/<source>", highlight=False)
    console.print(f"dashboard  {dashboard_url}", highlight=False)
    console.print(f"Mercately  {standin_url}/_standin/events\n", highlight=False)
    command = command_line("--env", str(folder / "demo.env"))
    for arguments in ("send shopify orders/paid", "events"):
        console.print(f"{command} {arguments}", highlight=False, soft_wrap=True)
    console.print()
    console.print(localized("Ctrl-C termina todo.", "Ctrl-C ends everything."))


def _port(preferred: int) -> int:
    """The preferred port if it is free, else any that is."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                return int(probe.getsockname()[1])
    raise OSError("no free port")


def _interrupt(_signum: int, _frame: object) -> None:
    raise KeyboardInterrupt
