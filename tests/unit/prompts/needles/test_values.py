"""Answers as cells and as parts of texts have them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuit_scaling.prompts.needles.values import YEARS, as_written, value_of, values_in


@pytest.mark.parametrize(
    ("kind", "cell", "value"),
    [
        ("year", "1929.0", "1929"),
        ("year", " 1929 ", "1929"),
        ("year", "29", None),
        ("year", "19290", None),
        ("year", "1929.5", None),
        ("year", "about 1929", None),
        ("year", "NLL", None),
        ("count", "14200.0", "14200"),
        ("count", "14,200", "14200"),
        ("count", "1", "1"),
        ("count", "0", None),
        ("count", "0.0", None),
        ("count", "-5", None),
        ("count", "1,42,00", None),
        ("count", "12.5", None),
        ("count", "many", None),
        ("count", "True", None),
        ("state", "Ohio", "Ohio"),
    ],
)
def test_a_cell(kind, cell: str, value: str | None) -> None:
    assert value_of(kind, cell) == value


@pytest.mark.parametrize(
    ("kind", "text", "values"),
    [
        ("year", "from 1929 to 1931.", ["1929", "1931"]),
        ("year", "1929-1931, FY1993", ["1929", "1931", "1993"]),
        ("year", "1,929 or 19290 or 1929.5 or 193", []),
        ("year", "May 12,1929", ["1929"]),
        ("count", "about 14,200 people", ["14200"]),
        ("count", "14200.0 and 12,570.", ["14200", "12570"]),
        ("count", "12.5", ["12.5"]),
        ("count", "1,2345", ["1", "2345"]),
        ("count", "some 14 thousand, 1.2 Million", ["14000", "1200000"]),
        ("count", "none", []),
    ],
)
def test_a_text(kind, text: str, values: list[str]) -> None:
    assert values_in(kind, text) == values


@given(st.integers(1, 10**9), st.sampled_from(["{}", "{:,}", "{}.0", "{:,}.0"]))
def test_a_count_is_the_same_however_it_is_written(number: int, form: str) -> None:
    written = form.format(number)
    assert value_of("count", written) == str(number)
    assert values_in("count", f"It has about {written} of them, or more.") == [str(number)]


@given(st.sampled_from(YEARS), st.sampled_from(["{}", "{}.", "({})", "{},", "{}/95"]))
def test_a_year_is_found_between_marks(year: int, form: str) -> None:
    assert values_in("year", f"In {form.format(year)} it was") == [str(year)]


def test_a_count_is_written_as_the_text_has_it() -> None:
    assert as_written("count", "14200", "It has 14,200 employees") == "14,200"
    assert as_written("count", "14200", "It has 14200 employees") == "14200"
    assert as_written("count", "200", "It has 14,200 employees") == "200"
    assert as_written("year", "1929", "1,929") == "1929"
