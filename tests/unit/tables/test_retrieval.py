"""Schemas of ``tables/retrieval.py``: what they alone refuse."""

from __future__ import annotations

from tests.helpers.table_checks import message_of, refusal, refuses, row_1, spoilt, valid


def test_a_prompt_of_another_length_than_it_says_is_refused() -> None:
    message = refusal("questions", spoilt("questions", ["token_length"], 7))
    row = row_1("questions")
    assert message == message_of("questions", "tokens", "not as long as token_length says", row)


def test_a_depth_outside_the_context_is_refused() -> None:
    refuses("questions", "depth", 1.5, "not in 0..1")


def test_an_unknown_question_is_refused_with_those_that_there_are() -> None:
    frame = valid("questions").assign(question="ceo")
    assert "not one of inc_state, inc_year, employee_count, hq_state" in refusal("questions", frame)
