"""Whatever a page names is there: pages, headings, pictures, files of the project."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.docs.written import anchors, links, named, pages

_PATH = re.compile(r"`((?:conf|src|docs|tests|benchmarks|notebooks|\.ci)/[\w./-]+)`")
_MADE = ("conf/local/", "docs/_", "docs/build")


def unresolved(page: Path, text: str) -> list[str]:
    """The links of a page's text that lead nowhere."""
    wrong = []
    for link in links(text):
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place).resolve() if place else page
        if (
            not target.exists()
            or anchor
            and anchor
            not in anchors(text if target == page else target.read_text(encoding="utf-8"))
        ):
            wrong.append(link)
    return wrong


@pytest.mark.parametrize("page", pages(), ids=named)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert not unresolved(page, page.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("[a](nowhere.md)", ["nowhere.md"]),
        ("[a](method.md#no-such-heading)", ["method.md#no-such-heading"]),
        ("![a](images/nothing.png)", ["images/nothing.png"]),
        ("[a](#here)\n\n# There", ["#here"]),
        ("[a](#here)\n\n# Here", []),
        ("[a](method.md#heroes-against-random-heads) [b](https://example.org)", []),
        ("`[a](nowhere.md)`\n\n```text\n[a](nowhere.md)\n```", []),
    ],
)
def test_a_link_that_leads_nowhere_is_seen(text: str, wrong: list[str]) -> None:
    assert unresolved(PROJECT / "docs" / "concepts.md", text) == wrong


@pytest.mark.parametrize("page", pages(), ids=named)
def test_files_that_are_named_in_code_are_there(page: Path) -> None:
    named_in = {path.rstrip("./") for path in _PATH.findall(page.read_text(encoding="utf-8"))}
    missing = {path for path in named_in if not (PROJECT / path).exists()}
    assert not {path for path in missing if not path.startswith(_MADE)}


def test_every_page_of_the_docs_is_in_the_site() -> None:
    index = (PROJECT / "docs" / "index.md").read_text(encoding="utf-8")
    folder = PROJECT / "docs"
    listed = re.findall(r"^(?!:)([\w/*]+)$", index, re.M)
    found = {path.with_suffix("") for name in listed for path in folder.glob(f"{name}.md")}
    every = {page.with_suffix("") for page in pages() if page.is_relative_to(folder)}
    assert every - found == {folder / "index"}
