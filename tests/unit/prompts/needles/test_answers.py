"""Whether an answer is right: the first one counts; the published rule keeps its faults."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.needles.answers import is_right, mentions
from circuit_scaling.prompts.needles.states import STATES

BOTH, STRICT_ONLY, STUDY_ONLY, NEITHER = (True, True), (True, False), (False, True), (False, False)


@pytest.mark.parametrize(
    ("kind", "truth", "generated", "right"),
    [
        ("state", "Delaware", " Delaware.", BOTH),
        ("state", "Delaware", "delaware and Ohio", BOTH),
        ("state", "Delaware", "Ohio, not Delaware", STUDY_ONLY),
        ("state", "Delaware", "DE", STRICT_ONLY),
        ("state", "Delaware", "Del.", STRICT_ONLY),
        ("state", "Delaware", "\n\nDelaware", BOTH),
        ("state", "Delaware", "Ohio\nDelaware", STUDY_ONLY),
        ("state", "Delaware", "I do not know\nDelaware", STUDY_ONLY),
        ("state", "Delaware", "", NEITHER),
        ("state", "Virginia", "West Virginia", STUDY_ONLY),
        ("state", "West Virginia", "Virginia", NEITHER),
        ("state", "Kansas", "Arkansas", STUDY_ONLY),
        ("state", "Washington", "Washington, D.C.", STUDY_ONLY),
        ("state", "DC", "Washington, D.C.", STRICT_ONLY),
        ("state", "New York", "N.Y.", STRICT_ONLY),
        ("state", "Pennsylvania ", "pennsylvania", BOTH),
        ("year", "1929", "1929", BOTH),
        ("year", "1929.0", " in 1929.", BOTH),
        ("year", "1929", "1993, founded 1929", STUDY_ONLY),
        ("year", "1929", "19291", STUDY_ONLY),
        ("year", "1929", "1,929", STUDY_ONLY),
        ("year", "1929", "192", NEITHER),
        ("count", "14200", "14,200", BOTH),
        ("count", "14,200", "about 14200 people", BOTH),
        ("count", "14200.0", "14200.0", BOTH),
        ("count", "14200", "14 thousand", NEITHER),
        ("count", "14000", "14 thousand", STRICT_ONLY),
        ("count", "257", "12,570", STUDY_ONLY),
        ("count", "125", "12.5", STUDY_ONLY),
        ("count", "5", "5 of 10", BOTH),
        ("count", "10", "5 of 10", STUDY_ONLY),
    ],
)
def test_both_rules(kind, truth: str, generated: str, right: tuple[bool, bool]) -> None:
    assert (is_right(kind, truth, generated), is_right(kind, truth, generated, "study")) == right


@given(st.sampled_from(sorted(STATES)), st.sampled_from(sorted(STATES)))
def test_of_two_states_the_first_is_the_answer(first: str, second: str) -> None:
    text = f" {first}; headquarters are in {second}."
    assert is_right("state", first, text)
    assert is_right("state", second, text) == (first == second)


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_of_two_numbers_the_first_is_the_answer(first: int, second: int) -> None:
    assert is_right("count", str(second), f"about {first:,} of {second:,}") == (first == second)


@given(st.text(alphabet="0123456789 ,.'aE+\n", max_size=12))
def test_the_published_rule_as_it_is_described(generated: str) -> None:
    """Written down a second time, in another way, from the description."""

    def norm(text: str) -> str:
        kept = "".join(c for c in text.lower().strip() if c not in ",.'")
        try:
            value = float(kept)
        except ValueError:
            return kept
        return f"{value:.0f}" if math.isfinite(value) and value % 1 == 0 else kept

    expected = norm(generated) == "25" or "25" in norm(generated) or generated.split()[:1] == ["25"]
    assert is_right("count", "25", generated, "study") == expected


@pytest.mark.parametrize(("kind", "truth"), [("state", "NLL"), ("year", "29"), ("count", "0")])
def test_a_truth_that_is_none_is_refused(kind, truth: str) -> None:
    for rule in ("strict", "study"):
        with pytest.raises(CircuitScalingError, match=f"'{truth}' is no answer to a question for"):
            is_right(kind, truth, "Ohio 1929", rule)


def test_a_text_mentions_values_of_their_own_only() -> None:
    assert mentions("count", "570", "It has 12,570 or 570 shops.")
    assert not mentions("count", "570", "It has 12,570 shops.")
    assert not mentions("state", "Virginia", "a West Virginia firm")
    assert mentions("state", "Virginia", "a West Virginia firm in Richmond, VA")
