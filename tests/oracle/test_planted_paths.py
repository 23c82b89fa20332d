"""Planted circuits: oracle and engine find who does the job, through whom, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from circuit_scaling.interventions.operations.ablate_sets import ablate_sets
from circuit_scaling.interventions.operations.attention import attention_from_end
from circuit_scaling.interventions.operations.patch import patch_heads, patch_sets
from circuit_scaling.interventions.operations.path_patching import path_effects, path_estimates
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.batch import Batch
from tests.helpers.engine_scan import anatomy_of_copy
from tests.helpers.patching_oracle import CHANNELS, PatchingOracle
from tests.helpers.planted_circuits import (
    BACKUP,
    HEADS,
    IGNORED,
    LAYERS,
    PRIMARY,
    PlantedCircuit,
    backup,
    chain,
    relay,
)

EXACT = 1e-5
DIRECTIONS = ("noising", "denoising")
EVERY_HEAD = [(layer, head) for layer in range(LAYERS) for head in range(HEADS)]

CIRCUITS: dict[str, Callable[[], PlantedCircuit]] = {
    "relay by query": lambda: relay("q"),
    "relay by key": lambda: relay("k"),
    "relay by value": lambda: relay("v"),
    "chain": chain,
    "backup": backup,
}
RELAYS = tuple(name for name in CIRCUITS if name.startswith("relay"))


@pytest.fixture(scope="module")
def planted(tokenizer):
    """`planted(name)`: the circuit, the engine's view of it and the oracle; built once."""

    def build(name: str):
        circuit = CIRCUITS[name]()
        anatomy = anatomy_of_copy(circuit.model)
        return circuit, anatomy, PatchingOracle(circuit.model, tokenizer)

    return cache(build)


@pytest.fixture(params=CIRCUITS)
def case(request, planted):
    return planted(request.param)


def by_head(expected, pairs):
    """[heads, pairs] with 0 where nothing is expected."""
    return np.array([[expected.get(head, 0.0)] * len(pairs) for head in EVERY_HEAD])


def assert_equal(measured, expected):
    np.testing.assert_allclose(measured, expected, rtol=0, atol=EXACT)


# --- The oracle ----------------------------------------------------------------------------


def test_oracle_finds_the_effects_of_every_head(case):
    circuit, _, oracle = case
    pairs = circuit.pairs
    assert_equal(oracle.contrast(pairs, pairs.clean, ()), circuit.clean)
    assert_equal(oracle.contrast(pairs, pairs.corrupt, ()), circuit.corrupt)
    for direction in DIRECTIONS:
        total = [oracle.total(pairs, [head], direction) for head in EVERY_HEAD]
        values = [oracle.total(pairs, [head], direction, "v") for head in EVERY_HEAD]
        direct = [oracle.direct(pairs, head, direction) for head in EVERY_HEAD]
        assert_equal(total, by_head(circuit.total[direction], pairs))
        assert_equal(values, by_head(circuit.values[direction], pairs))
        assert_equal(direct, by_head(circuit.direct[direction], pairs))


def test_oracle_finds_every_path(case):
    circuit, _, oracle = case
    for sender in EVERY_HEAD:
        effects, logits = oracle.paths(circuit.pairs, sender)
        assert_equal(logits, circuit.logits.get(sender, 0.0))
        assert len(effects) == (LAYERS - 1 - sender[0]) * HEADS * len(CHANNELS)
        for receiver, effect in effects.items():
            assert_equal(effect, circuit.paths.get((sender, receiver), 0.0))


# --- The engine ----------------------------------------------------------------------------


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_totals_and_direct_effects(case, direction):
    circuit, anatomy, _ = case
    pairs = circuit.pairs
    patched = patch_heads(anatomy, pairs, EVERY_HEAD, direction)
    assert_equal(patched.total, by_head(circuit.total[direction], pairs))
    assert_equal(patched.direct, by_head(circuit.direct[direction], pairs))
    runs = (circuit.clean, circuit.corrupt)
    base, source = runs if direction == "noising" else runs[::-1]
    assert_equal(patched.base, base)
    assert_equal(patched.source, source)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_values_alone(case, direction):
    """A sign that comes by query or key is lost where only values are patched."""
    circuit, anatomy, _ = case
    patched = patch_heads(anatomy, circuit.pairs, EVERY_HEAD, direction, "v")
    assert_equal(patched.total, by_head(circuit.values[direction], circuit.pairs))


