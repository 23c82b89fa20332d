"""The shipped questions, and the prose around the documents."""

from __future__ import annotations

import re

from circuit_scaling.prompts.needles.haystack import endless, shipped_haystack
from circuit_scaling.prompts.needles.questions import shipped_questions
from circuit_scaling.prompts.needles.states import states_in
from circuit_scaling.prompts.needles.values import values_in
from circuit_scaling.vocabulary import ANSWER_KINDS, QUESTION_IDS

NUMBERS = (
    "one two three four five six seven eight nine ten eleven twelve twenty dozen hundred thousand"
)


def test_every_question_is_there_in_its_order() -> None:
    assert tuple(shipped_questions()) == QUESTION_IDS
    assert {q.kind for q in shipped_questions().values()} == set(ANSWER_KINDS)
    assert len({q.column for q in shipped_questions().values()}) == len(QUESTION_IDS)


def test_a_question_asks_and_a_cue_goes_on() -> None:
    for question in shipped_questions().values():
        assert question.text.endswith("?")
        assert re.search("[a-z]$", question.cue)
        assert not states_in(question.text + question.cue)


def test_the_haystack_answers_no_question() -> None:
    prose = shipped_haystack()
    assert len(prose.split()) >= 1500
    assert not re.search(r"\d", prose)
    assert states_in(prose) == []
    assert values_in("count", prose) == []
    assert set(re.findall("[a-z]+", prose.lower())).isdisjoint(NUMBERS.split())
    assert not re.search(r"\b(compan|corporat|employ|headquarter|incorporat)", prose.lower())
    assert prose.isascii()


def test_the_haystack_is_varied() -> None:
    paragraphs = shipped_haystack().split("\n\n")
    assert len(paragraphs) > 10
    assert all(paragraph == " ".join(paragraph.split()) for paragraph in paragraphs)
    words = re.findall("[a-z]+", shipped_haystack().lower())
    assert len(set(words)) > 600


def test_copies_of_a_short_haystack_have_something_between_them() -> None:
    assert endless([1, 2, 3], [9], 10) == [1, 2, 3, 9, 1, 2, 3, 9, 1, 2]
    assert endless([1, 2, 3], [], 4) == [1, 2, 3, 1]
    assert endless([1, 2, 3], [9], 2) == [1, 2]
    assert endless([1, 2, 3], [9], 0) == []
