"""Families beyond the study's: exact as well, or refused by name - never quietly wrong."""

from __future__ import annotations

import pytest

from circuit_scaling.errors import CircuitScalingError
from tests.helpers.engine_scan import anatomy_of_copy
from tests.helpers.exactness import exactness
from tests.helpers.other_models import OTHER_FAMILIES, PROMPT_SEEDS, REFUSED, other_model

TOLERANCE = 1e-4


@pytest.mark.parametrize("family", OTHER_FAMILIES)
def test_exact_or_refused_by_name(tokenizer, family):
    model = other_model(family)
    try:
        anatomy = anatomy_of_copy(model)
    except CircuitScalingError as refusal:
        assert family in REFUSED
        assert type(model).__name__ in str(refusal)
        return
    found = exactness(anatomy, model, tokenizer, PROMPT_SEEDS.get(family, 1))
    assert found.difference < TOLERANCE
    assert found.largest_effect > 1e-2
