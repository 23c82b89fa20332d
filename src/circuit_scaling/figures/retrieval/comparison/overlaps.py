"""How much rankings find the same heads: pairs and means with chance and ceiling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from circuit_scaling.figures.matrix import draw_matrix
from circuit_scaling.figures.retrieval.axes import two_lines
from circuit_scaling.figures.retrieval.comparison.drops import KINDS
from circuit_scaling.figures.retrieval.comparison.looks import Looks
from circuit_scaling.figures.retrieval.comparison.marks import (
    beside,
    dots,
    faint_grid,
    legend,
    level,
    level_handles,
    look_handles,
    named_rows,
    spread,
    spread_words,
)
from circuit_scaling.figures.retrieval.comparison.matrices import (
    COLOURS,
    JACCARD,
    SLANTED,
    scale_of,
    square,
)
from circuit_scaling.figures.style import (
    INK,
    Look,
    new_figure,
    nothing_to_draw,
    require_columns,
    styled,
)
from circuit_scaling.vocabulary import counted

_OVERLAP = ("value", "ci_low", "ci_high", "chance", "ceiling")
_PAIR = Look("overlap", "#0b5d8f", "o")
_MOST_NUMBERED = 6  # names of a matrix with large numbers
_OF_KINDS = {
    "within_numerical": Look("two numerical questions", KINDS["numerical"].colour, "o"),
    "within_categorical": Look("two categorical questions", KINDS["categorical"].colour, "s"),
    "between": Look("one of each", "#7b7b7b", "D"),
    "": _PAIR,
}
_MEASURES = (("#0b5d8f", "o"), ("#b07d12", "s"))  # colour and marker of each definition
_WIDE = "#d7e2ee"  # behind a mean, one standard deviation to each side


@styled
def method_overlap(overlaps: pd.DataFrame, looks: Looks) -> Figure:
    """Overlap of the best heads of two methods, averaged over models, questions and lengths.

    ``overlaps`` has one row per pair: method, other, value, its interval, chance, ceiling.

    Raises:
        ValueError: a column is missing.
    """
    labels = {method: look.label for method, look in looks.methods.items()}
    what = f"{JACCARD} of the best heads,\nmean of configurations"
    return _pairs(overlaps, labels, ("method", "other"), what)


@styled
def method_head_overlap(overlaps: pd.DataFrame, looks: Looks) -> Figure:
    """Overlap of all heads that two methods find anywhere (unions over configurations).

    Rows as for :func:`method_overlap`.

    Raises:
        ValueError: a column is missing.
    """
    labels = {method: look.label for method, look in looks.methods.items()}
    what = f"{JACCARD} of all heads\nfound in any configuration"
    return _pairs(overlaps, labels, ("method", "other"), what)


@styled
def q2_head_overlap_questions(overlaps: pd.DataFrame, looks: Looks) -> Figure:
    """Overlap of all heads found for two questions (unions over configurations).

    ``overlaps`` has the columns question, other, kind (within_numerical, within_categorical,
    between, or "" where the kind of a question is not known) and those of :func:`method_overlap`.

    Raises:
        ValueError: a column is missing.
    """
    labels = {question: look.label for question, look in looks.questions.items()}
    what = f"{JACCARD} of all heads\nfound in any configuration"
    return _pairs(overlaps, labels, ("question", "other"), what, "kind")


def _pairs(
    overlaps: pd.DataFrame,
    labels: Mapping[str, str],
    keys: tuple[str, str],
    what: str,
    by: str | None = None,
) -> Figure:
    """A matrix with the numbers, and beside it every pair with interval, chance and ceiling.

    ``by`` is a column by which pairs have the looks of ``_OF_KINDS``.
    """
    require_columns(overlaps, [*keys, *_OVERLAP, *([by] if by else [])], "overlap")
    if overlaps.empty:
        return nothing_to_draw(f"there is only one {keys[0]} with rankings")
    names = list(labels)
    pairs = _once(overlaps, names, keys)
    figure = new_figure(max(0.22 * len(pairs), 0.42 * len(names), 1.2) + 1.15)
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.15))
    values = square(overlaps, names, keys)
    scale = scale_of(overlaps["value"])
    draw_matrix(left, values, COLOURS, scale, 7.5 if len(names) <= _MOST_NUMBERED else 6)
    slanted = dict(SLANTED, fontsize=6.5)
    left.set_xticks(np.arange(len(names)), list(labels.values()), **slanted)
    left.set_yticks(np.arange(len(names)), [two_lines(labels[name]) for name in names])
    at = np.arange(len(pairs), dtype=np.float64)
    faint_grid(right, "x")
    for kind in ("chance", "ceiling"):
        level(right, kind, at, pairs[kind].to_numpy(np.float64), 0.32, upright=False)
    kinds = pairs[by] if by else pd.Series("", index=pairs.index)
    looks = {kind: look for kind, look in _OF_KINDS.items() if kind in set(kinds)}
    for kind, look in looks.items():
        here = (kinds == kind).to_numpy()
        dots(right, at[here], pairs[here], look, upright=False, gid=kind or "overlap")
    titles = [f"{labels[a]} – {labels[b]}" for a, b in pairs[list(keys)].to_numpy()]
    named_rows(right, titles, 7 if len(pairs) < 16 else 6)
    _from_nothing(right)
    right.set_xlabel("\n".join(filter(None, [what, spread_words(pairs)])))
    legend(figure, [*look_handles(looks.values(), line=False), *_handles(pairs)])
    return figure


@styled
def q2_numerical_vs_categorical(overlaps: pd.DataFrame) -> Figure:
    """Overlap of the heads of questions of one kind, and of both kinds, on two definitions.

    ``overlaps`` has the columns kind (within_numerical, within_categorical, between), measure, sd
    and those of :func:`method_overlap`.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(overlaps, ["kind", "measure", "sd", *_OVERLAP], "q2_numerical_vs_categorical")
    if overlaps.empty:
        return nothing_to_draw("no two questions are known to be of one kind or of different kinds")
    overlaps = spread(overlaps)
    kinds = {
        "within_numerical": "two numerical\nquestions",
        "within_categorical": "two categorical\nquestions",
        "between": "one of each",
    }
    measures = list(dict.fromkeys(overlaps["measure"]))
    looks = dict(zip(measures, _MEASURES, strict=False))
    figure = new_figure(2.7, 5.2)
    axes = figure.subplots()
    faint_grid(axes, "y")
    places = beside(len(measures), 0.35)
    for (measure, (colour, marker)), beside_by in zip(looks.items(), places, strict=True):
        rows = overlaps[overlaps["measure"] == measure]
        at = np.array([list(kinds).index(kind) for kind in rows["kind"]]) + beside_by
        for kind in ("chance", "ceiling"):
            level(axes, kind, at, rows[kind].to_numpy(np.float64), 0.14)
        dots(axes, at, rows, Look(measure, colour, marker), gid=measure)
    axes.set_xticks(np.arange(len(kinds)), list(kinds.values()))
    axes.set_xlim(-0.6, len(kinds) - 0.4)
    axes.set_ylim(0, None)
    axes.set_ylabel(JACCARD)
    figure.supxlabel(spread_words(overlaps))
    shown = [Look(name, colour, marker) for name, (colour, marker) in looks.items()]
    legend(figure, [*look_handles(shown, line=False), *_handles(overlaps)])
    return figure


