"""A made-up comparison of retrieval heads, with every figure of it as it is drawn."""

from __future__ import annotations

from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from circuit_scaling.figures.retrieval.comparison.draw import draw_comparison
from tests.helpers import synthetic_comparison as synthetic

TOP = synthetic.SETTINGS.top
KINDS = {
    "inc_state": "categorical",
    "inc_year": "numerical",
    "employee_count": "numerical",
    "hq_state": "categorical",
}
MINI = synthetic.Compared(lengths=(96, 256), shape=(4, 8))


class Case(NamedTuple):
    """The tables of a comparison, and what was drawn of them: name -> figure, and its frame."""

    findings: pd.DataFrame
    rankings: pd.DataFrame
    results: pd.DataFrame
    drawn: dict[str, tuple[Figure, pd.DataFrame]]

    def finding(self, name: str, group: str) -> pd.Series:
        """The one row of a finding and a group."""
        rows = self.findings
        (row,) = rows[(rows["finding"] == name) & (rows["group"] == group)].to_dict("records")
        return pd.Series(row)

    def figure(self, name: str) -> Figure:
        """A figure by its name."""
        return self.drawn[name][0]


def case(compared: synthetic.Compared) -> Case:
    """Make the tables of a comparison, and draw it."""
    rankings = synthetic.head_rankings(compared)
    results = synthetic.ablation_results(compared)
    findings = synthetic.tables(compared)["retrieval_findings"]
    return Case(
        findings, rankings, results, draw_comparison(findings, rankings, results, TOP, KINDS)
    )
