"""What was found about heads, tasks and models: the study of circuit scaling."""

from __future__ import annotations

from typing import Any

import pandas as pd
from scipy.stats import binomtest

from circuit_scaling.figures.style import abilities, number
from circuit_scaling.report.blocks import (
    counted,
    family_name,
    head_name,
    interval,
    listed,
    rows_of,
    share,
    share_interval,
    task_name,
)
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.counting import (
    able_on_both,
    able_pairs,
    able_rows,
    beyond_chance,
    by_chance,
)
from circuit_scaling.report.found.finding import Finding, finding, more_than_chance
from circuit_scaling.vocabulary import ALPHA, STUDY_TASKS

_SIZE = {"corr_true": "corr", "frac_strong_true": "frac_strong"}  # without noise, and as seen
_SAME_INDEX = "heads at the same layer and number of another model are as strong there"
_PAIRS_NAMED = 3
_TASKS = {"ioi": "IOI", "anti_names": "anti-repetition"}  # of the study, inside a sentence


def tasks_share_heads(context: ReportContext) -> Finding | None:
    """Whether heads that matter for one task matter for the other: sign of the correlation."""
    frame = context.tables.get("corr_vs_scale")
    if frame is None or frame.empty:
        return None
    able = able_on_both(frame)
    known = able.dropna(subset=["corr_true_low", "corr_true_high"])
    if known.empty:
        return _without_intervals(able)
    n = len(known)
    above, below = int((known["corr_true_low"] > 0).sum()), int((known["corr_true_high"] < 0).sum())
    alike, opposed = (more_than_chance(count, n, ALPHA / 2) for count in (above, below))
    claim = None
    if alike and opposed:
        claim = "Whether the two tasks share heads or compete for them depends on the model."
    elif alike:
        claim = "Heads that matter for IOI matter for anti-repetition as well, with the same sign."
    elif opposed:
        claim = "Heads that help with one task work against the other."
    parts = [
        f"above 0 in {above}" if above else "",
        f"below 0 in {below}" if below else "",
        "never off 0" if not above and not below else "",
    ]
    numbers = (
        f"The interval of the correlation of true effects over a model's heads lies"
        f" {' and '.join(filter(None, parts))} of {counted(n, 'model')}"
        f" ({by_chance(n)} expected by chance): {_ends(known)}."
    )
    sample = known.dropna(subset=["corr_sample_low", "corr_sample_high"])
    if len(sample) and claim:
        clear = int(((sample["corr_sample_low"] > 0) | (sample["corr_sample_high"] < 0)).sum())
        numbers += (
            f" That models trained again would show it is told for {clear} of {len(sample)}."
            if clear
            else " Whether models trained again would show it cannot be told."
        )
    return finding("scaling", claim, "that the tasks share heads or compete for them", numbers)


def _without_intervals(able: pd.DataFrame) -> Finding | None:
    raw = able.dropna(subset=["corr"])
    if raw.empty:
        return None
    ends = raw.sort_values("corr", kind="stable").iloc[[0, -1]].drop_duplicates("model")
    named = " to ".join(f"{number(row.corr)} in {row.model}" for row in rows_of(ends))
    numbers = f"Pearson's correlation over the heads of a model is {named}; it has no interval."
    return finding("scaling", None, "that the tasks share heads or compete for them", numbers)


def _ends(known: pd.DataFrame) -> str:
    """The model with the lowest and the one with the highest correlation, with intervals."""
    ranked = known.sort_values(["corr_true_low", "corr_true_high"], kind="stable")
    ends = ranked.iloc[[0, -1]].drop_duplicates("model")
    return ", ".join(
        f"{number(min(1.0, max(-1.0, row.corr_true)))}"
        f" {interval(row.corr_true_low, row.corr_true_high)} in {row.model}"
        for row in rows_of(ends)
    )


