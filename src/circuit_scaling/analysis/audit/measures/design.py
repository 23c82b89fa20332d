"""Measures: what was compared, and what cannot be measured."""

from __future__ import annotations

from circuit_scaling.analysis.audit.compared import Compared
from circuit_scaling.analysis.audit.evidence import RANKINGS, Evidence
from circuit_scaling.analysis.audit.measures.registry import Models, measure
from circuit_scaling.analysis.audit.results import Result, Seen, Unknown


@measure("words", (RANKINGS,))
def as_designed(evidence: Evidence, models: Models) -> Result:
    """Three methods, two models, four questions and four lengths, each with each."""
    differs = Compared(evidence, [RANKINGS]).differs(())
    axes = ["method", "model", "question", "token_length"]
    n = len(evidence.tables[RANKINGS][axes].drop_duplicates())
    return Seen(not differs and n == 96, differs or f"{n} configurations")


@measure("words")
def not_measurable(evidence: Evidence, models: Models, why: str) -> Result:
    """An interpretation that no number follows from."""
    return Unknown(why)
