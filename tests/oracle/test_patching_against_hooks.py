"""Patched heads and ablated sets equal the hook loop: every architecture, part, set and chunk."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.operations.ablate_heads import clean_readouts
from circuit_scaling.interventions.operations.ablate_sets import ablate_sets
from circuit_scaling.interventions.operations.attention import attention_from_end
from circuit_scaling.interventions.operations.patch import patch_heads, patch_sets
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.pairs import Pairs
from circuit_scaling.interventions.replay.replacements import donor_indices
from tests.helpers.engine_scan import batch_of
from tests.helpers.hook_oracle import READOUTS
from tests.helpers.tiny_models import ARCHITECTURES, HEADS, LAYERS
from tests.oracle.conftest import DRAWS, SEED

TOLERANCE = 1e-4
VISIBLE = 1e-3
DIRECTIONS = ("noising", "denoising")
PARTS = ("z", "v")
MODES = ("zero", "mean", "resample")
POSITIONS = ("all", "end")
# Tokens, for 5 pairs of 9: one head on one pair, three heads, everything at once.
CHUNKS = (1, 135, 100_000)
EVERY_HEAD = [(layer, head) for layer in range(LAYERS) for head in range(HEADS)]
SETS = [
    [],
    [(1, 2)],
    [(0, 3), (0, 0)],  # of one layer
    [(2, 3), (0, 1)],  # of two, the later one first
    [(1, 1), (2, 2), (1, 0), (0, 2)],
    [(1, 1), (1, 1)],  # the same head twice
    EVERY_HEAD,
]


# --- What the oracle says, computed once ---------------------------------------------------


@cache
def totals(shared, direction, part):
    oracle = shared.patching
    return np.array([oracle.total(shared.pairs, [h], direction, part) for h in EVERY_HEAD])


@cache
def directs(shared, direction, part):
    oracle = shared.patching
    return np.array([oracle.direct(shared.pairs, h, direction, part) for h in EVERY_HEAD])


@cache
def set_totals(shared, direction):
    return np.array([shared.patching.total(shared.pairs, heads, direction) for heads in SETS])


@cache
def ablated(shared, mode, positions):
    prompts = shared.prompts
    donors = donor_indices(batch_of(prompts), DRAWS, SEED) if mode == "resample" else None
    found = [shared.patching.ablated(prompts, heads, mode, positions, donors) for heads in SETS]
    return {name: np.array([one[name] for one in found]) for name in READOUTS}


def assert_equal(measured, reference, message=""):
    assert measured.dtype == np.float32
    np.testing.assert_allclose(measured, reference, rtol=0, atol=TOLERANCE, err_msg=message)


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_head_patched_alone(study, architecture, direction, part, chunk):
    shared = study(architecture)
    pairs, oracle = shared.pairs, shared.patching
    total = totals(shared, direction, part)
    patched = patch_heads(
        shared.anatomy, pairs, EVERY_HEAD, direction, part, Chunk.of(shared.anatomy, chunk)
    )
    assert_equal(patched.total, total)
    assert_equal(patched.base, oracle.contrast(pairs, pairs.base(direction), ()))
    assert_equal(patched.source, oracle.contrast(pairs, pairs.source(direction), ()))
    assert np.abs(total).max(axis=1).min() > VISIBLE
    if architecture == "opt_350m":
        assert patched.direct is None  # its norms come after the blocks have added up
    else:
        direct = directs(shared, direction, part)
        assert_equal(patched.direct, direct)
        assert np.median(np.abs(direct).max(axis=1)) > VISIBLE
        assert np.abs(direct - total).max(axis=1).min() > VISIBLE


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_directions_and_parts_are_told_apart(study, architecture):
    """Mixing them up would be seen in every layer."""
    shared = study(architecture)
    found = [totals(shared, d, part) for d in DIRECTIONS for part in PARTS]
    for index, one in enumerate(found):
        for other in found[:index]:
            for apart in (one - other, one + other):
                assert np.abs(apart).reshape(LAYERS, -1).max(axis=1).min() > VISIBLE


def test_some_heads_in_any_order(study):
    """Results come in the order in which heads are asked for, and heads may be asked for twice."""
    shared = study("llama_grouped")
    heads = [(2, 1), (0, 3), (1, 0), (0, 3)]
    rows = [EVERY_HEAD.index(head) for head in heads]
    for part in PARTS:
        patched = patch_heads(shared.anatomy, shared.pairs, heads, "noising", part)
        assert_equal(patched.total, totals(shared, "noising", part)[rows])
        assert_equal(patched.direct, directs(shared, "noising", part)[rows])


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_sets_patched_together(study, architecture, direction, chunk):
    shared = study(architecture)
    sets = set_totals(shared, direction)
    patched = patch_sets(
        shared.anatomy, shared.pairs, SETS, direction, Chunk.of(shared.anatomy, chunk)
    )
    assert_equal(patched, sets)
    assert np.abs(patched[SETS.index([])]).max() < TOLERANCE
    assert np.abs(sets[1:]).max(axis=1).min() > VISIBLE
    # Together is not the sum: it takes the joint run to see this.
    alone = totals(shared, direction, "z")
    for heads, effect in zip(SETS[2:5], sets[2:5], strict=True):
        summed = sum(alone[EVERY_HEAD.index(head)] for head in heads)
        assert np.abs(effect - summed).max() > VISIBLE


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_sets_ablated_together(study, architecture, mode, positions, chunk):
    shared = study(architecture)
    batch = batch_of(shared.prompts)
    reference = ablated(shared, mode, positions)
    ablation = Ablation(mode, positions, DRAWS, SEED)
    found = ablate_sets(
        shared.anatomy, batch, SETS, ablation, READOUTS, Chunk.of(shared.anatomy, chunk)
    )
    clean = clean_readouts(shared.anatomy, batch, READOUTS)
    for name in READOUTS:
        assert_equal(found[name], reference[name], name)
        np.testing.assert_allclose(found[name][0], clean[name], rtol=0, atol=TOLERANCE)
    effects = np.abs(reference["contrast"][1:] - reference["contrast"][0])
    assert effects.max(axis=1).min() > VISIBLE


def test_a_readout_asked_for_alone_is_the_same(study):
    shared = study("gpt2")
    for positions in POSITIONS:
        reference = ablated(shared, "mean", positions)
        for name in READOUTS:
            found = ablate_sets(
                shared.anatomy,
                batch_of(shared.prompts),
                SETS,
                Ablation("mean", positions),
                [name],
                Chunk.of(shared.anatomy, 135),
            )
            assert list(found) == [name]
            assert_equal(found[name], reference[name], name)


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_attention_from_the_end(study, architecture, chunk):
    shared = study(architecture)
    tokens = shared.pairs.clean
    heads = EVERY_HEAD[::-1]
    reference = np.array([shared.patching.attention(tokens, head) for head in heads])
    found = attention_from_end(shared.anatomy, tokens, heads, Chunk.of(shared.anatomy, chunk))
    assert_equal(found, reference)
    np.testing.assert_allclose(found.sum(axis=-1), 1.0, rtol=0, atol=1e-5)
    # Far from uniform, and different from head to head.
    assert reference.std(axis=-1).max(axis=1).min() > 1e-2
    assert np.abs(np.diff(reference, axis=0)).max(axis=(1, 2)).min() > 1e-2


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_one_short_pair_alone(study, architecture):
    """One pair of two tokens: nothing may depend on broadcasting by accident."""
    shared = study(architecture)
    pairs = Pairs(
        clean=np.array([[5, 9]]),
        corrupt=np.array([[7, 9]]),
        answers=shared.pairs.answers[:1],
        distractors=shared.pairs.distractors[:1],
    )
    oracle = shared.patching
    for part in PARTS:
        reference = [oracle.total(pairs, [head], "noising", part) for head in EVERY_HEAD]
        found = patch_heads(shared.anatomy, pairs, EVERY_HEAD, "noising", part)
        assert_equal(found.total, reference)
        assert np.abs(reference).max() > VISIBLE
    attention = attention_from_end(shared.anatomy, pairs.clean, [(1, 1)])
    assert_equal(attention[0], oracle.attention(pairs.clean, (1, 1)))


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_single_token(study, architecture):
    """z is patched as ever; v of one token is exact or refused."""
    shared = study(architecture)
    pairs = Pairs(
        clean=shared.pairs.clean[:, :1],
        corrupt=np.roll(shared.pairs.clean[:, :1], 1, axis=0),
        answers=shared.pairs.answers,
        distractors=shared.pairs.distractors,
    )
    reference = [shared.patching.total(pairs, [head], "denoising") for head in EVERY_HEAD]
    assert_equal(patch_heads(shared.anatomy, pairs, EVERY_HEAD, "denoising").total, reference)
    assert np.abs(reference).max() > VISIBLE
    try:  # the only token is looked at in both runs, so that v is all of z
        found = patch_heads(shared.anatomy, pairs, EVERY_HEAD, "denoising", "v")
    except CircuitScalingError as refusal:
        assert "one token" in str(refusal)
    else:
        assert_equal(found.total, reference)
