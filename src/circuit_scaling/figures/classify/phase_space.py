"""Every head by its effect on IOI and on anti-repetition: all models at once, and one by one."""

from __future__ import annotations

import math
import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from circuit_scaling.figures.classify.heads_in_space import (
    COLUMNS,
    bars,
    category_handles,
    dot,
    drawable,
    effects_of,
    errors_of,
    limits_of,
    remark_dot,
    scatter,
)
from circuit_scaling.figures.labels import place_labels
from circuit_scaling.figures.style import (
    CROWD,
    INK,
    NOT_FULL,
    QUIET,
    RULE,
    family_looks,
    freeze_layout,
    new_figure,
    nothing_to_draw,
    order_models,
    panel_title,
    require_columns,
    styled,
)
from circuit_scaling.figures.symlog import symlog_axes
from circuit_scaling.vocabulary import counted

__all__ = ["all_heads_phase_space", "delta_scatter", "family_grid"]

_LABELLED = 8
_NORMAL_95 = 1.96
_FAINT = "#dcdcdc"  # bars of all heads, behind the palest marks


@styled
def all_heads_phase_space(classified_heads: pd.DataFrame, tau: float) -> Figure:
    """Effect on IOI (x) against effect on anti-repetition of names (y), a marker per head.

    ``classified_heads`` has one row per model and head; effects are metric after ablation minus
    before, so negative means that the head helps. ``tau`` is the category threshold and the end of
    the linear part of both axes. Colour is category, marker is family; heads of models that are not
    competent on one of the two tasks are hollow, those of models of which it is not known are pale.
    The strongest heads of the models that are not known to fail are named and carry ±1 standard
    error. Heads without both effects are not drawn; the title counts them.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(classified_heads, COLUMNS, "all_heads_phase_space")
    heads, left_out = drawable(classified_heads)
    if heads.empty:
        return nothing_to_draw("no head has both effects")
    title = f"{counted(len(heads), 'head')} of {counted(heads['model'].nunique(), 'model')}"
    title += _more(left_out)
    remark = "named: the strongest" + (", with ±1 standard error" if _measured(heads) else "")
    figure, axes = _phase_space(heads, tau, title, remark)
    named = _name_strongest(axes, heads, _strongest(heads), 1.0)
    bars(axes, named, 1.0, INK)
    return figure


@styled
def delta_scatter(classified_heads: pd.DataFrame, tau: float) -> Figure:
    """The phase space of :func:`all_heads_phase_space` for one model, all heads with intervals.

    Bars are 95 % intervals, ±1.96 standard errors; a head without a standard error has none. The
    shaded box holds the effects below ``tau`` on both tasks. The strongest heads are named by layer
    and head.

    Raises:
        ValueError: a column is missing, or there is more than one model.
    """
    require_columns(classified_heads, COLUMNS, "delta_scatter")
    if classified_heads["model"].nunique() > 1:
        raise ValueError("figure delta_scatter: the table holds more than one model")
    heads, left_out = drawable(classified_heads)
    if heads.empty:
        return nothing_to_draw("no head has both effects")
    title = f"{heads['model'].iloc[0]}: {counted(len(heads), 'head')}" + _more(left_out)
    remark = "bars: ±1.96 standard errors" if _measured(heads) else ""
    figure, axes = _phase_space(heads, tau, title, remark)
    axes.add_patch(
        Rectangle((-tau, -tau), 2 * tau, 2 * tau, facecolor=RULE, alpha=0.15, zorder=0.3, gid="box")
    )
    bars(axes, heads, _NORMAL_95, _FAINT, crowded=3 * len(heads) > CROWD)
    _name_strongest(axes, heads, heads, _NORMAL_95, with_model=False)
    return figure


def _measured(heads: pd.DataFrame) -> bool:
    """Whether any effect has a standard error; in a table measured elsewhere none has."""
    return bool(heads[["se_ioi", "se_anti_names"]].notna().any(axis=None))


def _more(left_out: int) -> str:
    return f" ({left_out} more without an effect)" if left_out else ""


def _phase_space(heads: pd.DataFrame, tau: float, title: str, remark: str) -> tuple[Figure, Axes]:
    """All heads on one pair of axes, with the legend; the layout is final."""
    figure = new_figure(5.2)
    axes = figure.subplots()
    symlog_axes(axes, tau, *limits_of(heads, tau))
    scatter(axes, heads, size=20, crowded=len(heads) > CROWD)
    axes.set_xlabel(_axis_label("ioi", tau), parse_math=True)
    axes.set_ylabel(_axis_label("anti", tau), parse_math=True)
    panel_title(axes, title, remark, fontsize=8, longest=80)
    _legend(figure, heads)
    freeze_layout(figure)
    return figure, axes


@styled
def family_grid(classified_heads: pd.DataFrame, tau: float) -> Figure:
    """The phase space of :func:`all_heads_phase_space`, one panel per model on the same axes."""
    require_columns(classified_heads, COLUMNS, "family_grid")
    heads, _ = drawable(classified_heads)
    if heads.empty:
        return nothing_to_draw("no head has both effects")
    models = order_models(heads)
    # Four or five columns, whichever leaves fewer places empty.
    columns = min(len(models), 4 if -len(models) % 4 < -len(models) % 5 else 5)
    rows = math.ceil(len(models) / columns)
    figure = new_figure((min(6.4 / columns, 2.6) + 0.2) * rows + 0.75)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    limits = limits_of(heads, tau)
    for panel, model in zip(panels, models, strict=False):
        of_model = heads[heads["model"] == model]
        symlog_axes(panel, tau, *limits, small=True)
        scatter(panel, of_model, size=11, crowded=len(heads) > CROWD)
        panel_title(panel, model, f"{len(of_model)} heads")
    for panel in panels[len(models) :]:
        panel.set_axis_off()
    for panel in panels[max(0, len(models) - columns) : len(models)]:
        panel.tick_params(labelbottom=True)
    scales = f"both axes linear within ±τ = {tau:g}, logarithmic beyond"
    figure.supxlabel(
        rf"$\Delta_\mathrm{{ioi}}$ (negative: the head helps; {scales})", parse_math=True
    )
    figure.supylabel(r"$\Delta_\mathrm{anti}$ (negative: the head helps)", parse_math=True)
    handles = category_handles(heads)
    for ability, label in NOT_FULL.items():
        if (heads["ability"] == ability).any():
            handles.append(remark_dot(ability, label))
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))
    return figure


def _axis_label(short: str, tau: float) -> str:
    task = {"ioi": "IOI", "anti": "anti-repetition"}[short]
    return (
        rf"$\Delta_\mathrm{{{short}}}$: {task} logit contrast, ablated − clean (negative: the head"
        f" helps)\nlinear within ±τ = {tau:g}, logarithmic beyond"
    )


def _strongest(heads: pd.DataFrame) -> pd.DataFrame:
    """The strongest heads of models that are not known to fail.

    Only where all models fail, the strongest of all: an effect on a task that a model cannot
    do is not a head that does the job.
    """
    others = heads[heads["ability"] != "unable"]
    order = (others if len(others) else heads).sort_values(
        ["strength", "model", "layer", "head"], ascending=[False, True, True, True]
    )
    return order.head(_LABELLED)


def _name_strongest(
    axes: Axes,
    heads: pd.DataFrame,
    barred: pd.DataFrame,
    width: float,
    with_model: bool = True,
) -> pd.DataFrame:
    """Names of the strongest of ``heads``; returns those for which there was room.

    Names keep off the bars of ``width`` standard errors of the heads ``barred``.
    """
    strongest = _strongest(heads)
    texts = [
        f"{model} L{layer}H{head}" if with_model else f"L{layer}H{head}"
        for model, layer, head in strongest[["model", "layer", "head"]].itertuples(index=False)
    ]
    at, half = effects_of(barred), width * errors_of(barred)
    bars = np.stack([at - half, at + half], axis=1)
    return strongest.iloc[place_labels(axes, effects_of(strongest), bars, texts)]


def _legend(figure: Figure, heads: pd.DataFrame) -> None:
    """Categories, families and the marks that are not full, to the right of the axes."""
    families = family_looks(heads["family"])
    headings = ("Category (heads)", "Family", "Hollow", "Pale")
    handles = [dot(headings[0], "none"), *category_handles(heads)]
    handles += [dot(headings[1], "none")]
    handles += [dot(look.label, QUIET, look.marker) for look in families.values()]
    remarks = {"unable": "not competent", "unknown": "competence not known"}
    for heading, (ability, remark) in zip(headings[2:], remarks.items(), strict=True):
        models = order_models(heads[heads["ability"] == ability])
        if models:
            every = 1 < len(models) == heads["model"].nunique()
            named = "all models" if every else ", ".join(models)
            text = textwrap.fill(f"{remark}: {named}", 24, break_on_hyphens=False)
            handles += [dot(heading, "none"), remark_dot(ability, text)]
    legend = figure.legend(handles=handles, loc="outside right upper")
    for line in legend.get_texts():
        if line.get_text() in headings:
            line.set_fontweight("bold")
