"""What the tests of pipelines share."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from kedro.framework.project import pipelines

from circuit_scaling import provenance
from circuit_scaling.datasets import figures


@pytest.fixture
def figures_are_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every figure is drawn; to write it as two files takes longer than to draw it."""
    monkeypatch.setattr(figures, "to_png", lambda *_of: b"")
    monkeypatch.setattr(figures, "to_svg", lambda *_of: "")


@pytest.fixture
def run_undrawn(run):
    """``run`` of all nodes but those that draw: where tables and the page are looked at."""

    def _run(*names: str, **options):
        nodes = [node.name for name in names for node in pipelines[name].nodes]
        kept = [name for name in nodes if "draw_" not in name]
        return run(*names, node_names=kept, **options)

    return _run


@pytest.fixture
def left_behind_is_read(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let runs read what was left behind, as they read tables that do not say what they are of."""

    def _let() -> None:
        monkeypatch.setattr(provenance, "outdated_before", lambda *_: {})

    return _let


@pytest.fixture
def elsewhere(
    test_data: Path,
    figures_are_not_written: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    """A data root of its own, apart from that of the scans."""
    root = tmp_path / "data"
    monkeypatch.setenv("CIRCUIT_SCALING_TEST_DATA", str(root))
    return root


def _older(_folder: str, names: list[str]) -> list[str]:
    """All versions in a folder but the newest: other tests have run the study, too."""
    return sorted(name for name in names if re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", name))[:-1]


@pytest.fixture
def copied_study(
    study: object, test_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A copy of the data root after one run of the whole study: for tests that change it."""
    copied = tmp_path / "data"
    shutil.copytree(test_data, copied, ignore=_older)
    monkeypatch.setenv("CIRCUIT_SCALING_TEST_DATA", str(copied))
    return copied
