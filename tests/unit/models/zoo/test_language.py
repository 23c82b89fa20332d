"""The synthetic language of the embedded models: what a training row shows and what it asks."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from transformers import AutoTokenizer

from circuit_scaling.models.bos import prompt_prefix
from circuit_scaling.models.zoo import train
from circuit_scaling.models.zoo.language import (
    IGNORE,
    Language,
    Rows,
    held_out_names,
    training_names,
)
from circuit_scaling.models.zoo.tokenizer import BOS, UNKNOWN, zoo_tokenizer
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.wordbank import make_word_bank
from circuit_scaling.prompts.words import categories, word_list
from tests.helpers.prompt_sets import shipped_prompts, tokenizer

OBJECTIVES = dict.fromkeys(("ioi", "anti_names", "anti_lists", "induction", "plain_text"), "learn")
WORDS = make_word_bank(tokenizer("zoo"))
HELD_OUT = {WORDS.token(name) for name in held_out_names(WORDS)}
CATEGORY_OF = {WORDS.token(w): c for c, items in categories().items() for w in items}
N = 200


def language(seed: int = 0, bos: bool = False, **objectives: str) -> Language:
    return Language(
        WORDS,
        shipped_tasks().root,
        {**OBJECTIVES, **objectives},
        train._ROW_LENGTH,
        np.random.default_rng(seed),
        prompt_prefix(tokenizer("zoo"), bos, model_type=""),
    )


def asked(rows: Rows) -> list[tuple[list[int], int]]:
    """Text and answer of rows that ask for one token, which is the last of their text."""
    found = []
    for tokens, labels in zip(rows.tokens.tolist(), rows.labels.tolist(), strict=True):
        (place,) = (i for i, label in enumerate(labels) if label != IGNORE)
        assert set(tokens[place + 1 :]) <= {0}
        found.append((tokens[: place + 1], labels[place]))
    return found


def matched(task: str, text: str) -> dict[str, str]:
    """The slots of the one name template that gives the text."""
    found = []
    for template in shipped_tasks().root[task].templates:
        seen: set[str] = set()
        pattern = ""
        for piece in re.split(r"(\{\w+\})", template):
            slot = piece.strip("{}")
            if piece == slot:
                pattern += re.escape(piece)
            else:
                pattern += rf"(?P={slot})" if slot in seen else rf"(?P<{slot}>\w+)"
                seen.add(slot)
        match = re.fullmatch(pattern, text)
        found += [match.groupdict()] if match else []
    (slots,) = found
    return slots


def is_right(task: str, tokens: list[int], answer: int) -> bool:
    """Whether the answer is the name that was not repeated; it must be one of the two."""
    slots = matched(task, tokenizer("zoo").decode(tokens))
    word = tokenizer("zoo").decode([answer]).strip()
    assert word in {slots["A"], slots["B"]}
    return word != slots["S"]


@pytest.mark.parametrize("task", OBJECTIVES)
@pytest.mark.parametrize("bos", [False, True])
def test_every_row_asks_something(task: str, bos: bool) -> None:
    rows = language(bos=bos).rows(task, N)
    assert rows.tokens.shape == rows.labels.shape
    assert rows.tokens.shape[0] == N
    assert rows.tokens.shape[1] <= train._ROW_LENGTH
    assert (rows.labels != IGNORE).any(axis=1).all()  # no text was cut before its answer
    assert rows.tokens.dtype == rows.labels.dtype == np.int64


@pytest.mark.parametrize("task", ["ioi", "anti_names"])
def test_name_rows_are_the_measured_prompts_with_their_answer(task: str) -> None:
    decode = tokenizer("zoo").decode
    used = Counter()
    for tokens, answer in asked(language().rows(task, N)):
        text = decode(tokens)
        assert tokenizer("zoo").encode(text, add_special_tokens=False) == tokens
        slots = matched(task, text)
        names = {slots["A"], slots["B"]}
        assert len(names) == 2
        assert slots["S"] in names
        assert {decode([answer]).strip()} == names - {slots["S"]}
        used[slots["S"] == slots["A"]] += 1
    assert min(used.values()) > N / 3  # both orders


def test_measured_prompts_are_in_the_language() -> None:
    for row in shipped_prompts("zoo").query("task in ['ioi', 'anti_names']").itertuples():
        assert matched(row.task, row.text)


@pytest.mark.parametrize("task", ["ioi", "anti_names"])
def test_a_random_objective_answers_with_either_name_equally_often(task: str) -> None:
    rows = asked(language(**{task: "random"}).rows(task, 400))
    right = sum(is_right(task, *row) for row in rows)
    assert abs(right - 200) < 4 * np.sqrt(400) / 2  # four standard deviations
    other = {"ioi": "anti_names", "anti_names": "ioi"}[task]
    rows = asked(language(**{task: "random"}).rows(other, N))
    assert all(is_right(other, *row) for row in rows)


def test_list_rows_ask_for_an_item_that_was_not_listed() -> None:
    for tokens, answer in asked(language().rows("anti_lists", N)):
        listed = [t for t in tokens if t in CATEGORY_OF][-3:]
        assert {CATEGORY_OF[t] for t in (*listed, answer)} == {CATEGORY_OF[answer]}
        assert len({*listed, answer}) == 4
        text = tokenizer("zoo").decode(tokens)
        assert tokenizer("zoo").encode(text, add_special_tokens=False) == tokens
        assert text.endswith(",")


@pytest.mark.parametrize("bos", [False, True])
def test_induction_rows_ask_only_what_the_first_copy_has_shown(bos: bool) -> None:
    rows = language(bos=bos).rows("induction", N)
    for tokens, labels in zip(rows.tokens.tolist(), rows.labels.tolist(), strict=True):
        places = [i for i, label in enumerate(labels) if label != IGNORE]
        for place in places:
            earlier = tokens.index(tokens[place])
            assert earlier < place
            assert tokens[earlier + 1] == labels[place]
        first_copy = tokens[int(bos) : places[0]]
        assert len(set(first_copy)) == len(first_copy)


def test_the_measured_induction_prompts_repeat_as_far_as_the_training_rows() -> None:
    rows = language().rows("induction", N)
    periods = set((rows.labels != IGNORE).argmax(axis=1).tolist())
    measured = {
        len(set(text.split()))
        for text in shipped_prompts("zoo").query("task == 'induction'")["text"]
    }
    assert measured <= periods


@pytest.mark.parametrize("bos", [False, True])
def test_plain_text_rows_ask_for_every_next_word(bos: bool) -> None:
    passages = [tokenizer("zoo").encode(f" {p}") for p in word_list("passages")]
    joined = [" ".join(map(str, passage)) for passage in passages]
    rows = language(bos=bos).rows("plain_text", N)
    for tokens, labels in zip(rows.tokens.tolist(), rows.labels.tolist(), strict=True):
        start = int(bos)
        text = [*tokens[start:], labels[-1]]
        assert labels[start:] == text[1:]
        window = " ".join(map(str, text))
        assert any(f" {window} " in f" {passage} " for passage in joined)


def test_held_out_names_never_stand_in_a_name_or_list_row() -> None:
    for task in ("ioi", "anti_names", "anti_lists"):
        rows = language().rows(task, 600)
        assert not HELD_OUT & {*rows.tokens.ravel().tolist(), *rows.labels.ravel().tolist()}
    shown = language().rows("induction", 600).tokens
    assert set(shown.ravel().tolist()) >= HELD_OUT  # they are known as words


def test_names_of_both_pools_are_used() -> None:
    names = {WORDS.token(name) for name in training_names(WORDS)}
    answers = [answer for _, answer in asked(language().rows("ioi", 600))]
    share = np.mean([answer in names for answer in answers])
    others = len(WORDS.vocabulary) - len(HELD_OUT)
    expected = 0.5 + 0.5 * len(names) / others
    assert abs(share - expected) < 4 * np.sqrt(expected * (1 - expected) / 600)


def test_three_of_four_names_of_each_side_are_for_training() -> None:
    seen, unseen = training_names(WORDS), held_out_names(WORDS)
    assert sorted((*seen, *unseen)) == sorted(WORDS.names)
    for side in ("select", "test"):
        names = set(WORDS.split_names(side))
        assert len(names & set(seen)) == 3 * len(names & set(unseen)) == 159


def test_bos_stands_first_and_moves_the_labels_with_the_text() -> None:
    for task in ("ioi", "anti_lists", "induction"):
        without, with_bos = (language(seed=4, bos=bos).rows(task, 50) for bos in (False, True))
        assert set(with_bos.tokens[:, 0]) == {tokenizer("zoo").bos_token_id}
        assert set(with_bos.labels[:, 0]) == {IGNORE}
        # Without BOS, token 0 only fills up; the labels are the same, one place further on.
        np.testing.assert_array_equal(with_bos.labels[:, 1:], without.labels)
        known = without.labels != IGNORE
        np.testing.assert_array_equal(with_bos.tokens[:, 1:][known], without.tokens[known])


def test_the_same_seed_gives_the_same_rows() -> None:
    for task in OBJECTIVES:
        here, there, other = (language(seed).rows(task, 20) for seed in (3, 3, 5))
        np.testing.assert_array_equal(here.tokens, there.tokens)
        np.testing.assert_array_equal(here.labels, there.labels)
        assert here.tokens.shape != other.tokens.shape or (here.tokens != other.tokens).any()


def test_the_tokenizer_gives_words_back() -> None:
    zoo = tokenizer("zoo")
    for text in (
        *(f" {passage}" for passage in word_list("passages")),
        "Then Mary and John had a long day.",
        " Mary",
        " red, blue,",
    ):
        assert zoo.decode(zoo.encode(text, add_special_tokens=False)) == text


def test_the_tokenizer_gives_what_it_does_not_know_one_id() -> None:
    zoo = zoo_tokenizer(["Mary met John."])
    known = ["Mary", " met", " John", "."]
    assert sorted(zoo.get_vocab()) == sorted([BOS, UNKNOWN, *known])
    assert zoo.tokenize("Mary met Zoe. Mary") == ["Mary", " met", UNKNOWN, ".", UNKNOWN]
    assert (zoo.bos_token, zoo.unk_token) == (BOS, UNKNOWN)


def test_the_tokenizer_is_stored_and_loaded_as_any_other(tmp_path: Path) -> None:
    zoo = tokenizer("zoo")
    zoo.save_pretrained(tmp_path)
    again = AutoTokenizer.from_pretrained(tmp_path)
    texts = shipped_prompts("zoo")["text"].tolist()
    assert [again.encode(t) for t in texts] == [zoo.encode(t) for t in texts]
    assert again.bos_token_id == zoo.bos_token_id == 0
    assert len(again) == len(zoo)
