"""Hero heads + prompts -> sets of heads ablated together -> heroes against random heads."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from circuit_scaling.configuration import present_slugs
from circuit_scaling.pipelines.ablation.nodes import (
    ablate_sets,
    collect,
    compare_sets,
    draw,
    export,
)
from circuit_scaling.pipelines.per_model import for_model

_SETTINGS = {
    "tasks": "tasks",
    "prompt_settings": "prompts",
    "scan_settings": "scan",
    "settings": "ablation",
}
_SHARED = ("classified_heads", "hero_heads", "competence")
_MASKED = ("ablation_trials", "ablation_log")
_COLLECTED = ("ablation_summary", "ablation_log")


def create_pipeline(slugs: Sequence[str] | None = None) -> Pipeline:
    """One copy of the template per model, ``ablation.<slug>``, and the stacking, in ``ablation``.

    The comparisons of single models stay inside, so that the graph shows the stage as one box.
    Models are by default those of the present roster.
    """
    slugs = present_slugs() if slugs is None else slugs
    per_model = sum((_ablate_one(slug) for slug in slugs), Pipeline([]))
    together = Pipeline(
        [
            Node(
                collect,
                inputs=[
                    "classified_heads",
                    *(f"{name}__{slug}" for name in _COLLECTED for slug in slugs),
                ],
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
        ]
    )
    return Pipeline(
        per_model + together,
        namespace="ablation",
        parameters={
            f"params:{name}": f"params:{name}"
            for name in (*_SETTINGS.values(), "models", *(f"models.{slug}" for slug in slugs))
        },
        inputs={*_SHARED, *(f"prompts__{slug}" for slug in slugs)},
        outputs={
            *(*_COLLECTED, "ablation_exports", "ablation_figures"),
            *(f"{name}__{slug}" for name in _MASKED for slug in slugs),
        },
    )


def _ablate_one(slug: str) -> Pipeline:
    given = {
        "entry": "params:model",
        **{name: f"params:{block}" for name, block in _SETTINGS.items()},
        **{name: name for name in ("prompts", "classified_heads", "hero_heads")},
    }
    template = Pipeline(
        [
            Node(
                for_model(ablate_sets, slug),
                inputs=given,
                outputs={name: name for name in _MASKED},
                name="ablate_sets",
                tags="measures",
            ),
            Node(
                for_model(compare_sets, slug),
                inputs={
                    **given,
                    "ablation_trials": "ablation_trials",
                    "competence": "competence",
                },
                outputs="ablation_summary",
                name="compare_sets",
            ),
        ]
    )
    return Pipeline(
        template,
        namespace=slug,
        parameters={
            "params:model": f"params:models.{slug}",
            **{f"params:{block}": f"params:{block}" for block in _SETTINGS.values()},
        },
        inputs={"prompts": f"prompts__{slug}", **{name: name for name in _SHARED}},
        outputs={name: f"{name}__{slug}" for name in (*_MASKED, "ablation_summary")},
    )
