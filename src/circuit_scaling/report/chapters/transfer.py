"""The chapter on transfer: whether the heads of one model carry over to another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from circuit_scaling.figures.style import abilities, number
from circuit_scaling.figures.transfer.divergence import FATES, divergence_shares
from circuit_scaling.report.blocks import (
    MISSING,
    Block,
    Cell,
    Table,
    count_cell,
    counted,
    drawing,
    first_rows,
    interval,
    listed,
    model_cell,
    number_cell,
    share,
    task_name,
    text_cell,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.counting import PAIR_COMPETENT, able_pairs, beyond_chance
from circuit_scaling.vocabulary import ALPHA, first_few

_NAMED = 5  # pairs of a sentence


class _Way(NamedTuple):
    """One way of finding a head in the target, and its columns in ``transfer_summary``."""

    label: str
    mean: str
    expected: str
    p: str
    q: str


_INDEX = _Way("same layer and head", "mean_frac_rank", "expected", "p", "q")
_IN_LAYER = _Way(
    "same layer and head, against its layer",
    *("mean_frac_rank", "expected_same_layer", "p_same_layer", "q_same_layer"),
)
_DEPTH = _Way(
    "layer at the same relative depth",
    *("depth_frac_rank", "depth_expected", "depth_p", "depth_q"),
)
_BEST = _Way(
    "strongest head of that layer",
    *("depth_best_frac_rank", "depth_best_expected", "depth_best_p", "depth_best_q"),
)
_MATCHED = _Way("like function", "matched_frac_rank", "matched_expected", "matched_p", "matched_q")
_MATCHED_IN_LAYER = _Way(
    "like function, against its layer",
    *("matched_frac_rank", "matched_expected_same_layer"),
    *("matched_p_same_layer", "matched_q_same_layer"),
)
_WAYS = (_INDEX, _IN_LAYER, _DEPTH, _BEST, _MATCHED, _MATCHED_IN_LAYER)


def _tell(context: ReportContext) -> Told:
    """Transfer by index, depth and function, and the fates of the IOI-like heads."""
    summary, matching = context.tables["transfer_summary"], context.tables["head_matching"]
    divergence = context.tables["head_divergence"]
    if summary.empty:
        return Told(("Transfer needs two models; no pair was compared.",))
    matched = not matching.empty and bool(matching["spearman"].notna().any())
    blocks: list[Block] = [_ways_table(summary, _WAYS if matched else _WAYS[:-2])]
    caption = (
        "IOI, every pair, base by target, by each way of finding a head, and the pairs by"
        " index one by one against random indices. Of 100 pairs without any transfer, five carry a"
        " mark by chance in each matrix."
    )
    blocks += drawing(context.figures, "ioi_transfer_summary", caption)
    suspect = context.suspect_models
    if matched:
        blocks.append(_matching_table(matching, suspect))
    caption = "The same index in the other models: what the IOI-like heads of each model are there."
    blocks += drawing(context.figures, "ioi_divergence", caption)
    blocks += [_pairs_table(summary, str(task), context) for task in summary["task"].unique()]
    sentences = (
        *_sentences(summary, context, matched=matched),
        *_matching(matching, context),
        *_fates(divergence),
    )
    return Told(sentences, tuple(blocks))


def _sentences(summary: pd.DataFrame, context: ReportContext, *, matched: bool) -> list[str]:
    ways = ["at the same layer and head", "in the layer at the same relative depth"]
    ways += ["as the heads that the task-free profiles match them with"] if matched else []
    sentences = [
        "The strongest heads of a base model are looked for in a target model:"
        f" {', '.join(ways[:-1])} and {ways[-1]}. Their mean fractional rank there is near 0 where"
        " they are the strongest again, and about 0.5 for random heads.",
        "The number of a head within its layer is arbitrary: two trainings share it only by"
        " accident, so an index has no meaning across trainings.",
    ]
    able = able_pairs(summary)
    for task, rows in able.groupby("task", sort=False):
        tested = rows.dropna(subset=[_IN_LAYER.p])
        if len(tested):
            sentences.append(_index_sentence(task_name(task), tested))
    gone = able.dropna(subset=["frac_missing"])
    if len(gone):
        absent, outside = (
            share(gone[f"frac_{name}"].mean()) for name in ("missing", "outside_shape")
        )
        why = f", {'all of them' if absent == outside else outside} because its shape has no such"
        why = f"{why} index" if gone["frac_missing"].any() else ""
        sentences.append(f"On average {absent} of the indices are missing in the target{why}.")
    unknown = int((abilities(summary[PAIR_COMPETENT]) == "unknown").sum())
    if unknown and not context.imported:
        sentences.append(
            f"In {unknown} of {counted(len(summary), 'comparison')} it is not known whether both"
            " models can do the task; they are counted."
        )
    left_out = len(summary) - len(able)
    if left_out:
        sentences.append(
            f"Not counted here: {left_out} of {counted(len(summary), 'comparison')}, in which"
            " one of the models cannot do the task."
        )
    return sentences


def _index_sentence(task: str, tested: pd.DataFrame) -> str:
    """Whether the numbers bear out that an index means nothing beyond its layer."""
    beyond = tested[tested[_IN_LAYER.q] < ALPHA]
    anywhere = int((tested[_INDEX.q] < ALPHA).sum())
    what = (
        f"On {task}, the heads at the same index have a median mean rank of"
        f" {number(tested[_INDEX.mean].median())} over {counted(len(tested), 'pair')}"
        f" ({number(tested[_INDEX.expected].median())} expected of random heads,"
        f" {number(tested[_IN_LAYER.expected].median())} of random heads of the same layers). They"
        f" beat random heads of the whole model in {anywhere or 'no'}"
        f" {'pair' if anywhere < 2 else 'pairs'} (q < {ALPHA:g}), and random heads of the same"
        " layers"
    )
    if beyond.empty:
        return f"{what} in none."
    names = [f"{b} → {t}" for b, t in zip(beyond["base_model"], beyond["tgt_model"], strict=True)]
    return f"{what} in {len(names)}, against the expectation: {first_few(names, _NAMED)}."


def _matching(matching: pd.DataFrame, context: ReportContext) -> list[str]:
    """Whether matched heads have like effects, every two models that can do the task once."""
    sentences = []
    once = matching.dropna(subset=["q_spearman"])
    for task, rows in once.groupby("task", sort=False):
        able = [
            "unable" not in (context.ability(base, task), context.ability(target, task))
            for base, target in zip(rows["base_model"], rows["tgt_model"], strict=True)
        ]
        counting = rows[able]
        if len(counting):
            sentences.append(
                f"Heads that are matched by function have {task_name(task)} effects on held-out"
                f" prompts that correlate by {number(counting['spearman'].median())} at the median"
                " (Spearman). More than with effects exchanged within layers they do in"
                f" {beyond_chance(counting['p_spearman'], counting['q_spearman'])}, every two"
                " models that are not known to fail the task counted once."
            )
    if len(matching) and matching["spearman"].isna().all():
        reasons = listed(list(dict.fromkeys(matching["reason"])))
        sentences.append(f"No heads could be matched by function: {reasons}.")
    return sentences


def _fates(divergence: pd.DataFrame) -> list[str]:
    if divergence.empty:
        return ["No model has IOI-like heads."]
    found = divergence["divergence"].value_counts(normalize=True)
    shares = ", ".join(f"{share(found.get(fate, 0.0))} {fate}" for fate in FATES)
    by_chance = ", ".join(
        f"{share(divergence[f'chance_{fate}'].mean())} {fate}"
        for fate in FATES
        if f"chance_{fate}" in divergence
    )
    models = counted(len(divergence_shares(divergence)) // len(FATES), "model")
    return [
        f"Of the IOI-like heads of {models}, at the same index of the others: {shares}; random"
        f" heads in place of those that are there would give {by_chance}."
    ]


def _ways_table(summary: pd.DataFrame, ways: Sequence[_Way]) -> Table:
    """Task by way: median over pairs, and in how many pairs it beats chance."""
    rows = []
    able = able_pairs(summary)
    for task, of_task in able.groupby("task", sort=False):
        for way in ways:
            tested = of_task.dropna(subset=[way.p])
            counts = [f"{(tested[name] < ALPHA).sum()} of {len(tested)}" for name in (way.p, way.q)]
            rows.append(
                (
                    text_cell(task_name(task)),
                    text_cell(way.label),
                    number_cell(tested[way.mean].median()),
                    number_cell(tested[way.expected].median()),
                    *(Cell(text if len(tested) else MISSING, numeric=True) for text in counts),
                )
            )
    names = ["task", "head in the target", "median rank", "by chance", "p < 0.05", "q < 0.05"]
    caption = (
        "Mean fractional rank of the base's strongest heads: median over the pairs of models that"
        " are not known to fail the task, the same by chance, and in how many pairs it is lower"
        " than by chance."
    )
    return Table(names, rows, caption)


def _matching_table(matching: pd.DataFrame, suspect: set[str]) -> Table:
    """Every pair: correlations of the effects of matched heads."""
    shown, told = first_rows(matching)
    rows = [
        (
            model_cell(row["base_model"], suspect),
            model_cell(row["tgt_model"], suspect),
            text_cell(task_name(row["task"])),
            Cell(f"{row['n_matched']}", numeric=True),
            number_cell(row["spearman"]),
            number_cell(row["p_spearman"], 3),
            number_cell(row["q_spearman"], 3),
            number_cell(row["pearson"]),
            number_cell(row["p_pearson"], 3),
            number_cell(row["q_pearson"], 3),
            text_cell(row["reason"]),
        )
        for row in shown.to_dict("records")
    ]
    names = ["base", "target", "task", "matched", "Spearman", "p", "q", "Pearson", "p", "q"]
    names.append("not available")
    caption = (
        "Heads matched by function: do their effects on held-out prompts agree? Every pair; q is"
        f" over every two models once.{told}"
    )
    return Table(names, rows, caption, folded=True)


def _pairs_table(summary: pd.DataFrame, task: str, context: ReportContext) -> Table:
    suspect = context.suspect_models
    of_task, told = first_rows(summary[summary["task"] == task])
    of_task = of_task.assign(
        base_ability=abilities(of_task[["base_competent"]]).map(context.marked),
        tgt_ability=abilities(of_task[["tgt_competent"]]).map(context.marked),
    )
    rows = [_pair_cells(row, suspect) for row in of_task.to_dict("records")]
    names = [
        *("base", "target", "heads", "missing", "same layer and head", "random", "p"),
        *("p in layer", "same depth", "p", "like function", "p"),
    ]
    caption = f"Every pair: {task_name(task)}.{told}"
    return Table(names, rows, caption, folded=True)


def _pair_cells(row: dict[Any, Any], suspect: set[str]) -> tuple[Cell, ...]:
    sides = (("base_model", "base_ability"), ("tgt_model", "tgt_ability"))
    return (
        *(model_cell(row[name], suspect, row[ability]) for name, ability in sides),
        count_cell(row["n_base_heads"]),
        Cell(share(row["frac_missing"]), numeric=True),
        number_cell(row["mean_frac_rank"], note=interval(row["low"], row["high"])),
        number_cell(row["expected"], note=interval(row["null_low"], row["null_high"])),
        number_cell(row["p"], 3),
        number_cell(row["p_same_layer"], 3),
        number_cell(row["depth_frac_rank"]),
        number_cell(row["depth_p"], 3),
        number_cell(row["matched_frac_rank"]),
        number_cell(row["matched_p"], 3),
    )


CHAPTER = Chapter(
    anchor="transfer",
    title="Do heads carry over from model to model?",
    pipeline="transfer",
    tables=("transfer_summary", "head_matching", "head_divergence"),
    figures=("ioi_transfer_summary", "ioi_divergence"),
    tell=_tell,
)
