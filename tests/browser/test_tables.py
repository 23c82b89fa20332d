"""Tables are sorted by their true values, and can be taken along."""

from __future__ import annotations

import math
import re

import pytest
from playwright.sync_api import Locator, Page

from circuit_scaling.report import ReportContext
from tests.helpers.reader import downloaded, settle, unfold

SMALL = "table.data:not(#heads-table)"
# The true values of a column from top to bottom; what is missing has none.
COLUMN = """(table, place) => [...table.tBodies[0].rows]
    .map(row => row.cells[place]).filter(cell => cell)
    .map(cell => cell.dataset.order ?? cell.textContent.trim())"""
HEAD = "table => [...table.tHead.rows].at(-1).cells.length"
MISSING = {"", "–"}


def _number(text: str) -> float:
    return float(text.replace("−", "-"))


def _is_number(text: str) -> bool:
    try:
        return not math.isnan(_number(text))
    except ValueError:
        return False


def _press_head(table: Locator, place: int) -> None:
    button = table.locator("thead tr").last.locator("th").nth(place)
    button.locator("[role=button]").press("Enter")


def _tables(page: Page) -> list[Locator]:
    found = page.locator(SMALL).all()
    assert len(found) > 1
    return found


@pytest.mark.parametrize("press", ["click", "Enter"])
def test_a_head_sorts_its_column_up_and_down(page: Page, press: str) -> None:
    unfold(page)
    table = page.locator(SMALL, has=page.locator("td[data-order]")).first
    place = table.locator("td[data-order]").first.evaluate("cell => cell.cellIndex")
    head = table.locator("thead th").nth(place)
    first = []
    for _ in range(2):
        if press == "click":
            head.click()
        else:
            head.locator("[role=button]").press("Enter")
        settle(page)
        assert head.get_attribute("aria-sort") in {"ascending", "descending"}
        down = head.get_attribute("aria-sort") == "descending"
        texts = table.evaluate(COLUMN, place)
        values = [_number(text) for text in texts if text not in MISSING]
        assert values == sorted(values, reverse=down)
        first.append(values[0])
    assert first[0] != first[1]


def test_every_column_of_numbers_is_sorted_by_its_values_and_what_is_missing_is_last(
    page: Page,
) -> None:
    unfold(page)
    seen = {"negative": 0, "missing": 0, "columns": 0}
    for table in _tables(page):
        for place in range(table.evaluate(HEAD)):
            texts = table.evaluate(COLUMN, place)
            known = [text for text in texts if text not in MISSING]
            if not known or not all(map(_is_number, known)):
                continue
            seen["columns"] += 1
            for _ in range(2):
                table.evaluate("(t, n) => [...t.tHead.rows].at(-1).cells[n].click()", place)
                after = table.evaluate(COLUMN, place)
                values = [_number(text) for text in after[: len(known)]]
                down = values[0] > values[-1]
                assert values == sorted(values, reverse=down)
                assert all(text in MISSING for text in after[len(known) :])
            seen["negative"] += min(values) < 0
            seen["missing"] += len(known) < len(texts)
    assert min(seen.values()) > 0, seen


def test_the_strongest_head_comes_first_when_all_heads_are_sorted(
    page: Page, material: ReportContext
) -> None:
    unfold(page)
    table = page.locator("#heads-table")
    head = table.locator("thead th", has_text=re.compile("Δ_ioi|IOI")).first
    heads = material.tables["classified_heads"].sort_values("delta_ioi", kind="stable")
    head.click()
    settle(page)
    first = table.locator("tbody tr").first.inner_text()
    ends = [heads.iloc[end] for end in (0, -1)]
    assert any(row["model"] in first and f"L{row['layer']}H{row['head']}" in first for row in ends)


def test_every_table_can_be_taken_along_as_it_is_shown(page: Page) -> None:
    unfold(page)
    for table in _tables(page):
        button = table.locator("xpath=ancestor::*[.//button[contains(@class, 'download')]][1]")
        rows = downloaded(page, button.locator("button.download"))
        names = table.locator("thead th").all_inner_texts()
        assert [name.strip() for name in rows[0]] == [name.strip() for name in names]
        cells = table.evaluate(
            "t => [...t.tBodies[0].rows].map(r => [...r.cells].map("
            "c => [c.dataset.order ?? null, c.textContent.trim()]))"
        )
        assert len(rows) - 1 == len(cells)
        for given, shown in zip(rows[1:], cells, strict=True):
            assert len(given) == len(shown)
            for text, (order, content) in zip(given, shown, strict=True):
                _same(text, order, content)


def _same(text: str, order: str | None, content: str) -> None:
    if order is not None and _is_number(order):
        assert _number(text) == pytest.approx(_number(order))
    elif content in MISSING:
        assert text in MISSING
    else:
        assert text == content


def test_all_heads_can_be_taken_along(page: Page, material: ReportContext) -> None:
    unfold(page)
    table = page.locator("#heads-table")
    holder = table.locator("xpath=ancestor::*[.//button[contains(@class, 'download')]][1]")
    rows = downloaded(page, holder.locator("button.download").last)
    heads = material.tables["classified_heads"]
    assert len(rows) - 1 == len(heads)
    place = next(n for n, name in enumerate(rows[0]) if "ioi" in name.lower())
    given = sorted(_number(row[place]) for row in rows[1:])
    assert given == pytest.approx(sorted(heads["delta_ioi"]), abs=1e-3)
