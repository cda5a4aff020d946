"""The files that put the relay on a machine say what the code expects, and say it validly."""

import json
import os
import re
import socket
import subprocess
import sys
import tomllib
from dataclasses import fields, replace
from functools import cache
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread

import pytest
from click import Context, UsageError
from dotenv import dotenv_values
from ruamel.yaml import YAML

from config import settings
from relay.devtools.standin import DEMO_KEY
from relay.platforms import discovered
from relay.web.app import create_app

ROOT = Path(__file__).parent.parent
COMPOSE = ROOT / "docker-compose.yml"
EXAMPLE = ROOT / "config" / "example.env"

LOOPBACK = "127.0.0.1:"
SECRET = re.compile("SECRET|API_KEY|PASSWORD")
# What Heroku sets by itself; asking for them would fight with it.
SET_BY_HEROKU = {"PORT", "REDIS_URL", "WEB_CONCURRENCY"}
LOCALE = {"LANG", "LC_ALL", "LC_MESSAGES"}  # the system's
# https://devcenter.heroku.com/articles/app-json-schema (read 2026-11)
APP_JSON_KEYS = (
    {"name", "description", "keywords", "website", "repository", "logo", "success_url"}
    | {"scripts", "env", "formation", "addons", "buildpacks", "stack", "environments", "image"}
)  # fmt: skip


# --- What is declared ----------------------------------------------------------------------------


@cache
def pyproject():
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


@cache
def services():
    return YAML(typ="safe").load(COMPOSE)["services"]


@cache
def app_json():
    return json.loads((ROOT / "app.json").read_text("utf-8"))


@cache
def procfile():
    lines = (ROOT / "Procfile").read_text("utf-8").splitlines()
    return dict(line.split(": ", 1) for line in lines)


@cache
def dockerfile():
    """The instructions in order, continued lines joined, comments left out."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\s*\\\n\s*", " ", "\n".join(lines))
    return [tuple(line.split(" ", 1)) for line in joined.splitlines()]


def instruction(name):
    """The last one counts, as it does in the image."""
    return [rest for key, rest in dockerfile() if key == name][-1]


def health_check():
    return json.loads(instruction("HEALTHCHECK").partition(" CMD ")[2])


def command_of(service):
    command = services()[service]["command"]
    return command.split() if isinstance(command, str) else command


# --- What is known -------------------------------------------------------------------------------


def settings_variables():
    source = Path(settings.__file__).read_text("utf-8")
    names = re.findall(r'\benv\.[a-z]+\(\s*"([A-Z][A-Z0-9_]*)"', source)
    assert len(names) == len(fields(settings.Settings)) - len({"environ", "variables"})
    return set(names)


def platform_secrets():
    """Platforms that get a source from the environment alone."""
    return {
        f"{name.upper()}_SECRET"
        for name, platform in discovered().items()
        if not platform.needs_options
    }


def relay_toml_variables():
    content = tomllib.loads((ROOT / "config" / "relay.toml").read_text("utf-8"))
    return set(re.findall(r"\$\{(\w+)", json.dumps(content)))


def variables_read_before_settings():
    """Where the settings cannot help: gunicorn's own file, and the words of `--help`."""
    files = [ROOT / "config" / name for name in ("gunicorn.conf.py", "language.py")]
    sources = "".join(file.read_text("utf-8") for file in files)
    names = set(re.findall(r'"([A-Z][A-Z_]+)"', sources)) - LOCALE
    assert names
    return names


def known_variables():
    ours = settings_variables() | variables_read_before_settings()
    return ours | platform_secrets() | relay_toml_variables()


@pytest.fixture
def commands():
    from relay.cli import main

    context = Context(main)
    return {name: main.get_command(context, name) for name in main.list_commands(context)}


@pytest.fixture
def bare_environment(monkeypatch):
    for name in settings_variables():
        monkeypatch.delenv(name, raising=False)


# --- Commands ------------------------------------------------------------------------------------


def started():
    """Every command line that a deployment file starts, by where it stands."""
    ours = [name for name, service in services().items() if "build" in service]
    return {
        **{f"docker-compose.yml {name}": command_of(name) for name in ours},
        **{f"Procfile {name}": procfile()[name].split()[3:] for name in procfile()},
        "Dockerfile": json.loads(instruction("CMD")),
    }


@pytest.mark.parametrize("where", started())
def test_what_is_started_is_a_command_with_options_it_knows(where, commands):
    name, *args = started()[where]

    assert name in commands
    commands[name].make_context(name, args)


def test_an_option_that_no_command_has_would_be_noticed(commands):
    with pytest.raises(UsageError):
        commands["standin"].make_context("standin", ["--no-such-option"])


