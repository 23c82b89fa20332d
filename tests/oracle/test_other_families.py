"""Families beyond the study's: exact as well, or refused by name - never quietly wrong."""

from __future__ import annotations

import numpy as np
import pytest

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.engine import Ablation
from tests.helpers.engine_scan import anatomy_of_copy, engine_effects
from tests.helpers.hook_oracle import READOUTS, HookOracle
from tests.helpers.other_models import OTHER_FAMILIES, REFUSED, other_model
from tests.helpers.tiny_models import tiny_prompts

TOLERANCE = 1e-4


@pytest.mark.parametrize("family", OTHER_FAMILIES)
def test_exact_or_refused_by_name(tokenizer, family):
    model = other_model(family)
    prompts = tiny_prompts(model)
    try:
        anatomy = anatomy_of_copy(model)
    except CircuitScalingError as refusal:
        assert family in REFUSED
        assert type(model).__name__ in str(refusal)
        return
    expected = HookOracle(model, tokenizer).effects(prompts, "zero", "all")
    measured = engine_effects(anatomy, prompts, Ablation("zero"), READOUTS, chunk=3)
    for readout in READOUTS:
        np.testing.assert_allclose(
            measured[readout], expected[readout], rtol=0, atol=TOLERANCE, err_msg=readout
        )
    assert np.abs(expected["contrast"]).max() > 1e-2
