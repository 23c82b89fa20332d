"""Nodes of the import: read and check the table, and write what was found for people."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.analysis.import_tables.joint import import_joint_table
from circuit_scaling.analysis.import_tables.mark import heads_mark
from circuit_scaling.analysis.import_tables.settings import ImportSettings
from circuit_scaling.marks import marked_by
from circuit_scaling.models.roster import Rosters


@marked_by(heads_mark, "from another file, or with other rosters")
def import_table(settings: ImportSettings, rosters: Rosters) -> dict[str, pd.DataFrame]:
    """Refuse a table that cannot be right; else write it as ``join`` writes scans."""
    imported = import_joint_table(settings, rosters)
    return {
        "joint_heads": imported.joint_heads,
        "joint_effects": imported.joint_effects,
        "competence": imported.competence,
        "import_findings": imported.import_findings,
    }


def export(import_findings: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The outcome of every check, as CSV."""
    return {"import_findings": import_findings}
