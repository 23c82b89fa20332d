"""Words from outside that would do something if a page, a note or a drawing took them as markup."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pandas as pd

from circuit_scaling.report import ReportContext
from circuit_scaling.tables.registry import ALL_TABLES

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "{{7*7}}{% raw %}${7*7}",
    "</script></style></title><!--",
    "](javascript:alert(1)) `|`",
    "a\x07b\u202ec\u2028d",
)
"""Markup, attributes, templates, the end of a script, Markdown, and control characters."""
HARMLESS = tuple("x" * len(word) for word in HOSTILE)
"""As many words of the same lengths, that are letters."""

# Words that the project's own code takes apart: no text from outside stands there.
_OWN = {"versions", "routes_into", "group", "finding", "question", "method", "set_type"}


def with_words(context: ReportContext, words: tuple[str, ...]) -> ReportContext:
    """The material of a page, whose texts from outside all end in one of these words.

    Texts of a column that its schema, or the vocabulary of tasks, closes are left as they are.
    """
    ending = _ending(words)
    tables = {name: _table(name, table, ending) for name, table in context.tables.items()}
    roster = context.roster
    assert roster is not None
    roster = roster.assign(
        **{name: roster[name].map(ending) for name in ("family", "model", "source", "note")}
    )
    return dataclasses.replace(
        context,
        tables=tables,
        roster=roster,
        commits={ending("abc"): [ending("heads")]},
        project_version=ending("1.2.3"),
    )


def _ending(words: tuple[str, ...]) -> Callable[[Any], Any]:
    """Text -> the text with a word behind it; the same text gets the same word."""
    given: dict[str, str] = {}

    def end(text: Any) -> Any:
        if not isinstance(text, str) or not text:
            return text
        return given.setdefault(text, f"{text} {words[len(given) % len(words)]}")

    return end


def _table(name: str, table: pd.DataFrame, ending: Callable[[Any], Any]) -> pd.DataFrame:
    closed = {
        column
        for column, kind in ALL_TABLES[name].columns.items()
        if any("allowed_values" in (check.statistics or {}) for check in kind.checks)
    }
    open_columns = [
        column
        for column in table.columns
        if column not in closed | _OWN
        and (table[column].dtype == object or pd.api.types.is_string_dtype(table[column]))
        and "task" not in column
    ]
    changed = table.assign(**{column: table[column].map(ending) for column in open_columns})
    changed.attrs = table.attrs
    return changed
