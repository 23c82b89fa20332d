"""How much rankings find the same heads, as matrices: between questions, between lengths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colorbar import Colorbar
from matplotlib.colors import LinearSegmentedColormap, Normalize
from matplotlib.figure import Figure

from circuit_scaling.figures.matrix import DARK_TO_PALE, write_numbers
from circuit_scaling.figures.retrieval.comparison.looks import Looks
from circuit_scaling.figures.retrieval.comparison.marks import Values
from circuit_scaling.figures.style import (
    WIDTH,
    broken,
    new_figure,
    nothing_to_draw,
    require_columns,
    shortened,
    styled,
)

COLOURS = LinearSegmentedColormap.from_list("overlaps", DARK_TO_PALE[::-1])
"""Pale where nothing is shared."""
SLANTED: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
"""Names below narrow columns."""
JACCARD = "Jaccard overlap"
_MOST_PANELS = 24
_MOST_WIDE = 4  # matrices beside each other
_LETTERS = 18  # of the name of a small one
_SMALL_CELL = 0.27  # inches, without a number


@styled
def question_overlap_heatmaps(overlaps: pd.DataFrame, looks: Looks) -> Figure:
    """Overlap of the best heads between questions: a matrix per method and model.

    ``overlaps`` has one row per method, model and two questions (question, other), averaged over
    lengths. Where this would be more than 24 matrices, there is one per method, the mean over
    models.

    Raises:
        ValueError: a column is missing.
    """
    labels = {question: look.label for question, look in looks.questions.items()}
    return _grid_of_matrices(overlaps, looks, labels, "question")


@styled
def token_length_overlap(overlaps: pd.DataFrame, looks: Looks) -> Figure:
    """The same between token lengths, averaged over questions; columns token_length and other."""
    labels = {length: f"{length:,}" for length in looks.lengths}
    return _grid_of_matrices(overlaps, looks, labels, "token_length")


def _grid_of_matrices(
    overlaps: pd.DataFrame, looks: Looks, labels: Mapping[Any, str], axis: str
) -> Figure:
    """All matrices on one axes with a gap between them: faster than a panel for each."""
    require_columns(overlaps, ["method", "model", axis, "other", "value"], f"{axis}_overlap")
    if overlaps.empty:
        return nothing_to_draw(f"there is only one {axis.replace('_', ' ')} with rankings")
    methods = [method for method in looks.methods if method in set(overlaps["method"])]
    models = [model for model in looks.models if model in set(overlaps["model"])]
    if len(methods) * len(models) > _MOST_PANELS:
        models = [f"mean of {len(models)} models"]
        pairs = overlaps.groupby(["method", axis, "other"], sort=False)
        overlaps = pairs.mean(numeric_only=True).reset_index().assign(model=models[0])
    names = list(labels)
    step = len(names) + 1
    values = np.full((step * len(methods) - 1, step * len(models) - 1), np.nan)
    for (method, model), rows in overlaps.groupby(["method", "model"]):
        top, left = step * methods.index(str(method)), step * models.index(str(model))
        block = (slice(top, top + len(names)), slice(left, left + len(names)))
        values[block] = square(rows, names, (axis, "other"))
    cell = float(np.clip(5.2 / values.shape[1], 0.06, 0.32))
    height, width = cell * np.array(values.shape)
    figure = new_figure(height + 1.9, min(WIDTH, width + 2.2))
    axes = figure.subplots()
    scale = scale_of(overlaps["value"])
    image = axes.imshow(values, cmap=COLOURS, norm=scale, aspect="auto", gid="overlaps")
    if cell > _SMALL_CELL:
        write_numbers(axes, values, COLOURS, scale, 5.5)
    _name_blocks(axes, list(labels.values()), models, [looks.methods[m].label for m in methods])
    bar = figure.colorbar(image, ax=axes, location="bottom", aspect=50, shrink=0.8)
    bar.outline.set_visible(False)
    _mark_levels(bar, overlaps)
    bar.set_label(f"{JACCARD} of the best heads")
    return figure


def _name_blocks(
    axes: Axes, names: Sequence[str], above: Sequence[str], beside_them: Sequence[str]
) -> None:
    """Names of the rows and columns of every matrix, of the matrices above and to the right."""
    step, size = len(names) + 1, len(names)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(length=0, pad=2)
    across = [step * block + place for block in range(len(above)) for place in range(size)]
    axes.set_xticks(across, [*names] * len(above), fontsize=6, **SLANTED)
    down = [step * block + place for block in range(len(beside_them)) for place in range(size)]
    axes.set_yticks(down, [*names] * len(beside_them), fontsize=6)
    bold: dict[str, Any] = {"fontsize": 7, "fontweight": "bold"}
    for block, name in enumerate(above):
        # Where matrices are small, each name is over its own in two lines.
        shown = name if len(above) < _MOST_WIDE else broken(shortened(name, _LETTERS))
        axes.text(step * block - 0.5, -0.7, shown, va="bottom", **bold)
    for block, name in enumerate(beside_them):
        middle = step * block + (size - 1) / 2
        right = step * len(above) - 1.3
        axes.text(right, middle, name, rotation=270, va="center", **bold)


def _mark_levels(bar: Colorbar, overlaps: pd.DataFrame) -> None:
    """Chance on the colours of a matrix, where it is known."""
    if "chance" in overlaps and overlaps["chance"].notna().any():
        chance = float(overlaps["chance"].mean())
        bar.ax.axvline(chance, color="#d9762b", linewidth=1.5, gid="chance")
        above = bar.ax.get_xaxis_transform()
        style: dict[str, Any] = {"ha": "center", "va": "bottom", "fontsize": 6, "color": "#a5541a"}
        bar.ax.text(chance, 1.2, "chance", transform=above, **style)


def scale_of(values: pd.Series) -> Normalize:
    """From nothing to the next tenth above the largest overlap."""
    top = float(values.max())
    return Normalize(0, np.ceil(10 * top) / 10 if top > 0 else 1.0)


def square(rows: pd.DataFrame, names: Sequence[Any], keys: tuple[str, str]) -> Values:
    """Values of pairs by both of their names, whichever comes first; NaN of a name with itself."""
    values = np.full((len(names), len(names)), np.nan)
    at = {name: index for index, name in enumerate(names)}
    for a, b, value in zip(*(rows[key] for key in keys), rows["value"], strict=True):
        if a in at and b in at:
            values[at[a], at[b]] = values[at[b], at[a]] = value
    return values
