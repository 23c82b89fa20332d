"""A model of a roster is found by every name that people write for it, and by no other's."""

from __future__ import annotations

from typing import Any

import pytest

from circuit_scaling.analysis.classify.known_heads import published_heads
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.names import of_these_weights
from circuit_scaling.models.roster import Rosters
from tests.helpers.configured import ROSTERS

SHAPE = {"family": "f", "params_m": 1.0, "n_layers": 2, "n_heads": 3}


def rosters(**entries: dict[str, Any]) -> Rosters:
    """One roster per entry, in this order, each with the entry as its only model."""
    return Rosters.model_validate(
        {name: {entry.pop("slug", "tiny"): {**SHAPE, **entry}} for name, entry in entries.items()}
    )


@pytest.mark.parametrize("training_first", [False, True])
@pytest.mark.parametrize(
    ("slug", "names"),
    [
        ("gpt2", ["gpt2", "GPT2", "gpt2-small", "openai-community/gpt2", "OpenAI-Community/GPT2"]),
        ("gpt2_medium", ["gpt2-medium", "openai-community/gpt2-medium", "gpt2.medium"]),
        ("gpt2_xl", ["gpt2_xl", "gpt2-xl", "openai-community/gpt2-xl"]),
        ("pythia_70m", ["EleutherAI/pythia-70m", "eleutherai/pythia-70m", "pythia-70m"]),
        ("pythia_160m", ["EleutherAI/pythia-160m", "pythia_160m"]),
        ("pythia_1b", ["EleutherAI/pythia-1b"]),
        ("pythia_1_4b", ["EleutherAI/pythia-1.4b", "EleutherAI/pythia_1_4b", "pythia-1-4B"]),
        ("opt_1_3b", ["facebook/opt-1.3b", "opt-1_3b"]),
        ("gpt_neo_125m", ["EleutherAI/gpt-neo-125M", "gpt-neo-125M"]),
        ("gpt_neo_2_7b", ["EleutherAI/gpt-neo-2.7B", "gpt_neo-2.7b"]),
    ],
)
def test_models_of_the_study(slug: str, names: list[str], training_first: bool) -> None:
    order = sorted(ROSTERS.root, reverse=training_first)
    known = Rosters.model_validate({name: ROSTERS.root[name] for name in order})
    wanted = ROSTERS.root["study"].entry(slug)
    assert [known.find(name) for name in names] == [wanted] * len(names)


@pytest.mark.parametrize(
    "name",
    [
        *("EleutherAI/pythia-1b-deduped", "pythia-1b-deduped", "somebody/gpt2", "pythia"),
        *("openai/gpt2", "facebook/gpt2-xl", "EleutherAI/gpt2", "gpt2small", "/gpt2", ""),
    ],
)
def test_other_models_have_other_names(name: str) -> None:
    assert ROSTERS.find(name) is None


def test_a_training_checkpoint_is_not_what_its_hub_id_says() -> None:
    known = rosters(training={"hub": "a/b", "revision": "step1", "slug": "b_step1"})
    assert known.find("a/b") is None
    assert known.find("b") is None
    assert known.find("b-step1") == known.root["training"].entry("b_step1")


def test_the_name_as_it_is_written_counts_before_other_spellings() -> None:
    known = rosters(one={"hub": "x/a-b", "slug": "a_b"}, two={"hub": "y/a.b", "slug": "other"})
    assert known.find("a_b") == known.root["one"].entry("a_b")
    assert known.find("y/a.b") == known.root["two"].entry("other")
    with pytest.raises(CircuitScalingError, match=r"'a-b' may be several models.*one\.a_b.*two\.o"):
        known.find("a-b")


def test_a_model_in_two_rosters() -> None:
    same = rosters(one={"hub": "gpt2", "params_m": 5.0}, two={"folder": "copy"})
    assert same.find("tiny") == same.root["one"].entry("tiny")
    other = rosters(one={"hub": "gpt2"}, two={"folder": "copy", "n_layers": 7})
    with pytest.raises(CircuitScalingError) as caught:
        other.find("Tiny")
    assert "one.tiny (f, 2 layers of 3), two.tiny (f, 7 layers of 3)" in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    ("name", "checkpoint"),
    [
        ("openai-community/gpt2", "gpt2"),
        ("distilbert/distilgpt2", "distilgpt2"),
        ("pythia-6.9b", "EleutherAI/pythia-6.9b"),
        ("gpt-j-6b", "EleutherAI/gpt-j-6B"),
    ],
)
def test_published_weights_go_by_the_same_names(name: str, checkpoint: str) -> None:
    every = list(published_heads()["checkpoint"].unique())
    assert of_these_weights([name], every) == [checkpoint]
    assert of_these_weights(["somebody/gpt2", "pythia-1b-deduped"], every) == []
