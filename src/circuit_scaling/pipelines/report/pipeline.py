"""Every table that is there -> one self-contained page."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from circuit_scaling.pipelines.per_model import in_stage
from circuit_scaling.pipelines.report.nodes import write_report
from circuit_scaling.report.made_by import TABLES

PARTS = tuple(table for tables in TABLES.values() for table in tables)


def create_pipeline() -> Pipeline:
    """One node; its tag tells the input check that parts may be missing."""
    return in_stage(
        "report",
        [
            Node(
                write_report,
                inputs={
                    "models": "params:models",
                    "settings": "params:classify",
                    **{part: part for part in PARTS},
                },
                outputs="report_page",
                name="write_report",
                tags="parts_may_be_missing",
            )
        ],
    )
