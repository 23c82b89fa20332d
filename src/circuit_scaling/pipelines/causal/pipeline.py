"""Hero heads -> what they carry, where they look and write to, model by model; then together."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from circuit_scaling.configuration import present_slugs
from circuit_scaling.marks import MEASURES
from circuit_scaling.pipelines.causal.nodes import PER_MODEL, collect, draw, export, trace_heads
from circuit_scaling.pipelines.per_model import MODEL, in_stage, of_every, per_model

_SETTINGS = {
    "entry": MODEL,
    "tasks": "params:tasks",
    "prompt_settings": "params:prompts",
    "scan": "params:scan",
    "columns": "params:join",
    "settings": "params:causal",
}
_HEADS = ("joint_prompts", "classified_heads", "hero_heads")
_CLASSIFIED = ("classified_heads", "hero_heads")
_COLLECTED = (
    "causal_summary",
    "head_reads",
    "head_writes",
    "hero_pairs",
    "hero_similarity",
    "causal_log",
)


def create_pipeline(slugs: Sequence[str] | None = None) -> Pipeline:
    """One copy per model, by default of the present roster, and what follows."""
    slugs = present_slugs() if slugs is None else slugs
    tracing = per_model(
        "causal",
        slugs,
        [
            Node(
                trace_heads,
                inputs={**_SETTINGS, **{name: name for name in _HEADS}},
                outputs={name: name for name in PER_MODEL},
                name="trace_heads",
                tags=MEASURES,
            )
        ],
    )
    return tracing + in_stage(
        "causal",
        [
            Node(
                collect,
                inputs=[
                    "params:models",
                    "params:join",
                    "params:causal",
                    *_CLASSIFIED,
                    *of_every(PER_MODEL, slugs),
                ],
                outputs={name: name for name in _COLLECTED},
                name="collect_traces",
            ),
            Node(
                export,
                inputs="causal_summary",
                outputs="causal_exports",
                name="export_traces",
            ),
            Node(
                draw,
                inputs=["params:models", "causal_summary", "head_reads", "head_writes"],
                outputs="causal_figures",
                name="draw_causal_figures",
            ),
        ],
    )