def test_every_long_running_command_has_a_place(commands):
    assert {"web", "worker", "standin", "dashboard", "check", "demo"} <= commands.keys()
    assert {line[0] for line in started().values()} == {
        "web", "worker", "dashboard", "standin", "check",
    }  # fmt: skip


def test_image_starts_the_installed_script():
    (script,) = pyproject()["project"]["scripts"]

    assert json.loads(instruction("ENTRYPOINT")) == [script]


def test_procfile_starts_the_package_where_it_lies():
    """Heroku installs what requirements.txt names, and the relay itself is not in it."""
    assert {tuple(line.split()[:3]) for line in procfile().values()} == {("python", "-m", "relay")}
    assert (ROOT / "relay" / "__main__.py").exists()


# --- docker-compose.yml --------------------------------------------------------------------------


def validated(file):
    """check-jsonschema, with every way to the network shut."""
    nowhere = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9")
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", file],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, **nowhere, "NO_PROXY": ""},
    )


def test_compose_file_is_valid():
    result = validated(COMPOSE)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("right", "wrong", "told"),
    [
        ("    command: worker", "    comand: worker", "comand"),
        ("      disable: true", "      disabled: true", "disabled"),
        ('      - "8000:8000"', "      - 8000:\n          - 8000", "services.web"),
        ("volumes:\n  redis-data:", "volume:\n  redis-data:", "volume"),
    ],
)
def test_broken_compose_file_is_refused(tmp_path, right, wrong, told):
    text = COMPOSE.read_text("utf-8")
    assert right in text
    broken = tmp_path / "docker-compose.yml"
    broken.write_text(text.replace(right, wrong), "utf-8")

    result = validated(broken)

    assert result.returncode == 1, result.stdout + result.stderr
    assert told in result.stdout


def test_what_delivering_does_not_need_waits_for_a_profile():
    assert services().keys() == {"redis", "web", "worker", "dashboard", "standin"}
    profiles = {name: one["profiles"] for name, one in services().items() if "profiles" in one}
    assert profiles == {"dashboard": ["dashboard"], "standin": ["demo"]}


def test_no_variable_has_to_be_set_for_the_file_to_be_read():
    """Compose asks for `${NAME:?}` of every service, of those that are not started too."""
    used = re.findall(r"\$\{\w+([^}]*)\}", COMPOSE.read_text("utf-8"))

    assert used
    assert all(rest.startswith(":-") for rest in used), used


def test_containers_of_ours_can_do_no_more_than_they_need():
    for name, one in services().items():
        assert one["security_opt"] == ["no-new-privileges:true"], name
        if name != "redis":  # drops root itself
            assert one["cap_drop"] == ["ALL"], name
            assert one["read_only"] is True, name
            assert "/tmp" in one["tmpfs"], name
            user = f"uid={instruction('USER').replace(':', ',gid=')}"
            assert f"{instruction('WORKDIR')}:{user},mode=0700" in one["tmpfs"], name


def test_images_of_others_are_of_one_minor_version():
    (image,) = (one["image"] for one in services().values() if "build" not in one)

    assert re.fullmatch(r"redis:\d+\.\d+-alpine", image)


def test_demo_can_be_tried_with_what_the_file_says():
    text = COMPOSE.read_text("utf-8")
    (port,) = services()["standin"]["ports"]

    assert f"MERCATELY_API_KEY={DEMO_KEY}" in text
    assert f"MERCATELY_SERVER=http://standin:{port.rpartition(':')[2]}\n" in text
    assert {"MERCATELY_API_KEY", "MERCATELY_SERVER"} <= relay_toml_variables()


def test_redis_keeps_what_it_was_given():
    server, *flags = command_of("redis")

    assert server == "redis-server"
    assert dict(zip(flags[::2], flags[1::2], strict=True)) == {
        "--appendonly": "yes",
        "--appendfsync": "always",
        "--maxmemory-policy": "noeviction",
        "--maxmemory": "1gb",  # without one the watermark never acts
    }
    (volume,) = services()["redis"]["volumes"]
    name, _, folder = volume.partition(":")
    assert folder == "/data"
    assert name in YAML(typ="safe").load(COMPOSE)["volumes"]


def test_only_web_is_published_beyond_this_machine():
    ports = {name: one["ports"] for name, one in services().items() if "ports" in one}

    assert ports.keys() == {"web", "dashboard", "standin"}
    assert ports.pop("web") == ["8000:8000"]
    assert all(port.startswith(LOOPBACK) for published in ports.values() for port in published)


@pytest.mark.parametrize("service", ["web", "dashboard", "standin"])
def test_published_port_is_the_one_listened_on(service):
    one = services()[service]
    (port,) = one["ports"]
    asked_for_health = one["environment"]["PORT"]
    arguments = command_of(service)
    listens = arguments[-1] if "--port" in arguments else asked_for_health

    assert listens == asked_for_health
    assert port.removeprefix(LOOPBACK) == f"{listens}:{listens}"


