"""Where in a generated text its answer stands, in characters and in tokens."""

from __future__ import annotations

from itertools import accumulate
from os.path import commonprefix

from circuit_scaling.prompts.needles.answers import first_line
from circuit_scaling.prompts.needles.values import values_with_places
from circuit_scaling.prompts.wordbank import Tokenizer
from circuit_scaling.vocabulary import AnswerKind


def answer_span(kind: AnswerKind, generated: str) -> slice:
    """The characters of the answer that counts under the strict rule; none: an empty span at 0.

    It is the first state, year or number of the first line, as it is written there, right or wrong:
    a count with its separators and the *thousand* behind it.
    """
    start, line = first_line(generated)
    found = values_with_places(kind, line)
    if not found:
        return slice(0, 0)
    begin, end = found[0][1]
    return slice(start + begin, start + end)


def answer_tokens(kind: AnswerKind, tokens: list[int], tokenizer: Tokenizer) -> slice:
    """The tokens that say the answer, wholly or in part; none: an empty span at 0.

    What each token says is what it adds to the text of the tokens before it: a tokenizer may write
    a token otherwise in its place than alone. Special tokens say nothing.
    """
    whole = spoken(tokenizer, tokens)
    span = answer_span(kind, whole)
    if span.start == span.stop:
        return slice(0, 0)
    # Of a letter that comes in several tokens, the first ones give something else than the letter.
    said = (
        len(commonprefix([whole, spoken(tokenizer, tokens[:n])])) for n in range(1, len(tokens) + 1)
    )
    ends = list(accumulate(said, max))
    first = next(place for place, end in enumerate(ends) if end > span.start)
    last = next(place for place, end in enumerate(ends) if end >= span.stop)
    return slice(first, last + 1)


def spoken(tokenizer: Tokenizer, tokens: list[int]) -> str:
    """The text of generated tokens, without special ones."""
    return tokenizer.decode(tokens, skip_special_tokens=True)
