"""Docstrings are read as they are written: a bar is a bar, as in |delta|, and no substitution."""

from __future__ import annotations

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

_CODE = "``"


def _with_bars(
    _app: Sphinx, _what: str, _name: str, _obj: object, _options: object, lines: list[str]
) -> None:
    for place, line in enumerate(lines):
        parts = line.split(_CODE)
        parts[::2] = [text.replace("|", r"\|") for text in parts[::2]]
        lines[place] = _CODE.join(parts)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register what is done to docstrings; see :mod:`sphinx.ext.autodoc`."""
    app.connect("autodoc-process-docstring", _with_bars)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
