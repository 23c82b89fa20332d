"""What was found about heads that read documents: the study of retrieval heads."""

from __future__ import annotations

import math
from itertools import combinations

import pandas as pd

from circuit_scaling.figures.retrieval.comparison.looks import Looks
from circuit_scaling.figures.retrieval.comparison.rows import level_of, of_finding
from circuit_scaling.figures.style import number
from circuit_scaling.report.blocks import (
    counted,
    interval,
    listed,
    rows_of,
    share,
    share_interval,
    spaced,
)
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.found.finding import Finding, finding
from circuit_scaling.tables.made_with import made_with

_NAMED = 5


def method_labels(findings: pd.DataFrame) -> dict[str, str]:
    """What each method of the findings is called, in the order of the figures."""
    by_method = ("f1_mean_rank", "drop_at_k_by_method")
    named = [of_finding(findings, name)["method"] for name in by_method]
    table = pd.DataFrame({"method": pd.concat(named).unique()})
    table = table.assign(family="", model="", question="", token_length=0)
    return {name: look.label for name, look in Looks.of(table).methods.items()}


def best_heads(findings: pd.DataFrame) -> str:
    """``12 best heads``, as many as counted when the findings were made."""
    top = made_with(findings).get("comparison.top", "")
    return f"{top} best heads" if top else "best heads"


def method_pairs(findings: pd.DataFrame, methods: dict[str, str]) -> pd.DataFrame:
    """Overlap of every two methods, once, lowest first, with what chance gives (``chance``)."""
    pairs = of_finding(findings, "method_overlap")
    order = set(combinations(methods, 2))
    once = [pair in order for pair in zip(pairs["method"], pairs["other"], strict=True)]
    pairs = pairs[pd.Series(once, index=pairs.index, dtype=bool)]
    chance = level_of(findings, "method_overlap_chance", pairs, ["method", "other"])
    return pairs.assign(chance=chance).sort_values("value", kind="stable")


def methods_agree(context: ReportContext) -> Finding | None:
    """Whether two methods find the same heads: overlap against chance and against its ceiling."""
    findings = _findings(context)
    if findings is None:
        return None
    methods = method_labels(findings)
    pairs = method_pairs(findings, methods)
    if pairs.empty:
        return None
    halves = of_finding(findings, "ranking_ceiling").set_index("method")["value"]
    ceiling = [
        min(halves.get(row.method, float("nan")), halves.get(row.other, float("nan")))
        for row in rows_of(pairs)
    ]
    above = pairs["ci_low"] > pairs["chance"]
    below = pairs["ci_high"] < pd.Series(ceiling, index=pairs.index)
    claim = None
    if above.all() and below.all():
        claim = "Methods find different heads, though more of the same than chance."
    elif below.all():
        claim = "Methods find different heads."
    elif above.all():
        claim = "Methods find more of the same heads than chance."
    elif above.any() or below.any():
        named = [f"{methods[r.method]} and {methods[r.other]}" for r in rows_of(pairs[above])]
        told = f" only for {listed(named)}" if named else " for no two methods"
        claim = f"More of the same heads than by chance are shown{told}."
    parts = [
        f"{methods[row.method]} and {methods[row.other]} by"
        f" {level(row.value, row.ci_low, row.ci_high)}"
        for row in rows_of(pairs)
    ]
    numbers = f"The {best_heads(findings)} overlap (Jaccard): {listed(parts)}"
    if len(halves):
        each = [f"{share(halves[name])} ({methods[name]})" for name in methods if name in halves]
        numbers += f"; two halves of the documents under one method by {listed(each)}"
    if pairs["chance"].notna().any():
        numbers += f"; random heads by {share(pairs['chance'].max())}"
    otherwise = "that methods find the same heads, or others"
    return finding("comparison", claim, otherwise, f"{numbers}.")


