"""The outcome of a number and of a claim, by intervals, by printed digits, and under suspicion."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuit_scaling.analysis.audit.judgement import judge
from circuit_scaling.analysis.audit.published import Finding
from circuit_scaling.analysis.audit.results import (
    Seen,
    Unknown,
    Value,
    Verdicts,
    all_of,
    exceeds,
    together,
)
from circuit_scaling.tables.audit import (
    CANNOT_BE_RIGHT,
    NOT_COMPARABLE,
    NOT_REPRODUCED,
    REPRODUCED,
)


def finding(published: str | None) -> Finding:
    return Finding(
        id="one",
        study="circuit scaling",
        sources=("README.md § Figures",),
        claim="It is so.",
        published=published,
        definition="as it says",
        measure="correlation",
        checkpoints=("gpt2",),
    )


def outcome(published: str | None, result, imported: bool = False, suspect: str = "") -> str:
    return judge(finding(published), result, imported=imported, suspect=suspect).outcome


NUMBERS = [
    # published, value, low, high, nothing, exact -> outcome
    ("0.30", 0.5, 0.2, 0.8, 0.0, False, REPRODUCED),
    ("0.30", 0.5, 0.4, 0.8, 0.0, False, NOT_REPRODUCED),
    ("0.30", 0.1, -0.2, 0.4, 0.0, False, NOT_COMPARABLE),
    ("0.30", 0.3, -0.2, 0.8, 0.0, False, NOT_COMPARABLE),  # the digits are an accident then
    ("0.30", -0.2, -0.6, 0.2, 0.0, False, NOT_REPRODUCED),
    ("0.00", 0.1, -0.2, 0.4, 0.0, False, REPRODUCED),  # nothing was published
    ("0.50", 0.52, 0.45, 0.6, 0.503, False, REPRODUCED),  # so it was, up to its digits
    ("0.50", 0.52, 0.45, 0.6, 0.51, False, NOT_COMPARABLE),
    ("0.30", 0.5, 0.304, 0.8, 0.0, False, REPRODUCED),  # 0.304 rounds to what was printed
    ("0.30", 0.5, 0.306, 0.8, 0.0, False, NOT_REPRODUCED),
    ("0.30", 0.5, -0.2, 0.8, None, False, REPRODUCED),  # there is no nothing, as of a spread
    ("0.15–0.38", 0.5, 0.37, 0.8, 0.0, False, REPRODUCED),
    ("0.15–0.38", 0.5, 0.39, 0.8, 0.0, False, NOT_REPRODUCED),
    ("0.30", 0.304, math.nan, math.nan, 0.0, True, REPRODUCED),
    ("0.30", 0.306, math.nan, math.nan, 0.0, True, NOT_REPRODUCED),
    ("0.30", 0.304, math.nan, math.nan, 0.0, False, REPRODUCED),
    ("0.30", 0.306, math.nan, math.nan, 0.0, False, NOT_COMPARABLE),
]


@pytest.mark.parametrize(
    ("published", "value", "low", "high", "nothing", "exact", "expected"), NUMBERS
)
def test_a_number(published, value, low, high, nothing, exact, expected):
    assert outcome(published, Value(value, low, high, nothing, exact)) == expected


@given(
    st.integers(-99, 99),
    st.floats(-1, 1),
    st.floats(0.001, 1),
    st.floats(0.001, 1),
    st.floats(-1, 1),
)
def test_an_interval_that_holds_nothing_shows_nothing(hundredths, value, below, above, nothing):
    published = f"{hundredths / 100:.2f}".replace("-", "−")
    measured = Value(value, value - below, value + above, nothing)
    found = outcome(published, measured)
    was_nothing = abs(hundredths / 100 - nothing) <= 0.005 + 1e-9
    if measured.low <= nothing <= measured.high and not was_nothing:
        assert found != REPRODUCED
    if found == REPRODUCED:
        assert value - below - 0.005 - 1e-9 <= hundredths / 100 <= value + above + 0.005 + 1e-9


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (Seen(True), REPRODUCED),
        (Seen(False), NOT_REPRODUCED),
        (Seen(None), NOT_COMPARABLE),
        (Unknown("it is an interpretation"), NOT_COMPARABLE),
    ],
)
def test_a_claim(result, expected):
    assert outcome(None, result) == expected


@pytest.mark.parametrize(
    ("result", "imported", "expected"),
    [
        (Seen(True), True, CANNOT_BE_RIGHT),
        (Seen(True), False, NOT_COMPARABLE),
        (Seen(False), True, NOT_REPRODUCED),
        (Seen(None), True, NOT_COMPARABLE),
        (Unknown("why"), True, NOT_COMPARABLE),
    ],
)
def test_what_rests_on_suspect_tables_is_never_reproduced(result, imported, expected):
    found = judge(finding(None), result, imported=imported, suspect="exact zeros (gpt2: 22)")
    assert found.outcome == expected
    if not isinstance(result, Unknown):
        assert "exact zeros (gpt2: 22)" in found.why


def test_the_reason_names_what_nothing_is():
    found = judge(finding("0.30"), Value(0.1, -0.2, 0.4, 0.0), imported=False, suspect="")
    assert "holds what was published and also 0, " in found.why


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (Value(3, 2, 4), Value(1, 0, 1.5), True),
        (Value(1, 0, 1.5), Value(3, 2, 4), False),
        (Value(3, 2, 4), Value(2, 1, 3), None),
        (Value(3, exact=True), Value(2, exact=True), True),
        (Value(2, exact=True), Value(2, exact=True), False),
        (Value(3), Value(2), None),  # neither is known well
        (Value(3, 2, 4), Value(1, exact=True), True),
        (Value(math.nan, exact=True), Value(1, exact=True), None),
    ],
)
def test_which_is_greater(one, other, expected):
    assert exceeds(one, other) is expected


def test_all_of():
    assert all_of([True, True]) is True
    assert all_of([True, None]) is None
    assert all_of([None, False]) is False


@pytest.mark.parametrize(
    ("truths", "in_general", "of_these"),
    [
        ("TTTTTTFF", True, False),
        ("TTFF", False, False),
        ("TTN", True, None),
        ("TNN", None, None),
        ("FNN", None, False),
        ("FFN", False, False),
        ("TT", True, True),
    ],
)
def test_one_truth_from_several(truths, in_general, of_these):
    words = {"T": True, "F": False, "N": None}
    seen = {f"m{at}": Seen(words[truth]) for at, truth in enumerate(truths)}
    assert together(Verdicts("model", seen), in_general=True).holds is in_general
    assert together(Verdicts("model", seen), in_general=False).holds is of_these


def test_the_words_say_in_how_many_and_in_which():
    seen = {f"m{at}": Seen(at > 1) for at in range(8)}
    words = together(Verdicts("model", seen), in_general=True).words
    assert words == "holds in 6 of 8 models; fails in m0, m1"
    few = {"gpt2": Seen(None, "slope −0.49"), "opt": Seen(True, "slope 0.20")}
    words = together(Verdicts("family", few), in_general=True).words
    assert words == (
        "holds in 1 of 2 families; cannot be told in gpt2; gpt2: slope −0.49; opt: slope 0.20"
    )
    assert together(Verdicts("pair", {}), in_general=True).holds is None


def test_in_another_unit():
    value = Value(0.2, 0.1, 0.3, nothing=0.05, words="n = 3").times(100)
    assert value[:4] == pytest.approx((20, 10, 30, 5))
    assert (value.words, value.exact) == ("n = 3", False)
