"""Every head by its two effects, small enough to stand beside a page's first sentences."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from circuit_scaling.figures.classify.heads_in_space import (
    COLUMNS,
    category_handles,
    drawable,
    limits_of,
    scatter,
)
from circuit_scaling.figures.style import (
    CROWD,
    new_figure,
    nothing_to_draw,
    require_columns,
    styled,
)
from circuit_scaling.figures.symlog import symlog_axes

_WIDTH, _HEIGHT = 4.4, 4.4  # inches: drawn about as large as it is shown


@styled
def phase_space_overview(classified_heads: pd.DataFrame, tau: float) -> Figure:
    """The phase space without names and families; see ``all_heads_phase_space``.

    Heads of models that fail a task are left out, unless all do; heads whose category is not
    settled are pale.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(classified_heads, COLUMNS, "phase_space_overview")
    heads, _ = drawable(classified_heads)
    if heads.empty:
        return nothing_to_draw("no head has both effects")
    able = heads[heads["ability"] != "unable"]
    heads = heads if able.empty else able
    if heads["resolved"].notna().any():
        settled = heads["resolved"].fillna(False).astype(bool)
        heads = heads.assign(ability=settled.map({True: "able", False: "unknown"}))
    figure = new_figure(_HEIGHT, _WIDTH)
    axes = figure.subplots()
    symlog_axes(axes, tau, *limits_of(heads, tau))
    scatter(axes, heads, size=13, crowded=len(heads) > CROWD)
    axes.set_xlabel("change on IOI (negative: the head helps)")
    axes.set_ylabel("change on anti-repetition (negative: helps)")
    figure.legend(
        handles=category_handles(heads), loc="outside upper left", ncols=2, columnspacing=1.2
    )
    return figure
