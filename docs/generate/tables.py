"""The data dictionary: every table and column, from schemas, meanings and the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pandera.pandas import Check, Column

from circuit_scaling.tables.meanings import Meaning, column_meaning, table_meaning
from circuit_scaling.tables.registry import ALL_TABLES, tables_of
from circuit_scaling.tables.table import Table
from docs.generate.catalogue import Stored, every_pipeline, stored_tables
from docs.generate.markdown import cell, page, table

_FIRST = """\
Every table of the project, in the order of the pipelines. A table is checked against this when
it is saved and when it is loaded; other columns are refused. `catalog.load("classified_heads")`
loads one ([notebooks](../how_to/notebooks.md)), and so does `pandas.read_parquet`. The
parameters that a table was made with are in the metadata of its file
([Files](files.md#what-a-table-says-of-itself)).

A column that *may be missing* is not known where it is missing: a model in no roster has no
shape, fewer than ten clusters give no interval. Shares are fractions of 1. `<model>` stands for
a slug of the roster; a dataset without it holds all models."""

_ORDER = (
    *("scan", "join", "classify", "scaling", "transfer", "causal", "ablation", "retrieval"),
    *("audit", "import_tables", "zoo"),
)
_TYPES = {"int64": "integer", "float64": "number", "str": "text", "bool": "true or false"}
_CHECKS = {  # what a check refuses -> what it wants
    "not finite": "finite",
    "negative": "≥ 0",
    "not a whole number": "whole",
    "not in 0..1": "0 to 1",
    "not a correlation": "−1 to 1",
    "not -1 or 1": "−1 or 1",
    "not a list of finite numbers": "list of numbers",
    "not a list of texts": "list of texts",
}


def tables_page() -> str:
    """The page of all tables, as Markdown."""
    stored = stored_tables()
    parts = [_contents()]
    for module in _ORDER:
        parts.append(f"## Tables of `{module}`")
        for name in tables_of(module):
            parts += _table(ALL_TABLES[name], stored.get(name, []))
    return page("Tables", _FIRST, *parts)


def _contents() -> str:
    rows = [
        (f"[`{name}`](#{name})", f"{table_meaning(name).row}", f"`{module}`")
        for module in _ORDER
        for name in tables_of(module)
    ]
    return table(("table", "a row is", "tables of"), rows)


def _table(schema: Table, places: list[Stored]) -> Iterator[str]:
    told = table_meaning(schema.name)
    yield f"### `{schema.name}`"
    yield "\n".join([f"- **A row**: {told.row}.", *_facts(schema, places)])
    yield table(
        ("column", "type", "unit", "what it holds", "may be missing", "checked"),
        [_column(schema, str(name), column) for name, column in schema.columns.items()],
    )


def _facts(schema: Table, places: list[Stored]) -> Iterator[str]:
    yield f"- **Key**: {', '.join(f'`{key}`' for key in schema.keys)}."
    for place in places:
        made = ", ".join(f"`{name}`" for name in makers(place)) or "no pipeline"
        yield f"- **Dataset** `{place.name}` at `{place.path}`, made by {made}."
    if schema.every_head:
        yield "- Every measurement has all heads of the model's shape, and no other."
    for lists, size in schema.lengths.items():
        yield f"- `{lists}` is as long as `{size}` says."
    if schema.may_be_empty:
        yield "- It may have no rows."


def makers(place: Stored) -> list[str]:
    """The pipelines that write a dataset, whichever the model."""
    return [
        name
        for name, pipeline in every_pipeline().items()
        if name not in ("__default__", "overview")
        and any(place.is_called(output) for output in pipeline.all_outputs())
    ]


def _column(schema: Table, name: str, column: Column) -> tuple[str, ...]:
    meaning: Meaning = column_meaning(schema.name, name)
    return (
        _heading(name),
        _type(column),
        cell(meaning.unit),
        cell(meaning.words),
        "yes" if column.nullable or not column.required else "",
        cell("; ".join(dict.fromkeys(_wanted(check) for check in column.checks))),
    )


def _heading(name: str) -> str:
    """The name of a column; of an expression, what it stands for."""
    found = re.match(r"\^\(?(?P<begin>\w+(?:\|\w+)*)\)?_", name)
    if not name.startswith("^") or found is None:
        return f"`{name}`"
    return ", ".join(f"`{begin}_…`" for begin in found["begin"].split("|"))


def _type(column: Column) -> str:
    if str(column.dtype) == "object":
        return "list"
    whole = any(check.error == "not a whole number" for check in column.checks)
    name = _TYPES.get(str(column.dtype), "true or false" if "bool" in str(column.dtype) else "text")
    return "integer" if whole else name


def _wanted(check: Check) -> str:
    """What a check wants, from the words with which it refuses."""
    refused = str(check.error)
    if refused in _CHECKS:
        return _CHECKS[refused]
    if refused.startswith("below "):
        return f"≥ {refused.removeprefix('below ').replace('-', '−')}"
    if refused.startswith("not one of "):
        values = [value or '""' for value in refused.removeprefix("not one of ").split(", ")]
        return "one of " + ", ".join(f"`{value}`" for value in values)
    return refused
