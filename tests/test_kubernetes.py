"""The manifests are valid for several versions of Kubernetes, and say what the code expects."""

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
from click import Context
from kubernetes_validate import SchemaNotFoundError, ValidationError
from ruamel.yaml import YAML

from relay.cli import main
from relay.sources import Relay
from relay.web.app import create_app
from tests.conftest import make_settings
from tests.test_deployment import instruction, known_variables
from worker.supervisor import _AFTER_GRACE_S

FOLDER = Path(__file__).parent.parent / "config" / "kubernetes"
PAGE = FOLDER / "README.md"
VERSIONS = ["1.29", "1.31", "1.33", "1.35", "1.37"]
SECRET = re.compile("SECRET|KEY|PASSWORD|REDIS_URL")


def manifests() -> dict[str, Any]:
    """Every object by kind and name."""
    found = {}
    for file in sorted(FOLDER.glob("*.yaml")):
        for one in YAML(typ="safe").load_all(file):
            found[f"{one['kind']}/{one['metadata']['name']}"] = one
    return found


def pod(component: str) -> Any:
    return manifests()[f"Deployment/mercately-relay-{component}"]["spec"]["template"]


def container(component: str) -> Any:
    (one,) = pod(component)["spec"]["containers"]
    return one


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_manifests_are_valid(version):
    assert manifests().keys() == {
        "Deployment/mercately-relay-web", "Deployment/mercately-relay-worker",
        "Service/mercately-relay", "Ingress/mercately-relay",
        "NetworkPolicy/mercately-relay", "NetworkPolicy/mercately-relay-web",
    }  # fmt: skip
    for manifest in manifests().values():
        kubernetes_validate.validate(manifest, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_mistake_would_be_noticed(version):
    wrong = deepcopy(manifests()["Deployment/mercately-relay-web"])
    wrong["spec"]["template"]["spec"]["containers"][0]["livenessProb"] = {}
    with pytest.raises(ValidationError):
        kubernetes_validate.validate(wrong, version, strict=True)
    wrong["apiVersion"] = "extensions/v1beta1"
    with pytest.raises(SchemaNotFoundError):
        kubernetes_validate.validate(wrong, version, strict=True)


@pytest.mark.parametrize("component", ["web", "worker"])
def test_pods_may_do_no_more_than_they_need(component):
    spec, one = pod(component)["spec"], container(component)
    user, group = map(int, instruction("USER").split(":"))

    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": user,
        "runAsGroup": group,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert one["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert one["resources"]["limits"]["memory"]
    assert "/tmp" in [mount["mountPath"] for mount in one["volumeMounts"]]


@pytest.mark.parametrize("component", ["web", "worker"])
def test_commands_exist_and_variables_are_known(component):
    one = container(component)
    context = Context(main)
    probe = one["livenessProbe"].get("exec", {"command": ["", component]})["command"]

    assert main.get_command(context, one["args"][0]) is not None
    assert main.get_command(context, probe[1]) is not None
    assert {variable["name"] for variable in one["env"]} <= known_variables()


@pytest.mark.parametrize("component", ["web", "worker"])
def test_secrets_and_configuration_are_references(component):
    one, spec = container(component), pod(component)["spec"]

    assert one["envFrom"] == [{"secretRef": {"name": "mercately-relay"}}]
    assert not any(SECRET.search(variable["name"]) for variable in one["env"])
    assert {"name": "config", "configMap": {"name": "mercately-relay"}} in spec["volumes"]
    (mount,) = (mount for mount in one["volumeMounts"] if mount["name"] == "config")
    (file,) = (one["value"] for one in one["env"] if one["name"] == "RELAY_CONFIG")
    assert file == f"{mount['mountPath']}/relay.toml"
    page = PAGE.read_text("utf-8")
    assert "create secret generic mercately-relay --from-env-file" in page
    assert "create configmap mercately-relay --from-file=relay.toml=" in page


def test_probes_ask_what_they_are_for(tmp_path):
    """Without Redis a pod is alive, so that it is not restarted, and not ready."""
    settings = make_settings("unix:///nonexistent/redis.sock", tmp_path / "absent.toml")
    client = create_app(settings, Relay("es", {}, {}, ())).test_client()
    web = container("web")
    ask = {probe: client.get(web[probe]["httpGet"]["path"]) for probe in web if "Probe" in probe}

    assert {probe: answer.status_code for probe, answer in ask.items()} == {
        "startupProbe": 200,
        "livenessProbe": 200,
        "readinessProbe": 503,
    }
    assert web["readinessProbe"]["httpGet"]["path"] == "/readyz?for=accept"


def test_pods_are_given_the_time_they_take_to_end():
    (grace,) = (
        float(one["value"])
        for one in container("worker")["env"]
        if one["name"] == "RELAY_SHUTDOWN_GRACE"
    )
    web = container("web")
    waits_s = int(web["lifecycle"]["preStop"]["exec"]["command"][1])

    assert pod("worker")["spec"]["terminationGracePeriodSeconds"] >= grace + _AFTER_GRACE_S
    gunicorn = (FOLDER.parent / "gunicorn.conf.py").read_text("utf-8")
    graceful_s = int(re.search(r"(?m)^graceful_timeout = (\d+)", gunicorn)[1])
    assert pod("web")["spec"]["terminationGracePeriodSeconds"] >= waits_s + graceful_s + 5


def test_ports_and_labels_fit():
    found = manifests()
    service, ingress = found["Service/mercately-relay"]["spec"], found["Ingress/mercately-relay"]
    (port,) = container("web")["ports"]
    (rule,) = ingress["spec"]["rules"]
    (path,) = rule["http"]["paths"]
    labels = pod("web")["metadata"]["labels"]

    assert service["ports"][0]["targetPort"] == port["name"]
    assert path["backend"]["service"] == {
        "name": "mercately-relay",
        "port": {"name": service["ports"][0]["name"]},
    }
    assert {"name": "PORT", "value": str(port["containerPort"])} in container("web")["env"]
    assert service["selector"] == labels
    for name, ours in (("mercately-relay", ("web", "worker")), ("mercately-relay-web", ("web",))):
        selector = found[f"NetworkPolicy/{name}"]["spec"]["podSelector"]["matchLabels"]
        for component in ours:
            assert selector.items() <= pod(component)["metadata"]["labels"].items()


def test_page_says_how_to_apply_every_file():
    page = PAGE.read_text("utf-8")

    assert "kubectl apply -f config/kubernetes/" in page
    assert all(file.name in page for file in FOLDER.glob("*.yaml"))
    assert f"Kubernetes {VERSIONS[0]} and newer" in page
    image = container("web")["image"]
    assert image == container("worker")["image"]
    assert page.count(image) >= 2
