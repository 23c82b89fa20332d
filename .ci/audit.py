"""``python .ci/audit.py PIP_AUDIT LOCK…``: known vulnerabilities of the pinned packages.

pip-audit alone says that there are none, and succeeds, where its service knows no package at all.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

_SHOWN = 5


def main() -> None:
    """Ask the service, and say what it answered; the exit status is 1 unless all is well."""
    program, *locks = sys.argv[1:]
    # Everything is pinned in the lock files, so that nothing has to be resolved or downloaded.
    command = [program, "--disable-pip", "--no-deps", "--format", "json"]
    command += ["--progress-spinner", "off", *(word for lock in locks for word in ("-r", lock))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        packages: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        sys.exit(f"The service of known vulnerabilities could not be asked: {last}")
    told, well = in_words(packages)
    sys.stdout.write("\n".join([*told, ""]))
    sys.exit(0 if well else 1)


def in_words(packages: Sequence[dict[str, Any]]) -> tuple[list[str], bool]:
    """What the service answered, and whether every package was audited and none is vulnerable."""
    unknown = [package["name"] for package in packages if "skip_reason" in package]
    vulnerable = [package for package in packages if package.get("vulns")]
    told = [
        f"{package['name']} {package['version']}: {found['id']}, mended in "
        f"{', '.join(found['fix_versions']) or 'no version yet'}"
        for package in vulnerable
        for found in package["vulns"]
    ]
    if packages and len(unknown) == len(packages):
        told.append(
            f"None of {len(packages)} packages was audited: the service of known vulnerabilities "
            "cannot be reached from here. Run make audit where pypi.org can be reached."
        )
        return told, False
    if unknown:
        more = f" and {len(unknown) - _SHOWN} more" if len(unknown) > _SHOWN else ""
        told.append(f"Not known to the service: {', '.join(unknown[:_SHOWN])}{more}.")
    audited = len(packages) - len(unknown)
    told.append(f"Audited packages: {audited}, {len(vulnerable)} with known vulnerabilities.")
    return told, not unknown and not vulnerable


if __name__ == "__main__":
    main()
