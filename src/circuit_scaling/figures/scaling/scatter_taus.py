"""Every head of one model by its two effects, coloured by its category at several thresholds."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from circuit_scaling.figures.classify.heads_in_space import (
    COLUMNS,
    dot,
    drawable,
    limits_of,
    remark_dot,
    scatter,
)
from circuit_scaling.figures.style import (
    CATEGORIES,
    CROWD,
    NOT_FULL,
    RULE,
    WIDTH,
    new_figure,
    nothing_to_draw,
    panel_title,
    require_columns,
    styled,
)
from circuit_scaling.figures.symlog import symlog_axes

_ACROSS = 3  # panels


@styled
def delta_scatter_taus(heads_at_taus: pd.DataFrame, tau: float) -> Figure:
    """The marks of ``delta_scatter`` in a panel per threshold: where heads change category.

    ``heads_at_taus`` has one row per threshold and head of one model, with its category there. The
    axes of all panels are the same, linear within ±``tau``, the threshold of the study; the shaded
    box of each ends at its own.

    Raises:
        ValueError: a column is missing, or there is more than one model.
    """
    require_columns(heads_at_taus, ("tau", *COLUMNS), "delta_scatter_taus")
    if heads_at_taus["model"].nunique() > 1:
        raise ValueError("figure delta_scatter_taus: the table holds more than one model")
    heads, _ = drawable(heads_at_taus)
    if heads.empty:
        return nothing_to_draw("no head has both effects")
    taus = sorted(heads["tau"].unique())
    columns = min(_ACROSS, len(taus))
    rows = -(-len(taus) // columns)
    figure = new_figure(2.2 * rows + 0.8, WIDTH if columns > 1 else 4.6)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    limits = limits_of(heads, max(tau, 0.6 * taus[-1]))  # they hold twice what they are given
    for panel, end in zip(panels, taus, strict=False):
        here = heads[heads["tau"] == end]
        symlog_axes(panel, tau, *limits, small=True, lines_at=end)
        box = Rectangle((-end, -end), 2 * end, 2 * end, facecolor=RULE, alpha=0.15, zorder=0.3)
        box.set_gid("box")
        panel.add_patch(box)
        scatter(panel, here, size=11, crowded=len(heads) > CROWD)
        weak = int((here["category"] == "weak").sum())
        panel_title(panel, f"τ = {end:g}", f"{len(here) - weak} of {len(here)} strong on a task")
    for panel in panels[len(taus) :]:
        panel.set_axis_off()
    for panel in panels[max(0, len(taus) - columns) : len(taus)]:
        panel.tick_params(labelbottom=True)
    model = heads["model"].iloc[0]
    figure.supxlabel(
        rf"$\Delta_\mathrm{{ioi}}$ (negative: the head helps; both axes linear within ±{tau:g},"
        " logarithmic beyond)",
        parse_math=True,
    )
    figure.supylabel(r"$\Delta_\mathrm{anti}$ (negative: the head helps)", parse_math=True)
    legend = figure.legend(handles=_handles(heads, str(model)), loc="outside upper left", ncols=6)
    legend.get_texts()[0].set_fontweight("bold")
    return figure


def _handles(heads: pd.DataFrame, model: str) -> list[Line2D]:
    handles = [dot(model, "none")]
    handles += [dot(look.label, look.colour) for look in CATEGORIES.values()]
    for ability, label in NOT_FULL.items():
        if (heads["ability"] == ability).any():
            handles.append(remark_dot(ability, label))
    return handles
