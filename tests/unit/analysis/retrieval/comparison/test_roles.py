"""Kinds of questions and pairs of models come from their names, or are told."""

from __future__ import annotations

import pytest

from circuit_scaling.analysis.retrieval.comparison.roles import (
    model_pairs,
    of_kind,
    question_kinds,
)
from circuit_scaling.errors import CircuitScalingError


def test_the_kinds_of_the_study_are_known_and_others_told() -> None:
    asked = ["when", "hq_state", "inc_year", "why"]
    kinds = question_kinds(asked, {"when": "numerical", "inc_year": "categorical"})
    assert kinds == {"when": "numerical", "hq_state": "categorical", "inc_year": "categorical"}
    assert of_kind(asked, kinds, "categorical") == [1, 2]
    with pytest.raises(CircuitScalingError, match=r"question_kinds .* 'whem'.* when, hq_state"):
        question_kinds(asked, {"whem": "numerical"})


@pytest.mark.parametrize(
    ("models", "pairs"),
    [
        (["instruct", "base"], [("base", "instruct")]),
        (["a_instruct", "b_base", "a_base"], [("a_base", "a_instruct")]),
        (["mini", "mini_instruct"], [("mini", "mini_instruct")]),
        (["x", "x_base", "x_instruct"], [("x_base", "x_instruct")]),
        (["xinstruct", "xbase", "x_instructed", "x"], []),
        (["_instruct", "y"], []),
    ],
)
def test_pairs_by_name(models: list[str], pairs: list[tuple[str, str]]) -> None:
    assert model_pairs(models, []) == pairs


def test_told_pairs_are_all_pairs() -> None:
    models = ["base", "instruct", "old", "new"]
    assert model_pairs(models, [("old", "new")]) == [("old", "new")]
    with pytest.raises(CircuitScalingError, match=r"model_pairs names the model 'knew'"):
        model_pairs(models, [("old", "knew")])
    with pytest.raises(CircuitScalingError, match="names the model 'new' as its own base"):
        model_pairs(models, [("new", "new")])
    with pytest.raises(CircuitScalingError, match="names the model 'new' twice with 'old'"):
        model_pairs(models, [("old", "new"), ("old", "new")])
