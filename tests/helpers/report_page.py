"""A report taken apart: elements, text by chapter, scripts, and what it would fetch."""

from __future__ import annotations

from html.parser import HTMLParser

_VOID = {"meta", "link", "img", "br", "hr", "input", "base", "source"}


class Page(HTMLParser):
    """The page taken apart: elements, text by section, and what it would fetch."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, str] = {"": ""}
        self.scripts: list[str] = []
        self._open: list[str] = []
        self._section, self._depth = "", 0
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)
        if tag == "details" and dict(attrs).get("class") == "chapter":
            self._section = dict(attrs)["id"] or ""
            self.text[self._section] = ""
            self._depth = self._open.count("details")
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag == "details" and self._open.count("details") < self._depth:
            self._section, self._depth = "", 0

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "script":
            self.scripts[-1] += data
        elif not self._open or self._open[-1] != "style":
            self.text[self._section] += data.replace("\u00a0", " ")

    def attributes(self, name: str) -> list[str]:
        return [
            value or "" for _, attrs in self.elements for key, value in attrs.items() if key == name
        ]
