"""Every table and figure that is there -> one self-contained page, and notes in words."""

from __future__ import annotations

from kedro.pipeline import Node, Pipeline

from circuit_scaling.marks import PARTS_MAY_BE_MISSING
from circuit_scaling.pipelines.per_model import in_stage
from circuit_scaling.pipelines.report.nodes import write_notes, write_report
from circuit_scaling.report.notes import tables_of_the_notes
from circuit_scaling.report.reading_order import figures_of_the_page, tables_of_the_page


def create_pipeline() -> Pipeline:
    """Page and notes; their tag tells the input check that parts may be missing."""
    of_page = {part: part for part in (*tables_of_the_page(), *figures_of_the_page())}
    of_notes = {part: part for part in (*tables_of_the_page(), *tables_of_the_notes())}
    return in_stage(
        "report",
        [
            Node(
                write_report,
                inputs={"models": "params:models", **of_page},
                outputs="report_page",
                name="write_report",
                tags=PARTS_MAY_BE_MISSING,
            ),
            Node(
                write_notes,
                inputs={"models": "params:models", **of_notes},
                outputs="report_notes",
                name="write_notes",
                tags=PARTS_MAY_BE_MISSING,
            ),
        ],
    )
