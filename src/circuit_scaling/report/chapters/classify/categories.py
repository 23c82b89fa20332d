"""The chapter on how many heads do which job."""

from __future__ import annotations

from circuit_scaling.figures.style import CATEGORIES
from circuit_scaling.report.blocks import (
    Cell,
    Table,
    arrange,
    count_cell,
    counted,
    drawing,
    model_cell,
    share,
    share_interval,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext


def _tell(context: ReportContext) -> Told:
    frame = context.tables["head_category_summary"]
    frame = arrange(frame, context.order)
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
    return Told(
        sentences,
        (table, *drawing(context.figures, "category_counts", caption)),
    )


CHAPTER = Chapter(
    anchor="categories",
    title="How many heads do which job",
    pipeline="classify",
    tables=("head_category_summary",),
    also=("classified_heads",),
    figures=("category_counts",),
    tell=_tell,
)
