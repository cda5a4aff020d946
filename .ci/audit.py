"""Compare locked versions with published advisories: `audit.py LOCK...`.

Exits 1 when a locked version has a known vulnerability, or when pip-audit fails for a reason of
ours. An advisory source that cannot be reached is reported and does not fail the build: the same
commit would pass or fail by the weather. pip-audit by itself calls a source that knows no package
"no known vulnerabilities"; here that is an audit that did not take place.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import Any, Final

import click

_WITHIN_S: Final = 50
_UNREACHABLE: Final = re.compile(
    r"ConnectionError|ConnectTimeout|ReadTimeout|SSLError|ProxyError|HTTPError|ServiceError"
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`failed` decides the exit status, `lines` are for a person to read."""

    failed: bool
    lines: tuple[str, ...]


def verdict(output: str, errors: str) -> Verdict:
    """What a run of pip-audit with `--format json` says."""
    try:
        packages: list[dict[str, Any]] = json.loads(output)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = errors.strip().splitlines()[-1:] or ["no output"]
        if _UNREACHABLE.search(errors):
            return _not_audited(last[0])
        return Verdict(failed=True, lines=("pip-audit failed:", errors.strip() or last[0]))
    skipped = [one for one in packages if "skip_reason" in one]
    vulnerable = [
        f"{one['name']} {one['version']}: {issue['id']}"
        f" {' '.join(issue.get('aliases', []))}, fixed in {issue['fix_versions'] or 'no version'}"
        for one in packages
        for issue in one.get("vulns", [])
    ]
    if vulnerable:
        return Verdict(failed=True, lines=("known vulnerabilities:", *vulnerable))
    if len(skipped) == len(packages):
        reason = skipped[0]["skip_reason"] if skipped else "no package was looked up"
        return _not_audited(reason)
    lines = [f"{len(packages) - len(skipped)} packages audited, no known vulnerabilities"]
    if skipped:
        lines.append(f"not audited: {', '.join(one['name'] for one in skipped)}")
    return Verdict(failed=False, lines=tuple(lines))


def _not_audited(reason: str) -> Verdict:
    line = f"NOT AUDITED: the advisory source cannot be reached ({reason[:200]})"
    return Verdict(failed=False, lines=(line,))


def main(locks: list[str]) -> int:
    """Run pip-audit on lock files; the exit status."""
    command = [sys.executable, "-m", "pip_audit", "--format", "json", "--progress-spinner", "off"]
    command += ["--disable-pip", "--require-hashes", "--timeout", "10"]
    command += [part for lock in locks for part in ("--requirement", lock)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_WITHIN_S
        )
    except subprocess.TimeoutExpired:
        found = _not_audited(f"no answer within {_WITHIN_S} s")
    else:
        found = verdict(done.stdout, done.stderr)
    click.echo("\n".join(found.lines))
    return 1 if found.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
