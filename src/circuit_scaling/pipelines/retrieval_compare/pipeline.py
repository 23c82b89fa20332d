"""Rankings and accuracies of all methods and models -> findings, with chance and ceilings."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from circuit_scaling.pipelines.per_model import in_stage
from circuit_scaling.pipelines.retrieval_compare.nodes import compare, draw, export

_READ = ("head_rankings", "ablation_results", "joint_scores", "joint_answers")
_ROLES = {
    "model_pairs": "params:import.model_pairs",
    "question_kinds": "params:import.question_kinds",
}
_FOUND = ("retrieval_findings", "absent_findings", "retrieval_checks")


def create_pipeline() -> Pipeline:
    """What it reads was measured (``retrieval_detect``, ``retrieval_mask``) or imported."""
    return in_stage(
        "retrieval_compare",
        [
            Node(
                compare,
                inputs={
                    "settings": "params:comparison",
                    "rosters": "params:rosters",
                    **_ROLES,
                    **{name: name for name in _READ},
                },
                outputs={name: name for name in _FOUND},
                name="compare_methods",
            ),
            Node(
                export,
                inputs=list(_FOUND),
                outputs="retrieval_compare_exports",
                name="export_retrieval_findings",
            ),
            Node(
                draw,
                inputs={
                    "settings": "params:comparison",
                    "question_kinds": _ROLES["question_kinds"],
                    **{name: name for name in ("retrieval_findings", *_READ[:2])},
                },
                outputs="retrieval_compare_figures",
                name="draw_retrieval_compare_figures",
            ),
        ],
    )
