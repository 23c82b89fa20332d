"""``transfer_results.md``: do the IOI heads of one model matter in another?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from circuit_scaling.figures.style import number
from circuit_scaling.figures.transfer.divergence import FATES
from circuit_scaling.report.blocks import rows_of, share
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.counting import able_pairs
from circuit_scaling.report.found import circuits
from circuit_scaling.report.found.finding import finding, more_than_chance
from circuit_scaling.report.notes.markdown import bullets, document, nested, numbered, plain, use
from circuit_scaling.report.notes.words import (
    bounded,
    chapter,
    family_label,
    model_name,
    size,
    told,
)
from circuit_scaling.tables.made_with import made_with
from circuit_scaling.vocabulary import ALPHA, counted

TABLES = ("transfer_summary", "head_matching", "head_divergence", "classified_heads", "competence")


def write(context: ReportContext) -> str:
    """The note: what is asked, every pair that belongs side by side, and what follows."""
    needs = ("transfer_summary", "head_matching", "head_divergence")
    return document(
        "# IOI heads: transfer across scales and families",
        *_question(context),
        chapter(context, "Summary", needs, _summary),
        chapter(context, "Takeaways", needs, _takeaways),
    )


def _question(context: ReportContext) -> Iterator[str]:
    summary = context.tables.get("transfer_summary")
    k = None if summary is None else made_with(summary).get("transfer.k")
    yield (
        "Do the heads that matter for IOI in a base model matter in a target model? IOI-like are"
        " the heads of the categories IOI only and shared. For every ordered pair of models:"
    )
    yield bullets(
        [
            f"the {f'{k} ' if k else ''}strongest IOI-like heads of the base, by |Δ_ioi|, are"
            " looked for in the target;",
            "each has the rank of the target's head of the same layer and number among all heads of"
            " the target by |Δ_ioi|;",
            "**mean rank** is the mean of these ranks over the number of heads: near 0 for the"
            " strongest, near 1 for the weakest; random heads have about one half;",
            "**missing** is the share of the base's heads whose layer and number the target does"
            " not have.",
        ]
    )


def _summary(context: ReportContext) -> Iterator[str]:
    summary = context.tables["transfer_summary"]
    ioi = summary[summary["task"] == "ioi"]
    if ioi.empty:
        yield "Transfer needs two models; no pair was compared."
        return
    sizes = _sizes(context)
    yield bullets([*_ladders(context, ioi, sizes), *_across(context, ioi, sizes)])
    yield (
        f"All {counted(len(ioi), 'pair')} are in the table. p is of ranks as low as these with"
        " random heads of the same layers."
    )
    yield use(["ioi_transfer_summary", "ioi_divergence"], ["ioi_transfer_generic"])


def _sizes(context: ReportContext) -> dict[str, float]:
    heads = context.tables.get("classified_heads")
    if heads is None:
        return {}
    once = heads.drop_duplicates("model").dropna(subset=["params_m"])
    return dict(zip(once["model"], once["params_m"], strict=True))


def _ladders(context: ReportContext, ioi: pd.DataFrame, sizes: dict[str, float]) -> Iterator[str]:
    """Within each family, from every model to the next larger one."""
    order = {model: place for place, model in enumerate(context.order)}
    within = ioi[ioi["base_family"] == ioi["tgt_family"]]
    for family, rows in within.groupby("base_family", sort=False):
        models = sorted({*rows["base_model"]}, key=lambda model: order.get(model, len(order)))
        steps = list(zip(models, models[1:], strict=False))
        below = [
            _pair(context, row, sizes)
            for base, target in steps
            for row in rows_of(rows[(rows["base_model"] == base) & (rows["tgt_model"] == target)])
        ]
        yield nested(f"**Within {family_label(family)}**, from small to large:", below)


def _across(context: ReportContext, ioi: pd.DataFrame, sizes: dict[str, float]) -> Iterator[str]:
    """From every model to the one of another family that is nearest in size."""
    others = ioi[ioi["base_family"] != ioi["tgt_family"]]
    below = []
    for base, rows in others.groupby("base_model", sort=False):
        if str(base) not in sizes:
            continue
        ratio = rows["tgt_model"].map(sizes) / sizes[str(base)]
        ratio = ratio.where(ratio >= 1, 1 / ratio).dropna()
        if len(ratio):
            below.append(_pair(context, rows_of(rows.loc[[ratio.idxmin()]])[0], sizes))
    if below:
        yield nested("**Across families**, to the model that is nearest in size:", below)
    elif len(others):
        yield (
            f"**Across families**: {counted(len(others), 'pair')}; sizes are not known, so that"
            " none is nearest."
        )


def _pair(context: ReportContext, row: Any, sizes: dict[str, float]) -> str:
    models = (
        f"{model_name(context, model, ('ioi',))}{_size(model, sizes)}"
        for model in (row.base_model, row.tgt_model)
    )
    if pd.isna(row.mean_frac_rank):
        return f"{' → '.join(models)}: no head to compare, missing {share(row.frac_missing)}"
    chance = bounded(row.expected, row.null_low, row.null_high)
    p = "" if pd.isna(row.p_same_layer) else f"; p = {number(row.p_same_layer, 3)}"
    return (
        f"{' → '.join(models)}: mean rank {bounded(row.mean_frac_rank, row.low, row.high)}"
        f" ({chance} at random), missing {share(row.frac_missing)}{p}"
    )


def _size(model: object, sizes: dict[str, float]) -> str:
    return f" {size(sizes[str(model)])}" if model in sizes else ""


def _takeaways(context: ReportContext) -> Iterator[str]:
    items = [
        told(circuits.index_carries_over(context)),
        _layers(context.tables["transfer_summary"]),
        _fates(context.tables["head_divergence"]),
        told(circuits.function_carries_over(context)) or _no_function(context),
    ]
    yield numbered(filter(None, items))


def _layers(summary: pd.DataFrame) -> str:
    """Whether the layer at the same relative depth has the strong heads of the target."""
    able = able_pairs(summary)
    tested = able[able["task"] == "ioi"].dropna(subset=["depth_p", "depth_frac_rank"])
    if tested.empty:
        return ""
    found, left = int((tested["depth_p"] < ALPHA).sum()), int((tested["depth_q"] < ALPHA).sum())
    shown = bool(left) and more_than_chance(found, len(tested))
    numbers = (
        f"Heads of the layer at the same relative depth have a mean rank of"
        f" {number(tested['depth_frac_rank'].median())} at the median of"
        f" {counted(len(tested), 'pair')} ({number(tested['depth_expected'].median())} at random);"
        f" lower than by chance in {found or 'none'} (p < {ALPHA:g}), {left or 'none'} after"
        f" correction (q < {ALPHA:g})."
    )
    alike = "the strong IOI heads of two models lie at like depths"
    claim = f"In some pairs {alike}." if shown else None
    return told(finding("transfer", claim, f"that {alike}", numbers))


def _fates(divergence: pd.DataFrame) -> str:
    """What the IOI-like heads are at the same index of the others, and by chance."""
    if divergence.empty:
        return "No model has IOI-like heads."
    found = divergence["divergence"].value_counts(normalize=True)
    parts = []
    for fate in FATES:
        chance = f"chance_{fate}"
        by_chance = f" ({share(divergence[chance].mean())})" if chance in divergence else ""
        parts.append(f"{share(found.get(fate, 0.0))} {fate}{by_chance}")
    return (
        f"Of {counted(len(divergence), 'IOI-like head')} of a base, looked up in a target:"
        f" {', '.join(parts)}; in parentheses, with random heads in place of those that are there."
    )


def _no_function(context: ReportContext) -> str:
    matching = context.tables["head_matching"]
    if matching.empty:
        return ""
    reasons = "; ".join(dict.fromkeys(matching["reason"]))
    return f"Heads could not be matched by function: {plain(reasons)}." if reasons else ""
