"""A table measured elsewhere -> the joined tables, in place of ``join``."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from circuit_scaling.pipelines.import_tables.nodes import export, import_table
from circuit_scaling.pipelines.per_model import in_stage

_IMPORTED = ("joint_heads", "joint_effects", "competence", "import_findings")


def create_pipeline() -> Pipeline:
    """The first three tables are those of ``join``, so that the two cannot be in one run."""
    return in_stage(
        "import_tables",
        [
            Node(
                import_table,
                inputs=["params:import", "params:rosters"],
                outputs={name: name for name in _IMPORTED},
                name="import_table",
            ),
            Node(
                export,
                inputs="import_findings",
                outputs="import_exports",
                name="export_import_findings",
            ),
        ],
    )
