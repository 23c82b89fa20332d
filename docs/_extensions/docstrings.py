"""Docstrings are read as they are written, where Sphinx would read another thing.

A bar is a bar, as in |delta|, and no substitution. What is returned is told in words, in which a
colon does not end the name of a type.
"""

from __future__ import annotations

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

_CODE = "``"
_NOTHING = "\\ "  # an escaped space: a line that says nothing and has no colon
_BEFORE_NAPOLEON = 400


def _as_written(
    _app: Sphinx, _what: str, _name: str, _obj: object, _options: object, lines: list[str]
) -> None:
    for place, line in reversed(list(enumerate(lines))):
        parts = line.split(_CODE)
        parts[::2] = [text.replace("|", r"\|") for text in parts[::2]]
        lines[place] = _CODE.join(parts)
        if line.strip() in ("Returns:", "Yields:") and place + 1 < len(lines):
            told = lines[place + 1]
            lines.insert(place + 1, told[: len(told) - len(told.lstrip())] + _NOTHING)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register what is done to docstrings; see :mod:`sphinx.ext.autodoc`."""
    app.connect("autodoc-process-docstring", _as_written, priority=_BEFORE_NAPOLEON)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