def answers_need_the_heads(context: ReportContext) -> Finding | None:
    """Whether masking the best heads costs more answers than masking random ones."""
    findings = _findings(context)
    if findings is None:
        return None
    methods = method_labels(findings)
    rows = of_finding(findings, "drop_beyond_random_at_k")
    rows = rows[rows["k"] == rows["k"].max()]
    if rows.empty:
        return None
    of_method = rows.set_index("method")
    known = [name for name in methods if name in of_method.index]
    needed = [name for name in known if of_method.loc[name, "ci_low"] > 0]
    claim = None
    if needed:
        every = len(needed) == len(known) > 1
        who = "each method" if every else listed([methods[name] for name in needed])
        finds = "finds" if every or len(needed) == 1 else "find"
        claim = f"Masking the heads that {who} {finds} costs more answers than masking random ones."
    parts = []
    for name in known:
        row = of_method.loc[name]
        points = f"{number(100 * row['value'], 0)} points"
        bounds = interval(100 * row["ci_low"], 100 * row["ci_high"], 0)
        parts.append(f"{methods[name]} {points}{f' {bounds}' if bounds else ' (no interval)'}")
    numbers = (
        f"With the {rows['k'].iloc[0]} best heads masked, the share of right answers falls by more"
        f" than with as many random ones: {listed(parts)} further."
    )
    otherwise = "that answers about documents need the heads that the methods find"
    return finding("comparison", claim, otherwise, numbers)


def heads_of_every_method(context: ReportContext) -> Finding | None:
    """The heads that every method ranks high; a count, so that nothing is claimed of other data."""
    findings = _findings(context)
    if findings is None:
        return None
    methods, rows = method_labels(findings), of_finding(findings, "f1_consensus")
    if rows.empty or len(methods) < 2:
        return None
    agreed = set(rows.loc[rows["value"] == 1, "head"])
    ranks = of_finding(findings, "f1_mean_rank")
    ranks = ranks[ranks["head"].isin(agreed)]
    if not agreed or ranks.empty:
        numbers = f"None of {counted(len(rows), 'head')} does."
        return finding("comparison", None, "that any head ranks high by every method", numbers)
    worst = ranks.loc[ranks.groupby("head")["value"].idxmax()].sort_values("value", kind="stable")
    limit = float(made_with(findings).get("comparison.consensus_rank", "nan"))
    sure = worst["ci_high"] < limit
    parts = [
        f"{row.head} ({number(row.value, 1)}{spaced(interval(row.ci_low, row.ci_high, 1))})"
        for row in rows_of(worst.head(_NAMED))
    ]
    numbers = (
        f"{len(agreed)} of {counted(len(rows), 'head')} have a mean rank"
        f"{' among the first' if math.isnan(limit) else f' below {limit:g}'} by every method;"
        f" with their worst one: {listed(parts)}."
    )
    claim = "Some heads rank high by every method." if sure.any() else None
    return finding("comparison", claim, "that any head ranks high by every method", numbers)


def tuning_keeps_heads(context: ReportContext) -> Finding | None:
    """Whether base and instruct models have the same best heads, against chance."""
    findings = _findings(context)
    if findings is None:
        return None
    means = of_finding(findings, "f7_overlap_mean").set_index("axis")
    if "model" not in means.index:
        return None
    row = means.loc["model"]
    levels = findings[findings["finding"] == "model_overlap_chance"]["value"]
    chance = float(levels.max()) if len(levels) else float("nan")
    kept = row["ci_low"] > chance
    numbers = (
        f"The {best_heads(findings)} of a base model and of its instruct model overlap by"
        f" {level(row['value'], row['ci_low'], row['ci_high'])} under one method"
        f"{f'; random heads {share(chance)}' if len(levels) else ''}."
    )
    return finding(
        "comparison",
        "Instruct models keep retrieval heads of their base models." if kept else None,
        "that instruct models keep retrieval heads of their base models",
        numbers,
    )


def level(value: object, low: object, high: object) -> str:
    """``42 % [38, 47]``."""
    return share(value) + spaced(share_interval(low, high).removesuffix(" %"))


def _findings(context: ReportContext) -> pd.DataFrame | None:
    findings = context.tables.get("retrieval_findings")
    return None if findings is None or findings.empty else findings
