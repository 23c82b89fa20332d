"""Rankings + questions -> answers while sets of heads are masked -> best heads against random."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from circuit_scaling.configuration import RETRIEVAL_MODELS, present_slugs
from circuit_scaling.marks import MEASURES
from circuit_scaling.pipelines.per_model import MODEL, in_stage, of_every, per_model
from circuit_scaling.pipelines.retrieval_mask.nodes import (
    collect,
    compare_masks,
    draw,
    export,
    mask_heads,
)

_READ = ("joint_questions", "head_rankings")
_MASKED = ("masked_heads", "retrieval_answers", "mask_log")
_COMPARED = ("ablation_results", "sample_answers", "masking_summary")
_OF_EVERY = (*_COMPARED, "mask_log")
_COLLECTED = ("ablation_results", "joint_answers", "masking_summary", "mask_log")


def create_pipeline(slugs: Sequence[str] | None = None) -> Pipeline:
    """One copy per model, by default of the present retrieval roster, and all of them together."""
    slugs = present_slugs(RETRIEVAL_MODELS) if slugs is None else slugs
    settings = {"entry": MODEL, "settings": "params:retrieval", "masking": "params:masking"}
    masking = per_model(
        "retrieval_mask",
        slugs,
        [
            Node(
                mask_heads,
                inputs={**settings, **{name: name for name in _READ}},
                outputs={name: name for name in _MASKED},
                name="mask_heads",
                tags=MEASURES,
            ),
            Node(
                compare_masks,
                inputs={**settings, **{name: name for name in (*_READ, *_MASKED[:2])}},
                outputs={name: name for name in _COMPARED},
                name="compare_masks",
            ),
        ],
        roster=RETRIEVAL_MODELS,
    )
    return masking + in_stage(
        "retrieval_mask",
        [
            Node(
                collect,
                inputs=of_every(_OF_EVERY, slugs),
                outputs={name: name for name in _COLLECTED},
                name="collect_masks",
            ),
            Node(
                export,
                inputs=["ablation_results", "masking_summary"],
                outputs="retrieval_mask_exports",
                name="export_masks",
            ),
            Node(
                draw,
                inputs="masking_summary",
                outputs="retrieval_mask_figures",
                name="draw_retrieval_mask_figures",
            ),
        ],
    )
