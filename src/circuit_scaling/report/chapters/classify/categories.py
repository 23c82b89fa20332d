"""The chapter on how many heads do which job."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from circuit_scaling.figures.style import CATEGORIES, number
from circuit_scaling.report.blocks import (
    Cell,
    Table,
    arrange,
    count_cell,
    counted,
    drawing,
    model_cell,
    number_cell,
    share,
    share_interval,
    task_name,
    text_cell,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext
from circuit_scaling.tables.classify import BOTH, PROMPTS_NEEDED, RESOLVED_SHARES
from circuit_scaling.vocabulary import STUDY_TASKS


def _tell(context: ReportContext) -> Told:
    frame = arrange(context.tables["head_category_summary"], context.order)
    suspect = context.suspect_models
    needed = context.tables.get("prompts_needed", PROMPTS_NEEDED.empty())
    power = () if needed.empty else (_power_table(needed, context.order, suspect),)
    caption = "Shares as seen, as bars, with counts beside them"
    if frame[[f"frac_{category}_true" for category in CATEGORIES]].notna().any(axis=None):
        caption += "; right, the shares without the noise of the effects, with their intervals"
    blocks = (
        _counts_table(frame, suspect, context.imported),
        _certainty_table(frame, suspect),
        *power,
        *drawing(context.figures, "category_counts", f"{caption}."),
    )
    return Told((*_seen(frame, context), *_power_sentences(needed)), blocks)


def _seen(frame: pd.DataFrame, context: ReportContext) -> Iterator[str]:
    """What a category is, and how many heads are in each."""
    yield (
        f"A head counts for a task when the size of its effect is at least τ = {context.tau:g}: IOI"
        " only, anti-repetition only, shared (both) or weak (neither)."
    )
    total = int(frame["n_heads_total"].sum())
    if total:
        parts = [
            f"{share(frame[f'n_{category}'].sum() / total, 1)} {look.label}"
            for category, look in CATEGORIES.items()
        ]
        yield f"Seen among all {counted(total, 'head')}: {', '.join(parts)}."
    if context.imported:
        yield "How many of them noise has pushed over τ cannot be told."
    else:
        yield from _certainty(frame, context.tau)


def _counts_table(frame: pd.DataFrame, suspect: set[str], imported: bool) -> Table:
    """Heads of each model by category: how many, and their share."""
    rows = []
    for row in frame.to_dict("records"):
        cells = [model_cell(row["model"], suspect), count_cell(row["n_heads_total"])]
        for category in CATEGORIES:
            true, low, high = (row[f"frac_{category}_{part}"] for part in ("true", "low", "high"))
            lines = [share(row[f"frac_{category}"])]
            if not row["shares_unknown"]:
                lines.append(f"{share(true)} {share_interval(low, high)}")
            cells.append(count_cell(row[f"n_{category}"], "\n".join(lines)))
        rows.append(tuple(cells))
    caption = (
        "Heads by category: how many there are, and their share."
        if imported
        else "Heads by category: how many are seen, their share, and the share without the noise of"
        " the effects with its 95 % interval, where it is known."
    )
    return Table(["model", "heads", *(look.label for look in CATEGORIES.values())], rows, caption)


def _certainty(frame: pd.DataFrame, tau: float) -> Iterator[str]:
    """How well the heads are told apart at this threshold."""
    yield (
        "Noise pushes heads over τ: shares without it are given beside those that are seen, with"
        " intervals over prompts."
    )
    for reason, models in frame[frame["shares_unknown"] != ""].groupby(
        "shares_unknown", sort=False
    )["model"]:
        yield f"Not known without noise ({reason}): {', '.join(models)}."
    for task in STUDY_TASKS:
        smallest = frame[f"minimal_detectable_{task}"].dropna()
        if len(smallest):
            above = int((smallest > tau).sum())
            yield (
                f"On {task_name(task)} the effect that the median head's test would find 8 times in"
                f" 10 is {number(smallest.median())} at the median, and above τ in"
                f" {above or 'none'} of {counted(len(smallest), 'model')}."
            )


def _certainty_table(frame: pd.DataFrame, suspect: set[str]) -> Table:
    """What the effects of each model can tell."""
    rows = [
        (
            model_cell(row["model"], suspect),
            Cell(share(row["frac_resolved"]), numeric=True),
            *(number_cell(row[f"minimal_detectable_{task}"]) for task in STUDY_TASKS),
            *(number_cell(row[f"template_variance_{task}"], 1) for task in STUDY_TASKS),
        )
        for row in frame.to_dict("records")
    ]
    short = ("IOI", "anti-repetition")
    names = ["model", "resolved", *(f"detectable, {task}" for task in short)]
    names += [f"templates, {task}" for task in short]
    caption = (
        "How sure that is. Resolved: no interval of the head straddles ±τ. Detectable: the smallest"
        " effect that the test of the median head would find 8 times in 10. Templates: how many"
        " times the variance of the median head's effect would be what it is, if templates were a"
        " sample as names are."
    )
    return Table(names, rows, caption)


def _power_sentences(needed: pd.DataFrame) -> Iterator[str]:
    """What it would take to tell the heads of the models from tau, before anybody runs it."""
    both = needed[needed["task"] == BOTH].dropna(subset=["frac_resolved"])
    if both.empty:
        return
    yield (
        "Prompts that are needed follow from the standard errors and from how far each effect lies"
        " from τ; a small first scan is enough to know about how many."
    )
    short = both[both["frac_resolved"] < 0.5]
    if len(short):
        yield (
            f"In {counted(len(short), 'model')} fewer than half of the heads are resolved on both"
            f" tasks: {', '.join(short['model'])}."
        )


def _power_table(needed: pd.DataFrame, order: list[str], suspect: set[str]) -> Table:
    """Prompts per task that resolve half, most and nearly all heads of each model."""
    rows = []
    for row in arrange(needed, order).to_dict("records"):
        name = "both" if row["task"] == BOTH else task_name(row["task"])
        cells = (
            count_cell(
                row[f"prompts_{100 * part:.0f}"],
                "more names than there are"
                if row[f"prompts_{100 * part:.0f}"] > row["most_prompts"]
                else "",
            )
            for part in RESOLVED_SHARES
        )
        resolved = Cell(share(row["frac_resolved"]), numeric=True)
        measured = count_cell(row["n_prompts"])
        rows.append(
            (model_cell(row["model"], suspect), text_cell(name), measured, resolved, *cells)
        )
    names = ["model", "task", "prompts", "resolved", *(f"for {share(s)}" for s in RESOLVED_SHARES)]
    caption = (
        "Prompts per task that would resolve a share of the heads at τ. Both: on IOI and on"
        " anti-repetition together. A dash: a million would not do."
    )
    return Table(names, rows, caption, folded=True)


CHAPTER = Chapter(
    anchor="categories",
    title="How many heads do which job",
    pipeline="classify",
    tables=("head_category_summary",),
    also=("classified_heads", "prompts_needed"),
    figures=("category_counts",),
    tell=_tell,
)
