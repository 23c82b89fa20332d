"""Hero heads -> what they carry, where they look and write to, model by model; then together."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from circuit_scaling.configuration import present_slugs
from circuit_scaling.pipelines.causal.nodes import PER_MODEL, collect, draw, export, trace_heads
from circuit_scaling.pipelines.per_model import for_model, for_models

_SHARED = ("tasks", "prompts", "scan", "causal")
_SCANNED = ("prompts", "head_profiles")
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
    """One copy of the template per model, ``causal.<slug>``, and what follows.

    Models are by default those of the present roster.
    """
    slugs = present_slugs() if slugs is None else slugs
    per_model = sum((_trace_one(slug) for slug in slugs), Pipeline([]))
    return per_model + Pipeline(
        [
            Node(
                for_models(collect, slugs),
                inputs=[
                    "params:models",
                    "params:causal",
                    *_CLASSIFIED,
                    *(f"{name}__{slug}" for slug in slugs for name in PER_MODEL),
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
                for_models(draw, slugs),
                inputs=["causal_summary", "head_reads", "head_writes"],
                outputs="causal_figures",
                name="draw_causal_figures",
            ),
        ]
    )


def _trace_one(slug: str) -> Pipeline:
    template = Pipeline(
        [
            Node(
                for_model(trace_heads, slug),
                inputs={
                    "entry": "params:model",
                    "tasks": "params:tasks",
                    "prompt_settings": "params:prompts",
                    "scan": "params:scan",
                    "settings": "params:causal",
                    **{name: name for name in (*_SCANNED, *_CLASSIFIED)},
                },
                outputs={name: name for name in PER_MODEL},
                name="trace_heads",
                tags="measures",
            )
        ]
    )
    return Pipeline(
        template,
        namespace=f"causal.{slug}",
        parameters={
            "params:model": f"params:models.{slug}",
            **{f"params:{name}": f"params:{name}" for name in _SHARED},
        },
        inputs={
            **{name: f"{name}__{slug}" for name in _SCANNED},
            **{name: name for name in _CLASSIFIED},
        },
        outputs={name: f"{name}__{slug}" for name in PER_MODEL},
    )
