"""Markdown of the generated pages: a page, a table, what may stand in a cell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_WRITTEN_BY = "<!-- Written by python -m docs.generate; change what it is read from. -->"


def page(title: str, *parts: str) -> str:
    """A page of one title and its parts, with the line that says how it is written."""
    return "\n\n".join([f"# {title}", _WRITTEN_BY, *(part for part in parts if part)]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; columns without a value in any row are left out."""
    body = [list(row) for row in rows]
    kept = [i for i in range(len(head)) if any(row[i] for row in body)]
    lines = [
        [head[i] for i in kept],
        ["---"] * len(kept),
        *([row[i] for i in kept] for row in body),
    ]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(text: str) -> str:
    """Text as it may stand in a cell: on one line, without a bar of its own."""
    return " ".join(text.split()).replace("|", "\\|")
