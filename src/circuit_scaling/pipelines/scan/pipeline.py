"""Roster entry + tasks -> prompts -> effects, attributions, profiles, competence."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from circuit_scaling.configuration import present_slugs
from circuit_scaling.pipelines.per_model import for_model
from circuit_scaling.pipelines.scan.nodes import ablate_heads, make_prompts

_TABLES = (
    "prompts",
    "head_effects",
    "head_attributions",
    "head_profiles",
    "competence",
    "run_log",
)


def create_pipeline(slugs: Sequence[str] | None = None) -> Pipeline:
    """One copy of the template per model, by default of the present roster, ``scan.<slug>``."""
    slugs = present_slugs() if slugs is None else slugs
    return sum((_scan_one(slug) for slug in slugs), Pipeline([]))


def _scan_one(slug: str) -> Pipeline:
    template = Pipeline(
        [
            Node(
                for_model(make_prompts, slug),
                inputs={
                    "entry": "params:model",
                    "tasks": "params:tasks",
                    "settings": "params:prompts",
                },
                outputs="prompts",
                name="make_prompts",
                tags="measures",
            ),
            Node(
                for_model(ablate_heads, slug),
                inputs={
                    "entry": "params:model",
                    "tasks": "params:tasks",
                    "settings": "params:scan",
                    "prompts": "prompts",
                },
                outputs={name: name for name in _TABLES if name != "prompts"},
                name="ablate_heads",
                tags="measures",
            ),
        ]
    )
    return Pipeline(
        template,
        namespace=f"scan.{slug}",
        parameters={
            "params:model": f"params:models.{slug}",
            "params:tasks": "params:tasks",
            "params:prompts": "params:prompts",
            "params:scan": "params:scan",
        },
        outputs={name: f"{name}__{slug}" for name in _TABLES},
    )
