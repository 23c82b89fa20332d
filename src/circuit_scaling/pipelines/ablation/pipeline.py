"""Hero heads + prompts -> sets of heads ablated together -> heroes against random heads."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from circuit_scaling.configuration import present_slugs
from circuit_scaling.marks import MEASURES
from circuit_scaling.pipelines.ablation.nodes import (
    ablate_sets,
    collect,
    compare_sets,
    draw,
    export,
)
from circuit_scaling.pipelines.per_model import MODEL, in_stage, of_every, per_model

_SETTINGS = {
    "entry": MODEL,
    "tasks": "params:tasks",
    "prompt_settings": "params:prompts",
    "scan_settings": "params:scan",
    "columns": "params:join",
    "settings": "params:ablation",
}
_HEADS = ("joint_prompts", "classified_heads", "hero_heads")
_COMPARED = ("ablation_trials", "competence")
_ABLATED = ("ablation_trials", "ablation_log")
_COLLECTED = ("ablation_summary", "ablation_log")


def create_pipeline(slugs: Sequence[str] | None = None) -> Pipeline:
    """One copy per model, by default of the present roster, and all of them together."""
    slugs = present_slugs() if slugs is None else slugs
    ablating = per_model(
        "ablation",
        slugs,
        [
            Node(
                ablate_sets,
                inputs={**_SETTINGS, **{name: name for name in _HEADS}},
                outputs={name: name for name in _ABLATED},
                name="ablate_sets",
                tags=MEASURES,
            ),
            Node(
                compare_sets,
                inputs={**_SETTINGS, **{name: name for name in (*_HEADS, *_COMPARED)}},
                outputs="ablation_summary",
                name="compare_sets",
            ),
        ],
    )
    return ablating + in_stage(
        "ablation",
        [
            Node(
                collect,
                inputs=["classified_heads", *of_every(_COLLECTED, slugs)],
                outputs={name: name for name in _COLLECTED},
                name="collect_summaries",
            ),
            Node(
                export,
                inputs="ablation_summary",
                outputs="ablation_exports",
                name="export_ablation",
            ),
            Node(
                draw,
                inputs=["ablation_summary", "params:models"],
                outputs="ablation_figures",
                name="draw_ablation_figures",
            ),
        ],
    )
