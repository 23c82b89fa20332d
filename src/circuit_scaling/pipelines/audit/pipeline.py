"""All tables that are there -> what became of every published finding."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from circuit_scaling.analysis.audit.measures import tables_needed
from circuit_scaling.marks import PARTS_MAY_BE_MISSING
from circuit_scaling.pipelines.audit.nodes import export, judge_findings
from circuit_scaling.pipelines.per_model import in_stage

_CHECKS = ("import_findings", "retrieval_checks", "import_retrieval_checks")


def create_pipeline() -> Pipeline:
    """The tag of the first node tells the input check that parts may be missing."""
    return in_stage(
        "audit",
        [
            Node(
                judge_findings,
                inputs={
                    **{
                        name: f"params:{name}" for name in ("models", "retrieval_models", "rosters")
                    },
                    **{name: name for name in (*tables_needed(), *_CHECKS)},
                },
                outputs="published_audit",
                name="judge_published_findings",
                tags=PARTS_MAY_BE_MISSING,
            ),
            Node(
                export,
                inputs="published_audit",
                outputs="audit_exports",
                name="export_audit",
            ),
        ],
    )
