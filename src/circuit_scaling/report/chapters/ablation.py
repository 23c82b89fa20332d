"""The chapter on sets of heads: do hero heads do more than random heads of the same layers?"""

from __future__ import annotations

from typing import Any

import pandas as pd

from circuit_scaling.figures.style import abilities, number
from circuit_scaling.report.blocks import (
    MISSING,
    Block,
    Cell,
    Table,
    arrange,
    count_cell,
    counted,
    drawing,
    interval,
    model_cell,
    number_cell,
    share,
    task_name,
    text_cell,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.counting import beyond_chance, by_chance
from circuit_scaling.vocabulary import ALPHA

_WHOSE = {
    "able": "that can do the task",
    "unknown": "of which it is not known whether they can do the task",
}
_SETS = {
    "hero_joint": "all categories",
    "hero_ioi_only": "IOI only",
    "hero_anti_only": "anti-repetition only",
    "hero_shared": "shared",
}


def _tell(context: ReportContext) -> Told:
    """All heroes of each model, controls, categories, kinds of ablation."""
    summary = context.tables["ablation_summary"]
    if summary.empty:
        return Told(("No model has hero heads to ablate.",))
    largest = with_all_heroes(arrange(summary, context.order))
    joint = largest[largest["hero_set"] == "hero_joint"]
    tasks = joint[joint["readout"] == "contrast"]
    primary, suspect = tasks[tasks["primary"]], context.suspect_models
    blocks: list[Block] = [_tasks_table(primary, suspect)]
    caption = (
        "All heroes of a model minus random heads of the same layers, in mean contrast on test"
        " prompts; left of 0 the heroes do more. Figures of single models, with every number of"
        " heads, are beside this page in figures/<model>_hero_vs_random_ablation."
    )
    blocks += drawing(context.figures, "ablation_overview", caption)
    controls = joint[joint["readout"] != "contrast"]
    if len(controls):
        blocks.append(_controls_table(controls, suspect))
    of_category = largest[(largest["hero_set"] != "hero_joint") & largest["primary"]]
    if len(of_category):
        blocks.append(_sets_table(of_category, suspect))
    if not tasks["primary"].all():
        blocks.append(_ablations_table(tasks, suspect))
    sentences = [*_lead(primary), *_on_tasks(primary), *_on_controls(controls), *_absent(primary)]
    return Told(sentences, blocks)


def with_all_heroes(summary: pd.DataFrame) -> pd.DataFrame:
    """The rows of each hero set that have the most heads."""
    measured = summary[summary["reason"] == ""]
    key = ["family", "model", "task", "ablation", "positions", "hero_set"]
    return measured[measured["k"] == measured.groupby(key)["k"].transform("max")]


def _beats(rows: pd.DataFrame) -> pd.Series[bool]:
    """Heroes that do more damage than chance lets random sets of the same layers do."""
    return rows["matched_p"] < ALPHA


def _can_tell(rows: pd.DataFrame) -> pd.Series[bool]:
    """Whether there are enough random sets for a p below the level."""
    return rows["matched_p"].notna() & (rows["matched_p_floor"] < ALPHA)


def _lead(primary: pd.DataFrame) -> list[str]:
    drawn = primary[primary["matched_n"] > 0]
    sentences = [
        "The hero heads of a model, chosen on select prompts, are ablated together on test prompts,"
        " and so are random sets of as many heads in each layer, which may hold heroes as well:"
        " only so is p a probability."
    ]
    if len(drawn):
        sentences.append(
            f"p counts the random sets that do at least as much damage; with"
            f" {drawn['matched_n'].max()} of them it cannot fall below"
            f" {number(drawn['matched_p_floor'].min(), 3)}. Differences have intervals over"
            " prompts."
        )
    few = sorted({*drawn.loc[~_can_tell(drawn), "model"]})
    if few:
        sentences.append(
            f"In {', '.join(few)} there are too few random sets for a p below {ALPHA:g}; they are"
            " not counted below. Raise ablation.n_random, if there are more sets."
        )
    return sentences


def _on_tasks(primary: pd.DataFrame) -> list[str]:
    sentences = []
    for task, rows in primary.groupby("task", sort=False):
        tested = rows[_can_tell(rows)]
        ability = abilities(tested[["competent"]])
        for kind, whose in _WHOSE.items():
            of_kind = tested[ability == kind]
            if len(of_kind):
                sentences.append(f"On {task_name(task)}, {_compared(of_kind, whose)}")
        failing = tested[ability == "unable"]
        if len(failing):
            beats = failing[_beats(failing)]
            named = f": {', '.join(beats['model'])}" if len(beats) else ""
            sentences.append(
                f"Of {counted(len(failing), 'model')} that cannot do it, {len(beats) or 'none'}"
                f" {'show' if len(beats) > 1 else 'shows'} heroes that beat random heads{named}"
                f" (by chance {by_chance(len(failing))}); a model that has not learnt the task,"
                " such as one with random weights, should not."
            )
    return sentences


def _compared(rows: pd.DataFrame, whose: str) -> str:
    """How often heroes beat random heads of the same layers, and by how much."""
    bounds = rows["matched_difference_high"].dropna()
    intervals = f"the interval lies below 0 in {int((bounds < 0).sum())}"
    return (
        f"of {counted(len(rows), 'model')} {whose}, heroes beat random heads in"
        f" {beyond_chance(rows['matched_p'], rows['matched_q'])}; they take"
        f" {number(-rows['matched_difference'].median())} more from the contrast at the median, and"
        f" {intervals if len(bounds) else 'there are no intervals'}. Accuracy at the median:"
        f" {share(rows['clean_accuracy'].median())} of the whole model,"
        f" {share(rows['accuracy'].median())} without the heroes,"
        f" {share(rows['matched_accuracy'].median())} without random heads."
    )


def _on_controls(controls: pd.DataFrame) -> list[str]:
    sentences = []
    for task, rows in controls.groupby("task", sort=False):
        tested = rows[_can_tell(rows)]
        if len(tested):
            what = "loss" if tested["readout"].iloc[0] == "token_loss" else "KL"
            sentences.append(
                f"On {task_name(task)}, a control, the same heroes add"
                f" {number(tested['mean_diff'].median())} nats of {what} at the median and random"
                f" heads {number(tested['matched_mean_diff'].median())}: heroes do more damage in"
                f" {beyond_chance(tested['matched_p'], tested['matched_q'])}."
            )
    return sentences


def _absent(primary: pd.DataFrame) -> list[str]:
    lacking = primary[primary["matched_reason"] != ""]
    if lacking.empty:
        return []
    reasons = lacking.drop_duplicates("model")
    named = "; ".join(
        f"{model} ({reason})"
        for model, reason in zip(reasons["model"], reasons["matched_reason"], strict=True)
    )
    return [f"No random heads of the same layers as all heroes: {named}."]


def _against(row: dict[str, Any]) -> tuple[Cell, ...]:
    """Effect of the heroes, of matched random sets, their difference, effect size and p."""
    matched = number_cell(
        row["matched_mean_diff"], note=interval(row["matched_from"], row["matched_to"])
    )
    bounds = interval(row["matched_difference_low"], row["matched_difference_high"])
    return (
        number_cell(row["mean_diff"], note=interval(row["low"], row["high"])),
        matched,
        number_cell(row["matched_difference"], note=bounds),
        number_cell(row["matched_effect_size"], 1),
        number_cell(row["matched_p"], 3, row["matched_note"]),
        number_cell(row["matched_q"], 3),
    )


_AGAINST = ("heroes", "random, same layers", "difference", "effect size", "p", "q")


def _model(row: dict[str, Any], suspect: set[str]) -> Cell:
    return model_cell(row["model"], suspect, row["ability"])


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows, with what their models can do: on a control there is nothing to fail."""
    able = abilities(rows[["competent"]]).where(rows["readout"] == "contrast", "able")
    rows = rows.assign(ability=able)
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


def _tasks_table(primary: pd.DataFrame, suspect: set[str]) -> Table:
    rows = [
        (
            _model(row, suspect),
            text_cell(task_name(row["task"])),
            count_cell(row["k"]),
            number_cell(row["clean_metric"]),
            *_against(row),
            number_cell(row["unmatched_p"], 3),
            Cell(
                f"{share(row['accuracy'])}",
                f"{share(row['clean_accuracy'])} clean\n{share(row['matched_accuracy'])} random",
                numeric=True,
            ),
            number_cell(row["matched_p_accuracy"], 3),
        )
        for row in _records(primary)
    ]
    names = ["model", "task", "heads", "clean contrast", *_AGAINST]
    names += ["p, any layer", "accuracy", "p, accuracy"]
    caption = (
        "All heroes of each model ablated together, on test prompts: change of the mean contrast"
        " with its 95 % interval over prompts, the same for random sets with the middle 95 % of"
        " them, and heroes minus random. Effect size: that difference in standard deviations of"
        " the random sets; negative: the heroes do more damage. q is over models."
    )
    return Table(names, rows, caption)


def _controls_table(controls: pd.DataFrame, suspect: set[str]) -> Table:
    rows = [
        (
            _model(row, suspect),
            text_cell(task_name(row["task"])),
            count_cell(row["k"]),
            *_against(row),
        )
        for row in _records(controls)
    ]
    caption = (
        "The same heads on controls, in nats: KL to the clean model (IOI with three names) and"
        " loss (plain text). Positive: damage."
    )
    return Table(["model", "control", "heads", *_AGAINST], rows, caption, folded=True)


def _sets_table(rows_of_sets: pd.DataFrame, suspect: set[str]) -> Table:
    rows = [
        (
            _model(row, suspect),
            text_cell(_SETS[str(row["hero_set"])]),
            text_cell(task_name(row["task"])),
            count_cell(row["k"]),
            *_against(row),
        )
        for row in _records(rows_of_sets)
    ]
    names = ["model", "heroes of", "task", "heads", *_AGAINST]
    return Table(names, rows, "The heroes of each category.", folded=True)


def _ablations_table(tasks: pd.DataFrame, suspect: set[str]) -> Table:
    """Does it depend on what replaces the heads?"""
    rows = [
        (
            _model(row, suspect),
            text_cell(task_name(row["task"])),
            text_cell(f"{row['ablation']}, {row['positions']}"),
            *_against(row),
            Cell(share(row["accuracy"]) if not pd.isna(row["accuracy"]) else MISSING, numeric=True),
        )
        for row in _records(tasks)
    ]
    names = ["model", "task", "ablation, positions", *_AGAINST, "accuracy"]
    return Table(names, rows, "All heroes under every ablation.", folded=True)


CHAPTER = Chapter(
    anchor="ablation",
    title="Do heroes beat random heads?",
    pipeline="ablation",
    tables=("ablation_summary",),
    figures=("ablation_overview",),
    tell=_tell,
    needs_scan=True,
)