def sharing_changes_with_size(context: ReportContext) -> Finding | None:
    """Slopes of the correlation against log size, family by family."""
    return _trend(
        context,
        "corr_true",
        "The correlation of the two tasks changes with model size in {families}.",
        "that the correlation of the two tasks changes with model size",
    )


def strong_heads_change_with_size(context: ReportContext) -> Finding | None:
    """Slopes of the share of strong heads against log size, family by family."""
    return _trend(
        context,
        "frac_strong_true",
        "The share of strong heads changes with model size in {families}.",
        "that the share of strong heads changes with model size",
    )


def _trend(context: ReportContext, measure: str, claim: str, otherwise: str) -> Finding | None:
    trends = context.tables.get("scale_trend")
    if trends is None:
        return None
    slopes = trends[trends["measure"] == measure].dropna(subset=["slope", "low", "high"])
    seen = ""
    if slopes.empty:
        slopes = trends[trends["measure"] == _SIZE[measure]].dropna(subset=["slope", "low", "high"])
        seen = " (as seen, with the noise of the effects)"
    if slopes.empty:
        return None
    clear = slopes[(slopes["low"] > 0) | (slopes["high"] < 0)]
    told = clear if more_than_chance(len(clear), len(slopes)) else clear.head(0)
    parts = [
        f"{number(row.slope)} {interval(row.low, row.high)} over {counted(row.n_models, 'model')}"
        f" of {family_name(row.family)}"
        for row in rows_of(slopes)
    ]
    numbers = f"Slope per tenfold size{seen}: {listed(parts)}."
    families = listed([family_name(family) for family in told["family"]])
    return finding(
        "scaling", claim.format(families=families) if len(told) else None, otherwise, numbers
    )


def index_carries_over(context: ReportContext) -> Finding | None:
    """Whether the strongest IOI heads of one model are strong at the same index of another."""
    summary = context.tables.get("transfer_summary")
    if summary is None or summary.empty:
        return None
    able = able_pairs(summary)
    pairs = able[able["task"] == "ioi"].dropna(subset=["mean_frac_rank", "p_same_layer"])
    if pairs.empty:
        return None
    beyond = pairs[pairs["q_same_layer"] < ALPHA]
    numbers = (
        f"The strongest IOI heads of one model have there a fractional rank of"
        f" {number(pairs['mean_frac_rank'].median())} (0 strongest, 1 weakest; medians of"
        f" {counted(len(pairs), 'pair')}); random heads of that model have"
        f" {number(pairs['expected'].median())}"
        f" {interval(pairs['null_low'].median(), pairs['null_high'].median())}."
    )
    detail = (
        f"Random heads of the same layers have {number(pairs['expected_same_layer'].median())};"
        f" they are beaten in {beyond_chance(pairs['p_same_layer'], pairs['q_same_layer'])}."
    )
    claim = None
    if len(beyond):
        names = [f"{row.base_model} → {row.tgt_model}" for row in rows_of(beyond)]
        more = [f"{len(names) - _PAIRS_NAMED} more"] if len(names) > _PAIRS_NAMED else []
        claim = f"In some pairs of models {_SAME_INDEX}: {listed(names[:_PAIRS_NAMED] + more)}."
    return finding("transfer", claim, f"that {_SAME_INDEX}", numbers, detail)


def function_carries_over(context: ReportContext) -> Finding | None:
    """Whether heads with like task-free profiles have like effects in two models."""
    matching = context.tables.get("head_matching")
    if matching is None:
        return None
    once = matching[matching["task"] == "ioi"].dropna(subset=["spearman", "q_spearman"])
    able = [
        "unable"
        not in (context.ability(row.base_model, "ioi"), context.ability(row.tgt_model, "ioi"))
        for row in rows_of(once)
    ]
    pairs = once[able]
    if pairs.empty:
        return None
    found = int((pairs["p_spearman"] < ALPHA).sum())
    told = bool((pairs["q_spearman"] < ALPHA).any()) and more_than_chance(found, len(pairs))
    numbers = (
        f"Matched by profiles that know no task, their IOI effects on held-out prompts correlate by"
        f" {number(pairs['spearman'].median())} at the median of {counted(len(pairs), 'pair')} of"
        " models (Spearman); more than with effects exchanged within layers in"
        f" {beyond_chance(pairs['p_spearman'], pairs['q_spearman'])}."
    )
    return finding(
        "transfer",
        "Heads of like function have like effects in other models." if told else None,
        "that heads of like function have like effects in other models",
        numbers,
    )


