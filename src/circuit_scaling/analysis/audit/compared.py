"""What was compared in the study of retrieval heads, by the names that the tables here have."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from circuit_scaling.analysis.audit.evidence import Evidence
from circuit_scaling.vocabulary import CONFIGURATION, QUESTION_IDS, RETRIEVAL_METHODS

LENGTHS = (2048, 4096, 6144, 8192)
LLAMA = ("meta-llama/Meta-Llama-3-8B", "meta-llama/Meta-Llama-3-8B-Instruct")
_ABOUT_AS_LONG = 0.02
_CALLED = {"summed_attention": "summed", "wu24": "wu24", "qrhead": "qrhead"}
"""Method -> what its name has in tables measured elsewhere, written without signs."""


class Compared:
    """Methods, models, questions and lengths of some tables.

    A method is known by its name or a longer one (``wu24_retrieval_head``), a model by its
    weights, and a length where it differs by less than 2 % (8,128 tokens leave room for an answer
    where the study had 8,192).
    """

    def __init__(self, evidence: Evidence, tables: Iterable[str]) -> None:
        of_tables = [evidence.compared[name] for name in tables if name in evidence.compared]
        self._there = {
            axis: list(dict.fromkeys(value for table in of_tables for value in table[axis]))
            for axis in CONFIGURATION
        }
        self.methods = {
            method: name
            for method, called in _CALLED.items()
            for name in self._there["method"][::-1]
            if called in re.sub(r"[^a-z0-9]", "", str(name).casefold())
        }
        self.models = evidence.by_checkpoint(tables, LLAMA)
        self.lengths = {
            length: there
            for length in LENGTHS
            for there in self._there["token_length"]
            if abs(there - length) <= _ABOUT_AS_LONG * length
        }

    def named(self, key: object) -> str:
        """A key of a finding of the study as the tables here have it."""
        of_axes: tuple[Mapping[Any, Any], ...] = (self.methods, self.models, self.lengths)
        return str(next((axis[key] for axis in of_axes if key in axis), key))

    def differs(self, named: Iterable[object]) -> str:
        """In what the tables compare more or less than the study did; "" where in nothing.

        Args:
            named: what a finding is about; an axis of which it names something is not averaged.
        """
        there, names = self._there, set(named)
        axes: dict[str, tuple[str, Iterable[object], bool]] = {
            "model": ("models", LLAMA, set(there["model"]) <= set(self.models.values())),
            "method": (
                *("methods", RETRIEVAL_METHODS),
                set(there["method"]) <= set(self.methods.values()),
            ),
            "question": ("questions", QUESTION_IDS, set(there["question"]) == set(QUESTION_IDS)),
            "token_length": (
                *("lengths", LENGTHS),
                set(there["token_length"]) == set(self.lengths.values())
                and len(self.lengths) == len(LENGTHS),
            ),
        }
        odd = [
            f"{words} {', '.join(map(str, there[axis]))}"
            for axis, (words, of_study, same) in axes.items()
            if not same and names.isdisjoint(of_study)
        ]
        return f"here it is over the {' and the '.join(odd)}" if odd else ""


def named_in(arguments: Mapping[str, Any]) -> set[object]:
    """Everything that the arguments of a measure name."""
    return set(_flat(arguments.values()))


def methods_in(arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """The methods that the arguments of a measure name; all where they name none."""
    named = named_in(arguments)
    return tuple(method for method in RETRIEVAL_METHODS if method in named) or RETRIEVAL_METHODS


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, list | tuple):
            yield from _flat(value)
        else:
            yield value
