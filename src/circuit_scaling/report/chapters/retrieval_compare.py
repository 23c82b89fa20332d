"""The chapter on the comparison: do methods, questions and models find the same heads?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from circuit_scaling.figures.retrieval.comparison.rows import of_finding
from circuit_scaling.figures.style import number
from circuit_scaling.report.blocks import (
    MISSING,
    Block,
    Cell,
    Table,
    counted,
    drawing,
    interval,
    listed,
    number_cell,
    share,
    share_interval,
    spaced,
    text_cell,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.found.retrieval import best_heads, level, method_labels, method_pairs
from circuit_scaling.vocabulary import first_few

_NAMED = 8  # heads of a consensus
_HALVES = " and what two halves of the samples share under one method"
_FIGURES = {
    "method_overlap": (
        "Overlap of the best heads of two methods for the same model, question and length, with"
        f" what random heads share{_HALVES}"
    ),
    "accuracy_drop_summary": (
        "Fall of the accuracy with the most masked heads, by question: the best heads of each"
        " method and random ones"
    ),
    "universal_heads_by_method": (
        "The heads that each method finds most often, as a share of its rankings, and how often it"
        " would find any head by chance"
    ),
}


def _tell(context: ReportContext) -> Told:
    """Overlap, consensus, drops, base and instruct models; a row per method; what is absent."""
    findings = context.tables["retrieval_findings"]
    if findings.empty:
        return Told(("Nothing could be compared.",))
    methods, best = method_labels(findings), best_heads(findings)
    elsewhere = context.imported_retrieval
    blocks: list[Block] = [_table(findings, methods, elsewhere=elsewhere)]
    for name, caption in _FIGURES.items():
        shown = caption.removesuffix(_HALVES) if elsewhere else caption
        blocks += drawing(context.figures, name, f"{shown}.")
    absent = context.tables["absent_findings"]
    if len(absent):
        blocks.append(_absent_table(absent))
    return Told(
        [
            *_suspicions(context.tables["retrieval_checks"]),
            *_overlaps(findings, methods, best),
            *_consensus(findings, methods),
            *_drops(findings, methods, "In the accuracies as given, with" if elsewhere else "With"),
            *_models(findings, methods, best),
            f"Every finding{'' if elsewhere else ' with its interval'}:"
            " tables/retrieval_findings.csv. Accuracies by question and method: figures/figure8_*;"
            " questions and lengths: figures/*_overlap*; single heads: figures/consensus_heads,"
            " method_disagreement, question_specialists, instruct_vs_base_differences,"
            " head_volatility.",
        ],
        blocks,
    )


def _suspicions(checks: pd.DataFrame) -> list[str]:
    """What the plausibility checks found, before anything is concluded."""
    suspect = checks[checks["outcome"] == "suspect"]
    return [
        f"Suspect in {', '.join(filter(None, [row['table'], row['where']]))}: {row['detail']}"
        f"{spaced(row['cause'] and '(' + row['cause'] + ')')}."
        for row in suspect.to_dict("records")
    ]


def _overlaps(findings: pd.DataFrame, methods: dict[str, str], best: str) -> list[str]:
    """The pair that shares least and the one that shares most, against chance and ceiling."""
    pairs = method_pairs(findings, methods)
    if pairs.empty:
        return []
    rows = [pairs.iloc[0], *([pairs.iloc[-1]] if len(pairs) > 1 else [])]
    told: list[str] = []
    for row in rows:
        meaning = "" if told else ", heads in both of those in either,"
        told.append(
            f"The {best} of {methods[row['method']]} and {methods[row['other']]} for the same"
            f" model, question and length overlap{meaning} by"
            f" {level(row['value'], row['ci_low'], row['ci_high'])}{_by_chance(row)}."
        )
    ceilings = of_finding(findings, "ranking_ceiling")
    if len(ceilings):
        low, high = ceilings["value"].min(), ceilings["value"].max()
        between = share(low) if share(low) == share(high) else f"{share(low)} to {share(high)}"
        told.append(
            f"Two rankings of one method, each from half of the samples, overlap by {between}:"
            " methods that measured the same would overlap no less."
        )
    return told


def _by_chance(row: Any) -> str:
    if pd.isna(row["chance"]):
        return ""
    chance = f"random heads overlap by {share(row['chance'])}"
    if pd.isna(row["ci_low"]):
        return f"; {chance}"
    if row["ci_low"] > row["chance"]:
        return f", more than by chance: {chance}"
    return f", which cannot be told from chance: {chance}"


def _consensus(findings: pd.DataFrame, methods: dict[str, str]) -> list[str]:
    rows = of_finding(findings, "f1_consensus")
    if rows.empty or len(methods) < 2:
        return []
    agreed = list(rows.loc[rows["value"] == 1, "head"])
    if not agreed:
        return [f"No head is ranked high by every method, of {counted(len(rows), 'head')}."]
    ranks = of_finding(findings, "f1_mean_rank")
    worst = ranks[ranks["head"].isin(agreed)].groupby("head")["value"].max().sort_values()
    of = f"{len(agreed)} of {counted(len(rows), 'head')} {'is' if len(agreed) == 1 else 'are'}"
    return [f"{of} ranked high by every method: {first_few([*worst.index], _NAMED)}."]


def _drops(findings: pd.DataFrame, methods: dict[str, str], beginning: str) -> list[str]:
    """The most masked heads of every method against as many random ones."""
    drops = of_finding(findings, "drop_at_k_by_method")
    if drops.empty:
        return []
    k = drops["k"].max()
    most = drops[drops["k"] == k].set_index("method")
    of_random = of_finding(findings, "random_drop_at_k_by_method")
    of_random = of_random[of_random["k"] == k].set_index("method")
    parts = []
    for method, label in methods.items():
        if method in most.index:
            random = _random(of_random.loc[method]) if method in of_random.index else ""
            parts.append(f"{_points(most.loc[method])} with those of {label}{random}")
    heads = "the best head" if k == 1 else f"the {k} best heads"
    told = [f"{beginning} {heads} masked the share of right answers falls by {listed(parts)}."]
    beyond = of_finding(findings, "drop_beyond_random_at_k")
    beyond = beyond[(beyond["k"] == k) & beyond["ci_low"].notna()]
    if len(beyond):
        more = [methods[m] for m in beyond.loc[beyond["ci_low"] > 0, "method"] if m in methods]
        which = "every method" if len(more) == len(beyond) else listed(more)
        told.append(
            f"On the questions that the whole model answers, this is more than without random heads"
            f" (whole interval) for {which}."
            if more
            else "That this is more than without random heads is not shown for any method."
        )
    return told


def _points(row: Any) -> str:
    """``42 points [38, 47]``."""
    value = f"{number(100 * row['value'], 0)} points"
    return value + spaced(interval(100 * row["ci_low"], 100 * row["ci_high"], 0))


def _random(row: Any) -> str:
    return f" (with random ones {_points(row)})"


def _models(findings: pd.DataFrame, methods: dict[str, str], best: str) -> list[str]:
    """What changed from base to instruct models, beside what changes for the usual head."""
    summary = of_finding(findings, "f7_overlap_mean").set_index("axis")
    changes = of_finding(findings, "f4_rank_change")
    told = []
    if "model" in summary.index:
        row = summary.loc["model"]
        told.append(
            f"The {best} of instruct models and of their base models overlap by"
            f" {level(row['value'], row['ci_low'], row['ci_high'])} under the same method."
        )
    if len(changes):
        largest = changes.iloc[int(changes["value"].abs().argmax())]
        of_method = changes[changes["method"] == largest["method"]]
        usual = of_method["value"].abs().median()
        way = "worse" if largest["value"] > 0 else "better"
        told.append(
            f"The largest change of a mean rank from base to instruct is that of {largest['head']}"
            f" by {methods[largest['method']]}: {number(abs(largest['value']), 0)} ranks {way}"
            f"{spaced(interval(largest['ci_low'], largest['ci_high'], 0))}; half of the heads"
            f" change by {number(usual, 0)} or more."
        )
    return told


def _table(findings: pd.DataFrame, methods: dict[str, str], *, elsewhere: bool) -> Table:
    drops = of_finding(findings, "drop_at_k_by_method")
    k = int(drops["k"].max()) if len(drops) else 0
    at_k = ("drop_at_k_by_method", "random_drop_at_k_by_method", "relative_drop_at_k_by_method")
    single = ("ranking_ceiling", "f6_gap", "gini")
    masked = {name: of_finding(findings, name) for name in at_k}
    of_k = {name: rows[rows["k"] == k] for name, rows in masked.items()}
    of_all = {name: of_finding(findings, name) for name in single}
    found = {
        name: rows.set_index("method").to_dict("index") for name, rows in (of_k | of_all).items()
    }
    rows = []
    for method, label in methods.items():
        values = {name: found[name].get(method) for name in found}
        cells = [_share_cell(values[name]) for name in (*at_k, "ranking_ceiling", "f6_gap")]
        gini = values["gini"]
        cells.append(number_cell(gini["value"] if gini else None))
        rows.append((text_cell(label), *cells, _most_found(findings, method)))
    names = [f"fall, {k} best masked" if k else "fall", "random heads", "of what could fall"]
    names += ["overlap of halves", "best above second", "Gini", "found most often"]
    of_samples = (
        ", with 95 % intervals over filings where there are samples. Falls of the share of right"
        " answers; of what could fall: down to always giving the commonest answer, over the"
        " questions that the whole model answers. Overlap of halves: of two rankings, each from"
        " half of the samples."
    )
    as_given = ". Falls of the share of right answers."
    caption = (
        f"By method, over all models, questions and lengths{as_given if elsewhere else of_samples}"
        " Best above second: the distance of the two best scores. Gini: of all scores, 0 where all"
        " are equal."
    )
    return Table(["method", *names], rows, caption)


def _share_cell(row: dict[Any, Any] | None) -> Cell:
    if row is None:
        return Cell(MISSING, numeric=True)
    note = share_interval(row["ci_low"], row["ci_high"])
    return Cell(share(row["value"]), note, numeric=True)


def _most_found(findings: pd.DataFrame, method: str) -> Cell:
    """The head that most rankings of a method have among the best."""
    shares = of_finding(findings, "universal_share")
    of_method = shares[(shares["method"] == method) & (shares["value"] > 0)]
    if of_method.empty:
        return Cell(MISSING)
    most = of_method.iloc[int(of_method["value"].argmax())]
    return text_cell(most["head"], f"in {share(most['value'])}")


def _absent_table(absent: pd.DataFrame) -> Table:
    rows = [
        (text_cell(row["finding"]), text_cell(_groups(row)), text_cell(row["reason"]))
        for row in absent.to_dict("records")
    ]
    caption = "Findings or groups of them that could not be computed, and why."
    return Table(["finding", "group", "reason"], rows, caption, folded=True)


def _groups(row: dict[Any, Any]) -> str:
    """The group, with how many more there are, or all groups."""
    if not row["group"]:
        return f"all {row['n_groups']}" if row["n_groups"] > 1 else "all"
    return str(row["group"]) + (f" and {row['n_groups'] - 1} more" if row["n_groups"] > 1 else "")


CHAPTER = Chapter(
    anchor="comparison",
    title="Do methods find the same heads?",
    pipeline="retrieval_compare",
    tables=("retrieval_findings", "absent_findings", "retrieval_checks"),
    also=("import_retrieval_checks",),
    figures=tuple(_FIGURES),
    tell=_tell,
    of_own_models=True,
)
