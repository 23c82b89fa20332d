"""What the prompts are in tokens, in the zoo's tokenizer and in the real ones."""

from __future__ import annotations

from itertools import chain

import pandas as pd
import pytest

from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings
from circuit_scaling.prompts.wordbank import make_word_bank
from circuit_scaling.prompts.words import categories, word_list
from circuit_scaling.tables.scan import PROMPTS
from tests.helpers.prompt_sets import (
    ALL_TOKENIZERS,
    NAME_TASKS,
    REAL_TOKENIZERS,
    REFERENCES,
    names_in,
    shipped_prompts,
    some_tasks,
    tokenizer,
)

every_tokenizer = pytest.mark.parametrize("name", ALL_TOKENIZERS)


def encode(name: str, text: str) -> list[int]:
    return list(tokenizer(name).encode(text, add_special_tokens=False))


@every_tokenizer
def test_the_table_fits_its_schema(name: str) -> None:
    PROMPTS.validate(shipped_prompts(name))


@every_tokenizer
def test_every_shipped_word_is_one_token_with_its_leading_space(name: str) -> None:
    items = list(chain.from_iterable(categories().values()))
    words = [w for kind in ("names", "places", "objects") for w in word_list(kind)] + items
    assert {w: len(encode(name, f" {w}")) for w in words} == dict.fromkeys(words, 1)
    # One token each, and never the same one: no word is the tokenizer's unknown token.
    assert len({encode(name, f" {w}")[0] for w in words}) == len(set(words))
    assert set(make_word_bank(tokenizer(name)).dropped.values()) == {0}


@every_tokenizer
def test_answers_distractors_and_candidates_are_words_with_their_leading_space(name: str) -> None:
    prompts = shipped_prompts(name)
    ids = {i for c in ("answer", "distractor", "candidates") for row in prompts[c] for i in row}
    texts = {i: tokenizer(name).decode([i]) for i in ids}
    assert all(text.startswith(" ") and text[1:].isalpha() for text in texts.values())
    assert {i: encode(name, text) for i, text in texts.items()} == {i: [i] for i in ids}


@every_tokenizer
def test_reading_on_into_the_answer_changes_no_token(name: str) -> None:
    prompts = shipped_prompts(name)
    asked = prompts[prompts["answer"].map(len) > 0]
    assert set(asked["task"]) == set(REFERENCES)
    for row in asked.itertuples():
        for word in (*row.answer, *row.distractor):
            continued = encode(name, row.text + tokenizer(name).decode([word]))
            assert continued == [*row.tokens, word], row.text


@every_tokenizer
def test_the_tokens_are_those_of_the_text(name: str) -> None:
    prompts = shipped_prompts(name)
    for row in prompts[prompts["task"] != "plain_text"].itertuples():
        assert encode(name, row.text) == row.tokens
    for row in prompts[prompts["task"] == "plain_text"].itertuples():
        assert tokenizer(name).decode(row.tokens) == row.text


@every_tokenizer
def test_names_stand_in_the_prompt_as_the_very_tokens_of_the_answer(name: str) -> None:
    prompts = shipped_prompts(name)
    for row in prompts[prompts["task"].isin(NAME_TASKS)].itertuples():
        (answer,), (distractor,) = row.answer, row.distractor
        assert row.tokens.count(answer) == 1
        assert row.tokens.count(distractor) == 2
        assert {answer, distractor} <= set(row.candidates)


@every_tokenizer
@pytest.mark.parametrize("task", REFERENCES)
def test_one_length_per_template_and_the_same_in_the_reference_set(name: str, task: str) -> None:
    prompts = shipped_prompts(name)
    lengths = {
        t: prompts[prompts["task"] == t].groupby("template")["tokens"].agg(lambda s: {*map(len, s)})
        for t in (task, REFERENCES[task])
    }
    assert all(len(found) == 1 for found in lengths[task])
    assert lengths[task].to_dict() == lengths[REFERENCES[task]].to_dict()


@pytest.mark.parametrize("name", REAL_TOKENIZERS)
def test_all_models_read_the_same_text(name: str) -> None:
    columns = ["prompt_id", "task", "template", "order", "text", "cluster", "split", "data_seed"]
    zoo, real = shipped_prompts("zoo"), shipped_prompts(name)
    # Plain text is cut by tokens, and so may begin elsewhere in another tokenizer.
    cut = zoo["task"] == "plain_text"
    pd.testing.assert_frame_equal(zoo.loc[~cut, columns], real.loc[~cut, columns])
    for column in ("answer", "distractor", "candidates"):
        words = {
            n: [tokenizer(n).decode(list(row)) for row in prompts[column]]
            for n, prompts in (("zoo", zoo), (name, real))
        }
        assert words["zoo"] == words[name]


@pytest.mark.parametrize("name", ["zoo", REAL_TOKENIZERS[0], REAL_TOKENIZERS[2]])
def test_bos_stands_before_every_prompt_and_changes_nothing_else(name: str) -> None:
    without, with_bos = shipped_prompts(name), shipped_prompts(name, bos=True)
    bos = tokenizer(name).bos_token_id
    assert bos == {"zoo": 0, "gpt2": 50256, "opt": 2}[name]
    assert with_bos["tokens"].tolist() == [[bos, *tokens] for tokens in without["tokens"]]
    columns = ["text", "answer", "distractor", "candidates", "cluster"]
    pd.testing.assert_frame_equal(without[columns], with_bos[columns])


@pytest.mark.parametrize("name", ["zoo", REAL_TOKENIZERS[0], REAL_TOKENIZERS[1]])
def test_names_that_are_not_one_token_are_dropped_and_counted(name: str) -> None:
    # The zoo's tokenizer does not know the last two; the real ones take several tokens for them.
    given = ("Mary", "John", "Tom", "Kate", "Paul", "Anna", "Mary", "Zebediah", "Xyloquist")
    settings = PromptSettings(n_prompts=160, names=given)
    prompts, dropped = build_prompts(some_tasks("ioi"), settings, tokenizer(name))
    assert dropped["names"] == 2
    assert {n for text in prompts["text"] for n in names_in(text)} == set(given[:6])
    assert {len(row) for row in prompts["candidates"]} == {6}
    assert not prompts["text"].str.contains("Zebediah|Xyloquist").any()


@pytest.mark.parametrize("name", REAL_TOKENIZERS)
def test_a_name_with_a_stray_space_is_not_taken_for_another_token(name: str) -> None:
    bank = make_word_bank(tokenizer(name), (" Mary", "John", "Tom", "Kate", "Paul"))
    assert bank.names == ("John", "Tom", "Kate", "Paul")
    assert bank.dropped["names"] == 1


def test_every_scanned_task_was_built() -> None:
    assert set(shipped_prompts("zoo")["task"]) == set(shipped_tasks().root)
