"""The chapter on the strongest heads of each model."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from circuit_scaling.figures.style import CATEGORIES, number
from circuit_scaling.report.blocks import (
    Cell,
    Table,
    arrange,
    category_cell,
    count_cell,
    counted,
    effect_cell,
    head_name,
    model_cell,
    number_cell,
    text_cell,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext
from circuit_scaling.vocabulary import STRONG_CATEGORIES


def _tell(context: ReportContext) -> Told:
    frame = context.tables["hero_heads"]
    ranks = {category: rank for rank, category in enumerate(CATEGORIES)}
    frame = frame.assign(place=frame["category"].map(ranks)).sort_values(["place", "rank"])
    frame = arrange(frame, context.order)
    held_out = (
        "Category, choice and rank come from the select prompts alone, and the test columns hold"
        " the effects on prompts that had no part in any of them."
        if not context.imported
        else "An imported table has one effect per head and task: nothing is held out."
    )
    sentences: tuple[str, ...] = (
        "Hero heads are the strongest of their category.",
        held_out,
        "Weak heads are listed for comparison and are never taken for heroes.",
    )
    unsure = context.unsure_heroes
    strong = frame[frame["category"] != "weak"]
    if strong["category_stability"].notna().any():
        sentences = (
            *sentences,
            f"Of {counted(len(strong), 'hero head')}, {len(unsure) or 'none'} keep their"
            " category in fewer than half of the bootstrap draws of select prompts; they are marked"
            " wherever they appear.",
        )
    flags = {**unsure, **context.suspect}
    tables = tuple(
        _hero_table(str(model), group, flags, imported=context.imported)
        for model, group in frame.groupby("model", sort=False)
    )
    overview = _hero_overview(frame, context, unsure)
    return Told(sentences, (overview, *tables))


def _hero_overview(
    frame: pd.DataFrame, context: ReportContext, unsure: Mapping[tuple[str, int, int], str]
) -> Table:
    suspect = context.suspect_models
    first = frame[frame["rank"] == frame.groupby(["model", "category"])["rank"].transform("min")]
    by_key = {(row["model"], row["category"]): row for row in first.to_dict("records")}
    rows = []
    for model in frame["model"].drop_duplicates():
        cells = [model_cell(model, suspect)]
        for category in STRONG_CATEGORIES:
            row = by_key.get((model, category))
            if row is None:
                cells.append(Cell("none", numeric=True))
                continue
            pair = f"{number(row['delta_ioi'])} / {number(row['delta_anti_names'])}"
            flag = unsure.get((model, row["layer"], row["head"]), "")
            cells.append(Cell(head_name(row["layer"], row["head"]), pair, flag, numeric=True))
        rows.append(tuple(cells))
    names = ["model", *(CATEGORIES[category].label for category in STRONG_CATEGORIES)]
    caption = "First hero of each category, with Δ_ioi / Δ_anti"
    caption += "." if context.imported else " on all prompts."
    return Table(names, rows, caption)


def _hero_table(
    model: str,
    group: pd.DataFrame,
    flags: Mapping[tuple[str, int, int], str],
    *,
    imported: bool,
) -> Table:
    """The heroes of one model; what an imported table would only repeat is a dash."""
    rows, quiet = [], set()
    for index, row in enumerate(group.to_dict("records")):
        weak = row["category"] == "weak"
        if weak:
            quiet.add(index)
        rows.append(
            (
                category_cell(row["category"], "not a hero" if weak else ""),
                count_cell(row["rank"]),
                text_cell(
                    head_name(row["layer"], row["head"]),
                    flag=flags.get((model, row["layer"], row["head"]), ""),
                ),
                effect_cell(row["delta_ioi"], row["se_ioi"]),
                effect_cell(row["delta_anti_names"], row["se_anti_names"]),
                number_cell(None if imported else row["delta_ioi_test"], 3),
                number_cell(None if imported else row["delta_anti_names_test"], 3),
                number_cell(row["strength_select"], 3),
                number_cell(row["category_stability"], 2),
            )
        )
    names = [
        *("category", "rank", "head", "Δ_ioi", "Δ_anti", "Δ_ioi, test", "Δ_anti, test"),
        *("strength" if imported else "strength, select", "stability"),
    ]
    return Table(names, rows, model, frozenset(quiet), folded=True, model=model)


CHAPTER = Chapter(
    anchor="heroes",
    title="The strongest heads of each model",
    pipeline="classify",
    tables=("hero_heads",),
    also=("classified_heads",),
    tell=_tell,
)
