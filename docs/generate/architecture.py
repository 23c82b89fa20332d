"""The picture of the house: the way of the data above, the rooms that do the work below."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from docs.generate.svg import QUIET, opened, text

_WIDTH, _HEIGHT = 1120, 690
_FILLS = {  # kind -> fill, edge
    "given": ("#eceef2", "#8a93a3"),
    "model": ("#fde3cf", "#d9762b"),
    "tables": ("#dcebf9", "#3b78b5"),
    "read": ("#dff1e1", "#3f8f4f"),
    "room": ("#ffffff", "#b9c0cc"),
}
Kind = Literal["given", "model", "tables", "read", "room"]
_PADDING, _LINE = 19, 15


@dataclass(frozen=True)
class Box:
    """A box with a title and lines below it; x and y are its upper left corner."""

    x: int
    y: int
    width: int
    height: int
    kind: Kind
    title: str
    lines: tuple[str, ...] = ()

    def svg(self) -> Iterator[str]:
        """The box as SVG."""
        fill, edge = _FILLS[self.kind]
        yield (
            f'<rect x="{self.x}" y="{self.y}" width="{self.width}" height="{self.height}" rx="7" '
            f'fill="{fill}" stroke="{edge}"/>'
        )
        middle = self.x + self.width // 2
        top = self.y + (self.height - _LINE * len(self.lines)) // 2 + 5
        yield text(middle, top, self.title, 14, weight=600)
        for place, line in enumerate(self.lines, start=1):
            yield text(middle, top + 1 + _LINE * place, line, 11, colour=QUIET)


def _arrow(*points: tuple[int, int]) -> str:
    """A line through points, with a head at its end."""
    line = " ".join(f"{x},{y}" for x, y in points)
    return f'<polyline points="{line}" fill="none" stroke="{QUIET}" marker-end="url(#to)"/>'


_GIVEN, _SCAN, _JOIN, _CLASSIFY, _AFTER, _REPORT = 30, 205, 380, 545, 720, 935
_FLOWS = (
    Box(_GIVEN, 72, 135, 62, "given", "models", ("hub, folder, package,", "GGUF: a roster")),
    Box(_GIVEN, 152, 135, 62, "given", "tasks", ("templates and words", "become prompts")),
    Box(_SCAN, 105, 135, 76, "model", "scan", ("ablates every head", "on every task")),
    Box(_JOIN, 105, 125, 76, "tables", "join", ("all models in", "the same tables")),
    Box(_CLASSIFY, 105, 135, 76, "tables", "classify", ("categories, heroes,", "published heads")),
    Box(_AFTER, 58, 165, 46, "tables", "scaling", ("correlation, shares, depth",)),
    Box(_AFTER, 112, 165, 46, "tables", "transfer", ("from model to model",)),
    Box(_AFTER, 166, 165, 46, "model", "causal", ("what heroes carry, where",)),
    Box(_AFTER, 220, 165, 46, "model", "ablation", ("heroes against random",)),
    Box(_GIVEN, 250, 135, 46, "given", "a table", ("measured elsewhere",)),
    Box(_SCAN, 250, 135, 46, "tables", "import_tables", ("checks, or refuses",)),
    Box(_GIVEN, 336, 135, 62, "given", "filings", ("long documents", "and questions")),
    Box(_SCAN, 329, 135, 76, "model", "retrieval_detect", ("which heads read", "the document")),
    Box(_JOIN, 329, 135, 76, "model", "retrieval_mask", ("answers without", "those heads")),
    Box(_CLASSIFY, 329, 150, 76, "tables", "retrieval_compare", ("methods, questions,", "lengths")),
    Box(_AFTER, 329, 165, 76, "tables", "audit", ("every table, beside", "what was published")),
    Box(_REPORT, 105, 155, 300, "read", "report", ("one page, notes,", "CSV, figures")),
)
_ARROWS = (
    _arrow((165, 103), (185, 103), (185, 133), (202, 133)),
    _arrow((165, 183), (185, 183), (185, 153), (202, 153)),
    _arrow((340, 143), (377, 143)),
    _arrow((505, 143), (542, 143)),
    *(_arrow((680, 143), (700, 143), (700, y), (717, y)) for y in (81, 135, 189, 243)),
    *(_arrow((885, y), (932, y)) for y in (135, 189, 243, 367)),
    _arrow((885, 81), (910, 81), (910, 118), (932, 118)),
    _arrow((165, 273), (202, 273)),
    _arrow((340, 273), (442, 273), (442, 184)),
    _arrow((165, 367), (202, 367)),
    _arrow((340, 367), (377, 367)),
    _arrow((515, 367), (542, 367)),
    _arrow((695, 367), (717, 367)),
)
_ROOMS = (
    (
        "needs a model",
        "model",
        (
            ("models", "open checkpoints"),
            ("interventions", "the exact engine"),
            ("measuring", "model to tables"),
        ),
    ),
    (
        "arrays and tables",
        "tables",
        (
            ("prompts", "tasks as data"),
            ("statistics", "arrays in, numbers out"),
            ("analysis", "tables become tables"),
            ("tables", "schemas and meanings"),
        ),
    ),
    (
        "for people",
        "read",
        (
            ("figures", "one function each"),
            ("report", "page and notes"),
            ("report/notes", "findings in words"),
        ),
    ),
    (
        "Kedro's side",
        "given",
        (
            ("pipelines", "what flows"),
            ("datasets", "atomic, sealed, stamped"),
            ("checks", "before anything runs"),
            ("resume, cluster", "what, and where"),
        ),
    ),
)


def architecture_svg() -> str:
    """The picture, as SVG."""
    parts = [
        *opened(_WIDTH, _HEIGHT, "The way of the data, and the rooms of the code"),
        '<defs><marker id="to" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        f'markerHeight="8" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="{QUIET}"/>',
        "</marker></defs>",
        text(_GIVEN, 38, "The way of the data", 17, weight=700, anchor="start"),
        *_legend(),
        *_ARROWS,
        *(line for box in _FLOWS for line in box.svg()),
        text(_GIVEN, 458, "The rooms that do the work", 17, weight=700, anchor="start"),
        *_rooms(),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _legend() -> Iterator[str]:
    kinds: tuple[tuple[Kind, str], ...] = (
        ("given", "given"),
        ("model", "runs a model"),
        ("tables", "tables alone: seconds"),
        ("read", "for people"),
    )
    x = 560
    for kind, words in kinds:
        fill, edge = _FILLS[kind]
        yield f'<rect x="{x}" y="26" width="16" height="14" rx="3" fill="{fill}" stroke="{edge}"/>'
        yield text(x + 22, 38, words, 12, anchor="start", colour=QUIET)
        x += 52 + 7 * len(words)


def _rooms() -> Iterator[str]:
    """A row of groups, each with its rooms in a column."""
    width, gap, top = 250, 20, 478
    for place, (title, kind, rooms) in enumerate(_ROOMS):
        x = _GIVEN + place * (width + gap)
        fill, edge = _FILLS[kind]
        yield (
            f'<rect x="{x}" y="{top}" width="{width}" height="188" rx="9" fill="{fill}" '
            f'stroke="{edge}"/>'
        )
        yield text(x + 14, top + 23, title, 13, weight=600, anchor="start")
        for row, (name, words) in enumerate(rooms):
            y = top + 36 + row * 36
            inner = f'x="{x + 10}" y="{y}" width="{width - 20}" height="30"'
            yield f'<rect {inner} rx="5" fill="#ffffff"/>'
            yield text(x + 20, y + _PADDING, name, 12, weight=600, anchor="start")
            yield text(x + width - 20, y + _PADDING, words, 11, anchor="end", colour=QUIET)
