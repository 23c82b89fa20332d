"""Heads are ranked by score, and a ranking says whether the model answers the question at all."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.retrieval.answered import answering
from circuit_scaling.analysis.retrieval.rankings import rank

HEADS = [(0, 0), (0, 1), (1, 0), (1, 1)]
NAN = np.nan
SCORES = {  # scores, study's scores -> ranks, study's ranks
    ("summed_attention", 100): ([0.1, 0.4, 0.4, 0.2], [4, 3, 2, 1], [4, 1, 2, 3], [1, 2, 3, 4]),
    ("summed_attention", 200): ([0.0, 0.0, 0.0, 0.5], [0, 0, 0, 0], [2, 3, 4, 1], [1, 2, 3, 4]),
    ("wu24", 100): ([NAN, 0.0, NAN, 0.3], [NAN, NAN, 0.2, NAN], [3, 2, 4, 1], [2, 3, 1, 4]),
    ("qrhead", 100): ([-0.1, -0.2, 0.0, -0.3], [1, 2, 3, 4], [2, 3, 1, 4], [4, 3, 2, 1]),
}


def scores() -> pd.DataFrame:
    rows = [
        {
            **{"family": "f", "model": "m", "method": method, "question": "inc_year"},
            **{"token_length": length, "layer": layer, "head": head, "score": score},
            **{"score_study": study, "n_samples": 5, "n_asked": 6, "scores": [0.0] * 6},
            **{"n_layers": 2, "n_heads": 2, "fingerprint": "aa", "expected": (first, second)},
        }
        for (method, length), columns in SCORES.items()
        for (layer, head), score, study, first, second in zip(HEADS, *columns, strict=True)
    ]
    return pd.DataFrame(rows).sample(frac=1, random_state=0)  # in any order


def answers(right: dict[int, list[bool]], truths: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {"question": "inc_year", "token_length": length, "filing": f"f{i}", "answer": t, "right": r}
        for length, of_length in right.items()
        for i, (t, r) in enumerate(zip(truths, of_length, strict=True))
    )


def test_ranks_and_what_stands_beside_them():
    truths = ["1990", "1990", "1901", "1902", "1903", "1904"]
    decoded = answers({100: [True] * 6, 200: [True, False] * 3}, truths)
    questions = pd.DataFrame({"question": ["inc_year"], "kind": ["year"]})
    given = scores()
    found = rank(given, decoded, questions)
    keys = ["method", "token_length", "layer", "head"]
    expected = given.set_index(keys)["expected"]
    found = found.set_index(keys)
    for key, ranks in expected.items():
        assert (found.at[key, "rank"], found.at[key, "rank_study"]) == ranks
    short, long = (found.xs(n, level="token_length") for n in (100, 200))
    assert set(short["accuracy"]) == {1.0}
    assert set(long["accuracy"]) == {0.5}
    assert set(found["floor"]) == {2 / 6}
    # 6 of 6: from 0.025 ** (1 / 6) = 0.541; 3 of 6: from 0.118
    assert short["answered"].all()
    assert not long["answered"].any()


def test_the_floor_is_the_commonest_answer_however_it_is_written():
    decoded = answers({100: [True, True, False]}, ["14,200", "14200", "9"])
    found = answering("count", decoded)
    assert found.floor == pytest.approx(2 / 3)
    assert (found.low, found.high) == pytest.approx((0.0943, 0.9916), abs=1e-4)
    assert not found.answered


def test_a_filing_asked_at_several_depths_is_one_observation():
    once = answers({100: [True, True, True, False]}, ["1990", "1991", "1992", "1993"])
    thrice = pd.concat([once] * 3)
    assert answering("year", thrice) == answering("year", once)
    one_depth_wrong = thrice.assign(right=[True] * 4 + [True] * 4 + [False] * 4)
    found = answering("year", one_depth_wrong)  # 4 times 2/3: 2 of 4
    assert found.accuracy == pytest.approx(2 / 3)
    assert (found.low, found.high) == pytest.approx((0.0676, 0.9324), abs=1e-4)
