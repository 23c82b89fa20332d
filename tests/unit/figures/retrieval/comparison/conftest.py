"""The figures of a made-up comparison, drawn once."""

from __future__ import annotations

import pytest

from tests.helpers.compared_figures import MINI, Case, case


@pytest.fixture(scope="session")
def mini() -> Case:
    return case(MINI)
