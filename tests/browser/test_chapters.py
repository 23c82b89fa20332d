"""Chapters open by click, by key, by link, by address and by the way back."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import Open
from tests.helpers.reader import CHAPTERS, anchors, chapter, is_in_view, is_open, settle

PARTS = {"circuits", "retrieval", "published"}


def test_chapters_are_closed_at_first(new_page: Page) -> None:
    page = new_page
    assert not any(is_open(page, anchor) for anchor in anchors(page))
    parts = page.locator("section.part", has=page.locator("> h2"))
    assert set(parts.evaluate_all("found => found.map(part => part.id)")) >= PARTS
    titles = page.locator(f"{CHAPTERS} > summary > h3").all_inner_texts()
    assert all(titles) and len(titles) == len(anchors(page))


def test_the_contents_name_every_part_and_chapter(page: Page) -> None:
    links = page.locator("nav a[href^='#']").evaluate_all("found => found.map(a => a.hash)")
    chapters = [f"#{anchor}" for anchor in anchors(page)]
    parts = page.locator("section.part").evaluate_all("found => found.map(part => '#' + part.id)")
    assert [link for link in links if link in set(parts)] == parts
    assert [link for link in links if link in set(chapters)] == chapters


@pytest.mark.parametrize("where", ["nav", "#found"])
def test_a_link_opens_its_chapter(page: Page, where: str) -> None:
    for anchor in anchors(page):
        link = page.locator(f"{where} a[href='#{anchor}']").first
        if link.count():
            link.click()
            settle(page)
            assert is_open(page, anchor), anchor
            assert is_in_view(page, anchor), anchor


def test_a_link_opens_a_chapter_that_was_closed_again(page: Page) -> None:
    anchor = anchors(page)[1]
    link = page.locator(f"nav a[href='#{anchor}']").first
    link.click()
    chapter(page, anchor).locator("> summary").click()
    assert not is_open(page, anchor)
    link.click()
    settle(page)
    assert is_open(page, anchor)


def test_an_address_opens_its_chapter(open_tab: Open, report: Path) -> None:
    last = anchors(open_tab(report).page)[-1]
    page = open_tab(report, last).page
    assert is_open(page, last)
    assert is_in_view(page, last)
    assert sum(is_open(page, anchor) for anchor in anchors(page)) == 1


def test_the_way_back_leads_to_the_chapter_before(page: Page) -> None:
    first, last = anchors(page)[0], anchors(page)[-1]
    for anchor in (first, last):
        page.locator(f"nav a[href='#{anchor}']").first.click()
    chapter(page, first).evaluate("found => found.open = false")
    page.go_back()
    settle(page)
    assert page.url.endswith(f"#{first}")
    assert is_open(page, first)
    assert is_in_view(page, first)


@pytest.mark.parametrize("key", ["Enter", " "])
def test_a_key_opens_and_closes_a_chapter(page: Page, key: str) -> None:
    anchor = anchors(page)[0]
    summary = chapter(page, anchor).locator("> summary")
    summary.press(key)
    assert is_open(page, anchor)
    summary.press(key)
    assert not is_open(page, anchor)
