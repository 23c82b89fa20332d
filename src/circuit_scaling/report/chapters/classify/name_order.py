"""The chapter on the study's form of anti-repetition, which the order of the names answers."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.report.blocks import (
    Cell,
    Table,
    arrange,
    count_cell,
    counted,
    drawing,
    model_cell,
    number_cell,
    share,
    share_interval,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.counting import by_chance
from circuit_scaling.vocabulary import ALPHA, NAMES_IN_ORDER

_FORMS = ("anti_names", NAMES_IN_ORDER)


def _tell(context: ReportContext) -> Told:
    frame = arrange(context.tables["name_order"], context.order)
    if frame.empty:
        return Told(("No model was measured on both forms of anti-repetition.",))
    differ = frame["q"] < ALPHA
    changed = frame["category"] != frame["category_first"]
    sentences = [
        "The published study repeated always the first name, so that the answer is always the"
        " second one: a head that follows the order of the names looks like a head of"
        " anti-repetition. Everywhere else on this page either name is repeated, equally often,"
        " and the order cancels.",
        f"Of {counted(len(frame), 'head')}, the two effects differ in {int(differ.sum())} (q <"
        f" {ALPHA:g} within each model), and {int(changed.sum())} would change category with the"
        " study's form.",
        f"Without any effect of order, at most one model in 20 would show such a head"
        f" ({by_chance(frame['model'].nunique())} of {frame['model'].nunique()}).",
    ]
    accuracy = context.tables.get("competence")
    rows = []
    for model, heads in frame.groupby("model", sort=False):
        rows.append(
            (
                model_cell(model),
                *(_right(accuracy, model, form) for form in _FORMS),
                count_cell((heads["q"] < ALPHA).sum()),
                count_cell((heads["category"] != heads["category_first"]).sum()),
                count_cell(len(heads)),
            )
        )
    names = ["model", "right, either repeated", "right, first repeated"]
    table = Table(
        [*names, "effects differ", "other category", "heads"],
        rows,
        "Share of prompts that the model answers rightly, with its 95 % interval; heads whose"
        " effects differ (q < 0.05, paired by pairs of names); heads that the"
        " study's form sorts into another category.",
    )
    caption = "Every head on both forms; off the diagonal, the order of the names does something."
    return Told(sentences, (table, *drawing(context.figures, "name_order", caption)))


def _right(competence: pd.DataFrame | None, model: object, task: str) -> Cell:
    if competence is None:
        return number_cell(None)
    found = competence[(competence["model"] == model) & (competence["task"] == task)]
    if found.empty:
        return number_cell(None)
    row = found.iloc[0]
    bounds = share_interval(row["accuracy_low"], row["accuracy_high"])
    return Cell(share(row["accuracy"], 1), bounds, numeric=True)


CHAPTER = Chapter(
    anchor="name-order",
    title="What the order of names alone does",
    pipeline="classify",
    tables=("name_order",),
    also=("competence",),
    figures=("name_order",),
    tell=_tell,
    needs_scan=True,
)
