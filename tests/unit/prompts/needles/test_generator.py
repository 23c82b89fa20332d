"""Fictional filings: the facts are there once, and so is what could be mistaken for them."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.needles.generator import fictional_filings
from circuit_scaling.prompts.needles.questions import shipped_questions
from circuit_scaling.prompts.needles.truth import NAME, usable_filings
from circuit_scaling.prompts.needles.values import values_in
from tests.helpers.prompt_sets import REAL_TOKENIZERS, tokenizer

LENGTHS = ("long", "short")


@pytest.mark.parametrize("length", LENGTHS)
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_every_fact_is_said_once_and_another_value_of_its_kind_beside_it(length, seed) -> None:
    truth, texts = fictional_filings(12, seed, length=length)
    questions = shipped_questions()
    for (_, facts), text in zip(truth.iterrows(), texts["text"], strict=True):
        for question in questions.values():
            said = values_in(question.kind, text)
            assert said.count(str(facts[question.column])) == 1, text
        assert len(values_in("state", text)) == len(set(values_in("state", text))) == 3
        assert len(values_in("year", text)) == len(set(values_in("year", text))) == 2
        # Numbers are the two years as well.
        assert len(values_in("count", text)) == len(set(values_in("count", text))) == 4
        assert facts["original_Inc_state_truth"] != facts["headquarters_state_truth"]
        assert text.startswith(facts[NAME])
        assert text.count(facts[NAME]) == 1
        assert "{" not in text
        assert "\n" not in text


@pytest.mark.parametrize("length", LENGTHS)
def test_every_filing_is_usable_for_every_question(length: str) -> None:
    truth, texts = fictional_filings(30, 3, length=length)
    found = usable_filings(truth, texts, shipped_questions())
    assert all(len(answers) == 30 for answers in found.answers.values())


@given(seed=st.integers(0, 2**32 - 1), n=st.sampled_from([20, 30, 50, 120, 250]))
@settings(max_examples=15, deadline=None)
def test_no_answer_is_that_of_more_than_a_tenth(seed: int, n: int) -> None:
    truth, _ = fictional_filings(n, seed)
    for question in shipped_questions().values():
        assert truth[question.column].value_counts(normalize=True).max() <= 0.1


@pytest.mark.parametrize("length", LENGTHS)
def test_neither_the_first_nor_the_last_value_is_the_answer_too_often(length: str) -> None:
    """A guess by place alone is right as often as any value of the kind is."""
    truth, texts = fictional_filings(400, 1, length=length)
    for question in shipped_questions().values():
        kind = question.kind
        listed = [values_in(kind, text) for text in texts["text"]]
        answers = truth[question.column].astype(str)
        if kind == "count":
            listed = [[n for n in said if not 1600 <= int(n) <= 2100] for said in listed]
        for place in (0, -1):
            right = [said[place] == answer for said, answer in zip(listed, answers, strict=True)]
            chance = 1 / len(listed[0])
            assert abs(sum(right) / len(right) - chance) < 0.15, (question, place)


def test_the_order_of_the_facts_and_their_words_vary() -> None:
    truth, texts = fictional_filings(60, 2)
    orders = {
        tuple(sorted(shipped_questions(), key=lambda q: text.index(_said(q, facts))))
        for (_, facts), text in zip(truth.iterrows(), texts["text"], strict=True)
    }
    assert len(orders) > 15


def _said(question: str, facts: pd.Series) -> str:
    value = facts[shipped_questions()[question].column]
    return f"{value:,}" if question == "employee_count" else str(value)


def test_the_same_seed_gives_the_same_filings_and_another_one_others() -> None:
    for first, again in zip(fictional_filings(20, 5), fictional_filings(20, 5), strict=True):
        pd.testing.assert_frame_equal(first, again)
    other = fictional_filings(20, 6)
    assert set(other[0]["filename"]).isdisjoint(fictional_filings(20, 5)[0]["filename"])
    assert set(other[1]["text"]).isdisjoint(fictional_filings(20, 5)[1]["text"])


@pytest.mark.parametrize("length", LENGTHS)
def test_no_name_comes_twice_or_is_in_both_pools(length: str) -> None:
    study = {name.split()[0] for s in range(3) for name in _names(500, s, length, "study")}
    training = {name.split()[0] for s in range(3) for name in _names(500, s, length, "training")}
    assert study.isdisjoint(training)
    once = [name.split()[0] for name in _names(500, 0, length, "study")]
    assert len(set(once)) == 500


def _names(n: int, seed: int, length, names) -> pd.Series:
    return fictional_filings(n, seed, length=length, names=names)[0][NAME]


def test_more_companies_than_names() -> None:
    with pytest.raises(CircuitScalingError, match="and not for 10000000: ask for fewer"):
        fictional_filings(10_000_000, 0)


@pytest.mark.parametrize("name", REAL_TOKENIZERS)
@pytest.mark.parametrize(("length", "low", "high"), [("long", 85, 125), ("short", 32, 56)])
def test_lengths_in_real_tokens(name: str, length, low: int, high: int) -> None:
    _, texts = fictional_filings(300, 0, length=length)
    lengths = texts["text"].map(
        lambda text: len(tokenizer(name).encode(text, add_special_tokens=False))
    )
    assert lengths.between(low, high).mean() > 0.99, lengths.describe()