def heroes_matter_together(context: ReportContext) -> Finding | None:
    """Whether all heroes of a model do more damage than random heads of the same layers."""
    rows = _all_heroes(context.tables.get("ablation_summary"))
    if rows is None:
        return None
    able = able_rows(rows)
    tested = able[able["matched_p"].notna() & (able["matched_p_floor"] < ALPHA)]
    if tested.empty:
        return None
    parts, told = [], []
    for task, of_task in tested.groupby("task", sort=False):
        name = _TASKS[str(task)]
        beats = int((of_task["matched_p"] < ALPHA).sum())
        highs = of_task["matched_difference_high"].dropna()
        if more_than_chance(beats, len(of_task)) and (highs.empty or (highs < 0).any()):
            told.append(f"{name} in {beats} of {counted(len(of_task), 'model')}")
        parts.append(f"on {name} {_damage(of_task)}")
    claim = (
        "Ablating the hero heads of a model together hurts more than ablating random heads of the"
        f" same layers: {listed(told)}."
        if told
        else None
    )
    otherwise = "that hero heads do more together than random heads of the same layers"
    expected = by_chance(int(tested.groupby("task").size().max()))
    numbers = (
        f"At the median they take from the right answer {listed(parts)} logits more ({expected}"
        f" models expected by chance at p < {ALPHA:g})."
    )
    if tested["matched_difference_low"].isna().all():
        numbers += " There are too few names for intervals."
    return finding("ablation", claim, otherwise, numbers)


def _all_heroes(summary: pd.DataFrame | None) -> pd.DataFrame | None:
    """All heroes of each model under the primary ablation, on the tasks of the study."""
    if summary is None:
        return None
    rows = summary[
        (summary["hero_set"] == "hero_joint")
        & (summary["reason"] == "")
        & summary["primary"]
        & (summary["readout"] == "contrast")
        & summary["task"].isin(STUDY_TASKS)
    ]
    most = rows.groupby(["family", "model", "task"])["k"].transform("max")
    return rows[rows["k"] == most]


def _damage(rows: pd.DataFrame) -> str:
    """How much more than random heads at the median and, with its interval, most surely."""
    loss = number(-rows["matched_difference"].median())
    bounded = rows.dropna(subset=["matched_difference_low", "matched_difference_high"])
    if bounded.empty:
        return loss
    most = bounded.iloc[int(bounded["matched_difference_high"].argmin())]
    bounds = interval(-most["matched_difference_high"], -most["matched_difference_low"])
    surest = f"{number(-most['matched_difference'])} {bounds} in {most['model']}"
    return f"{loss} (most surely {surest})"


