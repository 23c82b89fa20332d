"""Small pure functions that compute what was published from the tables that are here.

Each takes the evidence, the models of a finding and its arguments, and gives a number with its
interval, a truth with words, or why there is neither.
"""

from circuit_scaling.analysis.audit.measures import (
    correlations,
    counts,
    design,
    findings,
    heroes,
    layers,
    phase_space,
    rankings,
    transfer,
)
from circuit_scaling.analysis.audit.measures.registry import MEASURES, tables_needed

__all__ = [
    "MEASURES",
    "correlations",
    "counts",
    "design",
    "findings",
    "heroes",
    "layers",
    "phase_space",
    "rankings",
    "tables_needed",
    "transfer",
]
