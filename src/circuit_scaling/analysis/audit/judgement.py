"""Whether what was measured is what was published."""

from __future__ import annotations

from typing import NamedTuple

from circuit_scaling.analysis.audit.published import Finding, Printed
from circuit_scaling.analysis.audit.results import Seen, Unknown, Value
from circuit_scaling.tables.audit import (
    CANNOT_BE_RIGHT,
    NOT_COMPARABLE,
    NOT_REPRODUCED,
    REPRODUCED,
)


class Judgement(NamedTuple):
    """One of the outcomes, and why."""

    outcome: str
    why: str = ""


def judge(
    finding: Finding, result: Value | Seen | Unknown, *, imported: bool, suspect: str
) -> Judgement:
    """The outcome of a finding.

    Args:
        result: in the unit of what was published.
        imported: whether the tables were measured elsewhere.
        suspect: what checks found about what it rests on.
    """
    if isinstance(result, Unknown):
        return Judgement(NOT_COMPARABLE, result.why)
    judged = _number(finding, result) if isinstance(result, Value) else _truth(result)
    if not suspect:
        return judged
    if judged.outcome == REPRODUCED:
        if imported:
            return Judgement(CANNOT_BE_RIGHT, suspect)
        return Judgement(NOT_COMPARABLE, f"what was measured here is suspect: {suspect}")
    return judged._replace(why=f"{judged.why}; besides, the tables are suspect: {suspect}")


def _truth(seen: Seen) -> Judgement:
    if seen.holds is None:
        return Judgement(NOT_COMPARABLE, "it cannot be told from what is here")
    return Judgement(REPRODUCED) if seen.holds else Judgement(NOT_REPRODUCED, "it does not hold")


def _number(finding: Finding, measured: Value) -> Judgement:
    """By the interval where there is one, else by the digits that were printed."""
    printed = Printed.of(str(finding.published))
    if measured.has_interval:
        return _by_interval(printed, measured)
    if printed.holds(measured.value):
        return Judgement(REPRODUCED, "it rounds to what was printed")
    if measured.exact:
        return Judgement(NOT_REPRODUCED, "it does not round to what was printed")
    return Judgement(NOT_COMPARABLE, "what was measured here has no interval")


def _by_interval(printed: Printed, measured: Value) -> Judgement:
    nothing = measured.nothing
    if printed.high < measured.low or printed.low > measured.high:
        return Judgement(NOT_REPRODUCED, "what was published lies outside of the 95 % interval")
    was_nothing = nothing is None or printed.holds(nothing)
    if not was_nothing and nothing is not None and measured.low <= nothing <= measured.high:
        return Judgement(
            NOT_COMPARABLE,
            f"the 95 % interval holds what was published and also {nothing:.3g}, which is what"
            " there would be if there was nothing",
        )
    return Judgement(REPRODUCED, "what was published lies in the 95 % interval")
