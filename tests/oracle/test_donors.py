"""Donors for resampling: same group, never the same tokens, and the same ones for a seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.replay.replacements import donor_indices
from tests.helpers.engine_scan import batch_of
from tests.helpers.hook_oracle import Prompts
from tests.helpers.tiny_models import tiny_model, tiny_prompts

DRAWS = 50


@pytest.fixture(scope="module")
def prompts() -> Prompts:
    return tiny_prompts(tiny_model("gpt2"))


def test_one_donor_per_draw_and_prompt(prompts):
    donors = donor_indices(batch_of(prompts), DRAWS, seed=0)
    assert donors.shape == (DRAWS, len(prompts.tokens))
    assert np.issubdtype(donors.dtype, np.integer)
    assert donors.min() >= 0
    assert donors.max() < len(prompts.reference_tokens)


def test_donors_come_from_the_prompts_own_group(prompts):
    donors = donor_indices(batch_of(prompts), DRAWS, seed=0)
    expected = np.broadcast_to(prompts.groups, donors.shape)
    np.testing.assert_array_equal(prompts.reference_groups[donors], expected)


def test_a_prompt_never_donates_to_itself(prompts):
    """References 2 and 3 repeat prompts 1 and 2; only those prompts must avoid them."""
    donors = donor_indices(batch_of(prompts), DRAWS, seed=0)
    same = (prompts.reference_tokens[donors] == prompts.tokens).all(axis=-1)
    assert not same.any()
    assert 2 in donors[:, 0]
    assert 3 in donors[:, 3]


def test_every_permitted_reference_is_drawn(prompts):
    donors = donor_indices(batch_of(prompts), DRAWS, seed=0)
    for prompt, drawn in enumerate(donors.T):
        permitted = {
            reference
            for reference, group in enumerate(prompts.reference_groups)
            if group == prompts.groups[prompt]
            and not np.array_equal(prompts.reference_tokens[reference], prompts.tokens[prompt])
        }
        assert set(drawn.tolist()) == permitted


def test_a_seed_fixes_the_donors(prompts):
    batch = batch_of(prompts)
    first = donor_indices(batch, DRAWS, seed=3)
    np.testing.assert_array_equal(first, donor_indices(batch, DRAWS, seed=3))
    assert (first != donor_indices(batch, DRAWS, seed=4)).any()


def test_draws_and_prompts_are_drawn_independently(prompts):
    donors = donor_indices(batch_of(prompts), DRAWS, seed=0)
    assert len({tuple(row) for row in donors.tolist()}) > DRAWS // 4
    # Prompts 0 and 4 share a group without an excluded reference, yet not their donors.
    assert (donors[:, 0] != donors[:, 4]).any()


def test_a_prompt_without_a_donor_is_an_error(prompts):
    """The only reference of the group is the prompt itself: there is nothing to resample from."""
    alone = replace(
        prompts,
        reference_tokens=prompts.tokens[:3],
        reference_groups=np.array([0, 0, 1]),
    )
    with pytest.raises(CircuitScalingError):
        donor_indices(batch_of(alone), 1, seed=0)


def test_a_missing_reference_set_is_an_error(prompts):
    without = replace(prompts, reference_tokens=None, reference_groups=None)
    with pytest.raises(CircuitScalingError):
        donor_indices(batch_of(without), 1, seed=0)
