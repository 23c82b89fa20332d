"""Long names leave room for what is drawn, and stay apart."""

from __future__ import annotations

import warnings
from itertools import product

import pandas as pd

from circuit_scaling.figures.retrieval.comparison.looks import Looks
from circuit_scaling.figures.retrieval.comparison.matrices import question_overlap_heatmaps

QUESTIONS = [f"Which {what} does the document name in its last paragraph?" for what in "ab"]
LONG = "Which year was the company of this document incorporated in, and where?"


def test_long_names_are_cut_where_their_ends_tell_them_apart() -> None:
    names = {"method": [LONG, "wu24", "m"], "model": [*QUESTIONS, "m"], "question": ["q"] * 3}
    rest = {"family": "x", "token_length": 0}
    looks = Looks.of(pd.DataFrame(names).assign(**rest))
    assert looks.methods[LONG].label == "Which year was t… and where?"
    assert looks.methods["m"].label == "m"
    labels = [looks.models[name].label for name in QUESTIONS]
    assert labels == ["Which a does the… paragraph?", "Which b does the… paragraph?"]
    same = [f"{LONG[:20]}{middle}{LONG[20:]}" for middle in "ab"]
    looks = Looks.of(pd.DataFrame({**names, "question": [*same, "q"]}).assign(**rest))
    assert [looks.questions[name].label for name in same] == same


def test_heatmaps_of_questions_with_long_names_have_room() -> None:
    names = [f"{LONG} {place}" for place in "123"]
    table = pd.DataFrame(
        [(m, "x", q, 0, "f") for m, q in product("AB", names)],
        columns=["method", "model", "question", "token_length", "family"],
    )
    pairs = [(0, 1), (0, 2), (1, 2)]
    rows = pd.DataFrame(
        [(m, "x", names[a], names[b], 0.5, 0.1) for m, (a, b) in product("AB", pairs)],
        columns=["method", "model", "question", "other", "value", "chance"],
    ).assign(ci_low=float("nan"), ci_high=float("nan"), n=1, ceiling=float("nan"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        question_overlap_heatmaps(rows, Looks.of(table)).canvas.draw()
