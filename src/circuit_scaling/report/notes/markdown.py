"""Markdown as the notes need it: parts with blank lines between, lists, tables, links to files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

# Within a word an underscore is one; a bracket begins a link, and a < a tag, only before these.
_SPECIAL = re.compile(
    r"(?<!\\)([`*|]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])|(?<=\])\(|<(?=[A-Za-z/!]))", re.ASCII
)


def plain(value: object) -> str:
    """Words as they are: what Markdown would take for a sign is escaped, once; lines are joined."""
    text = " ".join(str(value).split())
    return _SPECIAL.sub(lambda sign: f"\\{sign[0]}", text)


def document(*parts: str) -> str:
    """The parts that are not empty, a blank line between every two."""
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def bullets(items: Iterable[str], depth: int = 0) -> str:
    """A list; an item may hold lists of its own, a line each, that begin with two spaces."""
    return "\n".join(f"{'  ' * depth}- {item}" for item in items)


def numbered(items: Iterable[str]) -> str:
    """A list with numbers."""
    return "\n".join(f"{place}. {item}" for place, item in enumerate(items, 1))


def nested(item: str, below: Iterable[str]) -> str:
    """An item of a list with further items below it."""
    return "\n".join([item, *(f"  - {line}" for line in below)])


def labelled(label: str, items: Iterable[str]) -> str:
    """A list below a line that says what it is; nothing where it is empty."""
    lines = list(items)
    return document(label, bullets(lines)) if lines else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are Markdown already, but for bars, which would end them."""
    lines = [list(head), ["---"] * len(head), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def use(figures: Sequence[str] = (), tables: Sequence[str] = ()) -> str:
    """``(Use: …)``: links to figures and tables for people; their folders lie beside the notes'."""
    links = [*map(figure_link, figures), *map(table_link, tables)]
    return f"(Use: {', '.join(links)})"


def figure_link(name: str) -> str:
    """A figure by its name; one with ``*`` stands for several, and is no link."""
    return _link(f"figures/{name}.png")


def table_link(name: str) -> str:
    """A table for people by its name."""
    return _link(f"tables/{name}.csv")


def _link(path: str) -> str:
    return f"`{path}`" if "*" in path else f"[`{path}`](../{path})"


def _cell(text: str) -> str:
    return re.sub(r"(?<!\\)\|", r"\\|", text)
