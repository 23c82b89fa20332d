"""Classified heads -> how correlation, strong heads and depths change with scale."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from circuit_scaling.pipelines.per_model import in_stage
from circuit_scaling.pipelines.scaling.nodes import draw, export, measure_scaling
from circuit_scaling.tables.registry import tables_of


def create_pipeline() -> Pipeline:
    """The same for any classified heads, measured here or elsewhere."""
    return in_stage(
        "scaling",
        [
            Node(
                measure_scaling,
                inputs=[
                    "classified_heads",
                    "joint_effects",
                    "competence",
                    "params:models",
                    "params:scaling",
                    "params:classify",
                ],
                outputs={name: name for name in tables_of("scaling")},
                name="measure_scaling",
            ),
            Node(
                export,
                inputs="corr_vs_scale",
                outputs="scaling_exports",
                name="export_scaling",
            ),
            Node(
                draw,
                inputs=["classified_heads", "corr_vs_scale", "strong_head_scaling"],
                outputs="scaling_figures",
                name="draw_scaling_figures",
            ),
        ],
    )
