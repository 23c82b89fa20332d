"""The pages that people read, and what stands in them: links, headings, blocks of code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import PROJECT

_FENCE = re.compile(
    r"(?:<!-- not run: (?P<reason>[^>]+) -->\n+)?"
    r"^(?P<ticks>```+)(?P<language>[\w{}-]*)[^\n]*\n(?P<code>.*?)^(?P=ticks)[ ]*$",
    re.M | re.S,
)
_LINK = re.compile(r"(?<!\\)\[(?:[^\[\]]|\[[^\]]*\])*\]\((?P<to>[^()\s]+(?:\([^()]*\))?[^()\s]*)\)")
_HEADING = re.compile(r"^#{1,6} (?P<words>.+?)\s*$", re.M)


@dataclass(frozen=True)
class Block:
    """A block of code of a page; a reason says why it cannot be run here."""

    page: str
    language: str
    code: str
    reason: str

    def __str__(self) -> str:
        return f"{self.page}: {self.code.splitlines()[0] if self.code else ''}"


def pages() -> list[Path]:
    """Every page of the project, generated ones too."""
    found = [PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    found += sorted((PROJECT / "docs").glob("**/*.md"))
    found += sorted((PROJECT / "src").glob("**/README.md")) + [PROJECT / "benchmarks/README.md"]
    return [page for page in found if not page.is_relative_to(PROJECT / "docs" / "notebooks")]


def named(page: Path) -> str:
    """A page as tests call it."""
    return page.relative_to(PROJECT).as_posix()


def blocks(*languages: str) -> list[Block]:
    """The blocks of all pages in some languages."""
    return [
        block
        for page in pages()
        for block in blocks_of(named(page), page.read_text(encoding="utf-8"))
        if block.language in languages
    ]


def blocks_of(page: str, text: str) -> Iterator[Block]:
    """The blocks of a text."""
    for found in _FENCE.finditer(text):
        yield Block(page, found["language"], found["code"], found["reason"] or "")


def links(text: str) -> list[str]:
    """What a text links to, but for what stands in code."""
    prose = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", text))
    return [found["to"] for found in _LINK.finditer(prose)]


def anchors(text: str) -> set[str]:
    """The anchors of a text's headings, as GitHub and MyST make them."""
    found: set[str] = set()
    for heading in _HEADING.finditer(_FENCE.sub("", text)):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading["words"]).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        number = 0
        while (name := f"{slug}-{number}" if number else slug) in found:
            number += 1
        found.add(name)
    return found
