"""Joined tables -> categories, hero heads, exports and figures."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from circuit_scaling.pipelines.classify.nodes import (
    classify_heads,
    draw,
    export,
    look_up_known_heads,
)
from circuit_scaling.pipelines.per_model import in_stage
from circuit_scaling.tables.registry import tables_of


def create_pipeline() -> Pipeline:
    """The same for any joined tables, measured here or elsewhere."""
    classified = [name for name in tables_of("classify") if name != "known_heads"]
    return in_stage(
        "classify",
        [
            Node(
                classify_heads,
                inputs=["joint_heads", "joint_effects", "competence", "params:classify"],
                outputs={name: name for name in classified},
                name="classify_heads",
            ),
            Node(
                look_up_known_heads,
                inputs=[
                    "classified_heads",
                    "joint_effects",
                    "params:models",
                    "params:rosters",
                ],
                outputs="known_heads",
                name="look_up_known_heads",
            ),
            Node(
                export,
                inputs=["joint_heads", "head_category_summary", "hero_heads", "known_heads"],
                outputs="classify_exports",
                name="export_classified_heads",
            ),
            Node(
                draw,
                inputs=["classified_heads", "head_category_summary", "name_order"],
                outputs="classify_figures",
                name="draw_classify_figures",
            ),
        ],
    )