def test_every_path_of_every_head(case):
    circuit, anatomy, _ = case
    found = path_effects(anatomy, circuit.pairs, EVERY_HEAD)
    assert [effects.sender for effects in found] == EVERY_HEAD
    for effects in found:
        sender = effects.sender
        assert_equal(effects.logits, circuit.logits.get(sender, 0.0))
        assert_equal(effects.total, circuit.total["noising"].get(sender, 0.0))
        assert len(set(effects.receivers)) == (LAYERS - 1 - sender[0]) * HEADS * len(CHANNELS)
        for receiver, effect in zip(effects.receivers, effects.effects, strict=True):
            assert_equal(effect, circuit.paths.get((sender, receiver), 0.0))


@pytest.mark.parametrize("name", RELAYS)
def test_the_only_receiver_is_the_only_one_estimated(planted, name):
    circuit, anatomy, _ = planted(name)
    ((sender, receiver),) = circuit.paths
    (estimates,) = path_estimates(anatomy, circuit.pairs, [sender])
    channel = CHANNELS.index(receiver.channel)
    assert (estimates[receiver.layer, receiver.head, channel] < -1).all()
    estimates[receiver.layer, receiver.head, channel] = 0.0
    assert np.isnan(estimates[: sender[0] + 1]).all()
    assert_equal(estimates[sender[0] + 1 :], 0.0)


def test_attention_from_the_end(case):
    circuit, anatomy, _ = case
    pairs = circuit.pairs
    attention = attention_from_end(anatomy, pairs.clean, EVERY_HEAD)
    for head, found in zip(EVERY_HEAD, attention, strict=True):
        if head in circuit.attention:
            assert_equal(found, pairs.clean == circuit.attention[head][:, None])
        else:  # no weights, no preference
            assert_equal(found, 1 / pairs.clean.shape[1])


# --- What the circuits are for -------------------------------------------------------------


@pytest.mark.parametrize("name", RELAYS)
def test_the_ignored_head_changes_and_nobody_cares(planted, name):
    """Its zeros are earned: what it writes does differ between the runs."""
    circuit, anatomy, oracle = planted(name)
    pairs, zname = circuit.pairs, f"blocks.{IGNORED[0]}.attn.hook_z"
    clean, corrupt = (
        oracle.run(tokens, read=[zname])[1][zname][:, -1, IGNORED[1]]
        for tokens in (pairs.clean, pairs.corrupt)
    )
    assert (clean - corrupt).abs().max(dim=-1).values.min() > 1
    patched = patch_heads(anatomy, pairs, [IGNORED], "noising")
    assert_equal(patched.total, 0.0)
    assert_equal(patched.direct, 0.0)


def test_backup_repairs_what_is_removed_alone(planted):
    """|total| < |direct| for the one, nothing for the other, and together more than the sum."""
    circuit, anatomy, _ = planted("backup")
    pairs = circuit.pairs
    alone = patch_heads(anatomy, pairs, [PRIMARY, BACKUP], "noising")
    (both,) = patch_sets(anatomy, pairs, [[PRIMARY, BACKUP]], "noising")
    assert_equal(both, -circuit.clean)
    assert (np.abs(alone.total[0]) < np.abs(alone.direct[0]) - 1).all()
    assert (alone.total[0] * (alone.total - alone.direct)[0] < 0).all()
    assert (np.abs(both) > np.abs(alone.total.sum(axis=0)) + 1).all()


@pytest.mark.parametrize("positions", ["all", "end"])
def test_backup_ablated(planted, positions):
    circuit, anatomy, _ = planted("backup")
    pairs = circuit.pairs
    batch = Batch(
        tokens=pairs.clean,
        answers=pairs.answers,
        distractors=pairs.distractors,
        candidates=[[*a, *d] for a, d in zip(pairs.answers, pairs.distractors, strict=True)],
        groups=np.zeros(len(pairs), dtype=np.int64),
    )
    sets = [sorted(heads) for heads in circuit.left]
    left = ablate_sets(anatomy, batch, sets, Ablation("zero", positions), ["contrast"])["contrast"]
    expected = np.repeat([list(circuit.left.values())], len(pairs), axis=0).T
    assert_equal(left, expected)
