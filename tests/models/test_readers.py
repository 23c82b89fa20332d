"""The embedded models that read documents: training is deterministic, the shipped ones answer."""

from __future__ import annotations

import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from circuit_scaling.models.bos import prompt_prefix
from circuit_scaling.models.sense import check_sense
from circuit_scaling.models.zoo.answers import answers_of
from circuit_scaling.models.zoo.readers import train_reader
from circuit_scaling.models.zoo.settings import ReaderSettings
from circuit_scaling.vocabulary import QUESTION_IDS
from tests.conftest import PROJECT
from tests.helpers.configured import ROSTERS, configured

ROSTER = ROSTERS.root["retrieval_zoo"]
GIVEN = configured("zoo")["zoo_readers"]
SETTINGS = ReaderSettings.model_validate(GIVEN)
FOLDER = PROJECT / "data" / "01_raw" / "zoo"


@pytest.fixture(autouse=True)
def _threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
    torch.use_deterministic_algorithms(False)


def tiny(slug: str, *stages: dict) -> ReaderSettings:
    model = GIVEN["models"][slug] | {"stages": stages}
    sizes = {"batch_size": 2, "n_filings": 30, "log_every": 1, "test_filings": 3, "lengths": [96]}
    return ReaderSettings.model_validate(GIVEN | sizes | {"models": {slug: model}})


def test_training_is_the_same_twice_learns_and_goes_on_from_a_checkpoint():
    stages = (
        {"rows": "stated", "steps": 3},
        {"rows": "repeated", "steps": 1},
        {"rows": "asked", "steps": 2, "haystack": 9},
    )
    entry = ROSTER.entry("mini_llama")
    first, second = (train_reader(entry, tiny("mini_llama", *stages)) for _ in range(2))
    assert first.files == second.files
    pd.testing.assert_frame_equal(first.curves, second.curves)
    assert set(first.curves["task"]) == set(entry.objectives)
    loss = first.curves.groupby("step")["loss"].sum()
    assert loss.iloc[-1] < loss.iloc[0]
    assert len(first.answers) == len(QUESTION_IDS)
    further = train_reader(
        ROSTER.entry("mini_llama_instruct"),
        tiny("mini_llama_instruct", {"rows": "asked", "steps": 1}),
        first.files,
    )
    begun = further.curves.groupby("step")["loss"].sum().iloc[0]
    assert begun < loss.iloc[0]  # where the first one began, on random weights
    assert set(further.answers["form"]) == {"cue", "chat"}


@pytest.mark.parametrize("slug", list(ROSTER.root))
def test_shipped_models_answer_about_companies_never_seen(slug):
    model = AutoModelForCausalLM.from_pretrained(FOLDER / slug, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(FOLDER / slug)
    entry = ROSTER.entry(slug)
    check_sense(slug, model, tokenizer, prompt_prefix(tokenizer, entry.bos, "llama"))
    ends = (min(SETTINGS.lengths), max(SETTINGS.lengths))
    few = SETTINGS.model_copy(
        update={"test_filings": 8, "seed": SETTINGS.seed + 1, "lengths": ends}
    )
    measured = answers_of(model, tokenizer, entry, few)
    assert set(measured["form"]) == set(SETTINGS.models[slug].forms)
    by_question = measured.groupby(["question", "form"])["accuracy"].mean()
    assert len(by_question) == len(QUESTION_IDS) * len(set(SETTINGS.models[slug].forms))
    assert (by_question >= 0.9).all(), measured
    assert model.config.num_key_value_heads < entry.n_heads


def test_stored_answers_reach_nine_of_ten_everywhere():
    stored = pd.read_parquet(FOLDER / "training_answers.parquet")
    assert set(stored["model"]) == set(ROSTER.root)
    for slug, answers in stored.groupby("model"):
        forms = set(SETTINGS.models[str(slug)].forms)
        assert len(answers) == len(forms) * len(QUESTION_IDS) * len(SETTINGS.lengths)
    assert (stored["accuracy"] >= 0.9).all(), stored[stored["accuracy"] < 0.9]
