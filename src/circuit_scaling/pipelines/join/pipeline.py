"""Per-model scans -> the joined tables that everything downstream reads."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from circuit_scaling.configuration import present_slugs
from circuit_scaling.pipelines.join.nodes import compare_ablations, draw, join_one_model
from circuit_scaling.pipelines.per_model import for_model, stack

_BY_HEAD = ("joint_heads", "joint_effects", "ablation_agreement", "attribution_agreement")
_SHARED = ("tasks", "prompts", "scan", "classify.tau")
_SCANNED = ("prompts", "head_effects", "head_attributions", "head_profiles")
_LOGGED = ("competence", "run_log")
_STACKED = (*_BY_HEAD, *_LOGGED)


def create_pipeline(slugs: Sequence[str] | None = None) -> Pipeline:
    """One copy of the template per model, ``join.<slug>``, and the stacking, all inside ``join``.

    What passes between them stays inside, so that the graph shows the stage as one box. Models are
    by default those of the present roster.
    """
    slugs = present_slugs() if slugs is None else slugs
    per_model = sum((_join_one(slug) for slug in slugs), Pipeline([]))
    stacked = [
        Node(
            stack,
            inputs=[f"{name}__{slug}" for slug in slugs],
            outputs=name,
            name=f"stack_{name}",
        )
        for name in _STACKED
    ]
    drawing = Node(
        draw,
        inputs=["competence", "ablation_agreement", "attribution_agreement"],
        outputs="join_figures",
        name="draw_join_figures",
    )
    return Pipeline(
        per_model + Pipeline([*stacked, drawing]),
        namespace="join",
        parameters={
            f"params:{name}": f"params:{name}"
            for name in (*_SHARED, *(f"models.{slug}" for slug in slugs))
        },
        inputs={f"{name}__{slug}" for name in (*_SCANNED, *_LOGGED) for slug in slugs},
        outputs={*_STACKED, "join_figures"},
    )


def _join_one(slug: str) -> Pipeline:
    template = Pipeline(
        [
            Node(
                for_model(join_one_model, slug),
                inputs={
                    "entry": "params:model",
                    "tasks": "params:tasks",
                    "prompt_settings": "params:prompts",
                    "scan_settings": "params:scan",
                    **{name: name for name in _SCANNED},
                },
                outputs={name: name for name in _BY_HEAD if name != "ablation_agreement"},
                name="join_heads",
            ),
            Node(
                compare_ablations,
                inputs={
                    "scan_settings": "params:scan",
                    "tau": "params:classify.tau",
                    "head_effects": "head_effects",
                },
                outputs="ablation_agreement",
                name="compare_ablations",
            ),
        ]
    )
    return Pipeline(
        template,
        namespace=slug,
        parameters={
            "params:model": f"params:models.{slug}",
            **{f"params:{name}": f"params:{name}" for name in _SHARED},
        },
        inputs={name: f"{name}__{slug}" for name in _SCANNED},
        outputs={name: f"{name}__{slug}" for name in _BY_HEAD},
    )
