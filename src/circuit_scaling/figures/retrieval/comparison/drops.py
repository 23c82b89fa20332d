"""Drops of the accuracy by question and by kind of question."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from circuit_scaling.figures.retrieval.axes import two_lines
from circuit_scaling.figures.retrieval.comparison.looks import Looks
from circuit_scaling.figures.retrieval.comparison.marks import (
    beside,
    dots,
    faint_grid,
    legend,
    look_handles,
    percent,
    spread,
    spread_words,
    zero_line,
)
from circuit_scaling.figures.style import (
    INK,
    QUIET,
    RULE,
    WIDTH,
    Look,
    new_figure,
    nothing_to_draw,
    require_columns,
    styled,
)
from circuit_scaling.vocabulary import counted

KINDS = {
    "numerical": Look("numerical answers", "#b07d12", "o"),
    "categorical": Look("categorical answers", "#4b6fae", "s"),
}
_MOST_KS = 6
_NOTHING = "no heads were masked"


@styled
def accuracy_drop_summary(drops: pd.DataFrame, looks: Looks) -> Figure:
    """Drop of the accuracy with the most masked heads, by question, a mark per method.

    ``drops`` has one row per method, question and set_type at the most heads: value, and sd over
    models and lengths. Full: the best heads; hollow: random ones.

    Raises:
        ValueError: a column is missing.
    """
    columns = ("method", "question", "set_type", "k", "value", "sd", "ci_low", "ci_high")
    require_columns(drops, columns, "accuracy_drop_summary")
    drops = spread(drops)
    if drops.empty:
        return nothing_to_draw(_NOTHING)
    questions = [question for question in looks.questions if question in set(drops["question"])]
    figure = new_figure(2.9)
    axes = figure.subplots()
    faint_grid(axes, "y")
    zero_line(axes)
    shift = beside(len(looks.methods), 0.5)
    for (method, look), beside_by in zip(looks.methods.items(), shift, strict=True):
        for set_type, inside in (("random", "white"), ("hero", look.colour)):
            rows = drops[(drops["method"] == method) & (drops["set_type"] == set_type)]
            at = np.array([questions.index(q) for q in rows["question"]]) + beside_by
            gid = method if set_type == "hero" else f"{method}-random"
            dots(axes, at, rows, look, gid=gid, markerfacecolor=inside)
    labels = [two_lines(looks.questions[question].label) for question in questions]
    axes.set_xticks(np.arange(len(questions)), labels)
    axes.set_xlim(-0.6, len(questions) - 0.4)
    percent(axes)
    axes.set_ylabel(f"drop of right answers,\n{counted(drops['k'].max(), 'head')} masked")
    figure.supxlabel(spread_words(drops))
    hollow = Line2D([], [], ls="none", marker="o", mfc="white", mec=INK, ms=4, label="random heads")
    legend(figure, [*look_handles(looks.methods.values(), line=False), hollow])
    return figure


@styled
def q1_equal_impact(configurations: pd.DataFrame, means: pd.DataFrame, looks: Looks) -> Figure:
    """Drop of the accuracy by question, a panel per number of masked heads.

    ``configurations`` has the drop of each with its best heads masked: the band is their middle
    half, small dots are all of them. Marks are ``means``, the finding ``q1_mean_drop``, with its
    intervals. Of more than six numbers of heads six are drawn.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(configurations, ("question", "k", "drop"), "q1_equal_impact")
    require_columns(means, ("question", "k", "value"), "q1_equal_impact")
    if configurations.empty or means.empty:
        return nothing_to_draw(_NOTHING)
    every = sorted(set(means["k"]))
    ks = [every[round(i)] for i in np.linspace(0, len(every) - 1, min(len(every), _MOST_KS))]
    figure = new_figure(2.8, min(WIDTH, 1.4 + 1.4 * len(ks)))
    panels = figure.subplots(1, len(ks), sharex=True, sharey=True, squeeze=False)[0]
    rng = np.random.default_rng(0)  # dots beside each other, so that none hides another
    for axes, k in zip(panels, ks, strict=True):
        faint_grid(axes, "y")
        zero_line(axes)
        for place, (question, look) in enumerate(looks.questions.items()):
            here = (configurations["question"] == question) & (configurations["k"] == k)
            values = configurations.loc[here, "drop"].to_numpy(np.float64)
            if values.size:
                low, high = np.quantile(values, [0.25, 0.75])
                axes.vlines(place, low, high, color=look.colour, lw=9, alpha=0.22, gid="half")
                at = place + rng.uniform(-0.22, 0.22, values.size)
                axes.plot(at, values, ".", color=look.colour, ms=2, alpha=0.6, gid="drops")
            mean = means[(means["question"] == question) & (means["k"] == k)]
            dots(axes, np.full(len(mean), float(place)), mean, look, markersize=4.5, gid="mean")
        axes.set_title(counted(k, "head"), loc="left", fontsize=7)
    panels[0].set_xticks([])
    panels[0].set_xlim(-0.6, len(looks.questions) - 0.4)
    percent(panels[0])
    panels[0].set_ylabel("drop of right answers")
    band = Patch(color=QUIET, alpha=0.3, label="middle half of the configurations")
    legend(figure, [*look_handles(looks.questions.values(), line=False), band])
    return figure


@styled
def q3_ablation_effectiveness(kind_drops: pd.DataFrame) -> Figure:
    """Drop of the accuracy against masked heads, by kind of question.

    ``kind_drops`` has one row per kind and k: value, sd over configurations, and the interval where
    there is one; k 0 is over all numbers of heads together.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(kind_drops, ("kind", "k", "value", "sd"), "q3_ablation_effectiveness")
    if kind_drops.empty:
        return nothing_to_draw("no question is known to have a numerical or categorical answer")
    ks = [*sorted(set(kind_drops["k"]) - {0}), 0]
    kinds = {kind: look for kind, look in KINDS.items() if kind in set(kind_drops["kind"])}
    figure = new_figure(2.7, min(6.4, 2.2 + 0.7 * len(ks)))
    axes = figure.subplots()
    faint_grid(axes, "y")
    zero_line(axes)
    for (kind, look), beside_by in zip(kinds.items(), beside(len(kinds), 0.28), strict=True):
        rows = kind_drops[kind_drops["kind"] == kind]
        at = np.array([ks.index(k) for k in rows["k"]]) + beside_by
        value, sd = rows["value"].to_numpy(np.float64), rows["sd"].to_numpy(np.float64)
        axes.vlines(at, value - sd, value + sd, color=look.colour, lw=7, alpha=0.2, gid="sd")
        dots(axes, at, rows, look, gid=kind)
    axes.set_xticks(np.arange(len(ks)), [str(k) if k else "all k" for k in ks])
    axes.axvline(len(ks) - 1.5, color=RULE, linewidth=0.6)
    axes.set_xlim(-0.6, len(ks) - 0.4)
    percent(axes)
    words = ["band: ± one standard deviation over configurations"]
    words += [spread_words(kind_drops)]
    axes.set_xlabel("\n".join(filter(None, ["masked heads", *words])))
    axes.set_ylabel("drop of right answers")
    legend(figure, look_handles(kinds.values(), line=False))
    return figure
