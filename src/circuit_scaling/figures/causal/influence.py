"""What the hero heads carry: strength under ablation against influence under patching."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from circuit_scaling.figures.style import (
    CATEGORIES,
    INK,
    QUIET,
    RULE,
    family_looks,
    new_figure,
    nothing_to_draw,
    require_columns,
    styled,
    task_looks,
)

_DIRECTIONS = ("denoising", "noising")
_ENDS = ("", "_low", "_high")
_COLUMNS = (
    *("family", "model", "category", "layer", "head", "task", "strength"),
    *(f"{direction}_normalised{end}" for direction in _DIRECTIONS for end in _ENDS),
)
_ACROSS = 3  # panels
_BEYOND = 1.4  # factor between the outermost heads and the ends of the axis
_APART = 1.035  # factor on the axis between the two marks of a head


@styled
def causal_influence(of_task: pd.DataFrame) -> Figure:
    """Normalised influence of every hero against its strength, a panel per family.

    ``of_task`` has the rows of ``causal_summary`` of one task. Filled marks are denoising (the
    head's clean output in the corrupt run), hollow ones noising (the corrupt one in the clean run);
    1 is the whole difference between the two runs, and a head that carries the task is above 0 in
    both. Lines are 95 % intervals. Heads without a normalised influence are counted in the panel.

    Raises:
        ValueError: a column is missing, or there is more than one task.
    """
    require_columns(of_task, _COLUMNS, "causal_influence")
    if of_task["task"].nunique() > 1:
        raise ValueError("figure causal_influence: the table holds more than one task")
    if of_task.empty:
        return nothing_to_draw("no hero head was traced")
    looks = family_looks(of_task["family"])
    across = min(_ACROSS, len(looks))
    down = -(-len(looks) // across)
    figure = new_figure(2.1 * down + 0.7)
    panels = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel()
    for axes, (family, look) in zip(panels, looks.items(), strict=False):
        _panel(axes, of_task[of_task["family"] == family])
        axes.set_title(look.label, loc="left")
        axes.tick_params(labelbottom=True)
    for axes in panels[len(looks) :]:
        axes.set_visible(False)
    panels[0].set_xscale("log")
    # Set by all heads: where the runs differ for none, nothing else would.
    panels[0].set_xlim(of_task["strength"].min() / _BEYOND, of_task["strength"].max() * _BEYOND)
    panels[0].xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    panels[0].xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panels[0].xaxis.set_minor_formatter(NullFormatter())
    task = next(iter(task_looks(of_task["task"].unique()).values()))
    figure.supxlabel("strength: |Δ on IOI| + |Δ on anti-repetition| under ablation (logits)")
    figure.supylabel(f"{task.label}: share of\nm(clean) − m(corrupt)", ma="center")
    figure.legend(handles=_handles(of_task), loc="outside upper left", ncols=5)
    return figure


def of_task(causal_summary: pd.DataFrame, task: str) -> pd.DataFrame:
    """The rows and columns that the figure shows."""
    return causal_summary.loc[causal_summary["task"] == task, list(_COLUMNS)]


def _panel(axes: Axes, rows: pd.DataFrame) -> None:
    axes.axhline(0, color=QUIET, linewidth=0.7)
    axes.axhline(1, color=RULE, linewidth=0.5)
    unknown = 0
    for row in rows.to_dict("records"):
        if pd.isna(row["denoising_normalised"]) and pd.isna(row["noising_normalised"]):
            unknown += 1
            continue
        colour = CATEGORIES[row["category"]].colour
        for direction, at in zip(_DIRECTIONS, (1 / _APART, _APART), strict=True):
            value, low, high = (row[f"{direction}_normalised{end}"] for end in _ENDS)
            place = row["strength"] * at
            axes.vlines(place, low, high, color=colour, linewidth=0.8, gid="interval")
            axes.plot(
                [place],
                [value],
                linestyle="none",
                marker="o",
                markersize=3.6,
                markeredgewidth=0.8,
                markeredgecolor=colour,
                markerfacecolor=colour if direction == "denoising" else "white",
                gid=direction,
            )
    if unknown:
        text = f"{unknown} of {len(rows)} heads: the runs do not differ"
        axes.text(0.98, 0.98, text, transform=axes.transAxes, ha="right", va="top", fontsize=6)
    axes.margins(y=0.08)


def _handles(rows: pd.DataFrame) -> list[Line2D]:
    present = [look for name, look in CATEGORIES.items() if (rows["category"] == name).any()]
    handles = [_dot(look.label, look.colour, look.colour) for look in present]
    return [
        *handles,
        _dot("denoising: clean into corrupt", INK, INK),
        _dot("hollow, noising: corrupt into clean", INK, "white"),
    ]


def _dot(label: str, edge: str, face: str) -> Line2D:
    return Line2D([], [], ls="none", marker="o", ms=4.5, mec=edge, mfc=face, label=label)
