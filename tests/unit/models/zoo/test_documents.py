"""Training rows about filings: what a row says, and what is learnt at which of its tokens."""

from __future__ import annotations

import numpy as np
import pytest

from circuit_scaling.models.bos import prompt_prefix
from circuit_scaling.models.zoo.document_tokenizer import CHAT_TEMPLATE, document_tokenizer
from circuit_scaling.models.zoo.documents import ROLES, Documents, MarkedRows
from circuit_scaling.models.zoo.language import IGNORE
from circuit_scaling.prompts.needles.generator import fictional_filings
from circuit_scaling.prompts.needles.haystack import shipped_haystack
from circuit_scaling.prompts.needles.questions import shipped_questions
from circuit_scaling.prompts.needles.values import as_written
from circuit_scaling.vocabulary import QUESTION_IDS

TOKENIZER = document_tokenizer()
TOKENIZER.chat_template = CHAT_TEMPLATE
PREFIX = prompt_prefix(TOKENIZER, "auto", "llama")
N, SEED = 12, 3
TRUTH, TEXTS = fictional_filings(N, SEED, length="short", names="training")


@pytest.fixture
def documents() -> Documents:
    return Documents(TOKENIZER, PREFIX, ("cue", "chat"), N, SEED)


def said(rows: MarkedRows, row: int) -> str:
    return TOKENIZER.decode(rows.tokens[row])


def told(rows: MarkedRows, row: int, question: int) -> str:
    """What the model is to say to a question, put together from what it is to say at each token."""
    found = [
        (int(position), int(label))
        for kind in ("first", "later")
        for r, position, label, q in zip(*vars(rows.marks[kind]).values(), strict=True)
        if (r, q) == (row, question)
    ]
    positions = [position for position, _ in sorted(found)]
    assert positions == list(range(positions[0], positions[0] + len(positions)))
    follows = {position: int(rows.tokens[row, position + 1]) for position, _ in found[:-1]}
    assert follows == dict(found[:-1])  # the last one may be the end, which is not said
    return TOKENIZER.decode([label for _, label in sorted(found)])


def facts(filing: int) -> dict[str, str]:
    return {
        name: as_written(q.kind, str(TRUTH[q.column][filing]), TEXTS["text"][filing])
        for name, q in shipped_questions().items()
    }


def filing_in(text: str) -> int:
    return next(i for i, filing in enumerate(TEXTS["text"]) if filing in text)


@pytest.mark.parametrize("form", ["cue", "chat"])
def test_a_row_asks_everything_about_one_filing_and_learns_the_answers(documents, form) -> None:
    rows = documents.asked(N, form, 40)
    assert {filing_in(said(rows, row)) for row in range(N)} == set(range(N))
    for row in range(N):
        text = said(rows, row)
        before, _, after = text.partition(TEXTS["text"][filing_in(text)])
        prose = TOKENIZER.encode(before + after.partition("\n\nQuestion")[0])
        assert text.count("<bos>") - text.partition("Question")[2].count("<bos>") == 1
        assert 38 <= len(prose) <= 44, before  # blank lines and the start of a turn count as well
        for place, (name, answer) in enumerate(facts(filing_in(text)).items()):
            assert told(rows, row, place) == f" {answer}.<bos>"
            question = shipped_questions()[name]
            cue = f"Answer: {question.cue}" if form == "cue" else "Answer in one word:<assistant>"
            assert f"\n\nQuestion: {question.text}\n{cue} {answer}." in text


def test_statements_follow_the_filing_without_anything_else(documents) -> None:
    rows = documents.stated(N)
    for row in range(N):
        text = said(rows, row)
        filing = filing_in(text)
        assert text.startswith(f"<bos>{TEXTS['text'][filing]} The ")
        for place, (name, answer) in enumerate(facts(filing).items()):
            assert f" {shipped_questions()[name].cue} {answer}." in text
            assert told(rows, row, place) == f" {answer}."


def test_roles_stand_at_the_facts_and_where_answers_begin(documents) -> None:
    rows = documents.asked(N, "cue", 10)
    for kind in ("role_said", "role_asked"):
        marks = rows.marks[kind]
        found: dict[tuple[int, str], list[tuple[str, int]]] = {}
        for row, position, label, place in zip(*vars(marks).values(), strict=True):
            token = rows.tokens[row, position + (kind == "role_asked")]
            word = TOKENIZER.decode([int(label)]).strip()
            found.setdefault((row, QUESTION_IDS[place]), []).append((word, token))
        assert len(found) == N * len(QUESTION_IDS)
        for (row, name), told_as in found.items():
            words, tokens = zip(*told_as, strict=True)
            assert words == ROLES[name][: len(words)]
            assert TOKENIZER.decode(tokens).strip() == facts(filing_in(said(rows, row)))[name]


def test_rows_are_the_same_for_a_seed_and_the_filing_may_stand_anywhere() -> None:
    first, second = (Documents(TOKENIZER, PREFIX, ("cue",), N, SEED) for _ in range(2))
    rows = first.asked(4 * N, "cue", 100)
    np.testing.assert_array_equal(rows.tokens, second.asked(4 * N, "cue", 100).tokens)
    texts = [said(rows, row) for row in range(40)]
    before = [text.partition(TEXTS["text"][filing_in(text)])[0] for text in texts]
    lengths = [len(TOKENIZER.encode(text, add_special_tokens=False)) for text in before]
    assert min(lengths) < 30 and max(lengths) > 75
    start = shipped_haystack()[:30]
    assert 0 < sum(text.startswith(f"<bos>{start}") for text in before) < 40


def test_random_tokens_come_twice_and_what_repeats_is_learnt(documents) -> None:
    rows = documents.repeated(4)
    for tokens, labels in zip(rows.tokens, rows.labels, strict=True):
        counted = np.flatnonzero(labels != IGNORE)
        period = len(counted) + 1
        assert len(tokens) == 2 * period and tokens[0] == PREFIX[0]
        assert len(set(tokens[1 : period + 1])) == period
        np.testing.assert_array_equal(tokens[period + 1 :], tokens[1:period])
        np.testing.assert_array_equal(labels[counted], tokens[2 : period + 1])
        np.testing.assert_array_equal(counted, np.arange(period + 1, 2 * period))


def test_plain_text_learns_every_token_of_a_passage(documents) -> None:
    rows = documents.plain_text(3)
    np.testing.assert_array_equal(rows.tokens[:, 1:], rows.labels[:, :-1])
    assert (rows.tokens[:, 0] == PREFIX[0]).all()
