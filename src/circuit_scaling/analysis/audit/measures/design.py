"""Measures: what was compared, and what cannot be measured."""

from __future__ import annotations

from math import prod

from circuit_scaling.analysis.audit.compared import LENGTHS, LLAMA, Compared
from circuit_scaling.analysis.audit.evidence import RANKINGS, Evidence
from circuit_scaling.analysis.audit.measures.registry import Models, measure
from circuit_scaling.analysis.audit.results import Result, Seen, Unknown
from circuit_scaling.vocabulary import CONFIGURATION, QUESTION_IDS, RETRIEVAL_METHODS

_CONFIGURATIONS = prod(map(len, (RETRIEVAL_METHODS, LLAMA, QUESTION_IDS, LENGTHS)))


@measure("words", (RANKINGS,))
def as_designed(evidence: Evidence, models: Models) -> Result:
    """Three methods, two models, four questions and four lengths, each with each."""
    differs = Compared(evidence, [RANKINGS]).differs(())
    n = len(evidence.tables[RANKINGS][list(CONFIGURATION)].drop_duplicates())
    return Seen(not differs and n == _CONFIGURATIONS, differs or f"{n} configurations")


@measure("words")
def not_measurable(evidence: Evidence, models: Models, why: str) -> Result:
    """An interpretation that no number follows from."""
    return Unknown(why)
