"""Notes in words: what a researcher would send around, as Markdown, one module per note."""

from __future__ import annotations

from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.notes import (
    hero_heads,
    high_level_findings,
    results_outline,
    retrieval_findings,
    transfer_results,
)

__all__ = ["NOTES", "render_notes", "tables_of_the_notes"]

NOTES = {
    "high_level_findings": high_level_findings,
    "results_outline": results_outline,
    "hero_heads": hero_heads,
    "transfer_results": transfer_results,
    "retrieval_findings": retrieval_findings,
}
"""The note of each name, without the ending: its ``TABLES``, and ``write``, which gives its text.

Same tables, same text. A part whose tables are not there becomes a sentence with the command that
makes them.
"""


def render_notes(context: ReportContext) -> dict[str, str]:
    """Every note by the name of its file."""
    return {f"{name}.md": note.write(context) for name, note in NOTES.items()}


def tables_of_the_notes() -> tuple[str, ...]:
    """Every table that a note reads."""
    return tuple(dict.fromkeys(table for note in NOTES.values() for table in note.TABLES))
