"""The audit fails for a vulnerable version, and never passes for one without having looked."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent.parent / ".ci" / "audit.py"


@pytest.fixture(scope="module")
def verdict():
    spec = importlib.util.spec_from_file_location("audit", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["audit"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module.verdict
    del sys.modules["audit"]


FINE = {"name": "flask", "version": "3.1.3", "vulns": []}
UNKNOWN = {"name": "rq", "skip_reason": "Dependency not found on PyPI: rq (3.0.0)"}
VULNERABLE = {
    "name": "jinja2",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-0000-1", "aliases": ["CVE-0000-1"], "fix_versions": ["2.1"]}],
}


def output(*packages):
    return json.dumps({"dependencies": packages, "fixes": []})


@pytest.mark.parametrize("others", [(), (FINE,), (UNKNOWN,), (FINE, UNKNOWN)])
def test_a_vulnerable_version_fails(verdict, others):
    found = verdict(output(*others, VULNERABLE), "")

    assert found.failed
    assert "jinja2 2.0: PYSEC-0000-1 CVE-0000-1, fixed in ['2.1']" in found.lines


def test_what_was_and_was_not_audited_is_said(verdict):
    found = verdict(output(FINE, UNKNOWN), "")

    assert not found.failed
    assert found.lines == ("1 packages audited, no known vulnerabilities", "not audited: rq")


@pytest.mark.parametrize(
    ("printed", "errors"),
    [
        (output(UNKNOWN, UNKNOWN), ""),
        (output(), ""),
        ("", "Traceback\nrequests.exceptions.ConnectionError: no route to host"),
        ("", "pip_audit._service.interface.ServiceError: 502"),
    ],
)
def test_an_unreachable_source_is_no_clean_bill(verdict, printed, errors):
    found = verdict(printed, errors)

    assert not found.failed
    assert [line[:12] for line in found.lines] == ["NOT AUDITED:"]


@pytest.mark.parametrize("errors", ["usage: pip-audit: error: unrecognized arguments: --x", ""])
def test_a_fault_of_ours_fails(verdict, errors):
    assert verdict("", errors).failed


@pytest.mark.parametrize(("package", "status"), [(VULNERABLE, 1), (FINE, 0), (UNKNOWN, 0)])
def test_exit_status_is_the_verdict(tmp_path, package, status):
    (tmp_path / "pip_audit.py").write_text(
        f"import sys\nprint({output(package)!r})\nassert '--requirement' in sys.argv\n"
    )
    done = subprocess.run(
        [sys.executable, SCRIPT, "a.lock"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=False,
    )

    assert done.returncode == status
