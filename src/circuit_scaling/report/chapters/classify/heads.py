"""Chapters on the heads: phase space, categories, sensitivity to the threshold, heroes."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import pandas as pd

from circuit_scaling.figures.classify.phase_space import both_abilities
from circuit_scaling.figures.style import CATEGORIES, number
from circuit_scaling.report.blocks import (
    MISSING,
    Cell,
    Plot,
    Section,
    Table,
    arrange,
    as_float,
    count_cell,
    counted,
    drawing,
    effect_cell,
    head_name,
    missing,
    model_cell,
    number_cell,
    share,
    share_interval,
    text_cell,
)
from circuit_scaling.report.context import ReportContext

_STRONG = ("ioi_only", "anti_only", "shared")
_BASES = {"delta": "Δ", "relative": "Δ / clean metric"}


def phase_space(context: ReportContext) -> Section:
    anchor, title = "phase-space", "Every head by its two effects"
    heads = context.classified_heads
    if heads is None:
        return Section(anchor, title, (), (missing("classified_heads"),))
    measured = heads.dropna(subset=["delta_ioi", "delta_anti_names"])
    sentences = [
        "Each mark is one head. Its position is the change of the logit contrast when the head is"
        " ablated, on IOI (across) and on anti-repetition (up).",
        "Negative means that the head helps.",
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
        " shapes are families; open marks belong to models that are not"
        " competent on one of the tasks, pale ones to models of which that is not known."
    )
    return Section(
        anchor,
        title,
        tuple(sentences),
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
    for (model, _, _), reason in context.suspect().items():
        reasons.setdefault(model, []).append(reason)
    for model, given in reasons.items():
        named = dict.fromkeys(part for reason in given for part in reason.split("; "))
        heads = counted(len(given), "head")
        sentences.append(f"Suspect: {heads} of {model} ({'; '.join(named)}).")
    return sentences


def categories(context: ReportContext, order: Sequence[str]) -> Section:
    anchor, title = "categories", "How many heads do which job"
    frame = context.head_category_summary
    if frame is None:
        return Section(anchor, title, (), (missing("head_category_summary"),))
    frame = arrange(frame, order)
    tau = f"{context.tau:g}"
    sentences = [
        f"A head counts for a task when the size of its effect is at least τ = {tau}: IOI only,"
        " anti-repetition only, shared (both) or weak (neither)."
    ]
    total = int(frame["n_heads_total"].sum())
    if total:
        parts = [
            f"{share(frame[f'n_{category}'].sum() / total, 1)} {look.label}"
            for category, look in CATEGORIES.items()
        ]
        sentences.append(f"Of all {counted(total, 'head')}: {', '.join(parts)}.")
    rows = []
    suspect = context.suspect_models()
    for row in frame.to_dict("records"):
        cells = [model_cell(row["model"], suspect), count_cell(row["n_heads_total"])]
        for category in CATEGORIES:
            low, high = row.get(f"frac_{category}_low"), row.get(f"frac_{category}_high")
            note = f"{share(row[f'frac_{category}'])} {share_interval(low, high)}".strip()
            cells.append(count_cell(row[f"n_{category}"], note))
        cells.append(Cell(share(row.get("frac_resolved")), numeric=True))
        rows.append(tuple(cells))
    names = ["model", "heads", *(look.label for look in CATEGORIES.values()), "resolved"]
    table = Table(
        names,
        rows,
        "Heads by category, with the share of the model's heads and its 95 % interval. Resolved:"
        " no interval of the head straddles ±τ.",
    )
    caption = "Shares as bars, counts beside them, and the shares with their intervals."
    return Section(
        anchor,
        title,
        tuple(sentences),
        (table, *drawing(context.figures, "category_counts", caption)),
    )


def sensitivity(context: ReportContext, order: Sequence[str]) -> Section:
    anchor, title = "sensitivity", "How much the threshold matters"
    frame = context.category_sensitivity
    if frame is None:
        return Section(anchor, title, (), (missing("category_sensitivity"),))
    frame = arrange(frame, order)
    taus = sorted(frame["tau"].unique())
    bases = [basis for basis in _BASES if basis in set(frame["basis"])]
    relative = " and on the effect divided by the clean metric of its model"
    sentences = [
        "The same heads are counted again at other thresholds, on the effect itself"
        f"{relative if 'relative' in bases else ''}."
    ]
    for basis in bases:
        if len(taus) > 1:
            first, last = (_strong_share(frame, basis, tau) for tau in (taus[0], taus[-1]))
            sentences.append(
                f"By {_BASES[basis]}, {first} of the heads are not weak at τ = {taus[0]:g}"
                f" and {last} at τ = {taus[-1]:g}."
            )
    by_key = {(row["model"], row["basis"], row["tau"]): row for row in frame.to_dict("records")}
    suspect = context.suspect_models()
    rows = []
    for model in frame["model"].drop_duplicates():
        for basis in bases:
            cells = [_sensitivity_cell(by_key.get((model, basis, tau))) for tau in taus]
            rows.append((model_cell(model, suspect), text_cell(_BASES[basis]), *cells))
    names = ["model", "basis", *(f"τ = {tau:g}" for tau in taus)]
    table = Table(
        names,
        rows,
        f"Heads that are IOI only · anti-repetition only · shared. τ = {context.tau:g} is used in"
        " the rest of this page.",
    )
    return Section(anchor, title, tuple(sentences), (table,))


def _strong_share(frame: pd.DataFrame, basis: str, tau: float) -> str:
    rows = frame[(frame["basis"] == basis) & (frame["tau"] == tau)]
    total = rows["n_heads_total"].sum() if "n_heads_total" in rows else 0
    counts = sum(rows[f"n_{category}"].sum() for category in _STRONG)
    total = total or counts + rows["n_weak"].sum()
    return share(counts / total, 1) if total else MISSING


def _sensitivity_cell(row: dict[Hashable, Any] | None) -> Cell:
    if row is None:
        return Cell(MISSING, numeric=True)
    parts = tuple((category, number(as_float(row[f"n_{category}"]), 0)) for category in _STRONG)
    return Cell("", numeric=True, parts=parts)


def heroes(context: ReportContext, order: Sequence[str]) -> Section:
    anchor, title = "heroes", "The strongest heads of each model"
    frame = context.hero_heads
    if frame is None:
        return Section(anchor, title, (), (missing("hero_heads"),))
    ranks = {category: rank for rank, category in enumerate(CATEGORIES)}
    frame = frame.assign(place=frame["category"].map(ranks)).sort_values(["place", "rank"])
    frame = arrange(frame, order)
    held_out = (
        "The category comes from all prompts; rank and choice come from the strength on the select"
        " prompts, and the test columns hold the effects on prompts that had no part in the choice."
        if context.import_findings is None
        else "An imported table has one effect per head and task: nothing is held out, and the"
        " columns of test prompts repeat it."
    )
    sentences = (
        "Hero heads are the strongest of their category.",
        held_out,
        "Weak heads are listed for comparison and are never ablated as heroes.",
    )
    suspect = context.suspect()
    tables = tuple(
        _hero_table(str(model), group, suspect)
        for model, group in frame.groupby("model", sort=False)
    )
    overview = _hero_overview(frame, context.suspect_models())
    return Section(anchor, title, sentences, (overview, *tables))


def _hero_overview(frame: pd.DataFrame, suspect: set[str]) -> Table:
    first = frame[frame["rank"] == frame.groupby(["model", "category"])["rank"].transform("min")]
    by_key = {(row["model"], row["category"]): row for row in first.to_dict("records")}
    rows = []
    for model in frame["model"].drop_duplicates():
        cells = [model_cell(model, suspect)]
        for category in _STRONG:
            row = by_key.get((model, category))
            if row is None:
                cells.append(Cell("none", numeric=True))
                continue
            pair = f"{number(row['delta_ioi'])} / {number(row['delta_anti_names'])}"
            cells.append(Cell(head_name(row["layer"], row["head"]), pair, numeric=True))
        rows.append(tuple(cells))
    names = ["model", *(CATEGORIES[category].label for category in _STRONG)]
    caption = "First hero of each category, with Δ_ioi / Δ_anti on all prompts."
    return Table(names, rows, caption)


def _hero_table(
    model: str, group: pd.DataFrame, suspect: Mapping[tuple[str, int, int], str]
) -> Table:
    rows, quiet = [], set()
    for index, row in enumerate(group.to_dict("records")):
        weak = row["category"] == "weak"
        if weak:
            quiet.add(index)
        rows.append(
            (
                text_cell(CATEGORIES[row["category"]].label, "not a hero" if weak else ""),
                count_cell(row["rank"]),
                text_cell(
                    head_name(row["layer"], row["head"]),
                    flag=suspect.get((model, row["layer"], row["head"]), ""),
                ),
                effect_cell(row["delta_ioi"], row["se_ioi"]),
                effect_cell(row["delta_anti_names"], row["se_anti_names"]),
                number_cell(row["delta_ioi_test"], 3),
                number_cell(row["delta_anti_names_test"], 3),
                number_cell(row["strength_select"], 3),
                number_cell(row["category_stability"], 2),
            )
        )
    names = [
        *("category", "rank", "head", "Δ_ioi", "Δ_anti", "Δ_ioi, test", "Δ_anti, test"),
        *("strength, select", "stability"),
    ]
    return Table(names, rows, model, frozenset(quiet), folded=True)
