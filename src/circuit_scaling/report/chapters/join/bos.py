"""The chapter on what BOS does to one task, where it was asked for."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from circuit_scaling.figures.style import number
from circuit_scaling.report.blocks import (
    Cell,
    Table,
    arrange,
    counted,
    drawing,
    head_name,
    interval,
    model_cell,
    number_cell,
    share,
    share_interval,
    task_name,
    text_cell,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext
from circuit_scaling.vocabulary import ALPHA

_LISTED = 5


def _tell(context: ReportContext) -> Told:
    frame = arrange(context.tables["bos_effects"], context.order)
    if frame.empty:
        return Told(
            (
                "No task was measured both with BOS and without. A run with scan.bos_task, such as"
                " ioi, does so.",
            )
        )
    tables = [_clean_table(frame)]
    if (frame["q"] < ALPHA).any():
        tables.append(_strongest_table(frame))
    caption = "Every head both ways; off the diagonal, BOS changes what a head is for."
    figures = drawing(context.figures, "bos_effects", caption)
    return Told(tuple(_sentences(frame)), (*tables, *figures))


def _sentences(frame: pd.DataFrame) -> Iterator[str]:
    """How many heads of each model differ, and by how much."""
    yield (
        f"The prompts of {_task(frame)} were read with a BOS token before them and without;"
        " everything else on this page is as the table of models says."
    )
    for model, heads in frame.groupby("model", sort=False):
        differ = int((heads["q"] < ALPHA).sum())
        yield (
            f"In {model}, {differ} of {counted(len(heads), 'head')} differ (q < {ALPHA:g});"
            f" the largest difference is {number(heads['difference'].abs().max())}."
        )


def _clean_table(frame: pd.DataFrame) -> Table:
    """What each model does of the task, either way."""
    rows = []
    for model, heads in frame.groupby("model", sort=False):
        first = heads.iloc[0]
        for version in ("with", "without"):
            ends = (first[f"accuracy_{end}_{version}"] for end in ("low", "high"))
            right = share(first[f"accuracy_{version}"], 1)
            rows.append(
                (
                    model_cell(model),
                    text_cell(f"{version} BOS"),
                    number_cell(first[f"clean_metric_{version}"]),
                    Cell(right, share_interval(*ends), numeric=True),
                )
            )
    names = ["model", "prompts", "clean metric", "right"]
    return Table(names, rows, f"The clean model, {_task(frame)}.")


def _strongest_table(frame: pd.DataFrame) -> Table:
    """The heads of each model that differ most."""
    rows = []
    for model, heads in frame.groupby("model", sort=False):
        differ = heads[heads["q"] < ALPHA]
        largest = differ["difference"].abs().sort_values(ascending=False).index[:_LISTED]
        for row in differ.loc[largest].to_dict("records"):
            rows.append(
                (
                    model_cell(model),
                    text_cell(head_name(row["layer"], row["head"])),
                    number_cell(row["delta_with"], 3, f"± {number(row['se_with'], 3)}"),
                    number_cell(row["delta_without"], 3, f"± {number(row['se_without'], 3)}"),
                    number_cell(row["difference"], 3, interval(row["low"], row["high"], 3)),
                )
            )
    names = ["model", "head", "Δ with BOS", "Δ without", "difference"]
    caption = f"The heads that differ most, up to {_LISTED} a model, with 95 % intervals."
    return Table(names, rows, caption)


def _task(frame: pd.DataFrame) -> str:
    return task_name(frame["task"].iloc[0])


CHAPTER = Chapter(
    anchor="bos",
    title="What the BOS token does",
    pipeline="join",
    tables=("bos_effects",),
    figures=("bos_effects",),
    tell=_tell,
    needs_scan=True,
)
