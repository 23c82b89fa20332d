"""The chapter that draws every head by its two effects."""

from __future__ import annotations

from circuit_scaling.figures.style import both_abilities, number
from circuit_scaling.report.blocks import (
    Plot,
    counted,
    drawing,
    head_name,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext


def _tell(context: ReportContext) -> Told:
    heads = context.tables["classified_heads"]
    measured = heads.dropna(subset=["delta_ioi", "delta_anti_names"])
    where = "on IOI (across) and on anti-repetition (up)"
    sentences = [
        f"Each mark is one head. Its position is its effect {where}, as the imported table has it;"
        " negative is taken to mean that the head helps."
        if context.imported
        else "Each mark is one head. Its position is the change of the logit contrast when the head"
        f" is ablated, {where}. Negative means that the head helps.",
        f"Both axes are linear within ±τ = {context.tau:g} and logarithmic beyond.",
    ]
    if len(measured):
        competent = measured[both_abilities(measured) == "able"]
        of_whom = "of a model that is competent on both tasks" if len(competent) else "of all"
        ranked = (competent if len(competent) else measured).sort_values(
            "strength", ascending=False, kind="stable"
        )
        top = ranked.iloc[0]
        sentences.append(
            f"The strongest head {of_whom} is"
            f" {head_name(top['layer'], top['head'])} of {top['model']}:"
            f" Δ_ioi = {number(top['delta_ioi'])}, Δ_anti = {number(top['delta_anti_names'])}."
        )
    if len(measured) < len(heads):
        lacking = len(heads) - len(measured)
        sentences.append(f"Not drawn, for lack of one of the effects: {counted(lacking, 'head')}.")
    sentences += _suspects(context)
    plot = Plot(
        "Point at a mark for its numbers. The menu chooses a model, the legend switches categories;"
        " shapes are families"
        + (
            "; they are pale, because of no model it is known whether it can do the tasks."
            if context.imported
            else "; open marks belong to models that are not competent on one of the tasks, pale"
            " ones to models of which that is not known."
        )
    )
    return Told(
        sentences,
        (
            *((plot,) if len(measured) else ()),
            *drawing(context.figures, "all_heads_phase_space", "All models at once, for print."),
            *drawing(context.figures, "family_grid", "One panel per model on the same axes."),
        ),
    )


def _suspects(context: ReportContext) -> list[str]:
    """One sentence per model with suspect heads."""
    sentences = []
    reasons: dict[str, list[str]] = {}
    for (model, _, _), reason in context.suspect.items():
        reasons.setdefault(model, []).append(reason)
    for model, given in reasons.items():
        named = dict.fromkeys(part for reason in given for part in reason.split("; "))
        heads = counted(len(given), "head")
        sentences.append(f"Suspect: {heads} of {model} ({'; '.join(named)}).")
    return sentences


CHAPTER = Chapter(
    anchor="phase-space",
    title="Every head by its two effects",
    pipeline="classify",
    tables=("classified_heads",),
    figures=("all_heads_phase_space", "family_grid", "phase_space_overview"),
    tell=_tell,
)
