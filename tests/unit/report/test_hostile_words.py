"""No word from outside is markup: in the page, in its data, in the notes and in drawings."""

from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import pytest
from matplotlib.figure import Figure

from circuit_scaling.figures.style import to_svg
from circuit_scaling.pipelines.classify.nodes import draw as draw_classify
from circuit_scaling.pipelines.join.nodes import draw as draw_join
from circuit_scaling.pipelines.transfer.nodes import draw as draw_transfer
from circuit_scaling.report import ReportContext, render_report
from circuit_scaling.report.notes import render_notes
from circuit_scaling.tables.made_with import set_made_with
from tests.helpers.hostile import HARMLESS, HOSTILE, with_words
from tests.helpers.report_page import Page

ATTACKS = ("<script>alert", "<img src=x", "<svg/onload", "</script></style>")


@pytest.fixture(scope="module")
def hostile(context: ReportContext) -> ReportContext:
    return with_words(context, HOSTILE)


@pytest.fixture(scope="module")
def html(hostile: ReportContext) -> str:
    return render_report(hostile)


def test_the_words_are_told(html: str) -> None:
    """Else nothing here would be tested."""
    text = "".join(Page(html).text.values())
    assert all(word in text for word in HOSTILE if "\x07" not in word)


def test_the_page_has_the_elements_of_a_page_of_harmless_words(
    context: ReportContext, html: str
) -> None:
    harmless = with_words(context, HARMLESS)
    shapes = [
        [(tag, sorted(attributes)) for tag, attributes in Page(text).elements]
        for text in (html, render_report(harmless))
    ]
    assert shapes[0] == shapes[1]


def test_no_attack_is_in_the_source(html: str) -> None:
    outside_data = re.sub(r'<script type="text/plain".*?</script>', "", html, flags=re.DOTALL)
    assert not [attack for attack in ATTACKS if attack in outside_data]


def test_data_of_the_page_are_json(html: str) -> None:
    found = re.findall(r'<script type="application/json"[^>]*>(.*?)</script>', html, re.DOTALL)
    heads, plot = (json.loads(text) for text in found)
    assert any(word in row[1] for word in HOSTILE[:2] for row in heads["rows"])
    assert "<" not in "".join(found)
    labels = [button["label"] for button in plot["layout"]["updatemenus"][0]["buttons"]]
    assert not any("<" in label for label in labels)


def test_markdown_takes_no_word_for_markup(hostile: ReportContext) -> None:
    for name, note in render_notes(hostile).items():
        for attack in ATTACKS:
            bare = [
                line
                for line in note.splitlines()
                for found in re.finditer(re.escape(attack), line)
                if line[found.start() - 1] != "\\"
            ]
            assert not bare, (name, bare[:1])
        assert not re.search(r"(?<!\\)\]\(javascript", note), name


def _drawn(context: ReportContext) -> dict[str, Figure]:
    tables = context.tables
    for name in ("classified_heads", "ablation_agreement"):
        primary = {"ablation": "zero", "positions": "all"}
        set_made_with(tables[name], {"classify.tau": 0.05, "scan.primary": primary})
    heads, transfer = tables["classified_heads"], tables["transfer_summary"]
    drawn = draw_classify(heads, tables["head_category_summary"], tables["name_order"])
    drawn |= draw_transfer(transfer, tables["head_divergence"])
    agreement = [tables[f"{kind}_agreement"] for kind in ("ablation", "attribution")]
    bos = tables["bos_effects"].assign(fingerprint="")
    drawn |= draw_join(tables["competence"], *agreement, bos, 0.05)
    return {name: figure for name, (figure, _) in drawn.items()}


def test_drawings_are_xml_without_scripts(hostile: ReportContext) -> None:
    for name, figure in _drawn(hostile).items():
        root = ElementTree.fromstring(to_svg(figure, 'a"<script>'))
        tags = {element.tag.rpartition("}")[2] for element in root.iter()}
        assert not tags & {"script", "foreignObject", "a"}, name
        handlers = [key for element in root.iter() for key in element.attrib if key[:2] == "on"]
        assert not handlers, name
