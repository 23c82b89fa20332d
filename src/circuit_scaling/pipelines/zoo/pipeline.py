"""The synthetic language -> the embedded models, with their loss curves and accuracies."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from circuit_scaling.configuration import present_roster
from circuit_scaling.pipelines.per_model import for_model, stack
from circuit_scaling.pipelines.zoo.nodes import draw, train


def create_pipeline(slugs: Sequence[str] | None = None) -> Pipeline:
    """One copy of the template per embedded model, by default of the present roster."""
    slugs = present_roster().embedded if slugs is None else slugs
    per_model = sum((_train_one(slug) for slug in slugs), Pipeline([]))
    tables = ("zoo_curves", "zoo_accuracy")
    stacked = [
        Node(
            stack, inputs=[f"{name}__{slug}" for slug in slugs], outputs=name, name=f"stack_{name}"
        )
        for name in tables
        if slugs
    ]
    drawing = Node(draw, inputs=[*tables], outputs="zoo_figures", name="draw_zoo_figures")
    return per_model + Pipeline([*stacked, drawing])


def _train_one(slug: str) -> Pipeline:
    outputs = ("checkpoint", "zoo_curves", "zoo_accuracy")
    template = Pipeline(
        [
            Node(
                for_model(train, slug),
                inputs={"entry": "params:model", "tasks": "params:tasks", "settings": "params:zoo"},
                outputs={name: name for name in outputs},
                name="train",
                tags="measures",
            )
        ]
    )
    return Pipeline(
        template,
        namespace=f"zoo.{slug}",
        parameters={
            "params:model": f"params:models.{slug}",
            "params:tasks": "params:tasks",
            "params:zoo": "params:zoo",
        },
        outputs={name: f"{name}__{slug}" for name in outputs},
    )
