"""Filings with their questions, and a tokenizer that can say them, made once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import pandas as pd
from tokenizers import ByteLevelBPETokenizer
from transformers import PreTrainedTokenizerFast

from circuit_scaling.prompts.needles.build import build_questions
from circuit_scaling.prompts.needles.generator import fictional_filings
from circuit_scaling.prompts.needles.haystack import shipped_haystack
from circuit_scaling.prompts.needles.questions import shipped_questions
from circuit_scaling.prompts.needles.settings import NeedleSettings

BOS = 0
CHAT = (
    "{{ bos_token }}{% for message in messages %}<{{ message['role'] }}>\n"
    "{{ message['content'] | trim }}<end>\n{% endfor %}"
    "{% if add_generation_prompt %}<assistant>\n{% endif %}"
)


def byte_tokenizer(**options: Any) -> PreTrainedTokenizerFast:
    """A byte-level tokenizer like GPT-2's, trained on filings and prose; it can say any text."""
    trained = ByteLevelBPETokenizer()
    asked = [f"{q.text} Answer in one word: {q.cue}" for q in shipped_questions().values()]
    texts = [shipped_haystack(), *fictional_filings(60, 99)[1]["text"], *asked]
    special = ["<bos>", "<user>", "<assistant>", "<end>"]  # from 0 on
    trained.train_from_iterator(texts, vocab_size=1200, special_tokens=special)
    return PreTrainedTokenizerFast(
        tokenizer_object=trained._tokenizer, bos_token="<bos>", eos_token="<bos>", **options
    )


@cache
def small_tokenizer() -> PreTrainedTokenizerFast:
    """The tokenizer above, with a chat template; it is shared, do not change it."""
    tokenizer = byte_tokenizer()
    tokenizer.chat_template = CHAT
    return tokenizer


@cache
def filings(n: int = 12, seed: int = 0, length: str = "short") -> tuple[pd.DataFrame, pd.DataFrame]:
    """Truth and texts; do not change the frames, they are shared."""
    return fictional_filings(n, seed, length=length)


def ids(tokenizer: Any, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False))


def asked(
    lengths: Sequence[int] = (200,),
    *,
    truth: pd.DataFrame | None = None,
    texts: pd.DataFrame | None = None,
    tokenizer: Any = None,
    haystack: str | None = None,
    prefix: tuple[int, ...] | None = None,
    max_positions: int | None = None,
    **settings: Any,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The questions about the shared filings, or about those given; with BOS unless said."""
    own_truth, own_texts = filings()
    tokenizer = tokenizer or small_tokenizer()
    return build_questions(
        own_truth if truth is None else truth,
        own_texts if texts is None else texts,
        shipped_haystack() if haystack is None else haystack,
        NeedleSettings(lengths=tuple(lengths), **settings),
        tokenizer,
        (tokenizer.bos_token_id,) if prefix is None else prefix,
        max_positions,
    )
