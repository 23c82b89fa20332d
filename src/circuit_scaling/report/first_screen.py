"""The first screen: what was measured, on what, what was found, and one figure."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from circuit_scaling.figures.style import METHODS, family_looks, number
from circuit_scaling.report.blocks import as_float, counted, listed
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.found import Finding, caveats, what_was_found
from circuit_scaling.tables.made_with import made_with

# The first of these that is there stands beside what was found.
_FIGURES = {
    "phase_space_overview": (
        "Every head by its effects on IOI (across) and on anti-repetition (up), in logits; the axes"
        " are linear between the dashed lines at ±τ and logarithmic beyond."
    ),
    "method_overlap": "How many of the best heads two methods share.",
    "masking_overview": "Right answers without the best heads and without random ones.",
}


@dataclass(frozen=True)
class FirstScreen:
    """What a reader sees without scrolling.

    Attributes:
        measured: sentences that say what was measured, and on what.
        found: the findings, at most as many as can be read in a minute.
        caveats: how far to trust them.
        figure, caption: the name of one stored figure; empty where none is there.
    """

    measured: tuple[str, ...]
    found: tuple[Finding, ...]
    caveats: tuple[str, ...]
    figure: str
    caption: str


def first_screen(context: ReportContext) -> FirstScreen:
    """The first screen of these tables."""
    figure = next((name for name in _FIGURES if name in context.figures), "")
    return FirstScreen(
        measured=(*_heads(context), *_documents(context)),
        found=tuple(what_was_found(context)),
        caveats=tuple(caveats(context)),
        figure=figure,
        caption=_FIGURES.get(figure, ""),
    )


def _heads(context: ReportContext) -> list[str]:
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
        f"{scope} were ablated one at a time ({context.primary_words}), to see how much the model"
        " then prefers the right name to the wrong one, in sentences that ask for the indirect"
        " object (IOI) and in others that should not repeat a name (anti-repetition)"
        f"{_prompts(heads)}.",
        *_own_models(context),
    ]


def _models(table: pd.DataFrame) -> str:
    """``8 models (GPT-2, Pythia; 70 to 1,000 million parameters)``."""
    families = [look.label for look in family_looks(table["family"]).values()]
    told = listed(families)
    if "params_m" in table and table["params_m"].notna().any():
        sizes = table["params_m"].dropna()
        ends = dict.fromkeys((_size(sizes.min()), _size(sizes.max())))
        told += f"; {' to '.join(ends)} million parameters"
    return f"{counted(table['model'].nunique(), 'model')} ({told})"


def _size(millions: float) -> str:
    return number(millions, 2 if millions < 10 else 0)


def _prompts(heads: pd.DataFrame) -> str:
    n_prompts = made_with(heads).get("prompts.n_prompts")
    return f", {as_float(n_prompts):,.0f} prompts of each" if n_prompts else ""


def _own_models(context: ReportContext) -> list[str]:
    """Which of the models are no language models at all, but trained by this project."""
    if context.roster is None:
        return []
    embedded = context.roster[context.roster["source"].str.contains("01_raw/zoo", regex=False)]
    if embedded.empty:
        return []
    which = "The models are" if len(embedded) == len(context.roster) else "Among the models are"
    return [
        f"{which} small transformers that this project trained on a made-up language: what is found"
        " in them tests the method and is no finding about GPT-2 or Pythia."
    ]


def _documents(context: ReportContext) -> list[str]:
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
    by = f"{listed(methods)} ranked {counted(n_heads, 'head')} of {_models(rankings)}"
    how = f"by how they read documents of {' to '.join(lengths)} tokens for {asked}"
    return [f"{by} {how}."]
