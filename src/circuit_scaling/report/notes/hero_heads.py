"""``hero_heads.md``: the heroes of each model, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from circuit_scaling.figures.style import CATEGORIES, number
from circuit_scaling.report.blocks import arrange, head_name, listed, rows_of
from circuit_scaling.report.chapters.ablation import with_all_heroes
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.notes.heroes import effect_words, flags_of
from circuit_scaling.report.notes.markdown import bullets, document, nested, plain, table, use
from circuit_scaling.report.notes.words import (
    bounded,
    family_label,
    model_name,
    not_run,
    size,
    task_label,
)
from circuit_scaling.vocabulary import STRONG_CATEGORIES, STUDY_TASKS, counted

TABLES = (
    *("hero_heads", "classified_heads", "competence", "head_reads", "head_writes"),
    *("causal_summary", "ablation_summary"),
)
_PATHS = 4  # that are named of a hero on a task, those with the largest effects
_ROLES = {
    "first_name": "the first name",
    "second_name": "the second name",
    "repeated_name": "the repeated name",
    "first_token": "the first token",
    "rest": "the rest of the prompt",
}


def write(context: ReportContext) -> str:
    """The note: a chapter per model, with a section per hero."""
    lacking = not_run(context, "hero_heads", "classified_heads")
    if lacking:
        return document("# Hero heads", lacking)
    heroes = arrange(context.tables["hero_heads"], context.order)
    heroes = heroes[heroes["category"] != "weak"]
    chapters = [
        document(*_model(context, str(model), rows))
        for model, rows in heroes.groupby("model", sort=False)
    ]
    figures = ["*_reads_writes", "*_hero_vs_random_ablation"]
    return document(
        "# Hero heads",
        *_opening(context),
        use([] if context.imported else figures, ["hero_heads_for_paper"]),
        *(chapters or ["No head is strong on a task."]),
    )


def _opening(context: ReportContext) -> Iterator[str]:
    chosen = (
        "An imported table has one effect per head and task: nothing is held out."
        if context.imported
        else "Category, choice and rank come from one half of the names; *held out* is the effect"
        " on the other half. Brackets hold 95 % intervals."
    )
    yield (
        f"The strongest heads of each category at τ = {context.tau:g}, in the order of their"
        f" strength. Negative effects, in logits, mean that the head helps. {chosen}"
    )
    lacking = {
        "Reads, writes and verdicts": not_run(context, "causal_summary"),
        "Heroes ablated together": not_run(context, "ablation_summary"),
    }
    yield from (f"{what}. {line}" for what, line in lacking.items() if line)


def _model(context: ReportContext, model: str, heroes: pd.DataFrame) -> Iterator[str]:
    yield f"## {model_name(context, model)}"
    rows = context.of_model("classified_heads", model)
    if len(rows):
        first = rows.iloc[0]
        parts = (family_label(first["family"]), size(first["params_m"]), counted(len(rows), "head"))
        yield f"{', '.join(filter(None, parts))}."
    for name in STRONG_CATEGORIES:
        of_category = heroes[heroes["category"] == name].sort_values("rank", kind="stable")
        for hero in rows_of(of_category):
            flags = "".join(f" ({plain(flag)})" for flag in flags_of(context, hero))
            label = CATEGORIES[hero.category].label
            yield f"### {head_name(hero.layer, hero.head)}: {label}, rank {hero.rank}{flags}"
            yield bullets(_hero(context, hero))
    yield from _together(context, model)


def _hero(context: ReportContext, hero: Any) -> Iterator[str]:
    yield f"Effects: {'; '.join(_effect(context, hero, task) for task in STUDY_TASKS)}."
    if not pd.isna(hero.category_stability):
        yield (
            "Category: the same in a share of"
            f" {number(hero.category_stability)} of the bootstrap draws."
        )
    yield from _reads(_of(context, "head_reads", hero))
    yield from _writes(_of(context, "head_writes", hero))
    yield from _verdicts(_of(context, "causal_summary", hero))


def _of(context: ReportContext, name: str, hero: Any) -> pd.DataFrame | None:
    """The rows of a table about the hero on the tasks of the study, in their order."""
    if name not in context.tables:
        return None
    rows = context.of_model(name, hero.model)
    rows = rows[(rows["layer"] == hero.layer) & (rows["head"] == hero.head)]
    rows = rows[rows["task"].isin(STUDY_TASKS)]
    order = [STUDY_TASKS.index(task) for task in rows["task"]]
    ordered: pd.DataFrame = rows.iloc[np.argsort(order, kind="stable")]
    return ordered


def _effect(context: ReportContext, hero: Any, task: str) -> str:
    words = f"{task_label(task)} {effect_words(context, hero, task)}"
    if context.imported:
        return words
    return f"{words}, held out {bounded(getattr(hero, f'delta_{task}_test'), None, None, 3)}"


def _reads(rows: pd.DataFrame | None) -> Iterator[str]:
    """Where it looks most from the last position, task by task."""
    parts = []
    for row in rows_of(rows.dropna(subset=list(_ROLES))) if rows is not None else ():
        most = max(_ROLES, key=lambda role: getattr(row, role))
        attention = bounded(*(getattr(row, f"{most}{end}") for end in ("", "_low", "_high")))
        parts.append(f"on {task_label(row.task)} mostly at {_ROLES[most]} ({attention})")
    if parts:
        yield f"Reads from the last position: {'; '.join(parts)}."


def _writes(rows: pd.DataFrame | None) -> Iterator[str]:
    """The paths of its output that are told from 0, and their share of its total effect."""
    if rows is None or rows.empty:
        return
    below = [
        f"{task_label(task)}: {_paths(of_task)}"
        for task, of_task in rows.groupby("task", sort=False)
    ]
    yield nested("Writes into (effects in logits):", below)


def _paths(rows: pd.DataFrame) -> str:
    kinds = {"logits": 0, "category": 1, "head": 2}
    ranked = rows.assign(kind=rows["destination"].map(kinds), size=-rows["effect"].abs())
    ranked = ranked.sort_values(["kind", "size"], kind="stable")
    known = ranked["low"].notna().any()
    told = ranked[(ranked["low"] > 0) | (ranked["high"] < 0)] if known else ranked
    if told.empty:
        return "no path is told from 0"
    parts = [_path(row) for row in rows_of(told.head(_PATHS))]
    return "; ".join(parts) + ("" if known else " (without intervals)")


def _path(row: Any) -> str:
    into = "the logits"
    if row.destination != "logits":
        label = CATEGORIES[row.receiver_category].label
        into = f"all {label} heads"
        if row.destination == "head":
            into = f"L{row.receiver_layer:.0f}H{row.receiver_head:.0f} {row.channel} ({label})"
    share = bounded(row.share, row.share_low, row.share_high)
    part = "" if pd.isna(row.share) else f", a share of {share}"
    return f"{into} {bounded(row.effect, row.low, row.high)}{part}"


def _verdicts(rows: pd.DataFrame | None) -> Iterator[str]:
    """What the head's output carries from run to run, and whether it does the task itself."""
    if rows is not None and len(rows):
        yield nested("Verdict:", map(_verdict, rows_of(rows)))


