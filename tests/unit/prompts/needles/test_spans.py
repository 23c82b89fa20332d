"""The answer of a generated text is found in its characters, and in its tokens."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuit_scaling.prompts.needles.spans import answer_span, answer_tokens, spoken
from circuit_scaling.prompts.needles.values import values_in
from tests.helpers.filings import ids, small_tokenizer

SAID = {
    "state": [
        ("\n The state of New  York, not Ohio.\nUtah", "New  York"),
        (" Del.", "Del"),
        (" in\nDelaware", ""),  # the first line says nothing of the kind
        (" West Virginia", "West Virginia"),
        (" CA ", "CA"),
    ],
    "year": [(" since 1929.", "1929"), ("14,200 in 1950", "1950"), (" 19290", "")],
    "count": [
        (" about 14,200 people", "14,200"),
        ("12.5 thousand, or 3", "12.5 thousand"),
        (" none", ""),
        ("", ""),
    ],
}
CASES = [(kind, *case) for kind, cases in SAID.items() for case in cases]


@pytest.mark.parametrize(("kind", "text", "answer"), CASES)
def test_characters_of_the_first_answer(kind, text, answer):
    found = answer_span(kind, text)
    assert text[found] == answer
    if not answer:
        assert found == slice(0, 0)


@pytest.mark.parametrize(("kind", "text", "answer"), CASES)
@pytest.mark.parametrize("before", ["", "<bos>", "é 漢 "])
def test_tokens_of_the_first_answer(kind, text, answer, before):
    """The smallest run of tokens that says it; special tokens and split letters do not disturb."""
    if before == "é 漢 " and kind != "count":
        return  # a name or a year may be another answer behind a word
    tokenizer = small_tokenizer()
    tokens = [*ids(tokenizer, before), *ids(tokenizer, text), 0, 0]
    found = answer_tokens(kind, tokens, tokenizer)
    if not answer:
        assert found == slice(0, 0)
        return
    assert answer in spoken(tokenizer, tokens[found])
    for less in (slice(found.start + 1, found.stop), slice(found.start, found.stop - 1)):
        assert answer not in spoken(tokenizer, tokens[less])


def test_an_abbreviation_ends_at_its_point():
    assert answer_span("state", " in Del. since 1929") == slice(4, 8)


@settings(max_examples=30, deadline=None)
@given(st.text(max_size=20), st.integers(1, 99_999), st.text(max_size=10))
def test_the_span_says_the_value_that_is_judged(before, number, behind):
    text = f"{before} {number:,} {behind}"
    tokens = ids(small_tokenizer(), text)
    whole = spoken(small_tokenizer(), tokens)
    values = values_in("count", whole.lstrip().partition("\n")[0])
    chosen = whole[answer_span("count", whole)]
    assert values_in("count", chosen)[:1] == values[:1]
    in_tokens = spoken(small_tokenizer(), tokens[answer_tokens("count", tokens, small_tokenizer())])
    assert chosen in in_tokens
