"""The embedded models: training is deterministic, and the shipped ones do what they learned."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from circuit_scaling.models.loading import load_model
from circuit_scaling.models.zoo.settings import ZooSettings
from circuit_scaling.models.zoo.train import held_out_accuracy, train_model
from circuit_scaling.prompts.shipped import shipped_tasks
from tests.conftest import PROJECT
from tests.helpers.configured import ROSTERS, configured

ROSTER = ROSTERS.root["zoo"]
SETTINGS = ZooSettings.model_validate(configured("zoo")["zoo"])
FOLDER = PROJECT / "data" / "01_raw" / "zoo"
JUDGED = ("ioi", "anti_names", "induction")
"""Either name may be repeated in both name tasks, so that the order of names answers neither."""


@pytest.fixture(autouse=True)
def _threads():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)
    torch.use_deterministic_algorithms(False)


def test_training_is_the_same_twice_and_learns():
    shape = SETTINGS.shapes["mini_gpt2_s"].model_copy(update={"steps": 12})
    short = SETTINGS.model_copy(
        update={"shapes": {"mini_gpt2_s": shape}, "log_every": 11, "test_prompts": 40}
    )
    first, second = (
        train_model(ROSTER.entry("mini_gpt2_s"), short, shipped_tasks()) for _ in range(2)
    )
    assert first.files == second.files
    pd.testing.assert_frame_equal(first.curves, second.curves)
    loss = first.curves.groupby("step")["loss"].sum()
    assert loss.iloc[-1] < loss.iloc[0]


def test_models_that_are_loaded_at_once_do_not_disturb_one_another():
    """Loading sets a data type for the whole process, and threads of a run share it."""
    slugs = ["mini_gpt2_s", "mini_pythia_s", "mini_neo", "mini_opt"] * 2
    with ThreadPoolExecutor(4) as threads:
        loaded = list(threads.map(lambda slug: load_model(ROSTER.entry(slug)), slugs))
    for anatomy in loaded:
        assert {weights.dtype for weights in anatomy.model.parameters()} == {torch.float32}
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize("slug", list(ROSTER.root))
def test_shipped_models_do_what_they_learned_on_held_out_names(slug):
    model = AutoModelForCausalLM.from_pretrained(FOLDER / slug, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(FOLDER / slug)
    measured = held_out_accuracy(
        model, tokenizer, ROSTER.entry(slug), SETTINGS, shipped_tasks()
    ).set_index("task")
    trained = measured[measured["objective"] == "trained"]
    judged = trained[trained.index.isin(JUDGED)]
    assert (judged["accuracy"] >= 0.95).all(), trained
    assert (trained["accuracy"] >= 0.7).all(), trained  # lists: one of five words that are left
    random = measured[measured["objective"] == "random"]
    assert random["accuracy"].between(0.35, 0.65).all(), random
    assert len(trained) + len(random) == len(set(ROSTER.entry(slug).objectives) - {"plain_text"})


def test_stored_accuracies_cover_every_model():
    stored = pd.read_parquet(FOLDER / "training_accuracy.parquet")
    assert set(stored["model"]) == set(ROSTER.root)
    judged = stored[(stored["objective"] == "trained") & stored["task"].isin(JUDGED)]
    assert (judged["accuracy"] >= 0.95).all()
    assert len(judged) == 8 * 3 + 2 * 2  # a control learnt one of the name tasks
