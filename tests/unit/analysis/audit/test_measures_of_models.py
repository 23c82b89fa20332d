"""Measures that compare models, and those of interventions, on planted tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.audit.measures import MEASURES
from circuit_scaling.analysis.audit.results import Unknown
from tests.helpers.audit_evidence import evidence, holds, model


def compared(base: str, target: str, **values) -> dict:
    families = {"a": "pythia", "b": "pythia", "c": "gpt2"}
    return {
        "base_model": base,
        "tgt_model": target,
        "base_family": families[base],
        "tgt_family": families[target],
        "task": "ioi",
        "mean_frac_rank": 0.4,
        "low": 0.3,
        "high": 0.45,
        "expected": 0.5,
        "n_present": 10,
        "n_base_heads": 20,
        "frac_missing": 0.3,
        "frac_outside_shape": 0.1,
        **values,
    }


THREE = [
    model("a", {}, family="pythia", size=1),
    model("b", {}, family="pythia", size=2),
    model("c", {}, size=3),
]


def test_ranks_in_another_model_against_those_of_random_heads():
    of = evidence(*THREE, transfer_summary=pd.DataFrame([compared("a", "b")]))
    found = MEASURES["frac_rank"](of, ["a", "b"], {})
    assert found[:4] == (0.4, 0.3, 0.45, 0.5)
    assert not found.exact
    assert isinstance(MEASURES["frac_rank"](of, ["b", "a"], {}), Unknown)
    assert holds("share_missing", of, ["a", "b"], least=0.2, most=0.5) is True
    assert holds("share_missing", of, ["a", "b"], least=0.5, most=1.0) is False


def test_what_is_missing_with_size_and_across_families():
    rows = [compared("a", "b"), compared("b", "c", frac_missing=0.6, mean_frac_rank=0.5)]
    of = evidence(*THREE, transfer_summary=pd.DataFrame(rows))
    assert holds("more_missing_with_size", of) is True
    pairs = {"pairs": [[0, 1], [1, 2]]}
    assert holds("worse_across_families", of, **pairs) is True
    rows[1]["mean_frac_rank"] = 0.39
    assert (
        holds(
            "worse_across_families",
            evidence(*THREE, transfer_summary=pd.DataFrame(rows)),
            **pairs,
        )
        is False
    )
    rows[0]["low"] = np.nan  # too noisy for an interval
    of = evidence(*THREE, transfer_summary=pd.DataFrame(rows))
    assert holds("worse_across_families", of, **pairs) is None


@pytest.mark.parametrize(
    ("ranks", "low", "expected"),
    [
        ((1, 2, 9, 10, 11), 0.3, True),
        ((1, 2, 3, 10, 11), 0.3, False),
        ((9, 9, 9, 9, 9), np.nan, None),
    ],
)
def test_how_many_of_the_strongest_stay_strong(ranks, low, expected):
    heads = pd.DataFrame({"base_model": "a", "tgt_model": "b", "task": "ioi"}, index=range(5))
    heads["tgt_frac_rank"] = np.array(ranks) / 16
    tables = {
        "transfer_heads": heads,
        "transfer_summary": pd.DataFrame([compared("a", "b", low=low)]),
    }
    assert holds("few_stay_strong", evidence(*THREE, **tables), within=True) is expected
    assert holds("few_stay_strong", evidence(*THREE, **tables), within=False) is None


def test_absent_or_weak_in_other_families():
    fates = pd.DataFrame({"base_model": "a", "tgt_model": "c"}, index=range(4))
    for found, expected in (
        (["lost", "missing", "conserved", "inverted"], True),
        (["lost", "conserved", "conserved", "inverted"], False),
    ):
        of = evidence(*THREE, head_divergence=fates.assign(divergence=found))
        assert holds("mostly_absent_or_weak", of) is expected


ONE = model("a", {})


def ablated(**values) -> pd.DataFrame:
    row = {
        "model": "a",
        "primary": True,
        "hero_set": "hero_joint",
        "k": 3,
        "mean_diff": -2.0,
        "matched_mean_diff": -0.1,
        "matched_low": -0.3,
        "matched_high": 0.1,
        "matched_p": 0.01,
        "accuracy": 0.5,
        "matched_accuracy": 0.9,
        "matched_p_accuracy": 0.01,
        **values,
    }
    fewer = row | {"k": 1, "matched_p": 0.9, "matched_p_accuracy": 0.9}
    return pd.DataFrame(
        [{**part, "task": task} for part in (row, fewer) for task in ("ioi", "anti_names")]
    )


@pytest.mark.parametrize(
    ("values", "beat", "answers", "none"),
    [
        ({}, True, True, True),
        ({"matched_p": 0.4}, None, True, None),
        ({"matched_p": 0.9, "mean_diff": 0.5}, False, True, None),
        ({"matched_p_accuracy": 0.5}, True, None, True),
        ({"matched_p_accuracy": 0.9, "accuracy": 0.95}, True, False, True),
        ({"matched_low": -0.3, "matched_high": -0.1}, True, True, False),
        ({"matched_low": np.nan, "matched_high": np.nan}, True, True, None),
        ({"matched_p": np.nan, "matched_p_accuracy": np.nan}, None, None, None),
    ],
)
def test_heroes_against_random_heads(values, beat, answers, none):
    of = evidence(ONE, ablation_summary=ablated(**values))
    assert holds("heroes_beat_random_heads", of) is beat
    assert holds("heroes_cost_more_answers", of) is answers
    assert holds("random_heads_have_no_direction", of) is none


@pytest.mark.parametrize(("q", "expected"), [((0.01, 0.01, 0.9), True), ((0.01, 0.9, 0.9), False)])
def test_heroes_that_carry_the_task(q, expected):
    traced = pd.DataFrame(
        {
            "model": "a",
            "category": ["ioi_only", "shared", "shared", "ioi_only", "weak"],
            "task": ["ioi", "ioi", "anti_names", "anti_names", "ioi"],
            "denoising_q": [*q, 0.01, 0.01],  # the last two are of no task of their own
            "denoising_influence": 0.5,
        }
    )
    assert holds("heroes_carry_the_task", evidence(ONE, causal_summary=traced)) is expected
