"""Settings of the categories that make no sense are named."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from circuit_scaling.analysis.classify.settings import ClassifySettings
from tests.helpers.joined_heads import SETTINGS


@pytest.mark.parametrize("tau", [0, -0.05])
def test_tau_must_be_positive(tau: float) -> None:
    for values in ({"tau": tau}, {"taus": [0.05, tau]}):
        with pytest.raises(ValidationError, match=r"tau must be above 0, not .*: every head would"):
            ClassifySettings.model_validate({**SETTINGS.model_dump(), **values})


@pytest.mark.parametrize("tau", [float("inf"), float("nan")])
def test_tau_must_be_finite(tau: float) -> None:
    for values in ({"tau": tau}, {"taus": [0.05, tau]}):
        with pytest.raises(ValidationError, match="Input should be a finite number"):
            ClassifySettings.model_validate({**SETTINGS.model_dump(), **values})


@pytest.mark.parametrize(
    "change",
    [{"taus": []}, {"top_k": 0}, {"n_boot": 10}, {"treshold": 0.1}],
    ids=lambda c: next(iter(c)),
)
def test_a_wrong_setting_is_named(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(change))):
        ClassifySettings.model_validate({**SETTINGS.model_dump(), **change})
