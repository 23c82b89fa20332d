"""Circuits planted by hand: the engine returns the effects that arithmetic says they have."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from circuit_scaling.interventions.operations.ablate_heads import clean_readouts
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.replacements import donor_indices
from tests.helpers.engine_scan import anatomy_of_copy, batch_of, engine_effects
from tests.helpers.hook_oracle import Prompts
from tests.helpers.planted_models import (
    BOS,
    CONSTANT_GAIN,
    CONSTANT_HEAD,
    FILLER,
    HEADS,
    NAMES,
    NO,
    REPETITION_GAIN,
    REPETITION_HEAD,
    REPETITION_WIDTH,
    YES,
    AveragingCircuit,
    repetition_model,
)

EXACT = 1e-5
DRAWS = 3
SEED = 11
MODES = ("zero", "mean", "resample")
POSITIONS = ("all", "end")


# --- Two layers of averaging heads ---------------------------------------------------------


@pytest.fixture(scope="module")
def circuit() -> AveragingCircuit:
    rng = np.random.default_rng(0)
    return AveragingCircuit(
        values=rng.normal(size=(HEADS, 8)),
        mixing=rng.normal(size=(HEADS, HEADS)),
        readout=rng.normal(size=2 * HEADS),
    )


@pytest.fixture(scope="module")
def averaging_prompts(circuit) -> Prompts:
    rng = np.random.default_rng(1)
    return Prompts(
        tokens=rng.integers(0, circuit.n_tokens, size=(4, 7)),
        answers=[[circuit.answer]] * 4,
        distractors=[[circuit.distractor]] * 4,
        candidates=[[circuit.answer, circuit.distractor]] * 4,
        groups=np.array([0, 1, 0, 1]),
        reference_tokens=rng.integers(0, circuit.n_tokens, size=(6, 7)),
        reference_groups=np.array([0, 0, 0, 1, 1, 1]),
    )


def layer_0(circuit, tokens):
    """What each head of layer 0 writes: the running mean of its values, [prompts, S, 4]."""
    counts = np.arange(1, tokens.shape[1] + 1)
    return circuit.values.T[tokens].cumsum(axis=1) / counts[:, None]


def layer_1(circuit, first):
    """What each head of layer 1 writes, given what layer 0 wrote, [prompts, S, 4]."""
    counts = np.arange(1, first.shape[1] + 1)
    normed = first / rms(circuit, first)[..., None]
    return (normed @ circuit.mixing.T).cumsum(axis=1) / counts[:, None]


def contrast(circuit, first, second):
    """The readout of what both layers wrote at the last position, after the final norm."""
    written = np.concatenate([first[:, -1], second[:, -1]], axis=-1)
    return written @ circuit.readout / rms(circuit, written)


def rms(circuit, written):
    """Root mean square of an embedding of norm sqrt(width) and what was written beside it."""
    return np.sqrt((circuit.width + (written**2).sum(axis=-1)) / circuit.width)


def ablated_contrast(circuit, tokens, where, head, new):
    """The readout with one (layer, head) replaced by what `new` holds for its layer, at `where`."""
    (layer, head), (new_first, new_second) = head, new
    first = layer_0(circuit, tokens)
    if layer == 0:
        first[:, where, head] = new_first[:, where, head]
        return contrast(circuit, first, layer_1(circuit, first))
    second = layer_1(circuit, first)
    second[:, where, head] = new_second[:, where, head]
    return contrast(circuit, first, second)


def closed_form(circuit, prompts, mode, positions):
    """Effects by arithmetic, [2 layers, heads, prompts]."""
    first = layer_0(circuit, prompts.tokens)
    second = layer_1(circuit, first)
    reference_first = layer_0(circuit, prompts.reference_tokens)
    reference_second = layer_1(circuit, reference_first)
    if mode == "zero":
        replacements = [(np.zeros_like(first), np.zeros_like(second))]
    elif mode == "mean":
        members = [prompts.reference_groups == group for group in prompts.groups]
        replacements = [
            tuple(
                np.stack([written[chosen].mean(axis=0) for chosen in members])
                for written in (reference_first, reference_second)
            )
        ]
    else:
        donors = donor_indices(batch_of(prompts), DRAWS, SEED)
        replacements = [(reference_first[draw], reference_second[draw]) for draw in donors]
    where = slice(None) if positions == "all" else slice(-1, None)
    clean = contrast(circuit, first, second)
    return np.array(
        [
            [
                np.mean(
                    [
                        ablated_contrast(circuit, prompts.tokens, where, (layer, head), new)
                        for new in replacements
                    ],
                    axis=0,
                )
                - clean
                for head in range(HEADS)
            ]
            for layer in (0, 1)
        ]
    )


def test_the_averaging_circuit_computes_its_closed_form(circuit, averaging_prompts):
    anatomy = anatomy_of_copy(circuit.model())
    first = layer_0(circuit, averaging_prompts.tokens)
    measured = clean_readouts(anatomy, batch_of(averaging_prompts), ("contrast",))["contrast"]
    expected = contrast(circuit, first, layer_1(circuit, first))
    np.testing.assert_allclose(measured, expected, rtol=0, atol=EXACT)


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("mode", MODES)
def test_effects_equal_the_closed_form(circuit, averaging_prompts, mode, positions):
    expected = closed_form(circuit, averaging_prompts, mode, positions)
    measured = engine_effects(
        anatomy_of_copy(circuit.model()),
        averaging_prompts,
        Ablation(mode=mode, positions=positions, draws=DRAWS, seed=SEED),
        ["contrast"],
        chunk=3,
    )["contrast"]
    np.testing.assert_allclose(measured, expected, rtol=0, atol=EXACT)
    assert np.abs(expected).max(axis=-1).min() > 1e-2


# --- A head that says "a name was repeated" ------------------------------------------------


def name_prompts(endings, reference_endings):
    """Prompts "BOS A B filler C" and "BOS B A filler C" (two groups) with C from `endings`.

    An ending picks, of the prompt's names (A, B, another), the one that the prompt ends in.
    """

    def sentences(picked):
        rows, groups = [], []
        for index in range(6):
            names = [NAMES[(index + step) % len(NAMES)] for step in (0, 1, 3)]
            for group, order in enumerate((names[:2], names[1::-1])):
                rows.append([BOS, *order, FILLER, names[picked[index % len(picked)]]])
                groups.append(group)
        return np.array(rows), np.array(groups)

    tokens, groups = sentences(endings)
    reference_tokens, reference_groups = sentences(reference_endings)
    return Prompts(
        tokens=tokens,
        answers=[[YES]] * len(tokens),
        distractors=[[NO]] * len(tokens),
        candidates=[[YES, NO]] * len(tokens),
        groups=groups,
        reference_tokens=reference_tokens,
        reference_groups=reference_groups,
    )


REPEATED, UNREPEATED = (0, 1), (2,)


@pytest.fixture(scope="module")
def repetition():
    """The planted model and its prompts; the references use three different names."""
    prompts = name_prompts(REPEATED, UNREPEATED)
    return anatomy_of_copy(repetition_model(prompts.tokens.shape[1])), prompts


def after_final_norm(*gains):
    """logit(YES) - logit(NO) where heads have written these gains, orthogonally."""
    norm = np.sqrt(1 + sum(gain**2 for gain in gains) / REPETITION_WIDTH)
    return sum(gains) / norm


BOTH = after_final_norm(CONSTANT_GAIN, REPETITION_GAIN)
WITHOUT_REPETITION = after_final_norm(CONSTANT_GAIN) - BOTH
WITHOUT_CONSTANT = after_final_norm(REPETITION_GAIN) - BOTH


def scan(repetition, mode, positions="all"):
    anatomy, prompts = repetition
    ablation = Ablation(mode=mode, positions=positions, draws=DRAWS, seed=SEED)
    return engine_effects(anatomy, prompts, ablation, ["contrast"], chunk=3)["contrast"][0]


def test_the_planted_model_says_yes_to_repeated_names(repetition):
    anatomy, prompts = repetition
    measured = clean_readouts(anatomy, batch_of(prompts), ("contrast",))["contrast"]
    np.testing.assert_allclose(measured, BOTH, rtol=0, atol=EXACT)
    different = replace(prompts, tokens=prompts.reference_tokens)
    measured = clean_readouts(anatomy, batch_of(different), ("contrast",))["contrast"]
    np.testing.assert_allclose(measured, after_final_norm(CONSTANT_GAIN), rtol=0, atol=EXACT)


@pytest.mark.parametrize("positions", POSITIONS)
def test_zero_finds_both_heads(repetition, positions):
    expected = np.zeros(HEADS)
    expected[REPETITION_HEAD] = WITHOUT_REPETITION
    expected[CONSTANT_HEAD] = WITHOUT_CONSTANT
    effects = scan(repetition, "zero", positions)
    np.testing.assert_allclose(effects.T, np.tile(expected, (12, 1)), rtol=0, atol=EXACT)


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("mode", ["mean", "resample"])
def test_references_without_repetition_find_the_repetition_head(repetition, mode, positions):
    """And only that one: what the constant head says is the same in the references."""
    effects = scan(repetition, mode, positions)
    expected = np.zeros(HEADS)
    expected[REPETITION_HEAD] = WITHOUT_REPETITION
    np.testing.assert_allclose(effects.T, np.tile(expected, (12, 1)), rtol=0, atol=EXACT)
    assert WITHOUT_REPETITION < -1


@pytest.mark.parametrize("positions", POSITIONS)
@pytest.mark.parametrize("mode", ["mean", "resample"])
def test_references_from_the_task_itself_hide_the_repetition_head(repetition, mode, positions):
    """Every task prompt repeats a name, so its prompts replace "repeated" by "repeated"."""
    anatomy, prompts = repetition
    themselves = replace(prompts, reference_tokens=prompts.tokens, reference_groups=prompts.groups)
    effects = scan((anatomy, themselves), mode, positions)
    np.testing.assert_allclose(effects, 0.0, rtol=0, atol=EXACT)


def test_half_repeated_references_find_half_the_head(repetition):
    """The mean over references of which half repeat a name removes half of what is written."""
    anatomy, prompts = repetition
    mixed = name_prompts(REPEATED, (0, 2))
    effects = scan((anatomy, replace(mixed, tokens=prompts.tokens)), "mean")
    expected = after_final_norm(CONSTANT_GAIN, REPETITION_GAIN / 2) - BOTH
    np.testing.assert_allclose(effects[REPETITION_HEAD], expected, rtol=0, atol=EXACT)
