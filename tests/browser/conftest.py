"""Pages of made-up studies, each written once, and a browser that opens them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from circuit_scaling.report import ReportContext, render_report
from tests.helpers import browser, large_study
from tests.helpers.browser import Tab
from tests.helpers.reader import reset
from tests.helpers.synthetic_tables import MAKERS

Open = Callable[..., Tab]


# Not of the whole session: while it is there, no other test in this process may run a loop.
@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """The browser; without one the tests are skipped."""
    try:
        with browser.launched() as launched:
            yield launched
    except browser.NoBrowser as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="package")
def material() -> ReportContext:
    """What the page of the embedded models is made from."""
    return large_study.context(large_study.EMBEDDED)


def _written(folder: Path, made: ReportContext) -> Path:
    page = folder / "report.html"
    page.write_text(render_report(made), encoding="utf-8")
    return page


@pytest.fixture(scope="package")
def report(material: ReportContext, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a whole run on the embedded models."""
    return _written(tmp_path_factory.mktemp("embedded"), material)


@pytest.fixture(scope="package")
def large_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the checkpoints of both studies."""
    made = large_study.context(large_study.checkpoints())
    return _written(tmp_path_factory.mktemp("large"), made)


@pytest.fixture(scope="package")
def empty_report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page where no pipeline has run."""
    return _written(tmp_path_factory.mktemp("empty"), ReportContext(makers=MAKERS))


def _nothing_to_say(tab: Tab) -> None:
    assert tab.problems == []
    assert tab.requests == []


@pytest.fixture
def open_tab(chromium: Browser) -> Iterator[Open]:
    """Open a file in a tab of its own; at the end it must not have complained or asked anyone."""
    with ExitStack() as tabs:
        opened: list[Tab] = []

        def _open(file: Path, anchor: str = "") -> Tab:
            opened.append(tabs.enter_context(browser.opened(chromium, file, anchor)))
            return opened[-1]

        yield _open
        for tab in opened:
            _nothing_to_say(tab)


@pytest.fixture
def new_page(open_tab: Open, report: Path) -> Page:
    """The page of the embedded models, just opened."""
    return open_tab(report).page


@pytest.fixture(scope="module")
def _shared_tab(chromium: Browser, report: Path) -> Iterator[Tab]:
    with browser.opened(chromium, report) as tab:
        yield tab


@pytest.fixture
def page(_shared_tab: Tab) -> Iterator[Page]:
    """The same page for the tests of a file, each of which finds it as if it were just opened.

    But tables and plots that one test has shown are there for the next.
    """
    reset(_shared_tab.page)
    yield _shared_tab.page
    _nothing_to_say(_shared_tab)
