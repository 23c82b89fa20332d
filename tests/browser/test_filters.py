"""The filters leave the rows that they name, in every table, and give all back."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from circuit_scaling.figures.style import CATEGORIES
from circuit_scaling.report import ReportContext
from tests.helpers.reader import settle, show_all_heads, unfold

KINDS = ("family", "model", "category", "competence")
# Of every table: the values of the rows that are shown; a model without a flag is competent.
SHOWN = """kind => [...document.querySelectorAll('table.data')].map(
    table => [...table.tBodies[0].rows].filter(row => row.checkVisibility()).map(row =>
        row.dataset[kind]
        ?? (kind === 'competence' && row.dataset.model ? 'competent' : undefined))
        .filter(value => value !== undefined))"""


def _shown(page: Page, kind: str) -> list[list[str]]:
    settle(page)
    return page.evaluate(SHOWN, kind)  # type: ignore[no-any-return]


def _values(page: Page, kind: str) -> list[str]:
    options = page.locator(f"#filter-{kind} option")
    values = options.evaluate_all("found => found.map(option => option.value)")
    assert values[0] == ""
    assert len(values) > 2, f"only {values}"
    return values[1:]  # type: ignore[no-any-return]


@pytest.mark.parametrize("kind", KINDS)
def test_a_filter_leaves_the_rows_of_its_value(page: Page, kind: str) -> None:
    unfold(page)
    before = _shown(page, kind)
    assert any(before)
    for value in _values(page, kind)[:3]:
        page.locator(f"#filter-{kind}").select_option(value)
        expected = [[row for row in rows if row == value] for rows in before]
        assert any(expected)
        assert _shown(page, kind) == expected
    page.locator("#filters").get_by_role("button").click()
    assert page.locator(f"#filter-{kind}").input_value() == ""
    assert _shown(page, kind) == before


def test_filters_work_together_and_also_where_a_chapter_is_opened_later(new_page: Page) -> None:
    page = new_page
    model = _values(page, "model")[0]
    page.locator("#filter-model").select_option(model)
    page.locator("#filter-category").select_option("shared")
    unfold(page)
    shown = page.locator("table.data tbody tr[data-model][data-category]:visible")
    assert shown.count()
    pairs = shown.evaluate_all("found => found.map(r => [r.dataset.model, r.dataset.category])")
    assert {tuple(pair) for pair in pairs} == {(model, "shared")}


def test_the_choices_are_those_of_the_tables(page: Page, material: ReportContext) -> None:
    heads = material.tables["classified_heads"]
    for kind in ("family", "model", "category"):
        assert set(heads[kind]) <= set(_values(page, kind))


def test_a_filter_leaves_the_heads_of_its_value(page: Page, material: ReportContext) -> None:
    page.locator("#filter-model").select_option("mini_gpt2_l")
    page.locator("#filter-category").select_option("ioi_only")
    table = show_all_heads(page)
    settle(page)
    heads = material.tables["classified_heads"]
    expected = heads.query("model == 'mini_gpt2_l' and category == 'ioi_only'")
    rows = table.locator("tbody tr").all_inner_texts()
    assert 0 < len(rows) == len(expected)
    assert all("mini_gpt2_l" in row and CATEGORIES["ioi_only"].label in row for row in rows)
