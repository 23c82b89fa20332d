"""The chapter on the approximate road: how well attribution ranks the heads."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.figures.style import number, task_looks
from circuit_scaling.report.blocks import (
    MISSING,
    Block,
    Cell,
    Table,
    drawing,
    model_cell,
    number_cell,
    share,
    task_name,
    text_cell,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.chapters.join.by_kind import table_by_kind
from circuit_scaling.report.context import ReportContext
from circuit_scaling.vocabulary import POSITION_WORDS, counted

_LISTED = 10


def _tell(context: ReportContext) -> Told:
    """Agreement of the estimates with the exact effects."""
    frame = context.tables["attribution_agreement"]
    compared = frame.dropna(subset=["spearman"])
    if compared.empty:
        return Told(("Attribution was compared with no exact effect.",))
    caption = (
        "Attribution scores against exact effects, by model: rank correlation over all heads, and"
        " the share of the heads with the largest exact effects that attribution finds."
    )
    blocks: list[Block] = [*drawing(context.figures, "attribution_agreement", caption)]
    blocks += [_summary(compared), _least(compared, context)]
    return Told(_sentences(compared, context.primary), blocks)


def _sentences(compared: pd.DataFrame, kind: tuple[str, str]) -> list[str]:
    sentences = [
        "Attribution estimates the effect of every head from one backward pass: the gradient of"
        " the contrast in the head's output, times the change that the ablation would make.",
        "The scores are approximate. They enter no other table: effects, categories and heroes on"
        " this page come from exact ablation.",
    ]
    ablation, positions = kind
    primary = compared[(compared["ablation"] == ablation) & (compared["positions"] == positions)]
    if len(primary):
        medians = primary.groupby("task")["spearman"].median()
        looks = task_looks(medians.index)
        tasks = (f"{number(medians[task])} on {look.label}" for task, look in looks.items())
        sentences.append(
            f"With {ablation} ablation at {POSITION_WORDS[positions]}, the median Spearman"
            f" correlation over models between scores and exact effects is {', '.join(tasks)}."
        )
    worst = compared.sort_values("spearman", kind="stable").iloc[0]
    sentences.append(
        f"They agree least on {task_name(worst['task'])} in {worst['model']}"
        f" ({worst['ablation']}, {worst['positions']}): {number(worst['spearman'])}."
    )
    return sentences


def _summary(compared: pd.DataFrame) -> Table:
    """One row per kind of ablation, one column per task: medians over models."""
    caption = (
        "Spearman correlation of attribution with exact effects: median over models, then the"
        " lowest with its model, then the median share of the exact top heads that are found."
    )
    return table_by_kind(compared, _summary_cell, caption)


def _summary_cell(group: pd.DataFrame) -> Cell:
    if group.empty:
        return Cell(MISSING, numeric=True)
    lowest = group.sort_values("spearman", kind="stable").iloc[0]
    found = share(group["top_overlap"].median())
    note = f"{number(lowest['spearman'])} {lowest['model']}\nfound {found}"
    return number_cell(group["spearman"].median(), note=note)


def _least(compared: pd.DataFrame, context: ReportContext) -> Table:
    """Where attribution ranks the heads least as exact ablation does."""
    lowest = compared.sort_values("spearman", kind="stable").head(_LISTED)
    rows = []
    for row in lowest.to_dict("records"):
        ability = context.ability(row["model"], row["task"])
        rows.append(
            (
                model_cell(row["model"], ability=ability),
                text_cell(task_name(row["task"])),
                text_cell(f"{row['ablation']}, {row['positions']}"),
                number_cell(row["spearman"]),
                number_cell(row["pearson"]),
                Cell(share(row["top_overlap"]), numeric=True),
                Cell(f"{row['top_k']} of {row['n_heads_compared']}", numeric=True),
            )
        )
    names = ["model", "task", "ablation, positions", "Spearman", "Pearson", "found", "top heads"]
    caption = f"Those that agree least: {counted(len(rows), 'comparison')}."
    return Table(names, rows, caption, folded=True)


CHAPTER = Chapter(
    anchor="attribution",
    title="How well attribution ranks the heads",
    pipeline="join",
    tables=("attribution_agreement",),
    also=("competence",),
    figures=("attribution_agreement",),
    tell=_tell,
    needs_scan=True,
)