def _verdict(row: Any) -> str:
    into = [CATEGORIES[name].label for name in str(row.routes_into).split(", ") if name]
    verdict = f"*{row.verdict}{f' into {listed(into)} heads' if into else ''}*"
    if pd.isna([row.denoising_normalised, row.noising_normalised]).any():
        return f"{task_label(row.task)}: {verdict}; the clean and the corrupt run do not differ"
    ways = [
        f"{bounded(*(getattr(row, f'{way}_normalised{end}') for end in ('', '_low', '_high')))}"
        f" ({way})"
        for way in ("denoising", "noising")
    ]
    return f"{task_label(row.task)}: {verdict}; carries {' and '.join(ways)} of the difference"


def _together(context: ReportContext, model: str) -> Iterator[str]:
    """The heroes of each category, and all of them, ablated together on held-out prompts."""
    if "ablation_summary" not in context.tables:
        return
    summary = context.of_model("ablation_summary", model)
    kept = summary["primary"] & summary["task"].isin(STUDY_TASKS)
    rows = rows_of(with_all_heroes(summary[kept]))
    if rows:
        yield "### Ablated together, on held-out prompts"
        head = ["heroes", "task", "change of the contrast", "random heads of the same layers", "p"]
        yield table(head, _sets(rows))


def _sets(rows: Sequence[Any]) -> Iterator[tuple[str, ...]]:
    for row in rows:
        category = str(row.hero_set).removeprefix("hero_")
        of = CATEGORIES[category].label if category in CATEGORIES else "of all categories"
        yield (
            f"{row.k} {of}",
            task_label(row.task),
            bounded(row.mean_diff, row.low, row.high),
            bounded(row.matched_mean_diff, row.matched_from, row.matched_to),
            number(row.matched_p, 3),
        )
