"""The keyboard alone reaches and works everything, and one sees where it is."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.helpers.reader import CHAPTERS, anchors, chapter, settle

# What a key can reach, in the order of the page, but for the native parts of other elements.
REACHABLE = """() => [...document.querySelectorAll(
        'a[href], button, input, select, summary, [tabindex]')]
    .filter(found => found.tabIndex >= 0 && !found.disabled && found.checkVisibility(
        {visibilityProperty: true, contentVisibilityAuto: true}))
    .map((found, place) => { found.dataset.place = place;
        return found.outerHTML.slice(0, 120); })"""
# What is made to be worked, and no key reaches.
LOST = """() => [...document.querySelectorAll('a[href], button, input, select, summary')]
    .filter(found => found.tabIndex < 0 && !found.disabled && found.ariaDisabled !== 'true'
        && found.checkVisibility())
    .map(found => found.outerHTML.slice(0, 120))"""
# Where the keyboard is, and whether one sees it: an outline, or a shadow or edge that it lacks
# otherwise.
FOCUSED = """() => {
    const here = document.activeElement;
    if (!here || here === document.body) return null;
    const look = () => { const s = getComputedStyle(here);
        return [s.outlineStyle === 'none' ? '' : s.outlineWidth + s.outlineColor,
                s.boxShadow, s.borderColor, s.backgroundColor].join('|'); };
    const focused = look(); here.blur(); const plain = look(); here.focus();
    return [Number(here.dataset.place ?? -1), focused !== plain,
            here.outerHTML.slice(0, 120)];
}"""

# Where focus was lost, the browser goes on from there.
TO_THE_TOP = """() => { const start = document.createElement('span'); start.tabIndex = -1;
    document.body.prepend(start); start.focus(); start.remove(); scrollTo(0, 0); }"""


def _walk(page: Page, most: int) -> list[tuple[int, bool, str]]:
    """Press Tab from the top until the page ends."""
    page.evaluate(TO_THE_TOP)
    stops = []
    for _ in range(most + 2):
        page.keyboard.press("Tab")
        stop = page.evaluate(FOCUSED)
        if stop is None or (stops and stop[0] == 0):
            break
        stops.append(tuple(stop))
    return stops


@pytest.mark.parametrize("chapters", ["closed", "one open"])
def test_tab_goes_through_everything_in_order(new_page: Page, chapters: str) -> None:
    page = new_page
    if chapters == "one open":
        anchor = page.locator(CHAPTERS, has=page.locator("table.data")).first.get_attribute("id")
        chapter(page, str(anchor)).locator("> summary").click()
    settle(page)
    assert page.evaluate(LOST) == []
    reachable = page.evaluate(REACHABLE)
    stops = _walk(page, len(reachable))
    assert [place for place, _, _ in stops if place >= 0] == list(range(len(reachable)))
    assert not [html for _, seen, html in stops if not seen]
    links = len(anchors(page))
    assert len(stops) > 2 * links


def test_a_filter_is_worked_by_keys(page: Page) -> None:
    box = page.locator("#filter-model")
    box.focus()
    page.keyboard.press("ArrowDown")
    assert box.input_value() != ""


def test_the_card_takes_the_keyboard_and_gives_it_back(page: Page) -> None:
    search = page.locator("#head-search")
    search.focus()
    page.keyboard.type("mini_gpt2_l L0H2")
    page.keyboard.press("Enter")
    settle(page)
    card = page.locator("#head-card")
    assert card.evaluate("card => card.contains(document.activeElement)")
    page.keyboard.press("Escape")
    settle(page)
    assert not card.is_visible()
    assert search.evaluate("box => box === document.activeElement")
