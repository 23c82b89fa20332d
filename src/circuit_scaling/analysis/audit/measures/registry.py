"""Every measure by its name, with the tables that it needs and what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from circuit_scaling.analysis.audit.evidence import ACCURACIES, HEADS, RANKINGS, Evidence
from circuit_scaling.analysis.audit.results import Result

Models = Sequence[str]
Function = Callable[..., Result]
Gives = Literal["number", "words"]


@dataclass(frozen=True)
class Measure:
    """How findings of one kind are computed.

    Attributes:
        function: of the evidence, the models of the finding and its arguments.
        gives: what is compared: a number with the printed one, or a truth.
        needs: the tables that it reads.
        tasks: those whose effects it rests on.
        made_with: parameters of the tables without which the definition is another one.
    """

    function: Function
    gives: Gives
    needs: tuple[str, ...]
    tasks: tuple[str, ...]
    made_with: Mapping[str, Any]

    def __call__(self, evidence: Evidence, models: Models, arguments: dict[str, Any]) -> Result:
        return self.function(evidence, models, **arguments)

    @property
    def rests_on(self) -> tuple[str, ...]:
        """Tables of rankings or accuracies that it was made of."""
        return tuple(name for name in (RANKINGS, ACCURACIES) if name in self.needs)


MEASURES: dict[str, Measure] = {}


def measure(
    gives: Gives,
    needs: Sequence[str] = (),
    tasks: Sequence[str] = (),
    made_with: Mapping[str, Any] = MappingProxyType({}),
) -> Callable[[Function], Function]:
    """Let a function be a measure under its own name."""

    def registered(function: Function) -> Function:
        MEASURES[function.__name__] = Measure(
            function, gives, tuple(needs), tuple(tasks), made_with
        )
        return function

    return registered


def tables_needed() -> tuple[str, ...]:
    """Every table that a measure reads, and the heads, which say what models there are."""
    needed = (name for measure in MEASURES.values() for name in measure.needs)
    return tuple(dict.fromkeys([HEADS, *needed]))
