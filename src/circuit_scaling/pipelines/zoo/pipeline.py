"""The synthetic language -> the embedded models, with their loss curves and accuracies."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from circuit_scaling.configuration import present_roster
from circuit_scaling.pipelines.per_model import MODEL, in_stage, of_every, per_model, stack
from circuit_scaling.pipelines.zoo.nodes import draw, train
from circuit_scaling.provenance import MEASURES
from circuit_scaling.tables.registry import tables_of


def create_pipeline(slugs: Sequence[str] | None = None) -> Pipeline:
    """One copy per embedded model, by default of the present roster, and their tables stacked.

    Of a roster without embedded models there is nothing to train, to stack or to draw.
    """
    slugs = present_roster().embedded if slugs is None else slugs
    if not slugs:
        return Pipeline([])
    tables = tables_of("zoo")
    training = per_model(
        "zoo",
        slugs,
        [
            Node(
                train,
                inputs=[MODEL, "params:tasks", "params:zoo"],
                outputs={name: name for name in ("checkpoint", *tables)},
                name="train",
                tags=MEASURES,
            )
        ],
    )
    stacking = [
        Node(stack, inputs=of_every([name], slugs), outputs=name, name=f"stack_{name}")
        for name in tables
    ]
    drawing = Node(draw, inputs=[*tables], outputs="zoo_figures", name="draw_zoo_figures")
    return training + in_stage("zoo", [*stacking, drawing])
