"""Every head by its effect on IOI and on anti-repetition: all models at once, and one by one."""

from __future__ import annotations

import math
import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from circuit_scaling.figures.labels import place_labels
from circuit_scaling.figures.style import (
    CATEGORIES,
    INK,
    NOT_FULL,
    QUIET,
    RULE,
    abilities,
    family_looks,
    filled,
    freeze_layout,
    new_figure,
    nothing_to_draw,
    order_models,
    require_columns,
    styled,
)
from circuit_scaling.figures.symlog import symlog_axes, symlog_limits
from circuit_scaling.vocabulary import counted

_COLUMNS = (
    *("family", "model", "layer", "head", "category", "strength"),
    *("delta_ioi", "delta_anti_names", "se_ioi", "se_anti_names"),
    *("competent_ioi", "competent_anti_names"),
)
_LABELLED = 8
_NORMAL_95 = 1.96
_REMARK: dict[str, Any] = {"fontsize": 6, "fontweight": "normal", "color": QUIET}


@styled
def all_heads_phase_space(classified_heads: pd.DataFrame, tau: float) -> Figure:
    """Effect on IOI (x) against effect on anti-repetition of names (y), a marker per head.

    ``classified_heads`` has one row per model and head; effects are metric after ablation minus
    before, so negative means that the head helps. ``tau`` is the category threshold and the end of
    the linear part of both axes. Colour is category, marker is family; heads of models that are not
    competent on one of the two tasks are hollow, those of models of which it is not known are pale.
    The strongest heads of the models that are not known to fail are named and carry ±1 standard
    error. Heads without both effects are not drawn; the title counts them. Raises
    ValueError if a column is missing.
    """
    require_columns(classified_heads, _COLUMNS, "all_heads_phase_space")
    heads, left_out = _drawable(classified_heads)
    if heads.empty:
        return nothing_to_draw("no head has both effects")
    title = f"{counted(len(heads), 'head')} of {counted(heads['model'].nunique(), 'model')}"
    title += _more(left_out)
    remark = "named: the strongest" + (", with ±1 standard error" if _measured(heads) else "")
    figure, axes = _phase_space(heads, tau, title, remark)
    _bars(axes, _name_strongest(axes, heads), 1.0, INK)
    return figure


@styled
def delta_scatter(classified_heads: pd.DataFrame, tau: float) -> Figure:
    """The phase space of :func:`all_heads_phase_space` for one model, all heads with intervals.

    Bars are 95 % intervals, ±1.96 standard errors; a head without a standard error has none. The
    shaded box holds the effects below ``tau`` on both tasks. The strongest heads are named by
    layer and head. Raises ValueError if a column is missing or there is more than one model.
    """
    require_columns(classified_heads, _COLUMNS, "delta_scatter")
    if classified_heads["model"].nunique() > 1:
        raise ValueError("figure delta_scatter: the table holds more than one model")
    heads, left_out = _drawable(classified_heads)
    if heads.empty:
        return nothing_to_draw("no head has both effects")
    title = f"{heads['model'].iloc[0]}: {counted(len(heads), 'head')}" + _more(left_out)
    remark = "bars: ±1.96 standard errors" if _measured(heads) else ""
    figure, axes = _phase_space(heads, tau, title, remark)
    axes.add_patch(
        Rectangle((-tau, -tau), 2 * tau, 2 * tau, facecolor=RULE, alpha=0.22, zorder=0.3, gid="box")
    )
    _bars(axes, heads, _NORMAL_95, RULE)
    _name_strongest(axes, heads, with_model=False)
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
    symlog_axes(axes, tau, *_limits(heads, tau))
    _scatter(axes, heads, size=20)
    axes.set_xlabel(_axis_label("ioi", tau), parse_math=True)
    axes.set_ylabel(_axis_label("anti", tau), parse_math=True)
    axes.set_title(title, loc="left")
    axes.set_title(remark, loc="right", **_REMARK)
    _legend(figure, heads)
    freeze_layout(figure)
    return figure, axes


