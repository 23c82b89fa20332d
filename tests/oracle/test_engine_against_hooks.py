"""The engine equals the TransformerLens hook loop for every architecture, head and setting."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

from circuit_scaling.interventions.operations.ablate_heads import clean_readouts, scan_layers
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.models.architecture import anatomy_of
from tests.helpers.engine_scan import batch_of, engine_effects
from tests.helpers.hook_oracle import READOUTS
from tests.helpers.tiny_models import ARCHITECTURES, HEADS, LAYERS
from tests.oracle.conftest import DRAWS, SEED

TOLERANCE = 1e-4
MODES = ("zero", "mean", "resample")
POSITIONS = ("all", "end")
# Tokens, for 5 prompts of 9: one head on one prompt, on three prompts, three heads, ten heads
# (which are of several layers), everything at once.
CHUNKS = (1, 30, 135, 450, 100_000)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_bridge_computes_the_hugging_face_logits(study, architecture):
    shared = study(architecture)
    with torch.no_grad():
        expected = shared.model(torch.as_tensor(shared.prompts.tokens)).logits
    difference = (shared.oracle.logits(shared.prompts.tokens) - expected).abs().max()
    assert difference < 2e-5


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_clean_readouts_equal_the_oracle(study, architecture):
    shared = study(architecture)
    expected = shared.oracle.clean(shared.prompts)
    measured = clean_readouts(shared.anatomy, batch_of(shared.prompts), READOUTS)
    for readout in READOUTS:
        np.testing.assert_allclose(
            measured[readout], expected[readout], rtol=0, atol=TOLERANCE, err_msg=readout
        )


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_head_equals_the_hook_loop(study, architecture, mode, positions, chunk):
    shared = study(architecture)
    expected = shared.effects(mode, positions)
    measured = engine_effects(
        shared.anatomy,
        shared.prompts,
        Ablation(mode=mode, positions=positions, draws=DRAWS, seed=SEED),
        READOUTS,
        chunk,
    )
    for readout in READOUTS:
        assert measured[readout].dtype == np.float32
        assert measured[readout].shape == (LAYERS, HEADS, len(shared.prompts.tokens))
        np.testing.assert_allclose(
            measured[readout], expected[readout], rtol=0, atol=TOLERANCE, err_msg=readout
        )
        assert_effects_are_large_enough_to_judge(readout, positions, expected[readout])


@pytest.mark.parametrize("chunk", (30, 450))
@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("architecture", ("gpt2", "gpt_neox_parallel"))
def test_some_heads_equal_the_hook_loop_and_the_others_are_missing(
    study, architecture, mode, positions, chunk
):
    shared = study(architecture)
    asked = np.random.default_rng(0).random((LAYERS, HEADS)) < 0.5
    asked[0], asked[1, 0] = False, True  # no head of a layer
    ablation = Ablation(mode=mode, positions=positions, draws=DRAWS, seed=SEED)
    measured = engine_effects(
        shared.anatomy, shared.prompts, ablation, ("contrast",), chunk, asked
    )["contrast"]
    expected = shared.effects(mode, positions)["contrast"]
    np.testing.assert_allclose(measured[asked], expected[asked], rtol=0, atol=TOLERANCE)
    assert np.isnan(measured[~asked]).all()


def assert_effects_are_large_enough_to_judge(readout, positions, effects):
    """Every head moves some prompt, well above the tolerance, where the readout can see it."""
    largest = np.abs(effects).max(axis=-1)  # [layers, heads]
    if readout == "token_loss" and positions == "end":
        # The loss reads positions 0 .. S-2 only, which the last position never reaches.
        assert largest.max() == 0.0
    elif readout == "candidates":
        assert largest.max() > 1e-2  # a step function: not every head flips an argmax
    else:
        assert largest.max() > 1e-2
        assert largest.min() > 10 * TOLERANCE


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_readout_asked_for_alone_is_the_same(study, architecture, readout, positions):
    """What one readout lets the engine skip must not change that readout."""
    shared = study(architecture)
    measured = engine_effects(
        shared.anatomy, shared.prompts, Ablation("mean", positions), [readout], chunk=135
    )
    expected = shared.effects("mean", positions)[readout]
    np.testing.assert_allclose(measured[readout], expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_controls_need_no_answers(study, architecture):
    """KL and loss are defined for prompts without answer, distractor and candidates."""
    shared = study(architecture)
    nothing: list[list[int]] = [[] for _ in shared.prompts.tokens]
    controls = replace(shared.prompts, answers=nothing, distractors=nothing, candidates=nothing)
    measured = engine_effects(
        shared.anatomy, controls, Ablation("zero"), ("token_loss", "kl_to_clean"), chunk=135
    )
    for readout, effects in measured.items():
        expected = shared.effects("zero", "all")[readout]
        np.testing.assert_allclose(effects, expected, rtol=0, atol=TOLERANCE, err_msg=readout)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_one_short_prompt_alone(study, architecture):
    """A batch of one prompt with two tokens: nothing may depend on broadcasting by accident."""
    shared = study(architecture)
    single = replace(
        shared.prompts,
        tokens=shared.prompts.tokens[:1, :2],
        answers=shared.prompts.answers[:1],
        distractors=shared.prompts.distractors[:1],
        candidates=shared.prompts.candidates[:1],
        groups=shared.prompts.groups[:1],
        reference_tokens=None,
        reference_groups=None,
    )
    expected = shared.oracle.effects(single, "zero", "all")
    measured = engine_effects(shared.anatomy, single, Ablation("zero"), READOUTS, chunk=135)
    for readout in READOUTS:
        np.testing.assert_allclose(
            measured[readout], expected[readout], rtol=0, atol=TOLERANCE, err_msg=readout
        )


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_scan_leaves_the_model_as_it_was(study, architecture):
    """After a scan, and after one abandoned half-way, the model computes what it did before."""
    shared = study(architecture)
    tokens = torch.as_tensor(shared.prompts.tokens)
    model = copy.deepcopy(shared.model)
    with torch.no_grad():
        before = model(tokens).logits
        anatomy = anatomy_of(model)
        chunk = Chunk.of(anatomy, 180)
        scan = partial(
            scan_layers, anatomy, batch_of(shared.prompts), Ablation("zero"), chunk=chunk
        )
        assert len(list(scan())) == LAYERS
        abandoned = scan()
        next(abandoned)
        abandoned.close()
        after = model(tokens).logits
    assert torch.equal(before, after)
