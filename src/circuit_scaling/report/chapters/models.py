"""Chapters on the models: the roster, their competence, and how the embedded ones learned."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from circuit_scaling.figures.style import abilities, order_models, task_looks
from circuit_scaling.report.blocks import (
    ABILITY_FLAGS,
    MISSING,
    Block,
    Cell,
    Section,
    Table,
    arrange,
    as_float,
    code_cell,
    columns,
    count_cell,
    counted,
    drawing,
    interval,
    missing,
    number_cell,
    share,
    task_name,
    text_cell,
)
from circuit_scaling.report.context import ReportContext


def roster(context: ReportContext) -> Section:
    section = Section("models", "Models")
    if context.roster is None:
        return Section(section.anchor, section.title, ("No roster was given.",))
    frame = arrange(context.roster, order_models(context.roster))
    measured = _measured(context.classified_heads)
    rows = tuple(
        (
            text_cell(model),
            text_cell(family),
            number_cell(params, 2 if as_float(params) < 10 else 0),
            count_cell(layers),
            count_cell(heads),
            _source_cell(source, measured["revision"].get(model), note),
            text_cell(measured["bos"].map({True: "yes", False: "no"}).get(model)),
        )
        for model, family, params, layers, heads, source, note in columns(
            frame, "model", "family", "params_m", "layers", "heads", "source", "note"
        )
    )
    names = ("model", "family", "parameters (M)", "layers", "heads per layer", "source", "BOS")
    caption = "The roster of this run; BOS: whether prompts begin with that token."
    total = sum(as_float(a) * as_float(b) for a, b in columns(frame, "layers", "heads"))
    sentence = f"The roster names {counted(len(frame), 'model')}"
    sentence += "." if pd.isna(total) else f" with {counted(int(total), 'attention head')}."
    return Section(section.anchor, section.title, (sentence,), (Table(names, rows, caption),))


def _measured(heads: pd.DataFrame | None) -> pd.DataFrame:
    """What the heads of each model were measured with: ``bos`` and ``revision``, by model."""
    facts = ["model", "bos", "revision"]
    known = pd.DataFrame(columns=facts) if heads is None else heads[facts].drop_duplicates("model")
    return known.set_index("model")


def _source_cell(source: object, revision: str | None, note: Any) -> Cell:
    """Where the weights come from, the commit that was measured of a hub model, and the note."""
    lines = (f"commit {revision[:12]}" if revision else "", "" if pd.isna(note) else str(note))
    return replace(code_cell(source), note="\n".join(filter(None, lines)))


def competence(context: ReportContext, order: Sequence[str]) -> Section:
    anchor, title = "competence", "Can the models do the tasks?"
    frame = context.competence
    if frame is None:
        return Section(anchor, title, (), (missing("competence"),))
    frame = arrange(frame, order)
    judged = frame[frame["readout"] == "contrast"]
    judged = judged.assign(ability=abilities(judged[["competent"]]))
    failing, unknown = (judged[judged["ability"] == name] for name in ("unable", "unknown"))
    sentences = [
        "The clean metric is the mean logit contrast between answer and distractor before anything"
        " is ablated; brackets hold its 95 % interval.",
        "A model is competent on a task when that interval lies above 0.",
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
        (text_cell(model), *(_competence_cell(by_key.get((model, task))) for task in tasks))
        for model in judged["model"].drop_duplicates()
    )
    table = Table(
        ["model", *(look.label for look in tasks.values())],
        rows,
        "Clean metric, its interval, and two shares of prompts: the answer beats the distractor /"
        " the answer beats every candidate.",
    )
    caption = (
        "The same, drawn: hollow marks are models that are not competent, pale ones models of"
        " which it is not known."
        if len(unknown)
        else "The same, drawn: hollow marks are models that are not competent."
    )
    return Section(
        anchor, title, tuple(sentences), (table, *drawing(context.figures, "competence", caption))
    )


def _named(rows: pd.DataFrame) -> str:
    return ", ".join(
        f"{model} ({task_name(task)})" for model, task in columns(rows, "model", "task")
    )


def _competence_cell(row: dict[Hashable, Any] | None) -> Cell:
    if row is None:
        return Cell(MISSING, numeric=True)
    hits = f"{share(row['accuracy'], 1)} / {share(row.get('candidate_accuracy'), 1)}"
    lines = [interval(row["low"], row["high"]), hits]
    note = "\n".join(line for line in lines if line)
    return number_cell(row["clean_metric"], 2, note, ABILITY_FLAGS[row["ability"]])


def training(context: ReportContext, order: Sequence[str]) -> Section:
    anchor, title = "training", "Training of the embedded models"
    curves, accuracy = context.zoo_curves, context.zoo_accuracy
    if curves is None and accuracy is None:
        return Section(anchor, title, (), (missing("zoo_curves", "zoo_accuracy"),))
    sentences: list[str] = []
    blocks: list[Block] = []
    if curves is not None and len(curves):
        steps = curves.groupby("model")["step"].max()
        low, high = int(steps.min()), int(steps.max())
        span = f"{low:,}" if low == high else f"{low:,} to {high:,}"
        sentences.append(f"{counted(len(steps), 'embedded model')} trained for {span} steps.")
    if accuracy is not None and len(accuracy):
        trained = accuracy[accuracy["objective"] == "trained"]
        if len(trained):
            worst = trained.sort_values("accuracy", kind="stable").iloc[0]
            sentences.append(
                f"The lowest accuracy on a trained objective is {share(worst['accuracy'], 1)}"
                f" ({worst['model']}, {task_name(worst['task'])})."
            )
    caption = "Loss by task, and the accuracy reached on held-out prompts."
    blocks += drawing(context.figures, "zoo_training", caption)
    blocks.append(
        missing("zoo_accuracy") if accuracy is None else _accuracy_table(accuracy, curves, order)
    )
    return Section(anchor, title, tuple(sentences), tuple(blocks))


def _accuracy_table(
    accuracy: pd.DataFrame, curves: pd.DataFrame | None, order: Sequence[str]
) -> Table:
    last: dict[tuple[str, str], float] = {}
    if curves is not None:
        for model, task, loss in columns(curves.sort_values("step"), "model", "task", "loss"):
            last[str(model), str(task)] = as_float(loss)
    frame = arrange(accuracy, order)
    names = ("model", "task", "objective", "accuracy", "candidate_accuracy", "n_prompts")
    rows = tuple(
        (
            text_cell(model),
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
