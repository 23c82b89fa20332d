"""What several notes say in the same way: openings, what was not run, marks of models, claims."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

import pandas as pd

from circuit_scaling.figures.style import number
from circuit_scaling.report.blocks import arrange, as_float, family_name, interval, task_name
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.found import Finding
from circuit_scaling.report.notes.markdown import document, labelled, numbered, plain
from circuit_scaling.vocabulary import STUDY_TASKS

_OF_MODELS = {"causal_summary", "ablation_summary", "head_reads", "head_writes"}


def chapter(
    context: ReportContext,
    title: str,
    needs: Sequence[str],
    tell: Callable[[ReportContext], Iterable[str]],
    level: int = 2,
) -> str:
    """A heading and what is told below it; without the tables that it needs, what to run."""
    lacking = not_run(context, *needs)
    return document(f"{'#' * level} {title}", *([lacking] if lacking else tell(context)))


def not_run(context: ReportContext, *needs: str) -> str:
    """What to run for tables that are not there; empty where all are."""
    absent = [name for name in needs if name not in context.tables]
    if not absent:
        return ""
    if context.imported and not _OF_MODELS.isdisjoint(absent):
        return "Not possible for an imported table: it is measured on the models themselves."
    pipelines = context.pipelines_of(*absent)
    if not pipelines:
        return "Not run: no pipeline of this roster makes it."
    other = "" if context.outdated.isdisjoint(pipelines) else " What is there is of other heads."
    return f"Not run: `{context.run} --pipelines {','.join(pipelines)}`.{other}"


def no_intervals(context: ReportContext) -> str:
    """What an imported table lacks, to be said once in a note; empty for what was measured."""
    if not context.imported:
        return ""
    return (
        "Imported effects have no intervals: what noise does to them is not known, and little can"
        " be shown."
    )


def told(finding: Finding | None) -> str:
    """A finding with its claim set off; empty where its tables are not there."""
    if finding is None:
        return ""
    sign = "**" if finding.shown else "*"
    return f"{sign}{plain(finding.claim)}{sign} {plain(finding.numbers)}".rstrip()


def shown_and_open(findings: Sequence[Finding]) -> Iterator[str]:
    """The claims that are shown as a numbered list, then those that are not."""
    shown = [plain(finding.claim) for finding in findings if finding.shown]
    yield numbered(shown) or "Nothing is shown."
    rest = (finding.claim for finding in findings if not finding.shown)
    open_ = [plain(claim.removeprefix("Not shown: ").rstrip(".")) for claim in rest]
    yield labelled("Not shown:", open_)


def families(frame: pd.DataFrame, context: ReportContext) -> Iterator[tuple[str, pd.DataFrame]]:
    """Name of each family and its rows, models by size."""
    rows = arrange(frame, context.order)
    for family, of_family in rows.groupby("family", sort=False):
        yield family_label(family), of_family


def family_label(family: object) -> str:
    """A family as it is called in legends, in Markdown."""
    return plain(family_name(family))


def model_name(context: ReportContext, model: object, tasks: Sequence[str] = STUDY_TASKS) -> str:
    """A model, with what is to be known of it before anything is concluded."""
    marks = ["suspect"] if model in context.suspect_models else []
    for task in tasks:
        ability = context.marked(context.ability(model, task))
        if ability != "able":
            what = "not competent on" if ability == "unable" else "competence not known on"
            marks.append(f"{what} {task_label(task)}")
    return f"{plain(model)} ({', '.join(marks)})" if marks else plain(model)


def task_label(task: object) -> str:
    """A task as the notes call it: anti-repetition is that of names."""
    return plain(task_name(task)).removesuffix(", names")


def size(millions: object) -> str:
    """``0.54 M``; empty where it is not known."""
    value = as_float(millions)
    return "" if pd.isna(value) else f"{number(value, 2 if value < 10 else 0)} M"


def bounded(value: object, low: object, high: object, digits: int = 2) -> str:
    """``0.42 [0.30, 0.55]``, or the value alone."""
    bounds = interval(low, high, digits)
    return f"{number(as_float(value), digits)}{f' {bounds}' if bounds else ''}"
