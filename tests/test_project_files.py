"""What an open project has beside its code: workflow, forms, hooks, editor rules, SECURITY.md."""

import os
import re
import subprocess
import sys
import tomllib
from configparser import ConfigParser
from functools import cache
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from ruamel.yaml import YAML

ROOT = Path(__file__).parent.parent


@cache
def workflow():
    return YAML(typ="safe").load(ROOT / ".github" / "workflows" / "ci.yml")


def pythons_in_ci():
    return workflow()["jobs"]["ci"]["strategy"]["matrix"]["python"]


def test_pythons_named_are_ones_that_are_tested():
    image = (ROOT / "Dockerfile").read_text("utf-8")
    named = set(re.findall(r"(?m)^FROM python:(\d+\.\d+)-slim", image))
    assert len(named) == 1
    named.add((ROOT / ".python-version").read_text("utf-8").strip())  # Heroku's

    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    supported = SpecifierSet(project["requires-python"])
    assert all(supported.contains(version) for version in pythons_in_ci())
    assert named <= set(pythons_in_ci())


# --- .github -------------------------------------------------------------------------------------


def test_every_tested_python_runs_what_ci_runs():
    job = workflow()["jobs"]["ci"]
    runs = [step["run"] for step in job["steps"] if "run" in step]

    assert runs == [".ci/run"]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert workflow()["permissions"] == {"contents": "read"}
    (setup,) = (step for step in job["steps"] if "setup-python" in step.get("uses", ""))
    assert setup["with"]["python-version"] == "${{ matrix.python }}"


def validated_as(schema, *files):
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.slow
def test_workflow_and_issue_forms_are_valid(tmp_path):
    forms = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
    assert forms
    for schema, files in (
        ("vendor.github-workflows", [ROOT / ".github" / "workflows" / "ci.yml"]),
        ("vendor.github-issue-forms", forms),
    ):
        found = validated_as(schema, *files)
        assert found.returncode == 0, found.stdout

    broken = tmp_path / "ci.yml"
    broken.write_text("on: push\njobs:\n  ci:\n    step: []\n")
    assert validated_as("vendor.github-workflows", broken).returncode == 1


# --- What an editor and a commit hook do ---------------------------------------------------------


def test_hooks_run_what_lint_runs():
    """From the environment that the Makefile makes, so that both agree."""
    (repo,) = YAML(typ="safe").load(ROOT / ".pre-commit-config.yaml")["repos"]
    entries = [hook["entry"].replace(" --force-exclude", "") for hook in repo["hooks"]]
    recipe = (ROOT / "Makefile").read_text("utf-8").partition("\nlint: ")[2].partition("\n\n")[0]
    lint = re.findall(r"(?m)^\t@\$\(BIN\)/(.+)$", recipe)

    assert repo["repo"] == "local"
    assert entries == [f".venv/bin/{line.removesuffix(' .')}" for line in lint]


def editor_rules():
    """Sections in order, each with its glob; the last one that matches counts."""
    rules = ConfigParser(interpolation=None)
    rules.read_string("[DEFAULT]\n" + (ROOT / ".editorconfig").read_text("utf-8"))
    return rules


def test_no_editor_changes_signed_bytes():
    last = editor_rules().sections()[-1]
    rules = editor_rules()[last]
    changing = [name for name in editor_rules()["*"] if name not in ("root", "max_line_length")]

    assert {"*.http", "tests/golden/**", "tests/fixtures/**"} == set(last.strip("{}").split(","))
    assert {rules[name] for name in changing} == {"unset"}


def test_files_are_as_an_editor_would_save_them():
    folders = (".ci", ".github", "config", "relay", "tests", "worker")
    files = [file for file in ROOT.iterdir() if file.is_file() and file.suffix != ".json"]
    files += [file for name in folders for file in (ROOT / name).rglob("*") if file.is_file()]
    untouched = (ROOT / "tests" / "golden", ROOT / "tests" / "fixtures")
    ours = [
        file
        for file in files
        if file.suffix not in (".http", ".pyc") and not set(untouched) & set(file.parents)
    ]
    contents = {file.relative_to(ROOT).as_posix(): file.read_bytes() for file in ours}

    assert len(contents) > 100
    assert [
        name
        for name, content in contents.items()
        if content and (not content.endswith(b"\n") or re.search(rb"[ \t\r]\n", content))
    ] == []


# --- SECURITY.md ---------------------------------------------------------------------------------


def test_security_says_what_a_proof_of_the_body_alone_leaves_open():
    text = (ROOT / "SECURITY.md").read_text("utf-8")

    assert "Report a vulnerability" in text
    assert re.search(r"(?m)^\| .*plain HMAC.* \| the body only \|", text)
