"""What kedro-viz shows of a dataset: rows of tables, small pictures, notes, what the page found.

kedro-viz takes the kind of a preview from the name of its type. What it is given as HTML it treats
as Markdown as well, so that words there must not have underscores: they would become italics.
"""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Mapping, Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NewType

import numpy as np
import pandas as pd
from kedro_datasets._typing import HTMLPreview, TablePreview
from PIL import Image

TextPreview = NewType("TextPreview", str)
"""Text as it is; kedro-viz knows it from nodes, and the datasets of Kedro have no name for it."""

_VALUES_SHOWN = 6
_DIGITS = 4
_WIDTH = 800  # pixels: twice the panel
_COLOURS = 64
_PICTURES = 24  # some have one for each model


def rows_of(frame: pd.DataFrame | None) -> TablePreview:
    """Rows of a table; None: there is no table yet."""
    if frame is None:
        return TablePreview({"columns": ["not made yet"], "index": [], "data": []})
    data = [[*map(_cell, row)] for row in frame.itertuples(index=False, name=None)]
    return TablePreview({"columns": [*frame], "index": [*range(len(data))], "data": data})


def rows_of_each(frames: Mapping[str, pd.DataFrame], nrows: int) -> TablePreview:
    """The first rows of several tables below each other, each with its name before every row."""
    columns, data = list[str](), list[list[Any]]()
    for name, frame in frames.items():
        rows = rows_of(frame.head(nrows))
        header = [f"{name}: {len(frame)} rows", *rows["columns"]]
        if columns:
            data.append(header)
        else:
            columns = header
        data += [[name, *row] for row in rows["data"]]
    width = max([len(columns), *map(len, data)])
    filled = [row + [""] * (width - len(row)) for row in [columns, *data]]
    return TablePreview({"columns": filled[0], "index": [*range(len(data))], "data": filled[1:]})


def pictures_of(files: Sequence[Path]) -> HTMLPreview:
    """Small pictures below each other, with their names; of very many the first ones."""
    shown = [
        f"<h4>{_words(file.stem)}</h4>"
        f'<img alt="{_words(file.stem)}" width="100%" src="data:image/png;base64,{_small(file)}">'
        for file in files[:_PICTURES]
    ]
    if (rest := len(files) - _PICTURES) > 0:
        shown.append(f"<h4>and {rest} more</h4>")
    return _fitted("".join(shown))


def notes_in_full(notes: Mapping[str, str]) -> TextPreview:
    """Notes below each other, each under the name of its file."""
    return TextPreview("\n\n".join(f"─── {name} ───\n\n{text}" for name, text in notes.items()))


def found_on(page: str) -> HTMLPreview:
    """The title of the report page, and what it says was found, without numbers."""
    read = _Found()
    read.feed(page)
    findings = "".join(f"<li>{_words(finding)}</li>" for finding in read.findings)
    return _fitted(f"<h3>{_words(read.title)}</h3><h4>What was found</h4><ul>{findings}</ul>")


class _Found(HTMLParser):
    """The heading of the page, and the sentences of its list of findings."""

    def __init__(self) -> None:
        super().__init__()
        self.title, self.findings = "", list[str]()
        self._open, self._in_list = "", False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "ol":
            self._in_list = dict(attrs).get("id") == "found"
        if tag == "h1" or (tag == "strong" and self._in_list):
            self._open = tag
            if tag == "strong":
                self.findings.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == self._open:
            self._open = ""
        if tag == "ol":
            self._in_list = False

    def handle_data(self, data: str) -> None:
        if self._open == "h1":
            self.title += data
        elif self._open == "strong":
            self.findings[-1] += data


def _fitted(inside: str) -> HTMLPreview:
    """As wide as the panel of a node, and wider where a preview is opened.

    kedro-viz lays both out at 900 pixels, of which the panel shows half; only the size of letters,
    14 pixels there and 15 where it is opened, tells them apart.
    """
    width = "clamp(390px, (1em - 14px) / 0.001, 100%)"
    return HTMLPreview(f'<div style="width: {width}">{inside}</div>' if inside else "")


def _small(file: Path) -> str:
    """A picture of few colours, as wide as it is looked at, in letters."""
    with Image.open(file) as image:
        size = (_WIDTH, max(1, round(image.height * _WIDTH / image.width)))
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        # This way of choosing colours keeps those of few pixels, such as single marks.
        small = small.quantize(_COLOURS, method=Image.Quantize.MAXCOVERAGE)
        written = io.BytesIO()
        small.save(written, format="PNG", optimize=True)
    return base64.b64encode(written.getvalue()).decode()


def _words(text: str) -> str:
    return html.escape(" ".join(text.replace("_", " ").split()))


def _cell(value: object) -> object:
    """A value as it is shown: numbers short, of lists a few values, nothing for what is missing."""
    if isinstance(value, np.ndarray | list | tuple):
        shown = ", ".join(str(_cell(part)) for part in value[:_VALUES_SHOWN])
        return f"[{shown}, …] ({len(value)})" if len(value) > _VALUES_SHOWN else f"[{shown}]"
    if value is None or value is pd.NA or (isinstance(value, float) and math.isnan(value)):
        return ""
    plain = value.item() if isinstance(value, np.generic) else value
    if isinstance(plain, float):
        return float(f"{plain:.{_DIGITS}g}")
    return plain if isinstance(plain, str | int | bool) else str(plain)
