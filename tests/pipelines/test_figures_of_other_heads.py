"""The page shows no figure that was drawn from other heads than its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from circuit_scaling.analysis.made_from import stamp_figures
from circuit_scaling.datasets import FiguresDataset
from circuit_scaling.pipelines.report.nodes import _shown
from tests.helpers.classified import random_model


@pytest.mark.parametrize(
    ("pipeline", "name", "of_heads"),
    [
        ("classify", "category_counts", True),
        ("transfer", "ioi_divergence", True),
        ("join", "competence", False),
    ],
)
def test_figures_of_other_heads_are_left_out(catalog, tmp_path, pipeline, name, of_heads):
    catalog()
    heads, others = (random_model("a", (2, 3), np.random.default_rng(seed)) for seed in (0, 1))
    dataset = FiguresDataset(str(tmp_path), [name, "of_one_model"])
    figure, data = Figure(figsize=(1, 1)), pd.DataFrame({"x": [1]})
    dataset.save(stamp_figures({name: (figure, data), "of_one_model": (figure, data)}, heads))
    figures = dataset.load()
    assert [*_shown(figures, pipeline, heads)] == [name]
    assert [*_shown(figures, pipeline, others)] == ([] if of_heads else [name])
    assert [*_shown(figures, pipeline, None)] == [name]
