"""Every table and figure that is there -> one self-contained page."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from circuit_scaling.pipelines.per_model import in_stage
from circuit_scaling.pipelines.report.nodes import write_report
from circuit_scaling.report.reading_order import figures_of_the_page, tables_of_the_page


def create_pipeline() -> Pipeline:
    """One node; its tag tells the input check that parts may be missing."""
    parts = (*tables_of_the_page(), *figures_of_the_page())
    return in_stage(
        "report",
        [
            Node(
                write_report,
                inputs={"models": "params:models", **{part: part for part in parts}},
                outputs="report_page",
                name="write_report",
                tags="parts_may_be_missing",
            )
        ],
    )
