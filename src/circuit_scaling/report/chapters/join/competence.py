"""The chapter on whether the models can do the tasks."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd

from circuit_scaling.figures.style import abilities, task_looks
from circuit_scaling.report.blocks import (
    ABILITY_FLAGS,
    MISSING,
    Cell,
    Table,
    arrange,
    columns,
    counted,
    drawing,
    interval,
    model_cell,
    number_cell,
    share,
    share_interval,
    task_name,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext
from circuit_scaling.vocabulary import CHANCE, COMPETENCE_MARGIN

_ENOUGH = 20  # clusters


def _tell(context: ReportContext) -> Told:
    frame = arrange(context.tables["competence"], context.order)
    judged = frame[frame["readout"] == "contrast"]
    judged = judged.assign(ability=abilities(judged[["competent"]]))
    failing, unknown = (judged[judged["ability"] == name] for name in ("unable", "unknown"))
    sentences = [
        "The clean metric is the mean logit contrast between answer and distractor before anything"
        " is ablated; brackets hold its 95 % interval.",
        "A model is competent on a task when that interval lies above 0 and it is right more often"
        f" than by chance: on at least {share(CHANCE + COMPETENCE_MARGIN)} of the prompts, with an"
        f" interval above {share(CHANCE)}.",
        "Every interval on this page is for other names in the same templates: names are a sample,"
        " the templates are those that there are.",
        *_few_clusters(judged),
    ]
    if len(failing):
        sentences.append(f"Not competent: {_named(failing)}.")
    if len(unknown):
        sentences.append(
            f"Not known, because there are too few clusters of prompts for an interval:"
            f" {_named(unknown)}."
        )
    if len(judged) and (judged["ability"] == "able").all():
        sentences.append(f"All {counted(judged['model'].nunique(), 'model')} are competent.")
    tasks = task_looks(judged["task"])
    by_key = {(row["model"], row["task"]): row for row in judged.to_dict("records")}
    rows = tuple(
        (model_cell(model), *(_competence_cell(by_key.get((model, task))) for task in tasks))
        for model in judged["model"].drop_duplicates()
    )
    table = Table(
        ["model", *(look.label for look in tasks.values())],
        rows,
        "Clean metric, its interval, and two shares of prompts: the answer beats the distractor"
        " (with an interval), and it beats every candidate.",
    )
    caption = (
        "The same, drawn: hollow marks are models that are not competent, pale ones models of"
        " which it is not known."
        if len(unknown)
        else "The same, drawn: hollow marks are models that are not competent."
    )
    return Told(sentences, (table, *drawing(context.figures, "competence", caption)))


def _few_clusters(judged: pd.DataFrame) -> tuple[str, ...]:
    """Where clusters are too few for intervals to hold what they promise."""
    few = judged[judged["low"].notna() & (judged["n_clusters"] < _ENOUGH)]
    if few.empty:
        return ()
    tasks = ", ".join(task_name(task) for task in few["task"].drop_duplicates())
    return (
        f"Intervals over fewer than {_ENOUGH} clusters ({tasks}) hold the truth less often"
        " than 95 % promise where effects are strongly skewed (docs/coverage.md).",
    )


def _named(rows: pd.DataFrame) -> str:
    return ", ".join(
        f"{model} ({task_name(task)})" for model, task in columns(rows, "model", "task")
    )


def _competence_cell(row: dict[Hashable, Any] | None) -> Cell:
    if row is None:
        return Cell(MISSING, numeric=True)
    bounds = share_interval(row["accuracy_low"], row["accuracy_high"])
    hits = f"{share(row['accuracy'], 1)} {bounds}".strip()
    among = f"{share(row.get('candidate_accuracy'), 1)} of all names"
    lines = [interval(row["low"], row["high"]), hits, among]
    note = "\n".join(line for line in lines if line)
    return number_cell(row["clean_metric"], 2, note, ABILITY_FLAGS[row["ability"]])


CHAPTER = Chapter(
    anchor="competence",
    title="Can the models do the tasks?",
    pipeline="join",
    tables=("competence",),
    figures=("competence",),
    tell=_tell,
    needs_scan=True,
)
