"""Roster entry + tasks -> prompts -> effects, attributions, profiles, competence."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from circuit_scaling.configuration import present_slugs
from circuit_scaling.marks import KEEPS_LAYERS, MEASURES
from circuit_scaling.pipelines.per_model import MODEL, per_model
from circuit_scaling.pipelines.scan.nodes import ablate_heads, make_prompts
from circuit_scaling.tables.registry import tables_of


def create_pipeline(slugs: Sequence[str] | None = None) -> Pipeline:
    """One copy per model, by default of the present roster: ``scan.<slug>``."""
    measured = [name for name in tables_of("scan") if name != "prompts"]
    return per_model(
        "scan",
        present_slugs() if slugs is None else slugs,
        [
            Node(
                make_prompts,
                inputs=[MODEL, "params:tasks", "params:prompts"],
                outputs="prompts",
                name="make_prompts",
                tags=MEASURES,
            ),
            Node(
                ablate_heads,
                inputs=[MODEL, "params:tasks", "params:scan", "params:classify.tau", "prompts"],
                outputs={name: name for name in measured},
                name="ablate_heads",
                tags=[MEASURES, KEEPS_LAYERS],
            ),
        ],
    )
