"""How far the other ways to ablate rank the heads as the primary one does."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from circuit_scaling.figures.matrix import DARK_TO_PALE, draw_matrix
from circuit_scaling.figures.style import (
    new_figure,
    nothing_to_draw,
    order_models,
    require_columns,
    short_names,
    styled,
    task_looks,
)
from circuit_scaling.vocabulary import ABLATION_MODES, POSITION_WORDS, POSITIONS, STUDY_TASKS

_KINDS = [(mode, positions) for positions in POSITIONS for mode in ABLATION_MODES]
_SIDES = ("ablation_a", "positions_a", "ablation_b", "positions_b")


@styled
def ablation_agreement(ablation_agreement: pd.DataFrame, primary: tuple[str, str]) -> Figure:
    """Spearman correlation of head effects between each kind of ablation and the primary one.

    ``ablation_agreement`` has one row per model, task and pair of ablations; only pairs with the
    ``primary`` mode and positions are drawn: a panel for each of the tasks ``ioi`` and
    ``anti_names``, or for each task there is where neither was compared; a row per model, a column
    per other ablation that any model has. A pair that was not compared is blank with a dash.

    Raises:
        ValueError: a column is missing.
    """
    columns = ("family", "model", "task", *_SIDES, "spearman")
    require_columns(ablation_agreement, columns, "ablation_agreement")
    rows = against_primary(ablation_agreement, primary)
    of_study = rows[rows["task"].isin(STUDY_TASKS)]
    rows = of_study if len(of_study) else rows
    if rows.empty:
        return nothing_to_draw("no ablation was compared with the primary one")
    models = order_models(rows)
    compared = set(zip(rows["ablation"], rows["positions"], strict=True))
    others = [kind for kind in _KINDS if kind in compared]
    tasks = task_looks(rows["task"])
    figure = new_figure(0.27 * len(models) + 1.7)
    panels = figure.subplots(1, len(tasks), sharey=True, squeeze=False)[0]
    colours = LinearSegmentedColormap.from_list("agreement", DARK_TO_PALE)
    names = [f"{ablation}\n{positions}" for ablation, positions in others]
    lowest = float(np.nanmin(rows["spearman"].to_numpy(dtype=np.float64), initial=0.0))
    scale = Normalize(vmin=lowest, vmax=1.0)
    for axes, (task, look) in zip(panels, tasks.items(), strict=True):
        draw_matrix(axes, _matrix(rows[rows["task"] == task], models, others), colours, scale)
        axes.set_xticks(np.arange(len(others)), names)
        axes.set_title(look.label, loc="left")
    panels[0].set_yticks(np.arange(len(models)), list(short_names(models).values()))
    bar = figure.colorbar(
        ScalarMappable(scale, colours), ax=list(panels), location="bottom", shrink=0.6, aspect=50
    )
    mode, positions = primary[0], POSITION_WORDS[primary[1]]
    bar.set_label(f"Spearman correlation over heads with {mode} ablation at {positions}")
    bar.outline.set_visible(False)
    return figure


def against_primary(ablation_agreement: pd.DataFrame, primary: tuple[str, str]) -> pd.DataFrame:
    """Rows with the ``primary`` mode and positions on one side.

    The other side is in ``ablation`` and ``positions``.
    """
    parts = []
    for here, there in (("a", "b"), ("b", "a")):
        of_kind = (ablation_agreement[f"ablation_{here}"] == primary[0]) & (
            ablation_agreement[f"positions_{here}"] == primary[1]
        )
        part = ablation_agreement[of_kind]
        parts.append(
            part.assign(ablation=part[f"ablation_{there}"], positions=part[f"positions_{there}"])
        )
    return pd.concat(parts).sort_index(kind="stable")


def _matrix(
    rows: pd.DataFrame, models: list[str], others: Sequence[tuple[str, str]]
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Correlations, models × variants; NaN where a pair was not compared."""
    table = rows.drop_duplicates(["model", "ablation", "positions"])
    table = table.set_index(["model", "ablation", "positions"])
    wanted = pd.MultiIndex.from_tuples(
        [(model, *variant) for model in models for variant in others]
    )
    values = table["spearman"].reindex(wanted).to_numpy(dtype=np.float64)
    return values.reshape(len(models), len(others))
