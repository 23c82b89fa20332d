"""What was found, in sentences that follow the evidence; page and notes begin with them."""

from circuit_scaling.report.found.every import (
    caveats,
    found_about_circuits,
    found_about_retrieval,
    what_was_found,
)
from circuit_scaling.report.found.finding import Finding

__all__ = [
    "Finding",
    "caveats",
    "found_about_circuits",
    "found_about_retrieval",
    "what_was_found",
]
