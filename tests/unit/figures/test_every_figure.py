"""What holds for every figure: empty tables, missing columns, the same file, no pyplot."""

from __future__ import annotations

import subprocess
import sys

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.figure import Figure

from circuit_scaling import figures
from circuit_scaling.figures.style import to_svg
from tests.helpers import synthetic_retrieval as retrieval
from tests.helpers import synthetic_tables as tables
from tests.helpers.drawn import MODELS, TAU

EMPTY = {
    "all_heads_phase_space": lambda: figures.all_heads_phase_space(
        tables.classified_heads(MODELS[:1]).head(0), TAU
    ),
    "family_grid": lambda: figures.family_grid(tables.classified_heads(MODELS[:1]).head(0), TAU),
    "category_counts": lambda: figures.category_counts(
        tables.head_category_summary(tables.classified_heads(MODELS[:1])).head(0)
    ),
    "competence": lambda: figures.competence(tables.competence(MODELS[:1]).head(0)),
    "ablation_agreement": lambda: figures.ablation_agreement(
        tables.ablation_agreement(MODELS[:1]).head(0), ("zero", "all")
    ),
    "attribution_agreement": lambda: figures.attribution_agreement(
        tables.attribution_agreement(MODELS[:1]).head(0)
    ),
    "ioi_transfer_summary": lambda: figures.ioi_transfer_summary(
        tables.transfer(MODELS[:1])["transfer_summary"]
    ),
    "ioi_divergence": lambda: figures.ioi_divergence(
        tables.transfer(MODELS[:1])["head_divergence"]
    ),
    "delta_scatter": lambda: figures.delta_scatter(
        tables.classified_heads(MODELS[:1]).head(0), TAU
    ),
    "layer_hist": lambda: figures.layer_hist(tables.classified_heads(MODELS[:1]).head(0)),
    "corr_vs_scale_cross_family": lambda: figures.corr_vs_scale_cross_family(
        tables.corr_vs_scale(MODELS[:1]).head(0)
    ),
    "strong_head_scaling": lambda: figures.strong_head_scaling(
        tables.strong_head_scaling(tables.classified_heads(MODELS[:1])).head(0), TAU
    ),
    "score_map": lambda: figures.score_map(retrieval.head_rankings(retrieval.MODELS[:1]).head(0)),
    "masking": lambda: figures.masking(retrieval.masking_summary(retrieval.MODELS[:1]).head(0)),
    "masking_overview": lambda: figures.masking_overview(
        retrieval.masking_summary(retrieval.MODELS[:1]).head(0)
    ),
    "zoo_training": lambda: figures.zoo_training(
        tables.zoo_curves(MODELS[:1]).head(0), tables.zoo_accuracy(MODELS[:1]).head(0)
    ),
}


@pytest.mark.parametrize("name", list(EMPTY))
def test_an_empty_table_gives_a_figure_that_says_so(name: str) -> None:
    (text,) = EMPTY[name]().texts
    assert text.get_text().startswith("Nothing to draw: ")


def test_a_missing_column_is_named() -> None:
    heads = tables.classified_heads(MODELS[:1]).drop(columns="strength")
    with pytest.raises(ValueError, match="all_heads_phase_space: the table has no column strength"):
        figures.all_heads_phase_space(heads, TAU)


def test_the_same_table_gives_the_same_file(heads: pd.DataFrame, phase_space: Figure) -> None:
    again = figures.all_heads_phase_space(heads, TAU)
    first = to_svg(phase_space)
    assert to_svg(phase_space) == first
    assert to_svg(again) == first
    assert figures.to_png(phase_space).startswith(b"\x89PNG")


def test_settings_of_the_user_neither_matter_nor_change() -> None:
    frame = tables.competence(MODELS[:1])
    plain = to_svg(figures.competence(frame))
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        assert to_svg(figures.competence(frame)) == plain
        assert mpl.rcParams["font.size"] == 30


def test_pyplot_is_never_imported() -> None:
    code = "import sys, circuit_scaling.figures; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
