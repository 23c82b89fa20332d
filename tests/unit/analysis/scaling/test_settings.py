"""Settings of scaling that make no sense are named."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from circuit_scaling.analysis.scaling.settings import ScalingSettings
from tests.helpers.scaled_heads import SETTINGS


@pytest.mark.parametrize(
    "change",
    [{"n_boot": 10}, {"n_permutations": 0}, {"n_splits": 0}, {"depth_bins": 0}, {"bins": 4}],
    ids=str,
)
def test_a_wrong_setting_is_named(change: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match=next(iter(change))):
        ScalingSettings.model_validate({**SETTINGS.model_dump(), **change})
