"""The nodes of the report: they only read, and any part may be missing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pandas as pd
from kedro.framework.project import pipelines

from circuit_scaling import __version__
from circuit_scaling.analysis.made_from import (
    is_about,
    is_made_from,
    mark_of,
    mark_of_prints,
    mark_on,
)
from circuit_scaling.commands import run_command
from circuit_scaling.datasets.commit import commit_of
from circuit_scaling.figures.stored import StoredFigure
from circuit_scaling.makers import what_to_run
from circuit_scaling.models.roster import Roster
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.notes import render_notes
from circuit_scaling.report.page import render_report
from circuit_scaling.report.reading_order import CHAPTERS, figures_of_the_page
from circuit_scaling.tables.made_with import parameter

Tables = dict[str, pd.DataFrame]
Part = pd.DataFrame | dict[str, StoredFigure] | None
_HEADS = "classified_heads"
_RETRIEVAL = ("head_rankings", "ablation_results")
_CHECKS = "import_retrieval_checks"
_OF_QUESTIONS = {"known_retrieval_heads", "question_counts", "masking_summary"}
_OF_QUESTIONS |= {"detect_log", "mask_log"}
_log = logging.getLogger(__name__)


def write_report(models: dict[str, Any], **parts: Part) -> str:
    """The page; parts are tables and sets of figures by name, and None where they are missing."""
    return render_report(_context(models, parts))


def write_notes(models: dict[str, Any], **parts: Part) -> dict[str, str]:
    """The notes in words, by the names of their files, of the same parts."""
    return render_notes(_context(models, parts))


def _context(models: dict[str, Any], parts: dict[str, Part]) -> ReportContext:
    """What page and notes are made from.

    Parts that no pipeline of this roster makes lie there for another roster: the training of the
    embedded models, where none of them is scanned.
    """
    makers = what_to_run()
    parts = {name: part for name, part in parts.items() if name in makers}
    tables = {name: part for name, part in parts.items() if isinstance(part, pd.DataFrame)}
    roster = None
    if is_about(tables.get("import_findings"), tables.get(_HEADS)):
        tables = _without_scans(tables)
    else:
        tables.pop("import_findings", None)
        roster = _roster_table(Roster.model_validate(models))
    tables = _with_imported_retrieval(tables)
    outdated = _outdated(tables, makers)
    if outdated:
        _log.warning(
            "Left out of the report, because they were made from other heads: the tables of %s. "
            "Run these pipelines again, then report.",
            " and ".join(outdated),
        )
    tables = {name: table for name, table in tables.items() if makers[name][-1] not in outdated}
    figures = {
        name: figure
        for dataset in figures_of_the_page()
        if dataset in parts
        if makers[dataset][-1] not in outdated and isinstance(part := parts[dataset], dict)
        for name, figure in _shown(part, makers[dataset][-1], tables.get(_HEADS)).items()
    }
    return ReportContext(
        tables=tables,
        figures=figures,
        roster=roster,
        makers=makers,
        outdated=frozenset(outdated),
        run=run_command(),
        project_version=__version__,
        commits=_commits(tables),
        **_made_with(tables),
    )


def _without_scans(tables: Tables) -> Tables:
    """What scans leave says nothing about heads that were imported into the same place."""
    of_scans = {name for chapter in CHAPTERS if chapter.needs_scan for name in chapter.tables}
    logs = {name for name in tables if name.endswith("_log")}
    return {name: table for name, table in tables.items() if name not in of_scans | logs}


def _with_imported_retrieval(tables: Tables) -> Tables:
    """With the checks of imported rankings and accuracies only where these are the imported ones.

    Beside them, what measured models left says nothing about them.
    """
    checks = tables.get(_CHECKS)
    if checks is None:
        return tables
    if mark_on(checks) != _mark_of_retrieval(tables):
        return {name: table for name, table in tables.items() if name != _CHECKS}
    return {name: table for name, table in tables.items() if name not in _OF_QUESTIONS}


def _mark_of_retrieval(tables: Tables) -> str:
    return mark_of_prints(*(tables[name] for name in _RETRIEVAL if name in tables))


def _outdated(tables: Tables, makers: Mapping[str, list[str]]) -> list[str]:
    """The pipelines that read heads or rankings, and left tables made from other ones."""
    outdated = set()
    if _HEADS in tables:
        others = (n for n, table in tables.items() if not is_made_from(table, tables[_HEADS]))
        outdated = {makers[name][-1] for name in others}
        outdated = {name for name in outdated if _HEADS in pipelines[name].inputs()}
    findings = tables.get("retrieval_findings")
    if findings is not None and mark_on(findings) not in (None, _mark_of_retrieval(tables)):
        outdated.add("retrieval_compare")
    return [name for name in pipelines if name in outdated]


def _shown(
    figures: dict[str, StoredFigure], pipeline: str, heads: pd.DataFrame | None
) -> dict[str, StoredFigure]:
    """Those that a chapter shows; of what is made from heads, none of other heads."""
    wanted = {name for chapter in CHAPTERS for name in chapter.figures}
    shown = {name: figure for name, figure in figures.items() if name in wanted}
    if heads is None or _HEADS not in pipelines[pipeline].datasets():
        return shown
    mark = mark_of(heads)
    return {name: figure for name, figure in shown.items() if figure.source == mark}


def _made_with(tables: Tables) -> dict[str, Any]:
    """The parameters that the page prints, as the heads on it were made with them."""
    if _HEADS not in tables:
        return {}
    told: dict[str, Any] = {"tau": parameter(tables[_HEADS], "classify.tau", _HEADS)}
    agreement = tables.get("ablation_agreement")
    if agreement is not None:
        primary = parameter(agreement, "scan.primary", "ablation_agreement")
        told["primary"] = (primary["ablation"], primary["positions"])
    return told


def _roster_table(roster: Roster) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "family": entry.family,
                "model": entry.slug,
                "params_m": entry.params_m,
                "layers": entry.n_layers,
                "heads": entry.n_heads,
                "source": entry.source,
                "note": entry.note,
            }
            for entry in roster.root.values()
        ]
    )


def _commits(tables: Tables) -> dict[str, list[str]]:
    """Commit -> the tables that were made at it."""
    made: dict[str, list[str]] = {}
    for name, table in tables.items():
        commit = commit_of(table)
        if commit:
            made.setdefault(commit, []).append(name)
    return made
