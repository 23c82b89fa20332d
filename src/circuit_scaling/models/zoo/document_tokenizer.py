"""The tokenizer of the embedded models that read documents: every word can be said."""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from circuit_scaling.models.zoo.tokenizer import BOS, UNKNOWN
from circuit_scaling.prompts.needles.generator import filing_words
from circuit_scaling.prompts.needles.haystack import shipped_haystack
from circuit_scaling.prompts.needles.questions import shipped_questions
from circuit_scaling.prompts.needles.states import STATES
from circuit_scaling.prompts.words import word_list

USER, ASSISTANT = "<user>", "<assistant>"
CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    f"{{{{ '{USER}' if message['role'] == 'user' else '{ASSISTANT}' }}}}"
    "{{ message['content'] }}"
    "{% endfor %}"
    f"{{% if add_generation_prompt %}}{ASSISTANT}{{% endif %}}"
)

_PIECE = r" ?[A-Za-z]+| ?\d{1,2}|\n| ?[^A-Za-z\d\s]"


def document_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer of whole words, syllables of companies' names, and letters.

    Words of the haystack, of short filings, of questions and of the shipped passages are one token,
    each with its leading space if any; a number is cut into pairs of digits; any other word is
    spelt, in the longest syllables and words that it begins with, then in letters. What consists of
    ASCII letters, digits and marks is never ``<unk>``. BOS, which is EOS too, begins every text.
    """
    vocabulary = [BOS, UNKNOWN, USER, ASSISTANT, *sorted(set(_pieces()))]
    tokenizer = Tokenizer(
        models.WordPiece(
            {piece: i for i, piece in enumerate(vocabulary)},
            unk_token=UNKNOWN,
            continuing_subword_prefix="",
        )
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(_PIECE), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", special_tokens=[(BOS, vocabulary.index(BOS))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=BOS,
        unk_token=UNKNOWN,
        additional_special_tokens=[USER, ASSISTANT],
    )


def _pieces() -> Iterator[str]:
    for text in _texts():
        yield from (piece for piece in re.findall(_PIECE, text) if not piece[-1].isdigit())
    for syllable in filing_words().syllables:
        yield from (syllable, syllable.capitalize())
    for digits in (1, 2):
        numbers = (f"{number:0{digits}d}" for number in range(10**digits))
        yield from (f"{space}{number}" for number in numbers for space in ("", " "))
    yield from (*string.ascii_letters, *string.punctuation, " ", "\n")


def _texts() -> Iterator[str]:
    """What is said in whole words, with the spaces that the words may have before them."""
    yield from _spaced([shipped_haystack(), *word_list("passages"), *STATES])
    words = filing_words()
    sentences = [
        re.sub(r"\{\w+\}", "", sentence.replace("{Company}", subject))
        for of_kind in words.short.values()
        for sentence in of_kind
        for subject in ("", *words.others)
    ]
    yield from _spaced([*sentences, *words.endings])
    for question in shipped_questions().values():
        yield f"Question: {question.text}\nAnswer in one word:"
        yield f"Answer: {question.cue}"
    yield "Question: N/A"


def _spaced(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from (text, f" {text}")
