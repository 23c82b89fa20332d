"""The four questions of the study of retrieval heads, as chapters of its note."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from circuit_scaling.report.blocks import listed
from circuit_scaling.report.found import Finding
from circuit_scaling.report.notes.compared import (
    KINDS,
    Compared,
    apart,
    compared_finding,
    fall,
    highest_and_lowest,
    layers_differ,
    percent,
    question_label,
)
from circuit_scaling.report.notes.markdown import bullets, document, table, use
from circuit_scaling.report.notes.words import bounded, told
from circuit_scaling.vocabulary import counted

_OVERLAPS = {
    "within_numerical": "within numerical questions",
    "within_categorical": "within categorical questions",
    "between": "between the two kinds",
}
_NOTHING = "These tables do not tell."
_LAYERS = 2  # the layers of a question that are named


def questions(compared: Compared) -> str:
    """Q1 to Q4, each with its answer, its numbers and its figures."""
    parts = (
        ("Q1: Does masking as many heads cost every question the same?", _q1(compared)),
        ("Q2: Do numerical and categorical questions share heads?", _q2(compared)),
        ("Q3: Does masking cost both kinds of questions the same?", _q3(compared)),
        ("Q4: Do questions have layers of their own?", _q4(compared)),
    )
    chapters = (document(f"### {title}", *(list(told) or [_NOTHING])) for title, told in parts)
    return document("## The study's questions", *chapters)


def questions_lose_unequally(compared: Compared) -> Finding | None:
    """Whether, with the most heads masked, one question loses more answers than another."""
    most = compared.most_masked("q1_mean_drop")
    ends = highest_and_lowest(most)
    if ends is None:
        return None
    high, low = ends
    most_and_least = (
        f"{question_label(high.question)} loses most ({fall(high)} percentage points) and"
        f" {question_label(low.question)} least ({fall(low)})"
    )
    alike = f"all of them lose {fall(high)} percentage points"
    return compared_finding(
        "Some questions lose more answers than others." if apart(high, low) else None,
        "that some questions lose more answers than others",
        f"With {counted(high.k, 'head')} masked,"
        f" {most_and_least if fall(high) != fall(low) else alike}.",
        most,
    )


def kinds_have_heads_of_their_own(compared: Compared) -> Finding | None:
    """Whether questions of one kind share more of their heads than questions of two kinds."""
    overlaps = {row.kind: row for row in compared.rows("q2_jaccard_of_unions")}
    between = overlaps.get("between")
    within = [row for kind, row in overlaps.items() if kind != "between"]
    if between is None or not within:
        return None
    more = "questions of one kind share more of their heads than questions of two kinds"
    return compared_finding(
        f"{more.capitalize()}." if all(apart(row, between) for row in within) else None,
        f"that {more}",
        "",
        list(overlaps.values()),
    )


def kinds_lose_unequally(compared: Compared) -> Finding | None:
    """Whether numerical questions lose more answers than categorical ones, or less."""
    rows = compared.rows("q3_drop_mean")
    ends = highest_and_lowest(rows)
    if ends is None:
        return None
    high, low = ends
    return compared_finding(
        f"The {high.kind} questions lose more answers than the {low.kind} ones."
        if apart(high, low)
        else None,
        "that one kind of questions loses more answers than the other",
        f"Over all numbers of masked heads the {high.kind} ones lose {fall(high)} percentage points"
        f" and the {low.kind} ones {fall(low)}.",
        rows,
    )


def questions_have_layers(compared: Compared) -> Finding | None:
    """Whether a layer holds more of the best heads for one question than for another."""
    return layers_differ(
        compared.rows("q4_layer_frequency"),
        lambda high, low: (
            f"L{high.layer} comes more often for {question_label(high.question)} than for"
            f" {question_label(low.question)}"
        ),
        "Questions differ in their layers.",
        "that questions differ in their layers",
    )


def _q1(compared: Compared) -> Iterator[str]:
    rows = compared.rows("q1_mean_drop")
    if not rows:
        return
    yield told(questions_lose_unequally(compared))
    names = list(dict.fromkeys(row.question for row in rows))
    by_key = {(row.k, row.question): row for row in rows}
    ks = sorted({row.k for row in rows})
    yield "Fall of the share of right answers, in percentage points:"
    yield table(
        ["masked heads", *map(question_label, names)],
        [(f"{k}", *(fall(by_key.get((k, name))) for name in names)) for k in ks],
    )
    yield use(["q1_equal_impact"])


def _q2(compared: Compared) -> Iterator[str]:
    overlaps = {row.kind: row for row in compared.rows("q2_jaccard_of_unions")}
    if not overlaps:
        return
    yield told(kinds_have_heads_of_their_own(compared))
    chance = {row.kind: row for row in compared.rows("q2_union_chance")}
    yield table(
        ["questions", "overlap of their heads (Jaccard)", "of random heads"],
        [
            (label, percent(overlaps[name]), percent(chance.get(name)))
            for name, label in _OVERLAPS.items()
            if name in overlaps
        ],
    )
    yield (
        "The heads of a question are the best ones of any method, model and length together. Such"
        " unions share much by chance: compare with the last column."
    )
    yield use(["q2_head_overlap_questions", "q2_numerical_vs_categorical"])


def _q3(compared: Compared) -> Iterator[str]:
    means = {row.kind: row for row in compared.rows("q3_drop_mean")}
    if not means:
        return
    spreads = {row.kind: row for row in compared.rows("q3_drop_sd")}
    yield told(kinds_lose_unequally(compared))
    yield table(
        ["questions", "mean fall, in percentage points", "standard deviation over configurations"],
        [
            (label, fall(means[name]), fall(spreads.get(name)))
            for name, label in KINDS.items()
            if name in means
        ],
    )
    yield use(["q3_ablation_effectiveness"])


def _q4(compared: Compared) -> Iterator[str]:
    rows = compared.rows("q4_layer_frequency")
    if not rows:
        return
    yield told(questions_have_layers(compared))
    top = compared.setting("layer_top")
    best = f"the {top} best heads" if top else "the best heads"
    yield f"How often a head of a layer is among {best}, over all rankings for a question:"
    names = dict.fromkeys(row.question for row in rows)
    yield bullets(f"**{question_label(name)}**: {_commonest(rows, name)}" for name in names)
    yield use(["q4_head_patterns"])


def _commonest(rows: Sequence[Any], question: str) -> str:
    most = sorted((row for row in rows if row.question == question), key=lambda row: -row.value)
    named = [
        f"L{row.layer} {bounded(row.value, row.ci_low, row.ci_high, 0)} times"
        for row in most[:_LAYERS]
        if row.value > 0
    ]
    return listed(named) or "never"
