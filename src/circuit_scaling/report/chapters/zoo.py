"""The chapter on how the embedded models learned."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from circuit_scaling.report.blocks import (
    Block,
    Cell,
    Table,
    arrange,
    as_float,
    columns,
    count_cell,
    counted,
    drawing,
    model_cell,
    number_cell,
    share,
    task_name,
    text_cell,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext


def _tell(context: ReportContext) -> Told:
    curves, accuracy = context.tables["zoo_curves"], context.tables["zoo_accuracy"]
    sentences: list[str] = []
    blocks: list[Block] = []
    if len(curves):
        steps = curves.groupby("model")["step"].max()
        low, high = int(steps.min()), int(steps.max())
        span = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        sentences.append(f"{counted(len(steps), 'embedded model')} trained for {span} steps.")
    if len(accuracy):
        trained = accuracy[accuracy["objective"] == "trained"]
        if len(trained):
            worst = trained.sort_values("accuracy", kind="stable").iloc[0]
            sentences.append(
                f"The lowest accuracy on a trained objective is {share(worst['accuracy'], 1)}"
                f" ({worst['model']}, {task_name(worst['task'])})."
            )
    caption = "Loss by task, and the accuracy reached on held-out prompts."
    blocks += drawing(context.figures, "zoo_training", caption)
    blocks.append(_accuracy_table(accuracy, curves, context.order))
    answers = context.tables.get("zoo_answers")
    if answers is not None and len(answers):
        lowest = answers.sort_values("accuracy", kind="stable").iloc[0]
        sentences.append(
            f"Of the questions about documents the least often right is {lowest['question']} of "
            f"{lowest['model']} at {int(lowest['token_length'])} tokens, form {lowest['form']}: "
            f"{share(lowest['accuracy'], 1)}."
        )
        blocks.append(_answers_table(answers))
    return Told(sentences, blocks)


def _accuracy_table(accuracy: pd.DataFrame, curves: pd.DataFrame, order: Sequence[str]) -> Table:
    last: dict[tuple[str, str], float] = {}
    for model, task, loss in columns(curves.sort_values("step"), "model", "task", "loss"):
        last[str(model), str(task)] = as_float(loss)
    frame = arrange(accuracy, order)
    names = ("model", "task", "objective", "accuracy", "candidate_accuracy", "n_prompts")
    rows = tuple(
        (
            model_cell(model),
            text_cell(task_name(task)),
            text_cell(objective),
            Cell(share(hit, 1), numeric=True),
            Cell(share(among, 1), numeric=True),
            number_cell(last.get((str(model), str(task))), 3),
            count_cell(prompts),
        )
        for model, task, objective, hit, among, prompts in columns(frame, *names)
    )
    heads = ("model", "task", "objective", "accuracy", "among candidates", "last loss", "prompts")
    caption = "Accuracy by model and task (objective: trained, random answers, or untrained)"
    return Table(heads, rows, caption, folded=True)


def _answers_table(answers: pd.DataFrame) -> Table:
    names = ("model", "question", "form", "token_length", "accuracy", "n_questions")
    rows = tuple(
        (
            model_cell(model),
            text_cell(question),
            text_cell(form),
            count_cell(length),
            Cell(share(accuracy, 1), numeric=True),
            count_cell(asked),
        )
        for model, question, form, length, accuracy, asked in columns(answers, *names)
    )
    heads = ("model", "question", "form", "tokens", "right", "questions")
    caption = "Questions answered by the models that read documents, on companies never seen"
    return Table(heads, rows, caption, folded=True)


CHAPTER = Chapter(
    anchor="training",
    title="Training of the embedded models",
    pipeline="zoo",
    tables=("zoo_curves", "zoo_accuracy"),
    also=("zoo_answers",),
    figures=("zoo_training",),
    tell=_tell,
    needs_scan=True,
)
