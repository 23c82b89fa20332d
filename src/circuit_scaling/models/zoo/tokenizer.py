"""A word-level tokenizer over the shipped word lists, in Hugging Face's format."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

_WORD = r" ?[A-Za-z]+| ?[^A-Za-z\s]"
BOS, UNKNOWN = "<bos>", "<unk>"


def zoo_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A tokenizer whose tokens are the words of ``texts``, each with its leading space if any.

    Anything else becomes ``<unk>``; punctuation marks are tokens of their own.
    """
    words = sorted({word for text in texts for word in re.findall(_WORD, text)})
    vocabulary = {token: i for i, token in enumerate((BOS, UNKNOWN, *words))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_WORD), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BOS, eos_token=BOS, unk_token=UNKNOWN
    )