def shared_heads_do_both(context: ReportContext) -> Finding | None:
    """Whether shared heroes do both jobs themselves or route into later heads."""
    summary = context.tables.get("causal_summary")
    if summary is None or summary.empty:
        return None
    able = able_rows(summary)
    shared = able[(able["category"] == "shared") & able["task"].isin(STUDY_TASKS)]
    wide = shared.pivot(index=["model", "layer", "head"], columns="task", values="verdict")
    wide = wide.dropna() if wide.shape[1] == len(STUDY_TASKS) else wide.head(0)
    if wide.empty:
        return None
    itself, routes = (
        int((wide == what).all(axis=1).sum()) for what in ("does it itself", "routes")
    )
    unclear = int((wide == "unclear").any(axis=1).sum())
    numbers = (
        f"Of {counted(len(wide), 'shared hero head')}, {itself or 'none'} act on both tasks by"
        f" their own path to the logits, {routes or 'none'} through later heads,"
        f" {len(wide) - itself - routes - unclear or 'none'} on one task this way and on the other"
        f" that way, and for {unclear or 'none'} it is unclear"
    )
    otherwise = "whether shared heads do both jobs themselves or route into later heads"
    decided = itself + routes
    if not decided:
        return finding("causal", None, otherwise, f"{numbers}.")
    test = binomtest(itself, decided)
    low, high = test.proportion_ci(method="exact")
    numbers += (
        f"; of the {decided} that do the same on both, {share(itself / decided)}"
        f" {share_interval(low, high).removesuffix(' %')} do it themselves."
    )
    claim = None
    if test.pvalue < ALPHA:
        doing = "do both jobs themselves" if itself > routes else "route both jobs into later heads"
        claim = f"Shared heads mostly {doing}."
    return finding("causal", claim, otherwise, numbers)


def single_heads_matter(context: ReportContext) -> Finding | None:
    """How many heads change the answers on each task and on both, and the surest one."""
    heads = context.tables.get("classified_heads")
    if heads is None:
        return None
    able = able_on_both(heads)
    able = able[(able["se_ioi"] > 0) & able["q_ioi"].notna() & able["q_anti_names"].notna()]
    if able.empty:
        return None
    row: Any = able.iloc[int((able["delta_ioi"].abs() / able["se_ioi"]).argmax())]
    ioi, anti = able["q_ioi"] < ALPHA, able["q_anti_names"] < ALPHA
    numbers = (
        f"Of {counted(len(able), 'head')} of models that do both tasks, {int(ioi.sum()):,} change"
        f" the answers on IOI, {int(anti.sum()):,} on anti-repetition and"
        f" {int((ioi & anti).sum()):,} on both (q < {ALPHA:g}); most surely {row['model']}"
        f" {head_name(row['layer'], row['head'])}, on IOI by {number(row['delta_ioi'])} ±"
        f" {number(row['se_ioi'])} logits (standard error)."
    )
    claim = "Single heads change the models' answers." if (ioi | anti).any() else None
    return finding("phase-space", claim, "that any single head changes the answers", numbers)


def uncertainty(context: ReportContext) -> list[str]:
    """How far the categories can be trusted: resolved heads, kinds of ablation, competence."""
    told = []
    heads = context.tables.get("classified_heads")
    if heads is not None and heads["resolved"].notna().any():
        resolved = int(heads["resolved"].fillna(False).sum())
        told.append(
            f"The category is settled, with no interval over ±τ = {context.tau:g}, for"
            f" {resolved:,} of {counted(len(heads), 'head')}."
        )
    told += _kinds_of_ablation(context)
    competence = context.tables.get("competence")
    if competence is not None:
        rows = competence[competence["task"].isin(STUDY_TASKS)]
        failing = rows[abilities(rows[["competent"]]) == "unable"]
        if len(failing):
            named = [f"{row.model} ({_TASKS[row.task]})" for row in rows_of(failing)]
            told.append(f"Cannot do the task, and not counted in it: {listed(named)}.")
    return told


def _kinds_of_ablation(context: ReportContext) -> list[str]:
    agreement = context.tables.get("ablation_agreement")
    if agreement is None:
        return []
    known = agreement.dropna(subset=["spearman"])
    if known.empty:
        return []
    worst: Any = known.iloc[int(known["spearman"].argmin())]
    return [
        f"What a head does depends on how it is ablated: two kinds of ablation rank the heads of a"
        f" model with a correlation of {number(known['spearman'].median())} at the median and"
        f" {number(worst['spearman'])} at the lowest ({worst['model']},"
        f" {task_name(worst['task'])})."
    ]