def test_compose_asks_for_no_variable_that_nobody_explains():
    asked = set(re.findall(r"\$\{(\w+)", COMPOSE.read_text("utf-8")))
    given = {name for one in services().values() for name in one.get("environment", {})}

    assert "RELAY_DASHBOARD_PASSWORD" in asked
    assert asked | given <= known_variables()


def test_dashboard_has_no_password_of_its_own_and_gets_no_other_secret():
    dashboard = services()["dashboard"]
    password = dashboard["environment"]["RELAY_DASHBOARD_PASSWORD"]

    assert password == "${RELAY_DASHBOARD_PASSWORD:-}"
    assert "env_file" not in dashboard


@pytest.mark.parametrize("service", ["web", "worker"])
def test_env_file_is_optional_and_its_addresses_for_outside_do_not_reach_the_container(
    service, bare_environment, monkeypatch
):
    one = services()[service]
    assert one["env_file"] == [{"path": ".env", "required": False}]
    outside = dotenv_values(EXAMPLE)
    for name, value in (outside | one["environment"]).items():
        monkeypatch.setenv(name, value)

    loaded = settings.load()

    assert loaded.redis_url == "redis://redis:6379/0"
    assert (loaded.host, loaded.port) == ("0.0.0.0", 8000)
    assert f"./config/relay.toml:{loaded.config_file}:ro" in one["volumes"]


@pytest.mark.parametrize("service", ["web", "worker", "dashboard"])
def test_redis_is_healthy_before_what_needs_it_starts(service):
    assert services()[service]["depends_on"] == {"redis": {"condition": "service_healthy"}}
    assert services()["redis"]["healthcheck"]["test"][1] == "redis-cli ping | grep -q PONG"


def test_everything_comes_back_after_a_restart_and_has_time_to_finish():
    assert {one["restart"] for one in services().values()} == {"unless-stopped"}
    for service in ("redis", "web", "worker"):
        assert services()[service]["stop_grace_period"] == "30s"


def test_health_is_asked_only_of_what_has_it():
    assert services()["web"]["healthcheck"]["test"] == ["CMD", *health_check()]
    assert services()["worker"]["healthcheck"] == {"disable": True}
    for service in ("dashboard", "standin"):  # the image's, on their PORT
        assert "healthcheck" not in services()[service]


# --- Dockerfile ----------------------------------------------------------------------------------


@pytest.fixture
def answering():
    """A server that answers `/healthz` with a status of choice; anything else is 404."""
    servers = []

    def answer(status):
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(status if self.path == "/healthz" else 404)
                self.end_headers()

            def log_message(self, *_):
                pass

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        servers.append((server, thread))
        return server.server_port

    yield answer
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


def health_with(port):
    program, *args = health_check()
    assert program == "python"
    proxies = dict.fromkeys(("http_proxy", "HTTP_PROXY"), "http://127.0.0.1:9")
    return subprocess.run(
        [sys.executable, *args],
        capture_output=True,
        check=False,
        timeout=30,
        env={**os.environ, **proxies, "NO_PROXY": "", "no_proxy": "", "PORT": str(port)},
    ).returncode


def test_healthy_when_web_answers_even_behind_a_proxy(answering):
    assert health_with(answering(200)) == 0


def test_unhealthy_when_web_answers_an_error(answering):
    assert health_with(answering(503)) != 0


def test_unhealthy_when_nobody_listens():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))

        assert health_with(taken.getsockname()[1]) != 0


def test_image_runs_as_a_number_that_is_not_root():
    user, group = instruction("USER").split(":")

    assert int(user) > 0
    assert int(group) > 0


def test_image_installs_the_lock_before_the_source_and_nothing_beside_it():
    build = [step for step in dockerfile() if step[0] in ("COPY", "RUN") and "venv" not in step[1]]
    lock, install_lock, source, install = [rest for _, rest in build][:4]

    assert lock == "requirements.txt ."
    assert install_lock.endswith("--require-hashes --requirement requirements.txt")
    assert source == ". ."
    assert install.endswith("--no-deps .")


def test_image_listens_where_settings_say(bare_environment):
    assert int(instruction("EXPOSE")) == settings.load().port
    assert instruction("STOPSIGNAL") == "SIGTERM"
    assert "PYTHONUNBUFFERED=1" in instruction("ENV")


def test_only_what_the_package_is_made_of_gets_into_the_image():
    first, *rest = [
        line
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if not line.startswith("#")
    ]
    let_in = {line[1:] for line in rest if line.startswith("!")}
    project = pyproject()["project"]
    packages = {
        pattern.removesuffix("*")
        for pattern in pyproject()["tool"]["setuptools"]["packages"]["find"]["include"]
    }

    assert first == "*"
    assert let_in == {
        "pyproject.toml", "requirements.txt", project["readme"], *project["license-files"],
        *packages,
    }  # fmt: skip
    assert "**/.env" in rest


