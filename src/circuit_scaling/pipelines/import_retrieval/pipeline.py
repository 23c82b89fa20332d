"""Rankings and masked accuracies measured elsewhere -> the tables that the comparison reads."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from circuit_scaling.pipelines.import_retrieval.nodes import export, import_files
from circuit_scaling.pipelines.per_model import in_stage

_MEASURED = ("head_rankings", "ablation_results", "joint_scores", "joint_answers")
_CHECKS = "import_retrieval_checks"


def create_pipeline() -> Pipeline:
    """The first four tables are those of detection and masking: never both in one run."""
    return in_stage(
        "import_retrieval",
        [
            Node(
                import_files,
                inputs=["params:import", "params:rosters"],
                outputs={name: name for name in (*_MEASURED, _CHECKS)},
                name="import_retrieval_tables",
            ),
            Node(
                export,
                inputs=_CHECKS,
                outputs="import_retrieval_exports",
                name="export_import_retrieval_checks",
            ),
        ],
    )
