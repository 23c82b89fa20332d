"""Schemas of ``tables/scan.py``: what they alone refuse and allow."""

from __future__ import annotations

import pandas as pd
import pytest

from tests.helpers.table_checks import columns, message_of, refusal, refuses, row_1, spoilt, valid


@pytest.mark.parametrize(
    ("name", "column", "value", "reason"),
    [
        ("head_effects", "p", 1.5, "not in 0..1"),
        ("head_effects", "q", -0.1, "not in 0..1"),
        ("head_effects", "se", -0.1, "below 0"),
        ("competence", "accuracy", 1.01, "not in 0..1"),
    ],
)
def test_a_value_out_of_range_is_refused(name: str, column: str, value: float, reason: str) -> None:
    refuses(name, column, value, reason)


def test_counts_held_as_floats_are_refused() -> None:
    labels = columns("head_effects", "count")
    message = refusal("head_effects", valid("head_effects").astype(dict.fromkeys(labels, float)))
    for label in labels:
        assert f"column {label}: wrong type float64" in message


def test_flags_of_another_type_are_refused() -> None:
    frame = valid("competence")
    frame["competent"] = [True, False, None, True]
    assert "column competent: wrong type object" in refusal("competence", frame)


@pytest.mark.parametrize("name", ["head_effects", "head_attributions", "head_profiles"])
@pytest.mark.parametrize("kept", [[0, 1, 2], [0, 1]])
def test_a_measurement_that_lost_heads_is_refused(name: str, kept: list[int]) -> None:
    whole = valid(name)
    message = refusal(name, whole.iloc[kept])
    assert message.startswith(f"Table '{name}': rows of mini mini_s")
    assert message.endswith(f"{len(kept)} of the model's 4 heads.")
    if name == "head_effects":
        both = pd.concat([whole, whole.assign(task="anti_names").iloc[kept]])
        assert "rows of mini mini_s anti_names resample end: " in refusal(name, both)


def test_an_exact_effect_does_not_pass_for_an_attribution() -> None:
    message = refusal("head_attributions", valid("head_attributions").assign(method="exact"))
    assert "column method: not one of attribution in row 0" in message


def test_effects_of_another_number_of_prompts_are_refused() -> None:
    message = refusal("head_effects", spoilt("head_effects", ["n_prompts"], 4))
    row = row_1("head_effects")
    assert message == message_of("head_effects", "effects", "not as long as n_prompts says", row)
