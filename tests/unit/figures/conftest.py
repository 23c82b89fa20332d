"""Made-up heads of four models, and their phase space drawn once."""

from __future__ import annotations

import pandas as pd
import pytest
from matplotlib.figure import Figure

from circuit_scaling import figures
from tests.helpers import synthetic_tables as tables
from tests.helpers.drawn import MODELS, TAU


@pytest.fixture(scope="session")
def heads() -> pd.DataFrame:
    return tables.classified_heads(MODELS)


@pytest.fixture(scope="session")
def phase_space(heads: pd.DataFrame) -> Figure:
    return figures.all_heads_phase_space(heads, TAU)
