"""The chapter on what BOS does to one task, where it was asked for."""

from __future__ import annotations

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
    task = task_name(frame["task"].iloc[0])
    sentences = [
        f"The prompts of {task} were read with a BOS token before them and without; everything"
        " else on this page is as the table of models says."
    ]
    clean, strongest = [], []
    for model, heads in frame.groupby("model", sort=False):
        differ = heads[heads["q"] < ALPHA]
        sentences.append(
            f"In {model}, {len(differ)} of {counted(len(heads), 'head')} differ (q < {ALPHA:g});"
            f" the largest difference is {number(heads['difference'].abs().max())}."
        )
        first = heads.iloc[0]
        for version, word in (("with", "with BOS"), ("without", "without")):
            bounds = share_interval(
                first[f"accuracy_low_{version}"], first[f"accuracy_high_{version}"]
            )
            clean.append(
                (
                    model_cell(model),
                    text_cell(word),
                    number_cell(first[f"clean_metric_{version}"]),
                    Cell(share(first[f"accuracy_{version}"], 1), bounds, numeric=True),
                )
            )
        largest = differ["difference"].abs().sort_values(ascending=False).index[:_LISTED]
        for row in differ.loc[largest].to_dict("records"):
            strongest.append(
                (
                    model_cell(model),
                    text_cell(head_name(row["layer"], row["head"])),
                    number_cell(row["delta_with"], 3, f"± {number(row['se_with'], 3)}"),
                    number_cell(row["delta_without"], 3, f"± {number(row['se_without'], 3)}"),
                    number_cell(row["difference"], 3, interval(row["low"], row["high"], 3)),
                )
            )
    tables = [
        Table(["model", "prompts", "clean metric", "right"], clean, f"The clean model, {task}.")
    ]
    if strongest:
        names = ["model", "head", "Δ with BOS", "Δ without", "difference"]
        caption = f"The heads that differ most, up to {_LISTED} a model, with 95 % intervals."
        tables.append(Table(names, strongest, caption))
    caption = "Every head both ways; off the diagonal, BOS changes what a head is for."
    return Told(sentences, (*tables, *drawing(context.figures, "bos_effects", caption)))


CHAPTER = Chapter(
    anchor="bos",
    title="What the BOS token does",
    pipeline="join",
    tables=("bos_effects",),
    figures=("bos_effects",),
    tell=_tell,
    needs_scan=True,
)
