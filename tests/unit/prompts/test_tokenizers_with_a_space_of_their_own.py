"""Tokenizers that put a space of their own before every text, as Llama 2's does."""

from __future__ import annotations

import pytest
from tokenizers import Tokenizer, decoders, models, normalizers
from transformers import PreTrainedTokenizerFast

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings
from circuit_scaling.prompts.wordbank import make_word_bank, prepends_space
from tests.helpers.prompt_sets import tokenizer

SETTINGS = PromptSettings(n_prompts=40)


def llama_like() -> PreTrainedTokenizerFast:
    """A Unigram model over the zoo's words that makes a text ``▁text`` and of each space ``▁``."""
    pieces = {token.replace(" ", "▁") for token in tokenizer("zoo").get_vocab()}
    whole = {
        piece if piece.startswith("▁") else f"▁{piece}"
        for piece in pieces
        if piece.isalpha() or "▁" in piece
    }
    letters = {letter for piece in pieces for letter in piece} | {"▁"}
    vocabulary = [("<unk>", 0.0), ("<s>", 0.0)]
    vocabulary += [
        (piece, -1.0) for piece in sorted(whole | pieces) if piece not in ("<unk>", "<s>")
    ]
    vocabulary += [(letter, -9.0) for letter in sorted(letters - whole - pieces)]
    inner = Tokenizer(models.Unigram(vocabulary, unk_id=0))
    inner.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    inner.decoder = decoders.Sequence([decoders.Replace("▁", " ")])
    return PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="<unk>", bos_token="<s>")


def test_it_is_such_a_tokenizer_and_the_others_are_none():
    own = llama_like()
    assert own.convert_ids_to_tokens(own.encode(" Mary", add_special_tokens=False)) == [
        "▁",
        "▁Mary",
    ]
    assert prepends_space(own)
    assert not prepends_space(tokenizer("zoo"))


def test_names_answers_and_candidates_are_found():
    own = llama_like()
    words = make_word_bank(own)
    assert set(words.dropped.values()) == {0}
    assert words.names == make_word_bank(tokenizer("zoo")).names
    assert own.convert_ids_to_tokens([words.token("Mary")]) == ["▁Mary"]


def test_prompts_are_the_same_texts_and_hold_their_answers_and_distractors():
    own = llama_like()
    prompts, _ = build_prompts(shipped_tasks(), SETTINGS, own)
    zoo, _ = build_prompts(shipped_tasks(), SETTINGS, tokenizer("zoo"))
    assert prompts["text"].str.strip().tolist() == zoo["text"].str.strip().tolist()
    named = prompts[prompts["task"].isin(["ioi", "anti_names", "anti_names_first", "induction"])]
    for _, row in named.iterrows():
        (answer,), (distractor,) = row["answer"], row["distractor"]
        assert {answer, distractor} <= set(row["tokens"])
    bare = own.convert_tokens_to_ids("▁")
    assert not any(bare in tokens for tokens in prompts["tokens"])  # no space said twice


def test_the_usual_tokenizers_give_the_ids_that_they_give_alone():
    zoo = tokenizer("zoo")
    words = make_word_bank(zoo)
    for word in words.vocabulary:
        assert [words.token(word)] == zoo.encode(f" {word}", add_special_tokens=False)


def test_a_name_that_is_split_is_shown_as_it_comes_out():
    with pytest.raises(CircuitScalingError, match=r"only John can be used \('Zyx' becomes"):
        make_word_bank(llama_like(), ["Zyx", "John"])
