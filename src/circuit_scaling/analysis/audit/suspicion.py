"""What checks found suspect about the models, columns and methods that a finding rests on."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pandas as pd

from circuit_scaling.analysis.audit.compared import Compared, methods_in
from circuit_scaling.analysis.audit.evidence import ACCURACIES, HEADS, RANKINGS, Evidence
from circuit_scaling.analysis.audit.measures.registry import Measure
from circuit_scaling.analysis.audit.published import Finding
from circuit_scaling.tables.import_tables import IMPORT_CHECKS

_COLUMNS = {"ioi": "delta_ioi", "anti_names": "delta_anti"}
_SHOWN = 2


def suspicion(
    evidence: Evidence, finding: Finding, measure: Measure, models: Collection[str]
) -> str:
    """The checks with what each found first; "" where nothing is suspect."""
    if measure.tasks:
        return _of_heads(evidence, models, {_COLUMNS[task] for task in measure.tasks})
    if measure.rests_on:
        return _of_rankings(evidence, finding, measure.rests_on)
    return ""


def is_imported(evidence: Evidence, measure: Measure) -> bool:
    """Whether what the measure rests on was measured elsewhere."""
    tables = (HEADS,) if measure.tasks else measure.rests_on
    return any(evidence.imported(name) for name in tables if name in evidence.tables)


def _of_heads(evidence: Evidence, models: Collection[str], columns: Collection[str]) -> str:
    found = evidence.tables.get("import_findings")
    if found is None:
        return ""
    rows = found[
        (found["outcome"] == "suspect")
        & found["model"].isin(list(models))
        & found["column"].isin(["", *columns])
    ]
    rows = rows.sort_values(
        "check", key=lambda column: column.map(IMPORT_CHECKS.index), kind="stable"
    )
    return _told(
        (row["check"], f"{row['model']}{_in(row['column'])}: {row['detail']}")
        for row in rows.to_dict("records")
    )


def _of_rankings(evidence: Evidence, finding: Finding, rests_on: Iterable[str]) -> str:
    """Of accuracies too, because the heads that were masked are those of the rankings."""
    compared = Compared(evidence, [RANKINGS, ACCURACIES])
    methods = [compared.named(method) for method in methods_in(finding.arguments)]
    names = ["retrieval_checks"]
    if any(evidence.imported(name) for name in rests_on if name in evidence.tables):
        names.append("import_retrieval_checks")
    parts = [evidence.tables[name] for name in names if name in evidence.tables]
    if not parts:
        return ""
    rows = pd.concat(parts).drop_duplicates(["table", "check", "where"])
    rows = rows[(rows["outcome"] == "suspect") & rows["table"].isin([RANKINGS, *rests_on])]
    about = [where.partition(", ")[0] in ("", *methods) for where in rows["where"]]
    rows = rows.loc[about]
    return _told(
        (row["check"], f"{row['where']}: {row['detail']}".removeprefix(": "))
        for row in rows.to_dict("records")
    )


def _in(column: str) -> str:
    return f", {column}" if column else ""


def _told(found: Iterable[tuple[str, str]]) -> str:
    """Each check once, with the first thing that it found."""
    first: dict[str, str] = {}
    for check, detail in found:
        first.setdefault(check, detail)
    told = [f"{check} ({detail})" for check, detail in list(first.items())[:_SHOWN]]
    told += list(first)[_SHOWN:]
    return "; ".join(told)
