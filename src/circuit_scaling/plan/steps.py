"""What a run with ``--resume`` would still do, and which models it would open for which stage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from kedro.pipeline import Node, Pipeline

from circuit_scaling.resume.judge import why_make
from circuit_scaling.resume.ledger import Ledger
from circuit_scaling.runners.steps import State, Steps

if TYPE_CHECKING:
    from circuit_scaling.measuring.shared.run_log import Stage

STAGES: tuple[Stage, ...] = ("scan", "causal", "ablation", "retrieval_detect", "retrieval_mask")
"""Those that open models, in the order of the studies."""
_LOG = "_log"
_WAITS = "it waits for what comes before"


@dataclass(frozen=True)
class Todo:
    """The steps of a run, as they stand.

    Attributes:
        n_steps: all of them.
        n_up_to_date: those whose stored results are what would be made now.
        models: (stage, model) -> why the model is worked on; empty where that is done.
    """

    n_steps: int
    n_up_to_date: int
    models: Mapping[tuple[Stage, str], str]


def todo_of(pipeline: Pipeline, ledger: Ledger) -> Todo:
    """Judge every step by what is stored; nothing is run.

    A step that waits for another one may turn out to be right when that has run: it counts as one
    that has to run.
    """
    steps = Steps(pipeline, ledger.is_stored, lambda node: why_make(node, ledger))
    steps.ready()
    up_to_date = set(steps.of(State.UP_TO_DATE))
    handed_on = {node for node in pipeline.nodes if not any(map(ledger.is_stored, node.outputs))}
    return Todo(
        n_steps=len(pipeline.nodes) - len(handed_on),
        n_up_to_date=len(up_to_date - handed_on),
        models={
            place: "" if node in up_to_date else steps.reasons.get(node, _WAITS)
            for node in pipeline.nodes
            if (place := _opened(node))
        },
    )


def _opened(node: Node) -> tuple[Stage, str] | None:
    """The stage and the model of a node that logs what its work on a model took."""
    stage, _, model = (node.namespace or "").partition(".")
    logs = any(name.endswith(f"{_LOG}__{model}") for name in node.outputs)
    return (cast("Stage", stage), model) if logs and model else None