@styled
def family_grid(classified_heads: pd.DataFrame, tau: float) -> Figure:
    """The phase space of :func:`all_heads_phase_space`, one panel per model on the same axes."""
    require_columns(classified_heads, _COLUMNS, "family_grid")
    heads, _ = _drawable(classified_heads)
    if heads.empty:
        return nothing_to_draw("no head has both effects")
    models = order_models(heads)
    # Four or five columns, whichever leaves fewer places empty.
    columns = min(len(models), 4 if -len(models) % 4 < -len(models) % 5 else 5)
    rows = math.ceil(len(models) / columns)
    figure = new_figure((min(6.4 / columns, 2.6) + 0.2) * rows + 0.75)
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).ravel()
    limits = _limits(heads, tau)
    for panel, model in zip(panels, models, strict=False):
        of_model = heads[heads["model"] == model]
        symlog_axes(panel, tau, *limits, small=True)
        _scatter(panel, of_model, size=11)
        panel.set_title(model, loc="left", fontsize=7)
        panel.set_title(f"n={len(of_model)}", loc="right", **_REMARK)
    for panel in panels[len(models) :]:
        panel.set_axis_off()
    for panel in panels[max(0, len(models) - columns) : len(models)]:
        panel.tick_params(labelbottom=True)
    scales = f"both axes linear within ±τ = {tau:g}, logarithmic beyond"
    figure.supxlabel(
        rf"$\Delta_\mathrm{{ioi}}$ (negative: the head helps; {scales})", parse_math=True
    )
    figure.supylabel(r"$\Delta_\mathrm{anti}$ (negative: the head helps)", parse_math=True)
    handles = _category_handles(heads)
    for ability, label in NOT_FULL.items():
        if (heads["ability"] == ability).any():
            handles.append(_remark_dot(ability, label))
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))
    return figure


def both_abilities(heads: pd.DataFrame) -> pd.Series[str]:
    """Of each head, what its model can do of IOI and anti-repetition of names together."""
    return abilities(heads[["competent_ioi", "competent_anti_names"]])


