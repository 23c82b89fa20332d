"""Transfer of IOI heads: every pair of models, three ways of finding a head, against chance."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from circuit_scaling.figures.matrix import DARK_TO_PALE, draw_matrix
from circuit_scaling.figures.style import (
    INK,
    QUIET,
    Look,
    abilities,
    filled,
    new_figure,
    nothing_to_draw,
    order_models,
    require_columns,
    short_names,
    styled,
)
from circuit_scaling.vocabulary import ALPHA, counted

# Way of finding a head: title, mean rank, p against random heads or layers, p within layers.
_WAYS = (
    ("same layer and head", "mean_frac_rank", "p", "p_same_layer"),
    ("layer at the same relative depth", "depth_frac_rank", "depth_p", None),
    ("like function", "matched_frac_rank", "matched_p", "matched_p_same_layer"),
)
_INTERVALS = ("low", "high", "expected", "null_low", "null_high")
_COLUMNS = (
    *("base_family", "base_model", "tgt_family", "tgt_model", "task", "tgt_competent"),
    *(name for _, *names in _WAYS for name in names if name),
    *_INTERVALS,
)
_MOST_NUMBERED = 12  # models; with more, the cells are too small for numbers
_LETTERS = 16  # of a model's name
_MOST_NAMED = 90  # pairs
# Blue carries over, the palest is chance, brown is weaker than chance.
_COLOURS = LinearSegmentedColormap.from_list(
    "ranks",
    [(i / 8, colour) for i, colour in enumerate(DARK_TO_PALE)]
    + [(0.75, "#e3b98c"), (1, "#9a5b26")],
)
_SCALE = TwoSlopeNorm(vmin=0.0, vcenter=0.5, vmax=1.0)
_BAND = "#dedede"
_SAME = Look("same family", "#2f7fc1", "o")
_OTHER = Look("another family", "#c8553d", "s")


@styled
def ioi_transfer_summary(transfer_summary: pd.DataFrame) -> Figure:
    """Mean fractional rank in the target of the base's strongest IOI heads, for every pair.

    ``transfer_summary`` has one row per pair and task; ``ioi`` is drawn. Three matrices, base by
    target, find the heads by index, by relative depth (mean of the nearest layer) and by function;
    a ring is p < 0.05 against random heads (or, for depth, exchanged layers), a disc against random
    heads of the same layers as well. The other panel has the pairs by index one by one, sorted: 95
    % bootstrap intervals over grey 95 % intervals under random indices; hollow where the target is
    not competent, pale where that is not known. Pairs without a value are blank with a dash, and
    left out of the sorted panel.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(transfer_summary, _COLUMNS, "ioi_transfer_summary")
    rows = of_ioi(transfer_summary)
    if rows.empty:
        return nothing_to_draw("no two models were compared")
    models = _models(rows)
    side = min(max(0.23 * len(models), 0.8), 3.2)
    figure = new_figure(3 * side + 2.2)
    names = ("index", "depth", "function")
    panels = figure.subplot_mosaic([[name, "pairs"] for name in names], width_ratios=(1.15, 1.0))
    for name, way in zip(names, _WAYS, strict=True):
        _matrix_panel(panels[name], rows, models, way)
        panels[name].set_ylabel("base")
    places = np.arange(len(models))
    for name in names[:-1]:
        panels[name].set_xticks(places, [""] * len(models))
    panels[names[-1]].set_xlabel("target")
    _pair_panel(panels["pairs"], rows, short_names(models, _LETTERS))
    bar = figure.colorbar(
        ScalarMappable(_SCALE, _COLOURS),
        ax=panels["function"],
        location="bottom",
        aspect=40,
        pad=0.12 / side,
        ticks=[0, 0.25, 0.5, 0.75, 1],
    )
    bar.set_label("mean fractional rank in the target\n0 strongest, 0.5 as random heads, 1 weakest")
    bar.outline.set_visible(False)
    figure.legend(handles=_handles(rows), loc="outside upper left", ncols=3)
    return figure


def of_ioi(transfer_summary: pd.DataFrame) -> pd.DataFrame:
    """The rows that the figure shows."""
    return transfer_summary[transfer_summary["task"] == "ioi"]


def _models(rows: pd.DataFrame) -> list[str]:
    """Every model of a pair, by family and first appearance as base, then as target."""
    sides = [
        rows[[f"{side}_family", f"{side}_model"]].set_axis(["family", "model"], axis=1)
        for side in ("base", "tgt")
    ]
    return order_models(pd.concat(sides, ignore_index=True))