# --- Heroku --------------------------------------------------------------------------------------


def test_heroku_finds_what_to_install():
    """Its buildpack takes one package manager: pip, by this file and no other lock beside it."""
    assert (ROOT / "requirements.txt").exists()
    others = ("Pipfile.lock", "Pipfile", "poetry.lock", "uv.lock", "runtime.txt")
    assert [name for name in others if (ROOT / name).exists()] == []


def test_a_release_is_checked_before_it_runs():
    assert procfile().keys() == {"web", "worker", "release"}
    assert procfile()["release"].split()[3:] == ["check"]


def test_who_has_deployed_sees_a_page_that_needs_no_worker_yet(relay, settings, redis):
    """`/readyz` is 503 until a worker was seen."""
    client = create_app(settings, relay, redis).test_client()

    assert client.get(app_json()["success_url"]).status_code == 200


def test_app_json_starts_web_and_worker_on_dynos_that_never_sleep():
    formation = app_json()["formation"]

    assert app_json().keys() <= APP_JSON_KEYS
    assert formation.keys() == {"web", "worker"}
    for process in formation.values():
        assert process["quantity"] >= 1
        assert process["size"] not in {"eco", "free"}


def test_app_json_asks_only_for_variables_somebody_reads():
    asked = app_json()["env"]

    assert asked.keys() <= known_variables() - SET_BY_HEROKU
    for name, one in asked.items():
        spanish, english = one["description"].split(" / ")
        assert spanish
        assert english
        assert (one.get("required") is False) == (name in platform_secrets())
        given = "value" in one or one.get("generator") == "secret"
        assert given != bool(SECRET.search(name))


def test_app_json_says_why_the_certificate_is_not_checked(bare_environment, monkeypatch):
    one = app_json()["env"]["RELAY_REDIS_TLS_VERIFY"]
    monkeypatch.setenv("RELAY_REDIS_TLS_VERIFY", one["value"])

    assert settings.load().redis_tls_verify is False
    assert "rediss://" in one["description"]


def test_app_json_takes_a_redis_that_writes_to_disk():
    """Without a plan, or as `mini`, Heroku's Redis keeps nothing over a restart."""
    (addon,) = app_json()["addons"]
    name, _, plan = addon.partition(":")

    assert name == "heroku-redis"
    assert plan.startswith("premium-")
    assert app_json()["buildpacks"] == [{"url": "heroku/python"}]


# --- config/example.env --------------------------------------------------------------------------


def test_example_lists_exactly_the_variables_that_are_read():
    """A new platform's secret may be named here, but adding a platform edits no list."""
    listed = dotenv_values(EXAMPLE).keys()

    assert listed <= known_variables()
    assert known_variables() - platform_secrets() <= listed


def test_example_says_one_thing_about_each_variable():
    """Comments stand above: `docker run --env-file` takes what follows a value as part of it."""
    lines = EXAMPLE.read_text("utf-8").splitlines()

    for before, line in pairwise(lines):
        if line and not line.startswith("#"):
            assert before.startswith("# "), line
            assert "#" not in line


def test_example_copied_as_it_stands_changes_nothing(bare_environment, monkeypatch):
    plain = settings.load()
    monkeypatch.chdir(ROOT)
    for name, value in dotenv_values(EXAMPLE).items():
        monkeypatch.setenv(name, value)

    copied = settings.load()

    assert copied.config_file.resolve() == plain.config_file
    same = {"environ": plain.environ, "config_file": plain.config_file}
    assert replace(copied, **same) == plain


@pytest.mark.parametrize("file", [EXAMPLE, COMPOSE, ROOT / "app.json", ROOT / "Dockerfile"])
def test_no_file_holds_a_secret(file):
    text = file.read_text("utf-8").replace(DEMO_KEY, "")

    assert not re.search(r"(SECRET|API_KEY|PASSWORD)(=|: +)[^\s${]", text)
    assert not re.search(r"://[^/\s]*:[^/\s]*@", text)
    # Nothing that looks random: long runs of letters and digits mixed.
    for word in re.findall(r"[A-Za-z0-9+/]{20,}", text):
        assert not (re.search(r"\d", word) and re.search(r"[A-Za-z]", word)), word


def test_example_has_no_value_for_anything_secret():
    example = dotenv_values(EXAMPLE)
    secret = {name for name in example if SECRET.search(name)}

    assert secret - {"MERCATELY_API_KEY", "RELAY_DASHBOARD_PASSWORD"} <= platform_secrets()
    assert {example[name] for name in secret} == {""}
