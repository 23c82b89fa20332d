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
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext
from circuit_scaling.vocabulary import STUDY_TASKS


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
        sentences.append(f"Seen among all {counted(total, 'head')}: {', '.join(parts)}.")
    sentences += _certainty(frame, context.tau)
    rows = []
    suspect = context.suspect_models()
    for row in frame.to_dict("records"):
        cells = [model_cell(row["model"], suspect), count_cell(row["n_heads_total"])]
        for category in CATEGORIES:
            true, low, high = (row[f"frac_{category}_{part}"] for part in ("true", "low", "high"))
            lines = [share(row[f"frac_{category}"])]
            if not row["shares_unknown"]:
                lines.append(f"{share(true)} {share_interval(low, high)}")
            cells.append(count_cell(row[f"n_{category}"], "\n".join(lines)))
        rows.append(tuple(cells))
    table = Table(
        ["model", "heads", *(look.label for look in CATEGORIES.values())],
        rows,
        "Heads by category: how many are seen, their share, and the share without the noise of the"
        " effects with its 95 % interval, where it is known.",
    )
    caption = (
        "Shares as seen, as bars, with counts beside them; right, the shares without the noise of"
        " the effects, with their intervals."
    )
    return Told(
        sentences,
        (
            table,
            _certainty_table(frame, suspect),
            *drawing(context.figures, "category_counts", caption),
        ),
    )


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
    known = frame["names_suffice"].dropna()
    if len(known) and not known.all():
        yield (
            f"In {int((~known.astype(bool)).sum())} of {counted(len(known), 'model')} the list of"
            " names would run out before the median head is told from τ."
        )


def _certainty_table(frame: pd.DataFrame, suspect: set[str]) -> Table:
    """What the effects of each model can tell."""
    rows = [
        (
            model_cell(row["model"], suspect),
            Cell(share(row["frac_resolved"]), numeric=True),
            *(number_cell(row[f"minimal_detectable_{task}"]) for task in STUDY_TASKS),
            _prompts_cell(row["prompts_to_resolve_tau"], row["names_suffice"]),
            *(number_cell(row[f"template_variance_{task}"], 1) for task in STUDY_TASKS),
        )
        for row in frame.to_dict("records")
    ]
    short = ("IOI", "anti-repetition")
    names = ["model", "resolved", *(f"detectable, {task}" for task in short)]
    names += ["prompts to resolve τ", *(f"templates, {task}" for task in short)]
    caption = (
        "How sure that is. Resolved: no interval of the head straddles ±τ. Detectable: the smallest"
        " effect that the test of the median head would find 8 times in 10. Templates: how many"
        " times the variance of the median head's effect would be what it is, if templates were a"
        " sample as names are."
    )
    return Table(names, rows, caption)


def _prompts_cell(prompts: float, names_suffice: object) -> Cell:
    short = not pd.isna(names_suffice) and not names_suffice  # type: ignore[call-overload]
    return count_cell(prompts, "more names than there are" if short else "")


CHAPTER = Chapter(
    anchor="categories",
    title="How many heads do which job",
    pipeline="classify",
    tables=("head_category_summary",),
    also=("classified_heads",),
    figures=("category_counts",),
    tell=_tell,
)
