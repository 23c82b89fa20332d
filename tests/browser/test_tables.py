"""Tables are sorted by their true values, and can be taken along."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, Page

from circuit_scaling.report import ReportContext
from tests.helpers.reader import downloaded, settle, show_all_heads, unfold

# All tables with an interface of their own, but for the one of all heads.
TABLES = "table.data"
# Each column of numbers is sorted twice; a list of what is wrong, and what was seen on the way.
SORTED = """async () => {
    const missing = text => text === '' || text === '–';
    const wrong = [], seen = {columns: 0, negative: 0, missing: 0};
    for (const table of document.querySelectorAll('table.data')) {
        const heads = [...table.tHead.rows].at(-1).cells;
        for (const head of heads) {
            const read = () => [...table.tBodies[0].rows].map(row => row.cells[head.cellIndex])
                .filter(cell => cell).map(cell => cell.dataset.order ?? cell.textContent.trim());
            const known = read().filter(text => !missing(text));
            if (!known.length || known.some(text => Number.isNaN(Number(text)))) continue;
            seen.columns += 1;
            seen.negative += known.some(text => Number(text) < 0);
            seen.missing += known.length < read().length;
            for (let press = 0; press < 2; press += 1) {
                head.click();
                await new Promise(done => setTimeout(done));
                const after = read(), sign = head.ariaSort === 'descending' ? -1 : 1;
                const values = after.slice(0, known.length).map(Number);
                const inOrder = values.every((v, i) => i === 0 || sign * (v - values[i - 1]) >= 0);
                if (!head.ariaSort || !inOrder || !after.slice(known.length).every(missing))
                    wrong.push([table.dataset.name, head.textContent, after]);
            }
        }
    }
    return [wrong, seen];
}"""
# The text of every cell, line after line, as one reads it.
CELLS = """table => [...table.tBodies[0].rows].filter(row => !row.querySelector('.dt-empty')).map(
    row => [...row.cells].map(cell => cell.textContent))"""


def _as_in_csv(text: str) -> str:
    """Without spaces; a minus sign as programs read it, and nothing where nothing was measured."""
    plain = re.sub(r"\s", "", text).replace("−", "-")
    return "" if plain == "–" else plain


def _download_of(table: Locator) -> Locator:
    holder = table.locator("xpath=ancestor::*[.//button[contains(@class, 'download')]][1]")
    return holder.locator("button.download")


@pytest.mark.parametrize("press", ["click", "Enter"])
def test_a_head_sorts_its_column_up_and_down(new_page: Page, press: str) -> None:
    page = new_page
    unfold(page)
    table = page.locator(TABLES, has=page.locator("td[data-order]")).first
    place = table.locator("td[data-order]").first.evaluate("cell => cell.cellIndex")
    head = table.locator("thead th").nth(place)
    first = []
    for _ in range(2):
        if press == "click":
            head.click()
        else:
            head.locator("[role=button]").press("Enter")
        settle(page)
        down = head.get_attribute("aria-sort") == "descending"
        cells = table.locator(f"tbody td:nth-child({place + 1})[data-order]:not([data-order=''])")
        texts = cells.evaluate_all("found => found.map(cell => cell.dataset.order)")
        values = [float(text) for text in texts]
        assert values == sorted(values, reverse=down)
        first.append(values[0])
    assert first[0] != first[1]


def test_numbers_are_sorted_by_value_and_what_is_missing_comes_last(new_page: Page) -> None:
    page = new_page
    unfold(page)
    # Nothing needs to be laid out while it is sorted.
    page.locator("main").evaluate("main => { main.style.display = 'none'; }")
    wrong, seen = page.evaluate(SORTED)
    assert wrong == []
    assert min(seen.values()) > 0, seen


def test_all_heads_are_sorted_by_their_effect(page: Page, material: ReportContext) -> None:
    table = show_all_heads(page)
    head = page.locator("#all-heads thead th", has_text="Δ_ioi").first
    heads = material.tables["classified_heads"].sort_values("delta_ioi", kind="stable")
    for end in (0, -1):
        head.click()
        settle(page)
        first = table.locator("tbody tr").first.inner_text()
        expected = heads.iloc[end]
        assert expected["model"] in first
        assert f"L{expected['layer']}H{expected['head']}" in first


def test_every_table_can_be_taken_along_as_it_is_shown(page: Page) -> None:
    unfold(page)
    tables = page.locator(TABLES).all()
    assert len(tables) > 10
    for table in tables:
        names, *rows = downloaded(page, _download_of(table))
        assert names == [name.strip() for name in table.locator("thead th").all_text_contents()]
        shown = [[_as_in_csv(text) for text in row] for row in table.evaluate(CELLS)]
        assert [[_as_in_csv(text) for text in row] for row in rows] == shown


def test_what_is_filtered_is_taken_along(page: Page) -> None:
    unfold(page)
    page.locator("#filter-model").select_option("mini_gpt2_l")
    table = page.locator(f"#competence {TABLES}").first
    _, *rows = downloaded(page, _download_of(table))
    assert rows
    assert all(row[0].startswith("mini_gpt2_l") for row in rows)


def test_all_heads_can_be_taken_along(page: Page, material: ReportContext) -> None:
    names, *rows = downloaded(page, _download_of(show_all_heads(page)).last)
    heads = material.tables["classified_heads"]
    ranked = material.tables["head_rankings"][["model", "layer", "head"]].drop_duplicates()
    assert len(rows) == len(heads) + len(ranked)
    given = {(row[names.index("model")], row[names.index("head")]): row for row in rows}
    for row in heads.sample(20, random_state=0).itertuples():
        told = given[row.model, f"L{row.layer}H{row.head}"]
        assert float(told[names.index("Δ_ioi")]) == pytest.approx(row.delta_ioi, rel=1e-3)
        assert float(told[names.index("Δ_anti")]) == pytest.approx(row.delta_anti_names, rel=1e-3)
