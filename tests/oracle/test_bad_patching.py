"""Heads, pairs and models that patching cannot serve: one clear error, never a number."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.operations.ablate_sets import ablate_sets
from circuit_scaling.interventions.operations.attention import attention_from_end
from circuit_scaling.interventions.operations.patch import patch_heads, patch_sets
from circuit_scaling.interventions.operations.path_patching import path_effects, path_estimates
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.pairs import Pairs
from tests.helpers.engine_scan import batch_of
from tests.helpers.tiny_models import CONTEXT, HEADS, LAYERS, VOCAB

GOOD = (0, 0)


def asked(shared, pairs, heads):
    """Every question that names heads, by what asks it."""
    anatomy = shared.anatomy
    return {
        "heads": partial(patch_heads, anatomy, pairs, heads, "noising"),
        "values": partial(patch_heads, anatomy, pairs, heads, "noising", "v"),
        "sets": partial(patch_sets, anatomy, pairs, [heads], "denoising"),
        "paths": partial(path_effects, anatomy, pairs, heads),
        "estimates": partial(path_estimates, anatomy, pairs, heads),
        "ablated": partial(
            ablate_sets, anatomy, batch_of(shared.prompts), [heads], Ablation("zero")
        ),
        "attention": partial(attention_from_end, anatomy, pairs.clean, heads),
    }


ABOUT_PAIRS = ("heads", "values", "sets", "paths", "estimates")
QUESTIONS = (*ABOUT_PAIRS, "ablated", "attention")


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("head", [(LAYERS, 1), (1, HEADS), (-1, 2), (2, -1)])
def test_a_head_outside_the_model_is_named(study, question, head):
    shared = study("gpt2")
    name = rf"{head[0]}\D*{head[1]}"
    with pytest.raises(CircuitScalingError, match=name):
        asked(shared, shared.pairs, [GOOD, head])[question]()


def test_pairs_of_different_length_are_refused(study):
    pairs = study("gpt2").pairs
    with pytest.raises(CircuitScalingError, match="position by position"):
        replace(pairs, corrupt=pairs.corrupt[:, 1:])
    with pytest.raises(CircuitScalingError):
        replace(pairs, corrupt=pairs.corrupt[1:])


def both(pairs: Pairs, tokens) -> Pairs:
    return replace(pairs, clean=tokens, corrupt=tokens)


BAD_PAIRS = {
    "unknown token": lambda pairs: both(pairs, np.full_like(pairs.clean, VOCAB)),
    "negative token": lambda pairs: both(pairs, np.full_like(pairs.clean, -1)),
    "unknown corrupt token": lambda pairs: replace(
        pairs, corrupt=np.full_like(pairs.corrupt, VOCAB)
    ),
    "too long": lambda pairs: both(pairs, np.ones((len(pairs), CONTEXT + 1), dtype=np.int64)),
    "no pairs": lambda pairs: replace(both(pairs, pairs.clean[:0]), answers=[], distractors=[]),
    "few answers": lambda pairs: replace(pairs, answers=pairs.answers[:-1]),
    "many distractors": lambda pairs: replace(pairs, distractors=[*pairs.distractors, [1]]),
    "unknown answer": lambda pairs: replace(pairs, answers=[[VOCAB], *pairs.answers[1:]]),
    "unknown distractor": lambda pairs: replace(pairs, distractors=[[-1], *pairs.distractors[1:]]),
    "no answer": lambda pairs: replace(pairs, answers=[[], *pairs.answers[1:]]),
}


@pytest.mark.parametrize("question", ABOUT_PAIRS)
@pytest.mark.parametrize("case", BAD_PAIRS)
def test_pairs_that_do_not_fit(study, question, case):
    shared = study("gpt2")
    with pytest.raises(CircuitScalingError):
        asked(shared, BAD_PAIRS[case](shared.pairs), [GOOD])[question]()


@pytest.mark.parametrize("question", ABOUT_PAIRS)
def test_nothing_asked_is_nothing_answered(study, question):
    """No heads and no senders: no rows; the empty set: no effect."""
    shared = study("gpt2")
    found = asked(shared, shared.pairs, [])[question]()
    if question == "sets":
        np.testing.assert_allclose(found, np.zeros((1, len(shared.pairs))), atol=1e-5)
    elif question in ("paths", "estimates"):
        assert len(found) == 0
    else:
        assert found.total.shape == (0, len(shared.pairs))


@pytest.mark.parametrize("case", ["references missing", "group missing"])
def test_masks_need_the_references_of_their_ablation(study, case):
    shared = study("gpt2")
    batch = batch_of(shared.prompts)
    groups = None if case == "references missing" else np.zeros(7, dtype=np.int64)
    tokens = None if case == "references missing" else batch.reference_tokens
    batch = replace(batch, reference_tokens=tokens, reference_groups=groups)
    for mode in ("mean", "resample"):
        with pytest.raises(CircuitScalingError, match="reference set|group 1"):
            ablate_sets(shared.anatomy, batch, [[GOOD]], Ablation(mode))


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_model_is_left_as_it_was(study, question):
    shared = study("llama_grouped")
    pairs = shared.pairs
    before = patch_heads(shared.anatomy, pairs, [GOOD], "noising")
    with pytest.raises(CircuitScalingError):
        asked(shared, pairs, [(LAYERS, 0)])[question]()
    asked(shared, pairs, [(1, 1)])[question]()
    after = patch_heads(shared.anatomy, pairs, [GOOD], "noising")
    np.testing.assert_array_equal(before.total, after.total)
    np.testing.assert_array_equal(before.base, after.base)
