"""Nodes of the audit: judge every published finding by the tables that are there, and export."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pandas as pd

from circuit_scaling.analysis.audit.audit import audit
from circuit_scaling.analysis.audit.evidence import ACCURACIES, HEADS, RANKINGS, Evidence
from circuit_scaling.analysis.audit.published import published_findings
from circuit_scaling.analysis.made_from import is_about, mark_of, mark_of_prints, mark_on, stamp
from circuit_scaling.makers import what_to_run
from circuit_scaling.models.roster import Roster, Rosters

_log = logging.getLogger(__name__)


def judge_findings(
    models: dict[str, Any],
    retrieval_models: dict[str, Any],
    rosters: Rosters,
    **parts: pd.DataFrame | None,
) -> pd.DataFrame:
    """Every published finding, and what is measured here of it.

    ``parts`` are tables by name, and None where they are missing.
    Tables that were made from other heads, rankings or accuracies than those that are there count
    as missing, and so does what was found about an imported table in whose place scans have come.
    """
    tables = {name: part for name, part in parts.items() if part is not None}
    heads = tables.get(HEADS)
    if not is_about(tables.get("import_findings"), heads):
        tables.pop("import_findings", None)
    marks = _marks(tables)
    outdated = [
        name for name, table in tables.items() if mark_on(table) and mark_on(table) not in marks
    ]
    if outdated:
        _log.warning("Not used, because made from others: %s.", ", ".join(outdated))
    kept = {name: table for name, table in tables.items() if name not in outdated}
    of_run = [Roster.model_validate(roster) for roster in (models, retrieval_models)]
    judged = audit(published_findings(), Evidence(kept, rosters, of_run), what_to_run())
    if heads is not None:
        stamp({"published_audit": judged}, heads)
    counts = judged["outcome"].value_counts()
    _log.info("Published findings: %s.", ", ".join(f"{n} {name}" for name, n in counts.items()))
    return judged


def export(published_audit: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The CSV table for people."""
    return {"published_audit": published_audit}


def _marks(tables: Mapping[str, pd.DataFrame]) -> set[str]:
    """The marks of what can be made from the heads that are there, and from the rankings."""
    of_heads = {mark_of(tables[HEADS])} if HEADS in tables else set()
    return of_heads | {mark_of_prints(*(tables[n] for n in (RANKINGS, ACCURACIES) if n in tables))}
