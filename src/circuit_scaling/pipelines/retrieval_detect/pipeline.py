"""Filings + questions -> prompts of each model -> scores of every head -> rankings."""

from __future__ import annotations

from collections.abc import Sequence

from kedro.pipeline import Node, Pipeline

from circuit_scaling.configuration import RETRIEVAL_MODELS, present_slugs
from circuit_scaling.marks import MEASURES
from circuit_scaling.pipelines.per_model import MODEL, in_stage, of_every, per_model
from circuit_scaling.pipelines.retrieval_detect.nodes import (
    ask_questions,
    collect,
    detect_heads,
    draw,
    export,
    find_known_heads,
    rank_heads,
)

FILINGS = ("filings_truth", "filings_texts", "haystack")
_ASKED = ("questions", "question_counts")
_DETECTED = ("retrieval_scores", "decoded_answers", "copied_tokens", "detect_log")
_RANKED = ("head_rankings", "sample_scores")
_OF_EVERY = (*_RANKED, "questions", "copied_tokens", "question_counts", "detect_log")
_COLLECTED = ("head_rankings", "joint_scores", "joint_questions", *_OF_EVERY[3:])


def create_pipeline(slugs: Sequence[str] | None = None) -> Pipeline:
    """One copy per model, by default of the present retrieval roster, and all of them together."""
    slugs = present_slugs(RETRIEVAL_MODELS) if slugs is None else slugs
    stage = "retrieval_detect"
    detecting = per_model(stage, slugs, _of_one_model(), roster=RETRIEVAL_MODELS)
    return detecting + in_stage(stage, _of_all_models(slugs))


def _of_one_model() -> list[Node]:
    settings = {"entry": MODEL, "settings": "params:retrieval"}
    filings = {name: name for name in FILINGS}
    return [
        Node(
            ask_questions,
            inputs={**settings, **filings},
            outputs={name: name for name in _ASKED},
            name="ask_questions",
            tags=MEASURES,
        ),
        Node(
            detect_heads,
            inputs={**settings, "questions": "questions"},
            outputs={name: name for name in _DETECTED},
            name="detect_heads",
            tags=MEASURES,
        ),
        Node(
            rank_heads,
            inputs={
                **settings,
                **filings,
                **{name: name for name in ("questions", *_DETECTED[:2])},
            },
            outputs={name: name for name in _RANKED},
            name="rank_heads",
        ),
    ]


def _of_all_models(slugs: Sequence[str]) -> list[Node]:
    return [
        Node(
            collect,
            inputs=["params:retrieval_models", *of_every(_OF_EVERY, slugs)],
            outputs={name: name for name in _COLLECTED},
            name="collect_rankings",
        ),
        Node(
            find_known_heads,
            inputs=["head_rankings", "params:retrieval_models"],
            outputs="known_retrieval_heads",
            name="find_known_retrieval_heads",
        ),
        Node(
            export,
            inputs=["head_rankings", "known_retrieval_heads"],
            outputs="retrieval_detect_exports",
            name="export_rankings",
        ),
        Node(
            draw,
            inputs="head_rankings",
            outputs="retrieval_detect_figures",
            name="draw_retrieval_detect_figures",
        ),
    ]
