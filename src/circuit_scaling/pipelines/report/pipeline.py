"""Every table that is there -> one self-contained page."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from circuit_scaling.pipelines.report.nodes import write_report

PARTS = (
    "competence",
    "classified_heads",
    "head_category_summary",
    "category_sensitivity",
    "hero_heads",
    "known_heads",
    "transfer_summary",
    "head_matching",
    "head_divergence",
    "corr_vs_scale",
    "strong_head_scaling",
    "scale_trend",
    "layer_profile",
    "control_models",
    "ablation_summary",
    "ablation_agreement",
    "attribution_agreement",
    "causal_summary",
    "hero_pairs",
    "hero_similarity",
    "import_findings",
    "zoo_curves",
    "zoo_accuracy",
    "run_log",
)


def create_pipeline() -> Pipeline:
    """One node; its tag tells the input check that parts may be missing."""
    return Pipeline(
        [
            Node(
                write_report,
                inputs={
                    "models": "params:models",
                    "settings": "params:classify",
                    **{part: part for part in PARTS},
                },
                outputs="report_page",
                name="write_report",
                tags="parts_may_be_missing",
            )
        ]
    )
