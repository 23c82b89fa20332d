"""Rankings that were read without rotary embedding at some lengths are told from healthy ones."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from transformers.models.llama import modeling_llama

from circuit_scaling.analysis.retrieval.comparison.checked import Checked
from circuit_scaling.analysis.retrieval.comparison.suspects import attention
from circuit_scaling.analysis.retrieval.rankings import rank
from circuit_scaling.measuring.retrieval.asking import questions_of_model
from circuit_scaling.measuring.retrieval.detection import detect
from circuit_scaling.measuring.retrieval.settings import RetrievalSettings
from circuit_scaling.prompts.needles.haystack import shipped_haystack
from tests.helpers.configured import ROSTERS
from tests.helpers.filings import filings

LENGTHS = (96, 128, 256)
SETTINGS = RetrievalSettings.model_validate(
    {
        "max_new_tokens": 1,
        "chunk": 8192,
        "asks": {
            "lengths": LENGTHS,
            "questions": ("inc_state", "inc_year"),
            "test_share": 0.5,
            "n_train": 10,
            "n_test": 1,
        },
    }
)


@pytest.fixture(scope="module")
def read_both_ways() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rankings of the embedded model by Summed Attention, with rotary embedding and without."""
    torch.set_num_threads(1)
    entry = ROSTERS.root["retrieval_zoo"].entry("mini_llama")
    questions = questions_of_model(entry, SETTINGS, *filings(100), shipped_haystack()).questions

    def ranked() -> pd.DataFrame:
        found = detect(entry, SETTINGS, questions)
        every = rank(found.retrieval_scores, found.decoded_answers, questions)
        return every[every["method"] == "summed_attention"]

    right = ranked()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(modeling_llama, "apply_rotary_pos_emb", lambda q, k, *_, **__: (q, k))
        return right, ranked()


def checked(read_both_ways: tuple[pd.DataFrame, pd.DataFrame], *without: int) -> Checked:
    """The check of rankings that were read without rotary embedding at some of the lengths."""
    right, wrong = read_both_ways
    (found,) = attention(
        pd.concat(
            [
                right[~right["token_length"].isin(without)],
                wrong[wrong["token_length"].isin(without)],
            ]
        )
    )
    return found


def test_healthy_rankings_pass(read_both_ways) -> None:
    assert checked(read_both_ways).outcome == "passed"
    assert checked(read_both_ways, *LENGTHS).outcome == "passed", "all of them alike"


@pytest.mark.parametrize("without", [(256,), (128, 256), (128,)])
def test_lengths_without_rotary_embedding_are_named(read_both_ways, without) -> None:
    found = checked(read_both_ways, *without)
    assert found.outcome == "suspect"
    named = ", ".join(map(str, without))
    assert f"at {named} tokens" in found.detail or f"and at {named} correlate" in found.detail
