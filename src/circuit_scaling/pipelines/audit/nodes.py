"""Nodes of the audit: judge every published finding by the tables that are there, and export."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from circuit_scaling.analysis.audit.audit import audit
from circuit_scaling.analysis.audit.evidence import HEADS, Evidence
from circuit_scaling.analysis.audit.published import published_findings
from circuit_scaling.analysis.made_from import is_made_from, mark_on, stamp
from circuit_scaling.makers import what_to_run
from circuit_scaling.models.roster import Roster, Rosters
from circuit_scaling.report.chapters.import_tables import is_of

_log = logging.getLogger(__name__)


def judge_findings(
    models: dict[str, Any],
    retrieval_models: dict[str, Any],
    rosters: Rosters,
    **parts: pd.DataFrame | None,
) -> pd.DataFrame:
    """Every published finding, and what is measured here of it.

    ``parts`` are tables by name, and None where they are missing.
    Tables that were made from other heads than those that are there count as missing, and so does
    what was found about an imported table in whose place scans have come.
    """
    tables = {name: part for name, part in parts.items() if part is not None}
    heads = tables.get(HEADS)
    if not is_of(tables.get("import_findings"), heads):
        tables.pop("import_findings", None)
    outdated = [
        name for name, table in tables.items() if mark_on(table) and not _fits(table, heads)
    ]
    if outdated:
        _log.warning("Not used, because made from other heads: %s.", ", ".join(outdated))
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


def _fits(table: pd.DataFrame, heads: pd.DataFrame | None) -> bool:
    return heads is not None and is_made_from(table, heads)
