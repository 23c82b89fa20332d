"""Everything known of a head is on one card, found by its name, its address or its point."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Page

from circuit_scaling.figures.style import CATEGORIES, number
from circuit_scaling.report import ReportContext
from tests.browser.conftest import Open
from tests.helpers.reader import search, settle, show_phase_space

MODEL = "mini_gpt2_l"


def _row(frame: pd.DataFrame, name: str, model: str = MODEL) -> pd.Series:
    layer, head = name.removeprefix("L").split("H")
    here = (frame["model"] == model) & (frame["layer"] == int(layer)) & (frame["head"] == int(head))
    return frame[here].iloc[0]


@pytest.fixture
def hero(material: ReportContext) -> str:
    """The strongest head of a model, of which everything is known."""
    heroes = material.tables["hero_heads"]
    first = heroes[(heroes["model"] == MODEL) & (heroes["category"] == "shared")].iloc[0]
    return f"L{first['layer']}H{first['head']}"


def _says(text: str, value: float) -> bool:
    """Whether a number is told with two digits or more."""
    return any(number(value, digits) in text for digits in (2, 3, 4))


def test_a_head_is_found_by_its_name(page: Page) -> None:
    assert not page.locator("#head-card").is_visible()
    card = search(page, f"{MODEL} L0H2")
    assert card.is_visible()
    assert MODEL in card.inner_text() and "L0H2" in card.inner_text()


def test_a_name_that_is_not_there_opens_nothing(page: Page) -> None:
    assert not search(page, "gpt9 L0H2").is_visible()


def test_an_address_opens_the_card(open_tab: Open, report: Path) -> None:
    card = open_tab(report, f"head={MODEL}:L0H2").page.locator("#head-card")
    card.wait_for()
    assert "L0H2" in card.inner_text()


@pytest.mark.parametrize("way", ["Escape", "button"])
def test_the_card_is_closed_again(page: Page, way: str) -> None:
    card = search(page, f"{MODEL} L0H2")
    if way == "Escape":
        page.keyboard.press("Escape")
    else:
        card.get_by_role("button", name="Close").click()
    settle(page)
    assert not card.is_visible()


def test_one_card_follows_the_other(page: Page) -> None:
    search(page, f"{MODEL} L0H2")
    card = search(page, f"{MODEL} L1H3")
    assert "L1H3" in card.inner_text() and "L0H2" not in card.inner_text()


def test_the_card_holds_the_effects_of_the_tables(
    page: Page, material: ReportContext, hero: str
) -> None:
    text = search(page, f"{MODEL} {hero}").inner_text()
    head = _row(material.tables["classified_heads"], hero)
    for column in ("delta_ioi", "delta_anti_names", "category_stability"):
        assert _says(text, head[column]), column
    assert CATEGORIES[head["category"]].label in text


def test_the_card_holds_the_profile(page: Page, material: ReportContext, hero: str) -> None:
    text = search(page, f"{MODEL} {hero}").inner_text()
    head = _row(material.tables["classified_heads"], hero)
    for column in ("previous_token", "duplicate_token", "induction", "ov_copying"):
        assert _says(text, head[column]), column


def test_the_card_holds_what_was_traced(page: Page, material: ReportContext, hero: str) -> None:
    text = search(page, f"{MODEL} {hero}").inner_text()
    traced = material.tables["causal_summary"]
    row = _row(traced[traced["task"] == "ioi"], hero)
    assert row["verdict"] in text
    read = material.tables["head_reads"]
    row = _row(read[read["task"] == "ioi"], hero)
    assert _says(text, row["first_name"]) or number(100 * row["first_name"], 0) in text


def test_the_card_holds_what_it_writes_to(page: Page, material: ReportContext, hero: str) -> None:
    text = search(page, f"{MODEL} {hero}").inner_text()
    written = material.tables["head_writes"]
    layer, head = hero.removeprefix("L").split("H")
    here = written.query(f"model == '{MODEL}' and layer == {layer} and head == {head}")
    here = here[here["task"] == "ioi"]
    strongest = here.loc[here[here["destination"] == "head"]["effect"].abs().idxmax()]
    receiver = f"L{strongest['receiver_layer']:.0f}H{strongest['receiver_head']:.0f}"
    assert f"{receiver} {strongest['channel']}" in text
    assert _says(text, strongest["effect"])
    (to_logits,) = here[here["destination"] == "logits"]["share"]
    assert _says(text, to_logits)


def test_the_card_holds_its_ablation_with_other_heroes(
    page: Page, material: ReportContext, hero: str
) -> None:
    text = search(page, f"{MODEL} {hero}").inner_text()
    summary = material.tables["ablation_summary"]
    here = summary.query(f"model == '{MODEL}' and task == 'ioi' and primary")
    joint = here[here["hero_set"] == "hero_joint"].sort_values("k").iloc[-1]
    assert _says(text, joint["mean_diff"])
    assert _says(text, joint["matched_mean_diff"])


def test_the_card_of_a_reader_holds_its_ranks(page: Page, material: ReportContext) -> None:
    rankings = material.tables["head_rankings"]
    card = search(page, "mini_llama L0H3")
    assert card.is_visible()
    here = rankings.query("model == 'mini_llama' and layer == 0 and head == 3")
    for _, rows in here.groupby("method"):
        assert number(rows["rank"].mean(), 1) in card.inner_text()


def test_a_point_tells_its_head_and_opens_its_card(page: Page) -> None:
    points = show_phase_space(page)
    last = points.last  # drawn last, so that nothing lies over it
    last.scroll_into_view_if_needed()
    box = last.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    told = page.locator("#phase-space-plot .hoverlayer .hovertext")
    told.wait_for()
    model, name = told.locator("text").first.text_content().split()[:2]  # type: ignore[union-attr]
    page.mouse.down()
    page.mouse.up()
    card = page.locator("#head-card")
    card.wait_for()
    assert model in card.inner_text()
    assert name[:4] in card.inner_text()