@styled
def overlap_summary(overlaps: pd.DataFrame) -> Figure:
    """Mean overlap of rankings that differ in one thing alone: question, length, model or method.

    ``overlaps`` has the columns axis, sd (over the pairs, the study's error bars) and those of
    :func:`method_overlap`.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(overlaps, ["axis", "sd", *_OVERLAP], "overlap_summary")
    if overlaps.empty:
        return nothing_to_draw("no two rankings differ in one thing alone")
    names = {
        "question": "another question",
        "token_length": "another token length",
        "model": "instruct and base model",
        "method": "another method",
    }
    rows = overlaps.set_index("axis").reindex(
        [axis for axis in names if axis in set(overlaps["axis"])]
    )
    at = np.arange(len(rows), dtype=np.float64)
    figure = new_figure(0.42 * len(rows) + 1.15, 5.6)
    axes = figure.subplots()
    faint_grid(axes, "x")
    value, sd = rows["value"].to_numpy(np.float64), rows["sd"].to_numpy(np.float64)
    there = np.isfinite(sd)
    axes.hlines(
        at[there],
        np.maximum(value - sd, 0)[there],
        np.minimum(value + sd, 1)[there],
        color=_WIDE,
        linewidth=7,
        gid="sd",
    )
    for kind in ("chance", "ceiling"):
        level(axes, kind, at, rows[kind].to_numpy(np.float64), 0.34, upright=False)
    dots(axes, at, rows, _PAIR, upright=False, gid="overlap")
    named_rows(axes, [f"{names[str(a)]}\n({counted(n, 'pair')})" for a, n in rows["n"].items()])
    _from_nothing(axes)
    words = ["band: ± one standard deviation over pairs", spread_words(rows)]
    axes.set_xlabel("\n".join(filter(None, [f"{JACCARD} of the best heads", *words])))
    legend(figure, [*look_handles([_PAIR], line=False), *_handles(rows)])
    return figure


@styled
def model_overlap(overlaps: pd.DataFrame, looks: Looks) -> Figure:
    """Overlap between instruct and base models: a panel per method, a mark per question.

    ``overlaps`` has one row per method and question, with the columns of :func:`method_overlap`.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(overlaps, ["method", "question", *_OVERLAP], "model_overlap")
    if overlaps.empty:
        return nothing_to_draw("no instruct model has its base model beside it")
    methods = [method for method in looks.methods if method in set(overlaps["method"])]
    questions = [question for question in looks.questions if question in set(overlaps["question"])]
    figure = new_figure(0.3 * len(questions) + 1.25)
    panels = figure.subplots(1, len(methods), sharex=True, sharey=True, squeeze=False)[0]
    for axes, method in zip(panels, methods, strict=True):
        rows = overlaps[overlaps["method"] == method]
        at = np.array([questions.index(q) for q in rows["question"]], dtype=np.float64)
        faint_grid(axes, "x")
        for kind in ("chance", "ceiling"):
            level(axes, kind, at, rows[kind].to_numpy(np.float64), 0.34, upright=False)
        dots(axes, at, rows, looks.methods[method], upright=False, gid=method)
        axes.set_title(looks.methods[method].label, loc="left", fontsize=7.5)
        axes.tick_params(axis="y", length=0)
    named_rows(panels[0], [looks.questions[question].label for question in questions])
    _from_nothing(panels[0])
    figure.supxlabel(f"{JACCARD} of the best heads, instruct and base model")
    words = spread_words(overlaps)
    handle = look_handles([Look(f"overlap; {words}" if words else "overlap", INK)], line=False)
    legend(figure, [*handle, *_handles(overlaps)])
    return figure


def _from_nothing(axes: Axes) -> None:
    """A horizontal axis of overlaps, with few ticks."""
    axes.set_xlim(0, None)
    axes.xaxis.set_major_locator(MaxNLocator(5))


def _handles(rows: pd.DataFrame) -> list[Any]:
    return level_handles(kind for kind in ("chance", "ceiling") if rows[kind].notna().any())


def _once(rows: pd.DataFrame, names: Sequence[str], keys: tuple[str, str]) -> pd.DataFrame:
    """Each pair once, in the order of ``names``."""
    at = {name: index for index, name in enumerate(names)}
    a, b = (rows[key].map(at) for key in keys)
    low, high = np.minimum(a, b), np.maximum(a, b)
    ordered = rows.assign(_low=low, _high=high).drop_duplicates(["_low", "_high"])
    ordered = ordered.sort_values(["_low", "_high"], ignore_index=True)
    first, second = (ordered[name].map(lambda i: names[int(i)]) for name in ("_low", "_high"))
    return ordered.assign(**{keys[0]: first, keys[1]: second}).drop(columns=["_low", "_high"])
