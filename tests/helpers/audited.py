"""Audits: one in which every finding was judged, and those of tables measured elsewhere."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from circuit_scaling.analysis.audit.audit import audit
from circuit_scaling.analysis.audit.evidence import Evidence
from circuit_scaling.analysis.audit.published import published_findings
from circuit_scaling.analysis.classify.settings import ClassifySettings
from circuit_scaling.analysis.import_retrieval.imported import import_retrieval_tables
from circuit_scaling.analysis.import_tables.joint import import_joint_table
from circuit_scaling.analysis.import_tables.settings import ImportSettings
from circuit_scaling.analysis.retrieval.comparison.compare import Tables, compare_methods
from circuit_scaling.analysis.retrieval.comparison.settings import ComparisonSettings
from circuit_scaling.analysis.scaling.settings import ScalingSettings
from circuit_scaling.analysis.transfer.settings import TransferSettings
from circuit_scaling.pipelines.classify.nodes import classify_heads
from circuit_scaling.pipelines.scaling.nodes import measure_scaling
from circuit_scaling.pipelines.transfer.nodes import compare_models
from circuit_scaling.tables.audit import NOT_RUN
from tests.helpers.configured import ROSTERS
from tests.helpers.valid_tables import VALID

CLASSIFY = ClassifySettings(tau=0.05, taus=(0.05,), top_k=3, n_boot=200)
SCALING = ScalingSettings(n_boot=200, n_permutations=9, n_splits=2, depth_bins=4)
TRANSFER = TransferSettings(k=20, pairs="all", n_null=99, n_boot=200)
COMPARED = ComparisonSettings(top=50, layer_top=20, frequent=100, consensus_rank=100, n_boot=1)
MAKERS = {"transfer_summary": ["transfer"], "ablation_summary": ["ablation"]}


def published_audit() -> pd.DataFrame:
    """Every finding was judged."""
    judged = pd.DataFrame(VALID["published_audit"])
    return judged[judged["outcome"] != NOT_RUN].reset_index(drop=True)


def tables_of_heads(given: pd.DataFrame, folder: Path) -> dict[str, pd.DataFrame]:
    """What the pipelines make of an imported table of head effects, suspect or not."""
    path = folder / "joint.csv"
    given.to_csv(path, index=False)
    settings = ImportSettings(joint_table=str(path), on_suspect="keep")
    imported = import_joint_table(settings, ROSTERS)
    joint = (imported.joint_heads, imported.joint_effects, imported.competence)
    found = classify_heads(*joint, CLASSIFY)
    heads = found["classified_heads"]
    roster = ROSTERS.root["study"].model_dump()
    return {
        "import_findings": imported.import_findings,
        **found,
        **measure_scaling(heads, *joint[1:], roster, SCALING, CLASSIFY),
        **compare_models(heads, imported.joint_effects, TRANSFER),
    }


def tables_of_retrieval(folder: Path, **given: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What the pipelines make of imported rankings, accuracies, or both, suspect or not."""
    paths = {name: str(folder / f"{name}.parquet") for name in given}
    for name, table in given.items():
        table.to_parquet(paths[name])
    settings = ImportSettings(**paths, on_suspect="keep")
    imported = import_retrieval_tables(settings, ROSTERS)._asdict()
    checks = imported.pop("import_retrieval_checks")
    compared = compare_methods(Tables(**imported), COMPARED, ROSTERS, (), {})
    return {"import_retrieval_checks": checks, **imported, **compared._asdict()}


def audited(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The audit of these tables, by the id of the finding."""
    evidence = Evidence(tables, ROSTERS)
    return audit(published_findings(), evidence, MAKERS).set_index("id")
