"""The findings of the comparison with their labels, as the notes on retrieval heads read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from circuit_scaling.figures.retrieval.comparison.looks import length_label
from circuit_scaling.figures.retrieval.comparison.rows import of_finding
from circuit_scaling.figures.style import QUESTIONS, number
from circuit_scaling.report.blocks import MISSING, interval, listed, rows_of
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.found.finding import Finding, finding, more_than_chance
from circuit_scaling.report.found.retrieval import best_heads, level, method_labels
from circuit_scaling.report.notes.markdown import plain
from circuit_scaling.tables.made_with import made_with

KINDS = {"numerical": "numerical", "categorical": "categorical"}


@dataclass(frozen=True)
class Compared:
    """``retrieval_findings``, and what its methods are called.

    Attributes:
        methods: name -> label, in the order of the figures.
        best: such as ``12 best heads``.
        elsewhere: whether the tables were imported; they then have no intervals.
    """

    findings: pd.DataFrame
    methods: dict[str, str]
    best: str
    elsewhere: bool

    @classmethod
    def of(cls, context: ReportContext) -> Compared:
        """The findings of these tables."""
        findings = context.tables["retrieval_findings"]
        labels = {name: plain(label) for name, label in method_labels(findings).items()}
        return cls(findings, labels, best_heads(findings), context.imported_retrieval)

    def method(self, name: str) -> str:
        """What a method is called."""
        return self.methods.get(name, plain(name))

    def rows(self, finding: str) -> list[Any]:
        """The rows of a finding, with its keys as attributes."""
        return rows_of(of_finding(self.findings, finding))

    def frame(self, finding: str) -> pd.DataFrame:
        """The same as a table."""
        return of_finding(self.findings, finding)

    def most_masked(self, finding: str) -> list[Any]:
        """The rows with the most masked heads."""
        frame = self.frame(finding)
        return rows_of(frame[frame["k"] == frame["k"].max()])

    def setting(self, name: str) -> str:
        """A parameter of the comparison, as it was made; empty where it is not told."""
        value = made_with(self.findings).get(f"comparison.{name}")
        return "" if value is None else f"{value:g}"


def question_label(question: object) -> str:
    """A question as it is called in figures."""
    return plain(QUESTIONS.get(str(question), question))


def length_words(length: object) -> str:
    """``2,048 tokens``."""
    return length_label(int(str(length)))


def fall(row: Any) -> str:
    """A fall of the share of right answers, in percentage points: ``42 [38, 47]``."""
    if row is None:
        return MISSING
    bounds = interval(100 * row.ci_low, 100 * row.ci_high, 0)
    return f"{number(100 * row.value, 0)}{f' {bounds}' if bounds else ''}"


def percent(row: Any) -> str:
    """A share: ``42 % [38, 47]``."""
    return MISSING if row is None else level(row.value, row.ci_low, row.ci_high)


def highest_and_lowest(rows: Iterable[Any]) -> tuple[Any, Any] | None:
    """The rows with the highest and the lowest value, of two or more."""
    ranked = sorted(rows, key=lambda row: row.value)
    return (ranked[-1], ranked[0]) if len(ranked) > 1 else None


def apart(high: Any, low: Any) -> bool:
    """Whether the interval of one value lies wholly above that of another."""
    return bool(high.ci_low > low.ci_high)


def compared_finding(
    shown: str | None, otherwise: str, numbers: str, rows: Sequence[Any]
) -> Finding:
    """A finding of the comparison; it says where none of its ``rows`` has an interval."""
    known = any(not pd.isna(row.ci_low) for row in rows)
    remark = "" if known else "There are no intervals."
    return finding("comparison", shown, otherwise, " ".join(filter(None, (numbers, remark))))


def layers_differ(
    rows: Sequence[Any], say: Callable[[Any, Any], str], claim: str, otherwise: str
) -> Finding | None:
    """Whether a layer's shares differ, by whole intervals and in more layers than by chance.

    ``say`` words the rows with the highest and the lowest share of one layer.
    """
    if not rows:
        return None
    layers = sorted({row.layer for row in rows})
    ends = [highest_and_lowest(row for row in rows if row.layer == layer) for layer in layers]
    differ = [pair for pair in ends if pair is not None and apart(*pair)]
    told = listed([say(high, low) for high, low in differ])
    shown = more_than_chance(len(differ), len(layers))
    return compared_finding(claim if shown else None, otherwise, f"{told}." if told else "", rows)
