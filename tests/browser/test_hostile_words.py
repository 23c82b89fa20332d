"""No word from outside becomes an element once the scripts of the page have run."""

from __future__ import annotations

from pathlib import Path

from circuit_scaling.report import ReportContext, render_report
from tests.browser.conftest import Open
from tests.helpers.hostile import HOSTILE, with_words
from tests.helpers.reader import show_phase_space, unfold

_LIVE = "() => document.querySelectorAll('img[src=x], svg[onload], td script, th script').length"


def test_names_stay_text_in_tables_cards_and_plot(
    material: ReportContext, open_tab: Open, tmp_path: Path
) -> None:
    file = tmp_path / "report.html"
    file.write_text(render_report(with_words(material, HOSTILE)), encoding="utf-8")
    tab = open_tab(file)
    said: list[str] = []
    tab.page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    unfold(tab.page)
    show_phase_space(tab.page)
    shown = tab.page.locator("#heads-table").inner_text()
    assert HOSTILE[0] in shown or HOSTILE[1] in shown
    assert tab.page.evaluate(_LIVE) == 0
    assert not said
