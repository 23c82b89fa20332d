"""Patching in families beyond the study's: exact as well, or refused by name."""

from __future__ import annotations

import numpy as np
import pytest

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.operations.ablate_sets import ablate_sets
from circuit_scaling.interventions.operations.attention import attention_from_end
from circuit_scaling.interventions.operations.patch import patch_heads, patch_sets
from circuit_scaling.interventions.operations.path_patching import path_effects
from circuit_scaling.interventions.replay.ablation import Ablation
from tests.helpers.engine_scan import anatomy_of_copy, batch_of
from tests.helpers.other_models import OTHER_FAMILIES, PROMPT_SEEDS, REFUSED, other_model
from tests.helpers.patching_oracle import PatchingOracle
from tests.helpers.tiny_models import tiny_pairs, tiny_prompts

TOLERANCE = 1e-4
VISIBLE = 1e-3
SOME_HEADS = [(0, 1), (1, 3), (0, 2)]
SETS = [[(0, 1), (1, 0)], [(0, 0), (0, 3)]]
# No head's output is added to the residual stream as it is.
NORM_AFTER_ATTENTION = (
    "gemma2_softcap_and_norm_after_attention",
    "olmo2_norm_after_attention",
)
# Missing, not wrong: being exact instead is always welcome.
WITHOUT_DIRECT = ("granite_residual_multiplier_and_logit_scale",)
# Keys that slid out of the window are not kept, so that queries, keys and values cannot be put in.
WITHOUT_CACHE = ("mistral_sliding_window",)
# Asked for its attention, the transformers library computes it without the causal mask.
WITHOUT_ATTENTION = ("falcon_parallel_multi_query",)
FAMILIES = [family for family in OTHER_FAMILIES if family not in REFUSED]


class Case:
    def __init__(self, family, tokenizer):
        self.family = family
        model = other_model(family)
        self.prompts = tiny_prompts(model, PROMPT_SEEDS.get(family, 1))
        self.pairs = tiny_pairs(self.prompts)
        self.anatomy = anatomy_of_copy(model)
        self.oracle = PatchingOracle(model, tokenizer)
        self.name = type(model).__name__


@pytest.fixture(scope="module", params=FAMILIES)
def case(request, tokenizer):
    return Case(request.param, tokenizer)


def assert_equal(measured, reference):
    np.testing.assert_allclose(measured, reference, rtol=0, atol=TOLERANCE)


def exact_or_refused(case, may_refuse, ask, compare):
    """Only some models may be refused, and by name; everything else is compared."""
    try:
        found = ask()
    except CircuitScalingError as refusal:
        assert case.family in may_refuse
        assert case.name in str(refusal)
        return
    compare(found)


@pytest.mark.parametrize("direction", ["noising", "denoising"])
def test_outputs_are_patched_in_every_family(case, direction):
    total = [case.oracle.total(case.pairs, [head], direction) for head in SOME_HEADS]
    patched = patch_heads(case.anatomy, case.pairs, SOME_HEADS, direction)
    assert_equal(patched.total, total)
    assert np.abs(total).max(axis=1).min() > VISIBLE
    if case.family in NORM_AFTER_ATTENTION:
        assert patched.direct is None
    elif patched.direct is None:
        assert case.family in WITHOUT_DIRECT
    else:
        direct = [case.oracle.direct(case.pairs, head, direction) for head in SOME_HEADS]
        assert_equal(patched.direct, direct)
    together = patch_sets(case.anatomy, case.pairs, SETS, direction)
    assert_equal(together, [case.oracle.total(case.pairs, heads, direction) for heads in SETS])


def test_sets_are_ablated_in_every_family(case):
    for mode in ("zero", "mean"):
        for positions in ("all", "end"):
            ablated = ablate_sets(
                case.anatomy,
                batch_of(case.prompts),
                SETS,
                Ablation(mode, positions),
                ["contrast", "kl_to_clean"],
            )
            expected = [case.oracle.ablated(case.prompts, heads, mode, positions) for heads in SETS]
            for name in ablated:
                assert_equal(ablated[name], [one[name] for one in expected])


@pytest.mark.parametrize("direction", ["noising", "denoising"])
def test_values_are_patched_exactly_or_refused(case, direction):
    exact_or_refused(
        case,
        WITHOUT_CACHE,
        lambda: patch_heads(case.anatomy, case.pairs, SOME_HEADS, direction, "v").total,
        lambda found: assert_equal(
            found, [case.oracle.total(case.pairs, [head], direction, "v") for head in SOME_HEADS]
        ),
    )


def test_paths_are_exact_or_refused(case):
    def compare(found):
        for effects in found:
            expected, logits = case.oracle.paths(case.pairs, effects.sender)
            assert set(effects.receivers) == set(expected)
            for receiver, effect in zip(effects.receivers, effects.effects, strict=True):
                assert_equal(effect, expected[receiver])
            assert_equal(effects.logits, logits)
            assert_equal(effects.total, case.oracle.total(case.pairs, [effects.sender], "noising"))

    exact_or_refused(
        case, WITHOUT_CACHE, lambda: path_effects(case.anatomy, case.pairs, SOME_HEADS), compare
    )


def test_attention_is_exact_or_refused(case):
    tokens = case.pairs.clean
    exact_or_refused(
        case,
        WITHOUT_ATTENTION,
        lambda: attention_from_end(case.anatomy, tokens, SOME_HEADS),
        lambda found: assert_equal(
            found, [case.oracle.attention(tokens, head) for head in SOME_HEADS]
        ),
    )
