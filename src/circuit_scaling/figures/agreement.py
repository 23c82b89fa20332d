"""How far the other ways to ablate rank the heads as the primary one does."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Colormap, LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from circuit_scaling.figures.style import (
    QUIET,
    new_figure,
    nothing_to_draw,
    number,
    order_models,
    require_columns,
    styled,
    task_looks,
)

PRIMARY = ("zero", "all")
VARIANTS = (
    ("mean", "all"),
    ("resample", "all"),
    ("zero", "end"),
    ("mean", "end"),
    ("resample", "end"),
)
_TASKS = ("ioi", "anti_names")
_SIDES = ("ablation_a", "positions_a", "ablation_b", "positions_b")
# Agreement is pale and disagreement dark, so that the eye goes to what needs care.
_COLOURS = ("#27364f", "#4f6d96", "#93aecb", "#d3dfea", "#fbf7ee")


@styled
def ablation_agreement(ablation_agreement: pd.DataFrame) -> Figure:
    """Spearman correlation of head effects between each ablation and zero ablation everywhere.

    ``ablation_agreement`` has one row per model, task and pair of ablations; only pairs with the
    primary ablation (zero, all positions) and the tasks ``ioi`` and ``anti_names`` are drawn, one
    panel each, a row per model, a column per other ablation. A pair that was not compared is blank
    with a dash. Raises ValueError if a column is missing.
    """
    columns = ("family", "model", "task", *_SIDES, "spearman")
    require_columns(ablation_agreement, columns, "ablation_agreement")
    rows = against_primary(ablation_agreement)
    rows = rows[rows["task"].isin(_TASKS)]
    if rows.empty:
        return nothing_to_draw("no ablation was compared with the primary one")
    models = order_models(rows)
    tasks = task_looks(rows["task"])
    figure = new_figure(0.27 * len(models) + 1.2)
    panels = figure.subplots(1, len(tasks), sharey=True, squeeze=False)[0]
    colours = LinearSegmentedColormap.from_list("agreement", _COLOURS)
    lowest = float(np.nanmin(rows["spearman"].to_numpy(dtype=np.float64), initial=0.0))
    scale = Normalize(vmin=lowest, vmax=1.0)
    for axes, (task, look) in zip(panels, tasks.items(), strict=True):
        _panel(axes, _matrix(rows[rows["task"] == task], models), colours, scale)
        axes.set_title(look.label, loc="left")
    panels[0].set_yticks(np.arange(len(models)), models)
    bar = figure.colorbar(ScalarMappable(scale, colours), ax=list(panels), pad=0.015, aspect=30)
    bar.set_label("Spearman correlation over heads")
    bar.outline.set_visible(False)
    figure.supxlabel("ablation and positions, each against zero ablation at all positions")
    return figure


def against_primary(ablation_agreement: pd.DataFrame) -> pd.DataFrame:
    """Rows with the primary ablation on one side; the other goes to ``ablation``, ``positions``."""
    parts = []
    for here, there in (("a", "b"), ("b", "a")):
        primary = (ablation_agreement[f"ablation_{here}"] == PRIMARY[0]) & (
            ablation_agreement[f"positions_{here}"] == PRIMARY[1]
        )
        part = ablation_agreement[primary]
        parts.append(
            part.assign(ablation=part[f"ablation_{there}"], positions=part[f"positions_{there}"])
        )
    return pd.concat(parts).sort_index(kind="stable")


def _matrix(
    rows: pd.DataFrame, models: list[str]
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Correlations, models × variants; NaN where a pair was not compared."""
    table = rows.drop_duplicates(["model", "ablation", "positions"])
    table = table.set_index(["model", "ablation", "positions"])
    wanted = pd.MultiIndex.from_tuples(
        [(model, *variant) for model in models for variant in VARIANTS]
    )
    values = table["spearman"].reindex(wanted).to_numpy(dtype=np.float64)
    return values.reshape(len(models), len(VARIANTS))


def _panel(
    axes: Axes,
    values: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    colours: Colormap,
    scale: Normalize,
) -> None:
    axes.imshow(values, cmap=colours, norm=scale, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        dark = bool(np.isfinite(value) and float(scale(value)) < 0.45)
        colour = "white" if dark else QUIET if np.isnan(value) else "black"
        axes.text(column, row, number(value), ha="center", va="center", fontsize=7, color=colour)
    names = [f"{ablation}\n{positions}" for ablation, positions in VARIANTS]
    axes.set_xticks(np.arange(len(VARIANTS)), names)
    axes.tick_params(length=0)
    # White lines between the cells keep the numbers apart.
    axes.set_xticks(np.arange(len(VARIANTS) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(values.shape[0] - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.2)
    axes.tick_params(which="minor", length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
