"""A tokenizer that does not know a word, says so or not, makes no prompts."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, models, normalizers
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.spec import PromptSettings
from circuit_scaling.prompts.wordbank import make_word_bank
from tests.helpers.prompt_sets import some_tasks, tokenizer

SETTINGS = PromptSettings(n_prompts=40)


def of_words(*words: str, lower: bool = False) -> PreTrainedTokenizerFast:
    """One token a word, and an unknown token that is not declared."""
    vocabulary = {word: number for number, word in enumerate(("[UNK]", *words))}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    inner.pre_tokenizer = Whitespace()
    if lower:
        inner.normalizer = normalizers.Lowercase()
    own = PreTrainedTokenizerFast(tokenizer_object=inner)
    assert own.unk_token_id is None
    return own


def test_no_unknown_word_is_usable():
    words = make_word_bank(of_words("the", "Mary", "John", "Anna", "Paul"))
    assert set(words.names) == {"Mary", "John", "Anna", "Paul"}
    with pytest.raises(CircuitScalingError, match="of 424 given, none can be used"):
        make_word_bank(of_words("the", "When"))


def test_a_prompt_with_an_unknown_word_is_refused():
    known = {word.strip() for word in tokenizer("zoo").get_vocab()} - {"gave"}
    with pytest.raises(CircuitScalingError, match="does not know all words of"):
        build_prompts(some_tasks("ioi"), SETTINGS, of_words("the", *sorted(known - {"the"})))


def test_names_of_one_token_are_one_name():
    names = ("Mary", "mary", "John", "john", "Anna", "anna", "Paul", "paul")
    words = make_word_bank(of_words("the", "mary", "john", "anna", "paul", lower=True), names)
    assert words.names == ("Mary", "John", "Anna", "Paul")
    select, test = ({words.token(n) for n in words.split_names(s)} for s in ("select", "test"))
    assert select.isdisjoint(test)
    assert words.dropped["names"] == 4
