"""Nodes of the import: read and check rankings and accuracies, write for people what was found."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.analysis.import_retrieval.imported import import_retrieval_tables
from circuit_scaling.analysis.import_tables.mark import retrieval_mark
from circuit_scaling.analysis.import_tables.settings import ImportSettings
from circuit_scaling.analysis.made_from import mark_of_prints, stamp_with
from circuit_scaling.marks import marked_by
from circuit_scaling.models.roster import Rosters


@marked_by(retrieval_mark, "from another file, or with other rosters")
def import_files(settings: ImportSettings, rosters: Rosters) -> dict[str, pd.DataFrame]:
    """Refuse tables that cannot be right; else write them as the retrieval pipelines do.

    The outcomes of the checks say of which tables they are.
    """
    imported = import_retrieval_tables(settings, rosters)
    mark = mark_of_prints(imported.head_rankings, imported.ablation_results)
    stamp_with({"import_retrieval_checks": imported.import_retrieval_checks}, mark)
    return imported._asdict()


def export(import_retrieval_checks: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The outcome of every check, as CSV."""
    return {"import_retrieval_checks": import_retrieval_checks}
