"""Per-model scans -> the joined tables that everything downstream reads."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from circuit_scaling.configuration import present_slugs
from circuit_scaling.pipelines.join.nodes import (
    compare_ablations,
    draw,
    join_one_model,
    stack_competence,
)
from circuit_scaling.pipelines.per_model import MODEL, in_stage, of_every, per_model, stack
from circuit_scaling.tables.registry import tables_of

STAGE = "scan.join"
"""Inside the box of the scan, because the tables that pass between them are many."""

_SCANNED = ("prompts", "head_effects", "head_attributions", "head_profiles")
_COMPARED = "ablation_agreement"
_SETTINGS = {
    "entry": MODEL,
    "tasks": "params:tasks",
    "prompt_settings": "params:prompts",
    "scan_settings": "params:scan",
    "settings": "params:join",
}


def create_pipeline(slugs: Sequence[str] | None = None) -> Pipeline:
    """One copy per model, by default of the present roster, and their tables stacked."""
    slugs = present_slugs() if slugs is None else slugs
    by_head = [name for name in tables_of("join") if name != _COMPARED]
    joining = per_model(
        STAGE,
        slugs,
        [
            Node(
                join_one_model,
                inputs={**_SETTINGS, **{name: name for name in _SCANNED}},
                outputs={name: name for name in by_head},
                name="join_heads",
            ),
            Node(
                compare_ablations,
                inputs=["params:scan", "params:join", "params:classify.tau", "head_effects"],
                outputs=_COMPARED,
                name="compare_ablations",
            ),
        ],
        by_model=_SCANNED,
    )
    stacking = [
        Node(stack, inputs=of_every([name], slugs), outputs=name, name=f"stack_{name}")
        for name in (*tables_of("join"), "bos_effects", "run_log")
    ]
    stacking.append(
        Node(
            stack_competence,
            inputs=["params:join", *of_every(["competence"], slugs)],
            outputs="competence",
            name="stack_competence",
        )
    )
    drawing = Node(
        draw,
        inputs=[
            "competence",
            _COMPARED,
            "attribution_agreement",
            "bos_effects",
            "params:classify.tau",
        ],
        outputs="join_figures",
        name="draw_join_figures",
    )
    return joining + in_stage(STAGE, [*stacking, drawing])
