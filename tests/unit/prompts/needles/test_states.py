"""Which states a text names: every spelling, and none of the traps."""

from __future__ import annotations

import pytest

from circuit_scaling.prompts.needles.states import DISTRICT, STATES, state_of, states_in


def test_fifty_states_and_the_district() -> None:
    assert len(STATES) == 51
    codes = [spellings[0] for spellings in STATES.values()]
    assert len(set(codes)) == 51
    assert all(len(code) == 2 and code.isupper() for code in codes)


@pytest.mark.parametrize("state", STATES)
def test_every_spelling_names_its_state_and_no_other(state: str) -> None:
    for spelling in (state, state.lower(), state.upper(), *STATES[state]):
        assert states_in(spelling) == [state]
        assert state_of(f" {spelling} ") == state
    for spelling in (state, state.upper(), *STATES[state]):
        assert states_in(f"an office in Springfield, {spelling}, and no other") == [state]
        assert states_in(f"an office in Springfield, {spelling}") == [state]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("West Virginia", ["West Virginia"]),
        ("Virginia and West Virginia", ["Virginia", "West Virginia"]),
        ("WEST\nVIRGINIA", ["West Virginia"]),
        ("western Virginia", ["Virginia"]),
        ("W.Va. and Va.", ["West Virginia", "Virginia"]),
        ("Arkansas", ["Arkansas"]),
        ("Arkansas, Kansas", ["Arkansas", "Kansas"]),
        ("Arkansan", []),
        ("Washington", ["Washington"]),
        ("Washington state", ["Washington"]),
        ("Washington, D.C.", [DISTRICT]),
        ("Washington D. C. and Washington", [DISTRICT, "Washington"]),
        ("Washington dc", [DISTRICT]),
        ("Washington, District of Columbia", [DISTRICT]),
        ("Fort Washington, Pennsylvania", ["Pennsylvania"]),
        ("Kansas City", []),
        ("Kansas City, Missouri", ["Missouri"]),
        ("New York, New York", ["New York", "New York"]),
        ("N. Y.", ["New York"]),
        ("It is a Delaware-based firm", ["Delaware"]),
        ("Californian wines", []),
        ("Delaware's law", ["Delaware"]),
        ("DE and TX", ["Delaware", "Texas"]),
        ("an ID of the firm", []),
        ("OK, it is in Texas", ["Texas"]),
        ("Tulsa, OK", ["Oklahoma"]),
        ("OK", ["Oklahoma"]),
        ("OK.", ["Oklahoma"]),
        ("in", []),
        ("or me", []),
        ("IT WAS FORMED IN OHIO OR NE", ["Ohio"]),
        ("WILMINGTON, DE", ["Delaware"]),
        ("she was ill. Ill. is", ["Illinois"]),
        ("the Penn family", []),
        ("", []),
    ],
)
def test_what_a_text_names(text: str, named: list[str]) -> None:
    assert states_in(text) == named


@pytest.mark.parametrize(
    ("cell", "state"),
    [
        ("Pennsylvania ", "Pennsylvania"),
        ("new  york", "New York"),
        ("de", "Delaware"),
        ("State of Delaware", "Delaware"),
        ("Delaware, U.S.A.", "Delaware"),
        ("New York, New York", "New York"),
        ("Washington, D.C.", DISTRICT),
        ("NLL", None),
        ("North Carolina and Georgia", None),
        ("Texas, Georgia, Wisconsin", None),
        ("Ontario", None),
        ("Kansas City", None),
        ("", None),
    ],
)
def test_a_cell_names_one_state_or_none(cell: str, state: str | None) -> None:
    assert state_of(cell) == state
