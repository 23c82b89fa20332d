"""The chapter on imported rankings and accuracies: what was given, and what its checks found."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.report.blocks import (
    Cell,
    Table,
    columns,
    count_cell,
    counted,
    listed,
    text_cell,
)
from circuit_scaling.report.chapter import Chapter, Told
from circuit_scaling.report.context import ReportContext

_KINDS = {"head_rankings": "rankings", "ablation_results": "accuracies"}


def _tell(context: ReportContext) -> Told:
    """What was given, what is missing with it, and what the checks found."""
    checks = context.tables["import_retrieval_checks"]
    given = {
        name: table
        for name in _KINDS
        if (table := context.tables.get(name)) is not None and len(table)
    }
    told = [
        f"The {listed([_KINDS[name] for name in given]) or 'tables'} of retrieval heads on this"
        " page were measured elsewhere and imported. Intervals and what depends on single answers"
        " need samples, so they are missing."
    ]
    return Told([*told, *_outcome(checks)], [*_found(checks), *_contents(given)])


def _outcome(checks: pd.DataFrame) -> list[str]:
    suspect = checks[checks["outcome"] == "suspect"]
    if len(suspect):
        return [
            f"They cannot be right as they are: {counted(len(suspect), 'finding')} of the checks."
            " They were kept on request; what rests on suspect rows is no result."
        ]
    possible = "" if (checks["outcome"] != "not possible").all() else " that was possible"
    return [f"They passed every check{possible}."]


def _found(checks: pd.DataFrame) -> list[Table]:
    told = checks[checks["outcome"].isin(["suspect", "noted"])]
    if told.empty:
        return []
    names = ("table", "check", "outcome", "where", "detail", "cause")
    rows = [
        (
            text_cell(_KINDS[table]),
            text_cell(check),
            Cell("", flag=outcome) if outcome == "suspect" else text_cell(outcome),
            *(text_cell(value) for value in rest),
        )
        for table, check, outcome, *rest in columns(told, *names)
    ]
    heads = ("table", "check", "outcome", "where", "found", "likely cause")
    return [Table(heads, rows, "What the checks found.")]


def _contents(given: dict[str, pd.DataFrame]) -> list[Table]:
    rows = [
        (
            text_cell(_KINDS[name]),
            text_cell(method),
            text_cell(model),
            text_cell(", ".join(dict.fromkeys(map(str, group["question"])))),
            text_cell(", ".join(f"{length:,}" for length in sorted({*group["token_length"]}))),
            count_cell(len(group)),
        )
        for name, table in given.items()
        for (method, model), group in table.groupby(["method", "model"], sort=False)
    ]
    names = ("table", "method", "model", "questions", "tokens", "rows")
    return [Table(names, rows, "What the tables hold.")]


CHAPTER = Chapter(
    anchor="imported-retrieval",
    title="The imported rankings and accuracies",
    pipeline="import_retrieval",
    tables=("import_retrieval_checks",),
    also=("head_rankings", "ablation_results"),
    tell=_tell,
    may_be_absent=True,
)