def _cells(rows: pd.DataFrame, models: list[str], column: str) -> NDArray[np.float64]:
    """Values of a column, base by target; NaN where there is none."""
    wide = rows.pivot(index="base_model", columns="tgt_model", values=column)
    return wide.reindex(index=models, columns=models).to_numpy(dtype=np.float64)


def _matrix_panel(
    axes: Axes,
    rows: pd.DataFrame,
    models: list[str],
    way: tuple[str, str, str, str | None],
) -> None:
    title, mean, p, p_same_layer = way
    numbered = len(models) <= _MOST_NUMBERED
    draw_matrix(axes, _cells(rows, models, mean), _COLOURS, _SCALE, 5.5 if numbered else None)
    low = _cells(rows, models, p) < ALPHA
    beyond = low & (_cells(rows, models, p_same_layer) < ALPHA) if p_same_layer else low & False
    for marked, fill, gid in ((low & ~beyond, "none", "ring"), (beyond, INK, "disc")):
        at = np.argwhere(marked)
        axes.scatter(
            at[:, 1] + 0.39,
            at[:, 0] - 0.37,
            s=7,
            facecolor="white" if fill == "none" else fill,
            edgecolor=INK,
            linewidth=0.6,
            gid=gid,
        )
    places = np.arange(len(models))
    names = list(short_names(models, _LETTERS).values())
    axes.set_xticks(places, names, rotation=45, ha="right", rotation_mode="anchor", fontsize=6)
    axes.set_yticks(places, names, fontsize=6)
    axes.set_title(title, loc="left")


def _pair_panel(axes: Axes, rows: pd.DataFrame, names: dict[str, str]) -> None:
    """The pairs one by one, the lowest mean rank on top."""
    found = rows.dropna(subset=["mean_frac_rank"])
    found = found.sort_values("mean_frac_rank", kind="stable", ignore_index=True)
    at = np.arange(len(found))
    thick = min(5.0, 400.0 / max(len(found), 1))
    axes.hlines(at, found["null_low"], found["null_high"], color=_BAND, linewidth=thick, gid="null")
    axes.plot(found["expected"], at, color=QUIET, linewidth=0.8, gid="expected")
    same = found["base_family"] == found["tgt_family"]
    ability = abilities(found[["tgt_competent"]])
    for look, family in ((_SAME, same), (_OTHER, ~same)):
        for kind in ("able", "unknown", "unable"):
            part = found[family & (ability == kind)]
            axes.hlines(part.index, part["low"], part["high"], color=look.colour, linewidth=0.8)
            axes.plot(
                part["mean_frac_rank"],
                part.index,
                linestyle="none",
                marker=look.marker,
                markersize=3,
                markeredgewidth=0.7,
                markeredgecolor=look.colour,
                markerfacecolor=filled(look.colour, kind),
                gid="pairs",
            )
    axes.set_xlim(0, 1)
    axes.set_ylim(max(len(found), 1) - 0.3, -0.7)
    named = found if len(found) <= _MOST_NAMED else found.head(0)
    pairs = zip(named["base_model"], named["tgt_model"], strict=True)
    labels = [f"{names[base]} → {names[target]}" for base, target in pairs]
    axes.set_yticks(at[: len(named)], labels)
    axes.tick_params(axis="y", length=0, labelsize=5 if len(found) > 40 else 6)
    axes.set_ylabel("" if len(named) else f"{counted(len(found), 'pair')}, sorted")
    axes.set_xlabel("mean fractional rank in the target")
    axes.set_title(f"same layer and head: {counted(len(found), 'pair')}", loc="left")


def _handles(rows: pd.DataFrame) -> list[Line2D]:
    pale = ("pale: competence of the target not known", "s", INK, filled(INK, "unknown"))
    families = (
        (_SAME.label, _SAME.marker, _SAME.colour, _SAME.colour),
        (_OTHER.label, _OTHER.marker, _OTHER.colour, _OTHER.colour),
        ("hollow: target not competent", "s", INK, "white"),
        *((pale,) if rows["tgt_competent"].isna().any() else ()),
    )
    marks = (
        *families,
        ("p < 0.05 against chance", "o", INK, "white"),
        ("… and against heads of the layer", "o", INK, INK),
    )
    handles = [
        Line2D([], [], ls="none", marker=marker, ms=4, mec=edge, mfc=face, label=label)
        for label, marker, edge, face in marks
    ]
    band = Line2D([], [], color=_BAND, linewidth=5, label="95 % under random indices")
    return [*handles[: len(families)], band, *handles[len(families) :]]
