"""The first screen: what was measured, on what, what was found, and one figure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from circuit_scaling.figures.style import METHODS, abilities, family_looks, number
from circuit_scaling.report.blocks import counted, listed, share
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.found import Finding, caveats, what_was_found
from circuit_scaling.tables.made_with import made_with
from circuit_scaling.vocabulary import STUDY_TASKS

# The first of these that is there stands beside what was found.
_FIGURES = {
    "phase_space_overview": (
        "Heads of models that are not known to fail a task, by their effects on IOI (across) and on"
        " anti-repetition (up), in logits; pale: the category is not settled. The axes are linear"
        " between the dashed lines at ±τ and logarithmic beyond."
    ),
    "method_overlap": "How many of the best heads two methods share.",
    "masking_overview": "Right answers without the best heads and without random ones.",
}


@dataclass(frozen=True)
class FirstScreen:
    """What a reader sees without scrolling.

    Attributes:
        warning: what the models are, where they are no language models; else empty.
        measured: sentences that say what was measured, and on what.
        words: what the findings' words mean.
        found: the findings, at most as many as can be read in a minute.
        caveats: how far to trust them.
        figure, caption: the name of one stored figure; empty where none is there.
    """

    warning: str
    measured: tuple[str, ...]
    words: tuple[str, ...]
    found: tuple[Finding, ...]
    caveats: tuple[str, ...]
    figure: str
    caption: str


def first_screen(context: ReportContext) -> FirstScreen:
    """The first screen of these tables."""
    figure = next((name for name in _FIGURES if name in context.figures), "")
    return FirstScreen(
        warning=warning(context),
        measured=(*about_heads(context), *about_documents(context)),
        words=tuple(_words(context)),
        found=tuple(what_was_found(context)),
        caveats=tuple(caveats(context)),
        figure=figure,
        caption=_FIGURES.get(figure, ""),
    )


def warning(context: ReportContext) -> str:
    """Which of the models are no language models at all, but trained by this project."""
    if context.roster is None or context.imported:
        return ""
    embedded = context.roster["source"].str.contains("01_raw/zoo", regex=False)
    if not embedded.any():
        return ""
    which = "All models here are" if embedded.all() else "Among the models are"
    return (
        f"{which} small transformers that this project trained on a made-up language: what is found"
        " in them tests the method, and says nothing about GPT-2 or Pythia."
    )


def about_heads(context: ReportContext) -> list[str]:
    """Sentences on what was measured of which heads, and on which prompts."""
    heads = context.tables.get("classified_heads")
    if heads is None or heads.empty:
        return []
    scope = f"{counted(len(heads), 'attention head')} of {_models(heads)}"
    if context.imported:
        return [
            f"Effects of {scope} on indirect object identification (IOI) and on anti-repetition,"
            " measured elsewhere and imported as a table."
        ]
    return [
        f"{scope} were ablated one at a time ({context.primary_words}). An effect is the change of"
        " how much the model prefers the right answer to the wrong one, in logits; negative: the"
        " head helps.",
        *_examples(context),
    ]


def _models(table: pd.DataFrame) -> str:
    """``8 models (GPT-2 and Pythia; 70 to 1000 million parameters)``."""
    looks = family_looks(table["family"])
    controls = looks.pop("control", None)
    families = [look.label for look in looks.values()]
    told = listed([*families, *(["controls that learnt one task only"] if controls else [])])
    if "params_m" in table and table["params_m"].notna().any():
        sizes = table["params_m"].dropna()
        told += f"; {' to '.join(dict.fromkeys(map(_size, (sizes.min(), sizes.max()))))} million"
        told += " parameters"
    return f"{counted(table['model'].nunique(), 'model')} ({told})"


def _size(millions: float) -> str:
    return number(millions, 2 if millions < 10 else 0)


def _examples(context: ReportContext) -> Iterator[str]:
    """A prompt of each task with its answers, and how many models can do it."""
    prompts, competence = (context.tables.get(name) for name in ("joint_prompts", "competence"))
    if prompts is None or competence is None or context.imported:
        return
    for task, label in zip(STUDY_TASKS, ("IOI", "Anti-repetition"), strict=True):
        asked = prompts[prompts["task"] == task]
        answered = competence[competence["task"] == task]
        if asked.empty or answered.empty:
            continue
        right, wrong = _answers(asked.iloc[0])
        able = answered[abilities(answered[["competent"]]) == "able"]
        accuracy = f", {share(able['accuracy'].median())} right at the median" if len(able) else ""
        yield (
            f"{label}: “{asked.iloc[0]['text']}” → {right}, not {wrong}; {len(able)} of"
            f" {counted(len(answered), 'model')} can do it{accuracy}"
            f" ({answered['n_prompts'].max():,} prompts)."
        )


def _answers(prompt: Any) -> tuple[str, str]:
    """The name that was said once, and the one that was repeated."""
    names = str(prompt["cluster"]).split("+")
    said = re.findall(r"\w+", prompt["text"])
    return min(names, key=said.count), max(names, key=said.count)


def about_documents(context: ReportContext) -> list[str]:
    """A sentence on which heads were ranked by how they read which documents."""
    rankings = context.tables.get("head_rankings")
    if rankings is None or rankings.empty:
        return []
    methods = [METHODS[m].label if m in METHODS else str(m) for m in rankings["method"].unique()]
    lengths = dict.fromkeys(f"{n:,}" for n in (rankings["token_length"].agg(["min", "max"])))
    n_heads = len(rankings[["model", "layer", "head"]].drop_duplicates())
    asked = counted(rankings["question"].nunique(), "question")
    if context.imported_retrieval:
        return [
            f"Rankings of {counted(n_heads, 'head')} of {_models(rankings)} by {listed(methods)},"
            f" on {asked} about documents of {' to '.join(lengths)} tokens, measured elsewhere and"
            " imported."
        ]
    found = f"{counted(len(methods), 'published method')} of finding retrieval heads"
    return [
        f"Retrieval: {found} ({listed(methods)}) ranked {counted(n_heads, 'head')} of"
        f" {_models(rankings)}, which answer {asked} about documents in {' to '.join(lengths)}"
        " tokens of text."
    ]


def _words(context: ReportContext) -> Iterator[str]:
    heads = context.tables.get("classified_heads")
    if heads is None or heads.empty:
        return
    yield (
        f"A head is strong on a task from an effect of τ = {context.tau:g} logits on, whichever its"
        " sign; shared: strong on both tasks."
    )
    if top := made_with(heads).get("classify.top_k"):
        yield f"Hero heads are the {top} strongest of each category in a model."