def _drawable(classified_heads: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Heads with both effects, with the column ``ability``; and how many lack one."""
    both = classified_heads[["delta_ioi", "delta_anti_names"]].notna().all(axis=1)
    heads = classified_heads[both].copy()
    heads["ability"] = both_abilities(heads)
    return heads, int((~both).sum())


def _limits(heads: pd.DataFrame, tau: float) -> tuple[tuple[float, float], tuple[float, float]]:
    x = symlog_limits(heads["delta_ioi"].to_numpy(dtype=np.float64), tau)
    y = symlog_limits(heads["delta_anti_names"].to_numpy(dtype=np.float64), tau)
    return x, y


def _axis_label(short: str, tau: float) -> str:
    task = {"ioi": "IOI", "anti": "anti-repetition"}[short]
    return (
        rf"$\Delta_\mathrm{{{short}}}$: {task} logit contrast, ablated − clean (negative: the head"
        f" helps)\nlinear within ±τ = {tau:g}, logarithmic beyond"
    )


def _scatter(axes: Axes, heads: pd.DataFrame, size: float) -> None:
    """One collection per category, family and fill, gid ``heads-...``; weak heads lie lowest."""
    looks = family_looks(heads["family"])
    for layer, category in enumerate(reversed(CATEGORIES)):
        for family, look in looks.items():
            for ability in ("unable", "unknown", "able"):
                chosen = (heads["category"] == category) & (heads["family"] == family)
                group = heads[chosen & (heads["ability"] == ability)]
                if group.empty:
                    continue
                colour = CATEGORIES[category].colour
                full = ability == "able"
                axes.scatter(
                    group["delta_ioi"],
                    group["delta_anti_names"],
                    s=size * (0.7 if category == "weak" else 1.0),
                    marker=look.marker,
                    facecolor="none" if ability == "unable" else filled(colour, ability),
                    edgecolor="white" if full else colour,
                    linewidth=0.35 if full else 0.8,
                    zorder=2 + 0.1 * layer,
                    gid=f"heads-{category}-{family}-{ability}",
                    clip_on=False,
                )


def _name_strongest(axes: Axes, heads: pd.DataFrame, with_model: bool = True) -> pd.DataFrame:
    """Names of the strongest heads of models that are not known to fail; returns those named.

    Only where all models fail, the strongest of all: an effect on a task that a model cannot
    do is not a head that does the job. Room is kept for bars of ±1 standard error.
    """
    others = heads[heads["ability"] != "unable"]
    order = (others if len(others) else heads).sort_values(
        ["strength", "model", "layer", "head"], ascending=[False, True, True, True]
    )
    strongest = order.head(_LABELLED)
    anchors = strongest[["delta_ioi", "delta_anti_names"]].to_numpy(dtype=np.float64)
    texts = [
        f"{model} L{layer}H{head}" if with_model else f"L{layer}H{head}"
        for model, layer, head in strongest[["model", "layer", "head"]].itertuples(index=False)
    ]
    return strongest.iloc[place_labels(axes, anchors, _errors(strongest), texts)]


def _errors(heads: pd.DataFrame) -> NDArray[np.float64]:
    """Standard errors [heads, 2]; a missing one is 0, which draws no bar."""
    errors = heads[["se_ioi", "se_anti_names"]].to_numpy(dtype=np.float64)
    return np.asarray(np.nan_to_num(errors))


def _bars(axes: Axes, heads: pd.DataFrame, width: float, colour: str) -> None:
    """Bars of ``width`` standard errors on each side."""
    errors = width * _errors(heads)
    axes.errorbar(
        heads["delta_ioi"],
        heads["delta_anti_names"],
        xerr=errors[:, 0],
        yerr=errors[:, 1],
        fmt="none",
        ecolor=colour,
        elinewidth=0.6,
        zorder=1.9,
    )


def _category_handles(heads: pd.DataFrame) -> list[Line2D]:
    counts = heads["category"].value_counts()
    return [
        _dot(f"{look.label} ({counts.get(category, 0)})", look.colour)
        for category, look in CATEGORIES.items()
    ]


def _remark_dot(ability: str, label: str) -> Line2D:
    face = filled(INK, ability)
    return Line2D([], [], linestyle="none", marker="o", mfc=face, mec=INK, ms=5, label=label)


def _dot(label: str, colour: str, marker: str = "o") -> Line2D:
    return Line2D(
        [], [], linestyle="none", marker=marker, mfc=colour, mec="white", mew=0.4, ms=6, label=label
    )


def _legend(figure: Figure, heads: pd.DataFrame) -> None:
    """Categories, families and the marks that are not full, to the right of the axes."""
    families = family_looks(heads["family"])
    headings = ("Category (heads)", "Family", "Hollow", "Pale")
    handles = [_dot(headings[0], "none"), *_category_handles(heads)]
    handles += [_dot(headings[1], "none")]
    handles += [_dot(look.label, QUIET, look.marker) for look in families.values()]
    remarks = {"unable": "not competent", "unknown": "competence not known"}
    for heading, (ability, remark) in zip(headings[2:], remarks.items(), strict=True):
        models = order_models(heads[heads["ability"] == ability])
        if models:
            every = 1 < len(models) == heads["model"].nunique()
            named = "all models" if every else ", ".join(models)
            text = textwrap.fill(f"{remark}: {named}", 24, break_on_hyphens=False)
            handles += [_dot(heading, "none"), _remark_dot(ability, text)]
    legend = figure.legend(handles=handles, loc="outside right upper")
    for line in legend.get_texts():
        if line.get_text() in headings:
            line.set_fontweight("bold")
