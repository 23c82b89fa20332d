"""Copies of embedded checkpoints."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.spoilt_checkpoints import ZOO


@pytest.fixture
def copy(tmp_path: Path) -> Callable[..., Path]:
    """``copy(slug)``: a copy of an embedded checkpoint that may be spoilt."""

    def _copy(slug: str = "mini_gpt2_s") -> Path:
        folder = tmp_path / slug
        shutil.copytree(ZOO / slug, folder)
        return folder

    return _copy
