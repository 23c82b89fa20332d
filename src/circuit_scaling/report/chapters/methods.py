"""The chapter on how it was measured, and on what that cannot tell."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from circuit_scaling.figures.style import abilities
from circuit_scaling.report.blocks import counted, listed, share, task_name
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext
from circuit_scaling.tables.made_with import made_with
from circuit_scaling.vocabulary import (
    ALPHA,
    EVERY_QUESTION,
    NAMES_IN_ORDER,
    POSITION_WORDS,
    STUDY_TASKS,
)

_FORMULAS = "Definitions and formulas of everything on this page: docs/method.md of the project."

_OF_NAMES = (*STUDY_TASKS, NAMES_IN_ORDER)  # shipped tasks whose clusters are pairs of names


def _tell(context: ReportContext) -> Told:
    heads, rankings = (context.tables.get(name) for name in ("classified_heads", "head_rankings"))
    sentences: list[str] = []
    if heads is not None and len(heads):
        if not context.imported:
            settings = made_with(heads)
            sentences += _of_heads(settings, context)
            if settings.get("scan.until") == "resolved":
                sentences.append(_settled(heads, settings["scan.settle"]))
        sentences += _limits_of_heads(heads, context)
    if rankings is not None and len(rankings):
        sentences += _of_documents(made_with(rankings))
        sentences += _limits_of_documents(rankings)
    if not sentences:
        sentences = ["Nothing has been measured yet."]
    return Told((*sentences, _FORMULAS))


def _of_heads(settings: Mapping[str, Any], context: ReportContext) -> Iterator[str]:
    """What was done to each head, on which prompts."""
    yield (
        "The effect of a head is the mean over prompts of m(ablated) − m(clean), where m is the"
        " logit of the right answer minus that of the wrong one; negative: the head helps. The"
        f" effects on this page are of {context.primary_words}."
    )
    ablations, positions = settings.get("scan.ablations"), settings.get("scan.positions")
    if ablations and positions:
        where = listed([POSITION_WORDS[name] for name in positions])
        yield f"Measured were {listed(ablations)} ablation at {where}."
    if n_prompts := settings.get("prompts.n_prompts"):
        yield f"A task has {n_prompts:,} prompts, unless its entry says another number."
    if all(settings.get(f"join.{task}", task) in _OF_NAMES for task in STUDY_TASKS):
        yield (
            "A pair of names is a cluster, which counts as one observation, and no name is in two"
            " pairs. Heroes are chosen on one half of the names and tested on the other."
        )
    yield (
        "Brackets hold 95 % intervals for other names in the same templates; of fewer than ten"
        f" clusters there is none. p and q count from {ALPHA:g} on; q is corrected over the tests"
        " that stand together."
    )


def _settled(heads: pd.DataFrame, settle: Mapping[str, Any]) -> str:
    """On how many prompts heads were ablated that were measured until they were settled."""
    numbers = [
        f"{of_task.median():,.0f} prompts of {task_name(task)} ({of_task.min():,.0f} to"
        f" {of_task.max():,.0f})"
        for task in STUDY_TASKS
        if (of_task := heads.get(f"n_prompts_{task}")) is not None
    ]
    return (
        f"Heads were ablated until they were told from τ = {settle['tau']:g}, on"
        f" {listed(numbers)} in the median; effects are corrected by attribution scores on all"
        " prompts, and intervals hold over all looks. What compares heads with one another is of"
        " the prompts that all of them have."
    )


def _limits_of_heads(heads: pd.DataFrame, context: ReportContext) -> Iterator[str]:
    """What the effects of single heads leave open, with numbers where there are any."""
    if not context.imported:
        yield (
            "What this cannot tell: heads are ablated one at a time, so that heads which stand in"
            " for one another are missed; MLPs are left alone; an ablated head may put the model"
            " into a state that no text does; and two kinds of prompts are not all that a head may"
            " be for."
        )
    resolved = heads["resolved"].dropna()
    if len(resolved):
        yield (
            f"With these prompts {share(float(resolved.astype(bool).mean()))} of the heads"
            " have a category that is settled; the others may change it with other names."
        )
    for task in STUDY_TASKS:
        ability = abilities(heads[[f"competent_{task}"]])
        unable = heads.loc[ability == "unable", "model"].unique()
        if len(unable):
            yield (
                f"Effects on {task_name(task)} say nothing about that task in"
                f" {listed(list(unable))}, which cannot do it."
            )


def _of_documents(settings: Mapping[str, Any]) -> Iterator[str]:
    """What was asked, of how many documents, and how heads are masked."""
    asked = settings.get("retrieval.asks") or {}
    if asked.get("n_train") and asked.get("n_test"):
        yield (
            "Each document lies in the middle of other text and is followed by a question. Heads"
            f" are ranked on up to {asked['n_train']:,} documents per question and masked on up to"
            f" {asked['n_test']:,} others; intervals are over documents."
        )


def _limits_of_documents(rankings: pd.DataFrame) -> Iterator[str]:
    asked = rankings[["model", "question", "token_length", "answered"]].drop_duplicates()
    asked = asked[asked["question"] != EVERY_QUESTION].dropna(subset=["answered"])
    if asked.empty:
        return
    answered = int(asked["answered"].astype(bool).sum())
    yield (
        f"Of {counted(len(asked), 'combination')} of a model, a question and a length"
        f" {answered} are answered above guessing; elsewhere a rank or a fall says nothing."
    )


CHAPTER = Chapter(
    anchor="methods",
    title="How it was measured, and what that cannot tell",
    pipeline="report",
    also=("classified_heads", "head_rankings", "joint_prompts"),
    tell=_tell,
)
