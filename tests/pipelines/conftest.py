"""What the tests of pipelines share."""

from __future__ import annotations

import pytest

from circuit_scaling.datasets import figures


@pytest.fixture
def figures_are_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every figure is drawn; to write it as two files takes longer than to draw it."""
    monkeypatch.setattr(figures, "to_png", lambda *_of: b"")
    monkeypatch.setattr(figures, "to_svg", lambda *_of: "")
