"""The tokenizer of the models that read documents says every name, number and mark."""

from __future__ import annotations

import pytest

from circuit_scaling.models.bos import prompt_prefix
from circuit_scaling.models.zoo.document_tokenizer import document_tokenizer
from circuit_scaling.prompts.needles.generator import fictional_filings
from circuit_scaling.prompts.needles.haystack import shipped_haystack
from circuit_scaling.prompts.wordbank import says
from circuit_scaling.prompts.words import word_list

TOKENIZER = document_tokenizer()


def pieces(text: str) -> list[str]:
    return TOKENIZER.convert_ids_to_tokens(TOKENIZER.encode(text, add_special_tokens=False))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Zorwelkal Mills was", ["Zor", "wel", "kal", " Mills", " was"]),
        (" in North Dakota.", [" in", " North", " Dakota", "."]),
        (" employs 12,570 people", [" employs", " 12", ",", "57", "0", " people"]),
        ("\n\nAnswer:", ["\n", "\n", "Answer", ":"]),
        (" Xq~", [" ", "X", "q", "~"]),
    ],
)
def test_words_syllables_pairs_of_digits_and_letters(text, expected) -> None:
    assert pieces(text) == expected


@pytest.mark.parametrize("names", ["study", "training"])
def test_every_filing_is_said_in_few_tokens(names) -> None:
    _, texts = fictional_filings(300, 5, length="short", names=names)
    for text in texts["text"]:
        tokens = TOKENIZER.encode(text, add_special_tokens=False)
        assert TOKENIZER.decode(tokens) == text
        assert says(TOKENIZER, tokens, text)
        assert len(tokens) <= 60


def test_prose_is_whole_words() -> None:
    for text in (shipped_haystack(), *word_list("passages")):
        letters = [piece for piece in pieces(text) if len(piece) == 1 and piece.isalpha()]
        assert set(letters) <= set("aIA")
        assert TOKENIZER.decode(TOKENIZER.encode(text, add_special_tokens=False)) == text


def test_what_it_cannot_say_is_not_said() -> None:
    tokens = TOKENIZER.encode(" naïve", add_special_tokens=False)
    assert not says(TOKENIZER, tokens, " naïve")


def test_prompts_begin_with_bos_once() -> None:
    assert prompt_prefix(TOKENIZER, "auto", "llama") == (TOKENIZER.bos_token_id,)
    assert TOKENIZER.encode("the").count(TOKENIZER.bos_token_id) == 1
