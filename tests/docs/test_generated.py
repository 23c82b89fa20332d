"""Generated pages say what the code says now, and the code says something of everything."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
import yaml
from pydantic import BaseModel

from circuit_scaling.tables import meanings
from circuit_scaling.tables.registry import ALL_TABLES
from docs.generate.catalogue import PROJECT, stored_tables
from docs.generate.pages import DOCS, PAGES
from docs.generate.parameters import blocks, global_meanings
from docs.generate.settings import settings_of
from docs.generate.tables import makers


@pytest.mark.parametrize(("path", "text"), PAGES.items(), ids=PAGES)
def test_generated_pages_are_current(path: str, text: Callable[[], str]) -> None:
    assert (DOCS / path).read_text(encoding="utf-8") == text(), "run: make docs"


@pytest.mark.parametrize("table", ALL_TABLES)
def test_every_column_has_a_meaning(table: str) -> None:
    assert meanings.table_meaning(table).row
    for column in ALL_TABLES[table].columns:
        assert meanings.column_meaning(table, str(column)).words


def test_every_meaning_is_of_a_column() -> None:
    assert set(meanings.table_names()) == set(ALL_TABLES)
    for name, table in ALL_TABLES.items():
        told = meanings.table_meaning(name)
        assert not _of_no_column(told.columns, table.columns), name
        assert not told.interval or told.interval in table.columns
    every = {column for table in ALL_TABLES.values() for column in table.columns}
    shared = PROJECT / "src/circuit_scaling/tables/meanings/shared.yml"
    assert not _of_no_column(yaml.safe_load(shared.read_text(encoding="utf-8")), every)


def test_what_no_file_says_is_an_error() -> None:
    with pytest.raises(KeyError, match="prompts.colour"):
        meanings.column_meaning("prompts", "colour")
    with pytest.raises(KeyError, match="prompts.low"):
        meanings.column_meaning("prompts", "low")


@pytest.mark.parametrize(
    ("table", "column", "unit", "words"),
    [
        ("head_effects", "delta", "logits", "mean over prompts of m(ablated)"),
        ("head_effects", "low", "logits", "lower end of the 95 % interval of `delta`"),
        ("causal_traces", "direct_high", "logits", "upper end of the 95 % interval of `direct`"),
        ("competence", "accuracy_low", "", "lower end of the 95 % interval of `accuracy`"),
        ("ablation_summary", "matched_sd", "logits", "of the `matched` sets"),
        ("prompts_needed", "prompts_80", "", "resolve 80 % of the heads"),
    ],
)
def test_meanings_are_put_together(table: str, column: str, unit: str, words: str) -> None:
    found = meanings.column_meaning(table, column)
    assert found.unit == unit
    assert words in found.words


def test_every_table_is_stored_and_made_by_a_pipeline() -> None:
    stored = stored_tables()
    within = {"model_rankings", "model_ablations"}  # kept under the names of all models' tables
    assert set(ALL_TABLES) - set(stored) <= within
    for places in stored.values():
        assert all(makers(place) for place in places)


def test_every_setting_has_a_meaning() -> None:
    assert {"scan", "tasks", "models", "classify", "import"} <= set(blocks())
    nothing = [
        f"{kind.__name__}.{field}"
        for block in blocks().values()
        for kind, field in _without_words(block)
    ]
    assert not nothing, "say it under Attributes in the docstring of the class"


def test_every_global_has_a_meaning() -> None:
    given = {"default_pipelines"}  # optional
    for file in (PROJECT / "conf").glob("*/globals.yml"):
        given |= set(yaml.safe_load(file.read_text(encoding="utf-8")))
    assert set(global_meanings()) == given


def _of_no_column(keys: object, columns: object) -> list[str]:
    names = [str(column) for column in columns]  # type: ignore[attr-defined]
    return [
        key
        for key in keys  # type: ignore[attr-defined]
        if key not in names
        and not (key.startswith("^") and any(re.fullmatch(key, name) for name in names))
    ]


def _without_words(kind: type[BaseModel]) -> Iterator[tuple[type[BaseModel], str]]:
    for setting in settings_of(kind):
        if not setting.meaning:
            yield kind, setting.name
        if setting.block:
            yield from _without_words(setting.block)
