"""Whether a generated text answers a question: by its first answer, or by the published rule."""

from __future__ import annotations

from typing import Literal

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.needles.values import value_of, values_in
from circuit_scaling.vocabulary import AnswerKind

AnswerRule = Literal["strict", "study"]


def is_right(kind: AnswerKind, truth: str, generated: str, rule: AnswerRule = "strict") -> bool:
    """Whether the text that a model generated is the right answer.

    ``strict``: the first answer counts. Of the first line that says anything, the first state,
    the first number of four digits (year) or the first number (count) must be the truth; words
    such as *about* do not matter, and neither do thousands separators or a state's abbreviations.

    ``study``: the published rule, one for all kinds. Both texts in lower case, stripped, without
    commas, points and apostrophes, and as a whole number where that is one; right where they are
    equal, where the truth is anywhere inside the generated text, or where the first word generated
    is the truth. *Arkansas* then answers *Kansas*, and ``12,570`` answers ``257``.

    Args:
        truth: as the ground truth has it; ``1929.0`` is 1929 under both rules.
        generated: all of the text, without special tokens.

    Raises:
        CircuitScalingError: the truth is no answer of this kind.
    """
    known = value_of(kind, truth)
    if known is None:
        raise CircuitScalingError(
            f"'{truth}' is no answer to a question for a {kind}: correct the ground truth."
        )
    if rule == "study":
        return _right_as_published(known, generated)
    return values_in(kind, first_line(generated)[1])[:1] == [known]


def first_line(text: str) -> tuple[int, str]:
    """Where the first line that says anything begins, and what it says, without space around."""
    line = text.lstrip().partition("\n")[0]
    return len(text) - len(text.lstrip()), line.rstrip()


def mentions(kind: AnswerKind, truth: str, text: str) -> bool:
    """Whether the text says the truth anywhere, as a value of its own and not inside another."""
    return value_of(kind, truth) in values_in(kind, text)


def _right_as_published(truth: str, generated: str) -> bool:
    said, wanted = _published_form(generated), _published_form(truth)
    return said == wanted or wanted in said or generated.split()[:1] == [truth]


def _published_form(text: str) -> str:
    """The normal form of the study: a decimal point goes before the number is read."""
    plain = text.lower().strip()
    for mark in ",.'":
        plain = plain.replace(mark, "")
    try:
        number = float(plain)
    except ValueError:
        return plain
    return str(int(number)) if number.is_integer() else plain
