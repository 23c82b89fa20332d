"""Synthetic language and filings -> the embedded models, with loss curves and accuracies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kedro.pipeline import Node, Pipeline

from circuit_scaling.configuration import RETRIEVAL_MODELS, present_roster
from circuit_scaling.marks import MEASURES
from circuit_scaling.models.roster import Roster
from circuit_scaling.pipelines.per_model import MODEL, in_stage, of_every, per_model, stack
from circuit_scaling.pipelines.zoo.nodes import draw, train, train_to_read


def create_pipeline(roster: Roster | None = None, readers: Roster | None = None) -> Pipeline:
    """One copy per embedded model, and their tables stacked.

    Of rosters without embedded models there is nothing to train, to stack or to draw.

    Args:
        roster: whose embedded models learn names and lists; by default the present one.
        readers: whose embedded models read documents; by default that of the retrieval pipelines.
    """
    slugs = (roster or present_roster()).embedded
    readers = readers or present_roster(RETRIEVAL_MODELS)
    training = per_model("zoo", slugs, [_node(train, "params:tasks", "params:zoo")])
    for slug in readers.embedded:
        start = readers.entry(slug).begins_as
        given = ("params:zoo_readers", *([f"checkpoint__{start}"] if start else []))
        training += per_model(
            "zoo", [slug], [_node(train_to_read, *given)], roster=RETRIEVAL_MODELS
        )
    stacked = {
        "zoo_curves": (*slugs, *readers.embedded),
        "zoo_accuracy": slugs,
        "zoo_answers": readers.embedded,
    }
    stacking = [
        Node(stack, inputs=of_every([name], models), outputs=name, name=f"stack_{name}")
        for name, models in stacked.items()
        if models
    ]
    drawing = Node(
        draw, inputs=["zoo_curves", "zoo_accuracy"], outputs="zoo_figures", name="draw_zoo_figures"
    )
    return training + in_stage("zoo", [*stacking, *([drawing] if slugs else [])])


def _node(function: Callable[..., dict[str, Any]], *given: str) -> Node:
    table = "zoo_accuracy" if function is train else "zoo_answers"
    return Node(
        function,
        inputs=[MODEL, *given],
        outputs={name: name for name in ("checkpoint", "zoo_curves", table)},
        name="train",
        tags=MEASURES,
    )
