"""What the page is given where heads, rankings and accuracies were imported, without a run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from circuit_scaling.analysis.classify import categories, heroes
from circuit_scaling.analysis.classify.known_heads import known_heads as find_known_heads
from circuit_scaling.analysis.classify.settings import ClassifySettings
from circuit_scaling.analysis.import_retrieval.imported import import_retrieval_tables
from circuit_scaling.analysis.import_tables.joint import import_joint_table
from circuit_scaling.analysis.import_tables.settings import ImportSettings
from circuit_scaling.analysis.retrieval.comparison.compare import Tables, compare_methods
from circuit_scaling.analysis.retrieval.comparison.settings import ComparisonSettings
from circuit_scaling.analysis.scaling.settings import ScalingSettings
from circuit_scaling.analysis.scaling.study import scaling_tables
from circuit_scaling.analysis.transfer.settings import TransferSettings
from circuit_scaling.analysis.transfer.transfer import transfer
from tests.helpers.given_retrieval import ablations, rankings
from tests.helpers.given_tables import ROSTERS, clean

CLASSIFY = ClassifySettings(tau=0.05, taus=(0.03, 0.05, 0.1), top_k=3, n_boot=200)
_SCALING = ScalingSettings(n_boot=200, n_permutations=99, n_splits=20, depth_bins=4)
_TRANSFER = TransferSettings(k=20, pairs="all", n_null=99, n_boot=200)


def imported_heads(folder: Path, table: pd.DataFrame | None = None) -> dict[str, pd.DataFrame]:
    """A table of heads that is kept whatever its checks find, and all that is made from it."""
    path = folder / "joint.parquet"
    (clean() if table is None else table).to_parquet(path)
    given = import_joint_table(ImportSettings(joint_table=str(path), on_suspect="keep"), ROSTERS)
    joint, effects, competence = given.joint_heads, given.joint_effects, given.competence
    heads, summary = categories.classify_heads(joint, effects, competence, CLASSIFY)
    roster = ROSTERS.root["study"]
    return {
        "import_findings": given.import_findings,
        "competence": competence,
        "classified_heads": heads,
        "head_category_summary": summary,
        "category_sensitivity": categories.sensitivity(joint, competence, CLASSIFY),
        "hero_heads": heroes.hero_heads(heads, CLASSIFY),
        "known_heads": find_known_heads(heads, effects, roster, ROSTERS),
        **scaling_tables(heads, effects, competence, roster, _SCALING, CLASSIFY),
        **transfer(heads, effects, _TRANSFER),
    }


def imported_retrieval(
    folder: Path, ranked: pd.DataFrame | None = None, masked: pd.DataFrame | None = None
) -> dict[str, pd.DataFrame]:
    """Rankings and accuracies that are kept whatever their checks find, and their comparison."""
    paths = {name: folder / f"{name}.parquet" for name in ("head_rankings", "ablation_results")}
    (rankings() if ranked is None else ranked).to_parquet(paths["head_rankings"])
    (ablations() if masked is None else masked).to_parquet(paths["ablation_results"])
    named = {name: str(path) for name, path in paths.items()}
    given = import_retrieval_tables(ImportSettings(**named, on_suspect="keep"), ROSTERS)
    tables = Tables(
        **{name: getattr(given, name) for name in Tables._fields},
    )
    settings = ComparisonSettings(top=5, layer_top=4, frequent=8, consensus_rank=8, n_boot=1)
    compared = compare_methods(tables, settings, ROSTERS, (), {})
    return {
        "import_retrieval_checks": given.import_retrieval_checks,
        "head_rankings": given.head_rankings,
        "ablation_results": given.ablation_results,
        **compared._asdict(),
    }
