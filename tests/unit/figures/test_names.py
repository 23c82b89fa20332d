"""Names are written in figures as they are: a dollar in them begins no formula."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Text

from circuit_scaling import figures
from circuit_scaling.figures.style import to_png, to_svg
from tests.helpers import synthetic_retrieval as retrieval
from tests.helpers import synthetic_tables as tables

MODELS = tables.MODELS[:3]
ODD = {
    **dict(zip([model.slug for model in MODELS], ["$m_1$", r"\frac{$", "_c^$x$"], strict=True)),
    **{family: f"${family}^2$" for family in {model.family for model in MODELS}},
}


def odd(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.replace({name: ODD for name in frame if name.endswith(("model", "family"))})


def heads() -> pd.DataFrame:
    return odd(tables.classified_heads(MODELS))


def one() -> pd.DataFrame:
    return heads().query("model == '$m_1$'")


DRAWN: dict[str, Callable[[], Figure]] = {
    "all_heads_phase_space": lambda: figures.all_heads_phase_space(heads(), tables.TAU),
    "family_grid": lambda: figures.family_grid(heads(), tables.TAU),
    "delta_scatter": lambda: figures.delta_scatter(one(), tables.TAU),
    "layer_hist": lambda: figures.layer_hist(one()),
    "category_counts": lambda: figures.category_counts(
        odd(tables.head_category_summary(tables.classified_heads(MODELS)))
    ),
    "competence": lambda: figures.competence(odd(tables.competence(MODELS))),
    "corr_vs_scale": lambda: figures.corr_vs_scale_cross_family(odd(tables.corr_vs_scale(MODELS))),
    "transfer": lambda: figures.ioi_transfer_summary(
        odd(tables.transfer(MODELS)["transfer_summary"])
    ),
    "divergence": lambda: figures.ioi_divergence(odd(tables.transfer(MODELS)["head_divergence"])),
    "ablation_agreement": lambda: figures.ablation_agreement(
        odd(tables.ablation_agreement(MODELS)), ("zero", "all")
    ),
    "attribution_agreement": lambda: figures.attribution_agreement(
        odd(tables.attribution_agreement(MODELS))
    ),
    "ablation_overview": lambda: figures.ablation_overview(odd(tables.ablation_summary(MODELS))),
    "score_map": lambda: figures.score_map(
        retrieval.head_rankings([retrieval.MINI]).replace({"model": {"mini_llama": "$m_1$"}})
    ),
    "masking_overview": lambda: figures.masking_overview(
        retrieval.masking_summary().replace({"model": {"mini_llama": "$m_1$"}})
    ),
    "zoo_training": lambda: figures.zoo_training(
        odd(tables.zoo_curves(MODELS)), odd(tables.zoo_accuracy(MODELS))
    ),
}


@pytest.mark.parametrize("name", DRAWN)
def test_names_are_no_formulas(name: str) -> None:
    figure = DRAWN[name]()
    to_png(figure)
    to_svg(figure)
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    named = [text for text in texts if "$" in text.get_text() and "mathrm" not in text.get_text()]
    assert named
    assert not any(text.get_parse_math() for text in named)
    assert all(text.get_parse_math() for text in texts if "mathrm" in text.get_text())
