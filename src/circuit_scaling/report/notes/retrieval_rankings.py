"""What the rankings say by themselves: seven findings, as chapters of the note on retrieval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from circuit_scaling.figures.style import number
from circuit_scaling.report.blocks import MISSING, rows_of
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.found import Finding, retrieval
from circuit_scaling.report.found.finding import more_than_chance
from circuit_scaling.report.notes.compared import (
    Compared,
    apart,
    compared_finding,
    highest_and_lowest,
    layers_differ,
    percent,
    question_label,
)
from circuit_scaling.report.notes.markdown import document, table, use
from circuit_scaling.report.notes.words import bounded, told
from circuit_scaling.vocabulary import counted

_NOTHING = "These tables do not tell."
_LISTED = 4  # heads of a table
_LAYERS = 3  # layers of a method that are named
_AXES = {
    "question": "the question",
    "token_length": "the length",
    "model": "the model (base or instruct)",
    "method": "the method",
}


def rankings(context: ReportContext, compared: Compared) -> str:
    """Findings 1 to 7, each with its numbers and its figure."""
    parts = (
        ("Finding 1: heads that every method ranks high", _consensus(context, compared)),
        ("Finding 2: layers of the methods", _layers(compared)),
        ("Finding 3: heads for one question", _specialists(compared)),
        ("Finding 4: base and instruct models", _changes(context, compared)),
        ("Finding 5: how far ranks move", _volatility(compared)),
        ("Finding 6: how far the best head leads", _gaps(compared)),
        ("Finding 7: what makes the best heads differ", _overlaps(compared)),
    )
    chapters = (document(f"### {title}", *(list(told) or [_NOTHING])) for title, told in parts)
    return document("## What the rankings say", *chapters)


def methods_have_layers(compared: Compared) -> Finding | None:
    """Whether a layer holds more of the heads of one method than of another."""
    return layers_differ(
        compared.rows("f2_layer_share"),
        lambda high, low: (
            f"L{high.layer} holds more of those of {compared.method(high.method)} than of"
            f" {compared.method(low.method)}"
        ),
        "The methods find heads in different layers.",
        "that the methods find heads in different layers",
    )


def heads_have_questions(compared: Compared) -> Finding | None:
    """Whether heads rank higher for one question than for the others, more often than by chance."""
    both = _by_question(compared)
    if both.empty:
        return None
    known = both.dropna(subset=["ci_low", "ci_low_other"])
    better = known[known["ci_high"] < known["ci_low_other"]]
    numbers = (
        f"Of {counted(len(known), 'rank')} of a head for a question the interval lies before that"
        f" for the other questions in {len(better) or 'none'}."
    )
    shown = more_than_chance(len(better), len(known))
    return compared_finding(
        "Some heads rank higher for one question than for the others." if shown else None,
        "that any head ranks higher for one question than for the others",
        numbers if len(known) else "",
        rows_of(both),
    )


def tuning_moves_heads(compared: Compared) -> Finding | None:
    """Whether ranks change from base to instruct models, more often than by chance."""
    changes = compared.frame("f4_rank_change").dropna(subset=["value"])
    if changes.empty:
        return None
    known = changes.dropna(subset=["ci_low", "ci_high"])
    off = known[(known["ci_low"] > 0) | (known["ci_high"] < 0)]
    numbers = (
        f"The interval of the change is off 0 in {len(off) or 'none'} of"
        f" {counted(len(known), 'mean rank')} of a head by a method."
    )
    shown = more_than_chance(len(off), len(known))
    return compared_finding(
        "Ranks of heads differ between base and instruct models." if shown else None,
        "that ranks of heads differ between base and instruct models",
        numbers if len(known) else "",
        rows_of(changes),
    )


def one_method_has_leaders(compared: Compared) -> Finding | None:
    """Whether the best head leads by more by one method than by another."""
    rows = compared.rows("f6_gap")
    ends = highest_and_lowest(rows)
    if ends is None:
        return None
    high, low = ends
    return compared_finding(
        f"By {compared.method(high.method)} the best head leads by more than by"
        f" {compared.method(low.method)}."
        if apart(high, low)
        else None,
        "that the best head leads by more by one method than by another",
        "",
        rows,
    )


def something_changes_heads_most(compared: Compared) -> Finding | None:
    """Whether rankings that differ in one thing share less than those that differ in another."""
    rows = compared.rows("f7_overlap_mean")
    ends = highest_and_lowest(rows)
    if ends is None:
        return None
    high, low = ends
    return compared_finding(
        f"The best heads change more with {_AXES[low.axis]} than with {_AXES[high.axis]}."
        if apart(high, low)
        else None,
        "that the best heads change more with one of these than with another",
        "",
        rows,
    )


def _consensus(context: ReportContext, compared: Compared) -> Iterator[str]:
    found = told(retrieval.heads_of_every_method(context))
    if not found:
        return
    yield found
    agreed = {row.head for row in compared.rows("f1_consensus") if row.value == 1}
    ranks = compared.frame("f1_mean_rank")
    ranks = ranks[ranks["head"].isin(agreed) & ranks["method"].isin(list(compared.methods))]
    worst = ranks.groupby("head")["value"].max().sort_values(kind="stable")
    by_key = {(row.head, row.method): row for row in rows_of(ranks)}
    if len(worst):
        yield table(
            ["head", *(f"mean rank, {label}" for label in compared.methods.values())],
            [
                (f"**{head}**", *(_rank(by_key.get((head, name))) for name in compared.methods))
                for head in worst.index[:_LISTED]
            ],
        )
    yield use(["consensus_heads", "method_disagreement"])


def _layers(compared: Compared) -> Iterator[str]:
    rows = compared.rows("f2_layer_share")
    if not rows:
        return
    yield told(methods_have_layers(compared))
    yield table(
        ["method", "layers of the heads that it finds most often"],
        [(label, _largest(rows, name)) for name, label in compared.methods.items()],
    )
    yield use(["layer_distribution_by_method"])


def _largest(rows: Sequence[Any], method: str) -> str:
    most = sorted((row for row in rows if row.method == method), key=lambda row: -row.value)
    return ", ".join(f"L{row.layer} {percent(row)}" for row in most[:_LAYERS] if row.value > 0)


def _by_question(compared: Compared) -> pd.DataFrame:
    """Mean ranks for a question, and for the others (``_other``)."""
    own, others = (compared.frame(f"f3_{name}_rank") for name in ("specialist", "other"))
    both = own.merge(others, on=["method", "head", "question"], suffixes=("", "_other"))
    return both.dropna(subset=["value", "value_other"])


def _specialists(compared: Compared) -> Iterator[str]:
    both = _by_question(compared)
    if both.empty:
        return
    yield told(heads_have_questions(compared))
    better = both[both["ci_high"] < both["ci_low_other"]]
    shown = better if len(better) else both
    gain = (shown["value_other"] - shown["value"]).sort_values(ascending=False, kind="stable")
    yield table(
        ["head", "question", "method", "mean rank", "for the other questions"],
        [
            (
                f"**{row.head}**",
                question_label(row.question),
                compared.method(row.method),
                _rank(row),
                bounded(row.value_other, row.ci_low_other, row.ci_high_other, 1),
            )
            for row in rows_of(shown.loc[gain.index[:_LISTED]])
        ],
    )
    yield use(["question_specialists"])


def _changes(context: ReportContext, compared: Compared) -> Iterator[str]:
    changes = compared.frame("f4_rank_change").dropna(subset=["value"])
    yield from filter(None, [told(retrieval.tuning_keeps_heads(context))])
    if changes.empty:
        return
    yield told(tuning_moves_heads(compared))
    largest = changes["value"].abs().sort_values(ascending=False, kind="stable")
    yield table(
        ["head", "method", "change of the mean rank, from base to instruct"],
        [
            (f"**{row.head}**", compared.method(row.method), _rank(row))
            for row in rows_of(changes.loc[largest.index[:_LISTED]])
        ],
    )
    yield "Positive: the head ranks lower in the instruct model."
    yield use(["instruct_vs_base_differences", "model_overlap"])


def _volatility(compared: Compared) -> Iterator[str]:
    spreads = compared.frame("f5_rank_sd").dropna(subset=["value"])
    if spreads.empty:
        return
    first, last = (
        {(row.method, row.head): row.value for row in compared.rows(f"f5_rank_{end}")}
        for end in ("min", "max")
    )
    lines = []
    for name, label in compared.methods.items():
        ends = highest_and_lowest(rows_of(spreads[spreads["method"] == name])) or ()
        for what, row in zip(("most", "least"), ends, strict=False):
            key = (row.method, row.head)
            span = f"{number(first[key], 0)} to {number(last[key], 0)}"
            lines.append((label, what, f"**{row.head}**", span, _rank(row)))
    yield (
        "The head of each method whose rank moves most over models, questions and lengths, and the"
        " one whose rank moves least:"
    )
    yield table(["method", "moves", "head", "ranks", "standard deviation"], lines)
    yield use(["head_volatility"])


def _gaps(compared: Compared) -> Iterator[str]:
    rows = compared.rows("f6_gap")
    if not rows:
        return
    yield from filter(None, [told(one_method_has_leaders(compared))])
    yield table(
        ["method", "distance of the two best scores, as a share of the best"],
        [(compared.method(row.method), percent(row)) for row in rows],
    )
    yield use(["score_dominance"])


def _overlaps(compared: Compared) -> Iterator[str]:
    means = {row.axis: row for row in compared.rows("f7_overlap_mean")}
    spreads = {row.axis: row for row in compared.rows("f7_overlap_sd")}
    if not means:
        return
    yield from filter(None, [told(something_changes_heads_most(compared))])
    yield table(
        ["rankings that differ in", "mean overlap (Jaccard)", "standard deviation"],
        [
            (label, percent(means[name]), _spread(spreads.get(name)))
            for name, label in _AXES.items()
            if name in means
        ],
    )
    figures = ["overlap_summary", "question_overlap_heatmaps", "token_length_overlap"]
    yield use([*figures, "method_overlap"])


def _rank(row: Any) -> str:
    return MISSING if row is None else bounded(row.value, row.ci_low, row.ci_high, 1)


def _spread(row: Any) -> str:
    return MISSING if row is None else number(row.value)
