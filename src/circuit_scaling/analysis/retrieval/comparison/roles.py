"""What questions ask for, and which model is the instruct version of which, from their names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.vocabulary import QuestionKind

_KNOWN: dict[str, QuestionKind] = {
    "inc_state": "categorical",
    "inc_year": "numerical",
    "employee_count": "numerical",
    "hq_state": "categorical",
}
_BASE, _INSTRUCT = "base", "instruct"


class ModelPair(NamedTuple):
    """A model and the same model trained further on instructions."""

    base: str
    instruct: str


def question_kinds(
    questions: Sequence[str], told: Mapping[str, QuestionKind]
) -> dict[str, QuestionKind]:
    """The kinds of those questions whose kind is known: the study's, and those of ``told``.

    Raises:
        CircuitScalingError: ``told`` names a question that is not among them.
    """
    _refuse_unknown("import.question_kinds", "question", told, questions)
    known = {**_KNOWN, **told}
    return {question: known[question] for question in questions if question in known}


def of_kind(
    questions: Sequence[str], kinds: Mapping[str, QuestionKind], kind: QuestionKind
) -> list[int]:
    """Which of the questions are of one kind, by their places."""
    return [at for at, question in enumerate(questions) if kinds.get(question) == kind]


def model_pairs(models: Sequence[str], told: Sequence[tuple[str, str]]) -> list[ModelPair]:
    """Pairs of a base and an instruct model: those of ``told``, or where none are, by names.

    ``x_instruct`` goes with ``x_base``, or where there is none with ``x``; ``instruct`` with
    ``base``.

    Args:
        told: (base, instruct).

    Raises:
        CircuitScalingError: ``told`` names a model that is not among them, a pair twice, or a
            model as its own base.
    """
    if told:
        named = [name for pair in told for name in pair]
        _refuse_unknown("import.model_pairs", "model", named, models)
        for place, (one, other) in enumerate(told):
            if one == other or (one, other) in told[:place]:
                wrong = "as its own base" if one == other else f"twice with '{one}'"
                raise CircuitScalingError(
                    f"import.model_pairs names the model '{other}' {wrong}. Name every pair of "
                    "a base and an instruct model once."
                )
        return [ModelPair(*pair) for pair in told]
    pairs = []
    for model in models:
        stem, found, rest = model.rpartition(_INSTRUCT)
        if not found or rest or (stem and not stem.endswith("_")):
            continue
        base = next((name for name in (stem + _BASE, stem[:-1]) if name in models), None)
        if base is not None:
            pairs.append(ModelPair(base, model))
    return pairs


def _refuse_unknown(
    parameter: str, what: str, named: Sequence[str] | Mapping[str, object], known: Sequence[str]
) -> None:
    for name in named:
        if name not in known:
            raise CircuitScalingError(
                f"{parameter} names the {what} '{name}', which the tables do not have; they have "
                f"{', '.join(known)}."
            )
