"""`make audit` does not call packages sound that nobody has looked at."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import PROJECT
from tests.helpers.command_line import own_process

SOUND = {"name": "torch", "version": "2.13.0", "vulns": []}
UNKNOWN = {"name": "mine", "skip_reason": "Dependency not found on PyPI"}
VULNERABLE = {
    "name": "click",
    "version": "8.5.1",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["8.5.2"], "aliases": [], "description": ""}],
}


@pytest.fixture
def audited(tmp_path: Path):
    """The exit status and the words of the audit, where pip-audit prints this and succeeds."""

    def _audited(printed: str) -> tuple[int, str]:
        program = tmp_path / "pip-audit"
        program.write_text(f"#!{sys.executable}\nprint({printed!r})\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        return own_process([str(PROJECT / ".ci" / "audit.py"), str(program), "a.lock"], tmp_path)

    return _audited


def of_packages(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


def test_sound_packages_are_counted(audited):
    assert audited(of_packages(SOUND, SOUND)) == (
        0,
        "Audited packages: 2, 0 with known vulnerabilities.\n",
    )


def test_a_vulnerable_package_is_named_with_its_way_out(audited):
    status, told = audited(of_packages(SOUND, VULNERABLE))
    assert status == 1
    assert "click 8.5.1: PYSEC-1, mended in 8.5.2\n" in told
    assert "Audited packages: 2, 1 with known vulnerabilities." in told


def test_where_the_service_knows_nothing_nothing_is_called_sound(audited):
    status, told = audited(of_packages(UNKNOWN, UNKNOWN))
    assert status == 1
    assert told.startswith("None of 2 packages was audited")


def test_a_package_that_was_not_looked_at_is_named(audited):
    status, told = audited(of_packages(SOUND, UNKNOWN))
    assert status == 1
    assert told.startswith("Not known to the service: mine.\nAudited packages: 1")


def test_a_service_that_cannot_be_asked_is_one_line(audited):
    status, told = audited("")
    assert status == 1
    assert told == "The service of known vulnerabilities could not be asked: it said nothing\n"
