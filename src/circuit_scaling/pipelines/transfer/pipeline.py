"""Classified heads -> whether they carry over from one model to another."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from circuit_scaling.pipelines.per_model import in_stage
from circuit_scaling.pipelines.transfer.nodes import compare_models, draw, export
from circuit_scaling.tables.registry import tables_of


def create_pipeline() -> Pipeline:
    """The same for any classified heads, measured here or elsewhere."""
    return in_stage(
        "transfer",
        [
            Node(
                compare_models,
                inputs=["classified_heads", "joint_effects", "params:transfer"],
                outputs={name: name for name in tables_of("transfer")},
                name="compare_models",
            ),
            Node(
                export,
                inputs=["transfer_heads", "transfer_summary", "head_divergence"],
                outputs="transfer_exports",
                name="export_transfer",
            ),
            Node(
                draw,
                inputs=["transfer_summary", "head_divergence"],
                outputs="transfer_figures",
                name="draw_transfer_figures",
            ),
        ],
    )
