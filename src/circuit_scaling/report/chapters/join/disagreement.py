"""The lead of the report: where zero, mean and resample ablation do not agree."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.figures.join.agreement import against_primary
from circuit_scaling.figures.style import number
from circuit_scaling.report.blocks import (
    MISSING,
    Block,
    Cell,
    Table,
    as_float,
    count_cell,
    counted,
    drawing,
    model_cell,
    number_cell,
    task_name,
    text_cell,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.chapters.join.by_kind import table_by_kind
from circuit_scaling.report.context import ReportContext
from circuit_scaling.vocabulary import POSITION_WORDS

_LISTED = 10


def _tell(context: ReportContext) -> Told:
    """Rank correlation and category changes between the ways to ablate, least agreement first."""
    frame = context.tables["ablation_agreement"]
    compared = frame.dropna(subset=["spearman"])
    if compared.empty:
        return Told(("No two ablations were compared.",))
    primary = against_primary(compared, context.primary)
    blocks: list[Block] = [_least(compared, context)]
    caption = f"Rank correlation with {context.primary_words}; dark is disagreement."
    blocks += drawing(context.figures, "ablation_agreement", caption)
    if len(primary):
        blocks.append(_summary(primary, context.primary_words))
    return Told(_sentences(compared, primary, context), blocks)


def _sentences(compared: pd.DataFrame, primary: pd.DataFrame, context: ReportContext) -> list[str]:
    sentences = [
        "A head can be removed by writing zeros, a mean, or values from other prompts in the place"
        " of its output. Where these disagree, what a head does depends on how it is removed."
    ]
    modes = _same_positions(compared)
    if len(modes):
        worst = modes.sort_values("spearman", kind="stable").iloc[0]
        sentences.append(
            f"Zero, mean and resample agree least on {task_name(worst['task'])} in"
            f" {worst['model']}: {_side(worst, 'a')} and {_side(worst, 'b')} rank its heads with a"
            f" Spearman correlation of {number(worst['spearman'])}."
        )
    if len(primary):
        rho = primary["spearman"]
        mode, positions = context.primary
        sentences.append(
            f"Over {counted(len(primary), 'comparison')} with the primary ablation ({mode},"
            f" {POSITION_WORDS[positions]}) the correlation is {number(rho.median())} at the"
            f" median and {number(rho.min())} at the lowest."
        )
        sentences += _changes(primary)
    return sentences


def _changes(primary: pd.DataFrame) -> list[str]:
    known = primary.dropna(subset=["category_changes"])
    if known.empty:
        return []
    most = known.sort_values("category_changes", ascending=False, kind="stable").iloc[0]
    count = int(most["category_changes"])
    if not count:
        return ["No head changes its category with the ablation."]
    return [
        f"Most heads change category in {most['model']} under {most['ablation']} ablation,"
        f" {most['positions']} positions: {count} of {int(most['n_heads_compared'])}."
    ]


def _summary(primary: pd.DataFrame, primary_words: str) -> Table:
    """One row per other ablation, one column per task: median, lowest, and category changes."""
    caption = (
        f"Spearman correlation with {primary_words}: median over models, then the"
        " lowest with its model, then the most category changes in a model."
    )
    return table_by_kind(primary, _summary_cell, caption)


def _summary_cell(group: pd.DataFrame) -> Cell:
    if group.empty:
        return Cell(MISSING, numeric=True)
    lowest = group.sort_values("spearman", kind="stable").iloc[0]
    lines = [f"{number(lowest['spearman'])} {lowest['model']}"]
    changes = group["category_changes"].dropna()
    if len(changes):
        lines.append(f"up to {counted(int(changes.max()), 'head')}")
    return number_cell(group["spearman"].median(), note="\n".join(lines))


def _least(compared: pd.DataFrame, context: ReportContext) -> Table:
    """The pairs of ablations at the same positions that agree least."""
    modes = _same_positions(compared).sort_values("spearman", kind="stable").head(_LISTED)
    rows = []
    for row in modes.to_dict("records"):
        ability = context.ability(row["model"], row["task"])
        changes = as_float(row["category_changes"])
        rows.append(
            (
                model_cell(row["model"], ability=ability),
                text_cell(task_name(row["task"])),
                text_cell(f"{row['ablation_a']} / {row['ablation_b']}"),
                text_cell(row["positions_a"]),
                number_cell(row["spearman"]),
                count_cell(changes),
                count_cell(row["n_heads_compared"]),
            )
        )
    names = ["model", "task", "ablations", "positions", "Spearman", "category changes", "heads"]
    caption = f"Those at the same positions that agree least: {counted(len(rows), 'comparison')}."
    return Table(names, rows, caption)


def _same_positions(compared: pd.DataFrame) -> pd.DataFrame:
    return compared[compared["positions_a"] == compared["positions_b"]]


def _side(row: pd.Series, side: str) -> str:
    return f"{row[f'ablation_{side}']} ({row[f'positions_{side}']} positions)"


CHAPTER = Chapter(
    anchor="disagreement",
    title="Where the ablations disagree",
    pipeline="join",
    tables=("ablation_agreement",),
    also=("competence",),
    figures=("ablation_agreement",),
    tell=_tell,
    needs_scan=True,
)
