"""Whatever was run, the page opens: no error, no request, every drawing drawn."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page

from circuit_scaling.report import ReportContext
from circuit_scaling.report.reading_order import tables_of_the_page
from tests.browser.conftest import Open
from tests.helpers import large_study
from tests.helpers.browser import DESKTOP
from tests.helpers.reader import anchors, settle, show_phase_space, unfold

MEGABYTE = 1_000_000


@pytest.mark.parametrize("name", ["report", "large_report", "empty_report"])
def test_all_of_it_opens_without_error_or_request(
    open_tab: Open, request: pytest.FixtureRequest, name: str
) -> None:
    page = open_tab(request.getfixturevalue(name)).page
    assert page.locator("h1").inner_text()
    unfold(page)
    assert len(anchors(page)) > 10
    settle(page)


def test_the_made_up_study_has_every_table(material: ReportContext) -> None:
    imported = {"import_findings", "import_retrieval_checks"}
    assert set(tables_of_the_page()) - set(material.tables) == imported


def test_pages_are_small_enough_to_send(report: Path, large_report: Path) -> None:
    assert report.stat().st_size < 10 * MEGABYTE
    assert large_report.stat().st_size < 25 * MEGABYTE


def test_the_first_screen_says_what_was_found(new_page: Page) -> None:
    page = new_page
    found = page.locator("ol#found > li")
    assert 5 <= found.count() <= 8
    targets = set(anchors(page))
    for sentence in found.all():
        assert re.search(r"\d", sentence.inner_text())
        assert sentence.get_attribute("data-shown") is not None
        (link,) = sentence.locator("a[href^='#']").all()
        assert (link.get_attribute("href") or "").removeprefix("#") in targets
    assert page.locator("figure#first-figure img").is_visible()
    first = page.locator("ol#found > li").first.bounding_box()
    assert first is not None and first["y"] + first["height"] < DESKTOP["height"]


def test_every_drawing_is_drawn(page: Page, material: ReportContext) -> None:
    unfold(page)
    sizes = page.locator("img").evaluate_all(
        """images => Promise.all(images.map(async image => {
            await image.decode();
            return [image.naturalWidth, image.getBoundingClientRect().width, image.alt];
        }))"""
    )
    assert len(sizes) >= len(material.figures)
    assert all(natural > 0 and shown > 0 and alt for natural, shown, alt in sizes)


@pytest.mark.parametrize("name", ["report", "large_report"])
def test_every_head_is_a_point(open_tab: Open, request: pytest.FixtureRequest, name: str) -> None:
    study = large_study.EMBEDDED if name == "report" else large_study.checkpoints()
    points = show_phase_space(open_tab(request.getfixturevalue(name)).page)
    assert points.count() == sum(model.layers * model.heads for model in study.models)


def test_without_any_table_the_page_says_what_to_run(open_tab: Open, empty_report: Path) -> None:
    page = open_tab(empty_report).page
    unfold(page)
    assert "kedro run --pipelines" in page.locator("main").inner_text()
    assert page.locator("table.data").count() == 0
