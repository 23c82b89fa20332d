"""The notebooks are pages of the site, and links of the project lead to the same pages in it.

A page of the project is read in its place as well as in the site, so that its links are those of
the project: to ``README.md``, to ``notebooks/heads.ipynb``, to a folder of code. In the site pages
of the project's root have other places, and a folder has none. Notebooks are copied into the
folder of the pages, because Sphinx reads nothing outside of it.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.util.typing import ExtensionMetadata

_DOCS = Path(__file__).parents[1]
_PROJECT = _DOCS.parent
_NOTEBOOKS = _PROJECT / "notebooks"
_COPIES = _DOCS / "notebooks"
_LINK = re.compile(r"(?P<words>\[[^\[\]]*\])\((?P<to>\.{0,2}[\w./-]+)(?P<anchor>#[\w-]+)?\)")
_IN_SITE = {  # in the project -> in the site
    _PROJECT / "README.md": _DOCS / "index.md",
    _PROJECT / "CONTRIBUTING.md": _DOCS / "contributing.md",
    _PROJECT / "CHANGELOG.md": _DOCS / "changelog.md",
}


def _copy_notebooks(_app: Sphinx) -> None:
    """Copy those that have changed, so that Sphinx reads no other anew; remove those that went."""
    _COPIES.mkdir(exist_ok=True)
    there = {path.name: path for path in _NOTEBOOKS.glob("*.ipynb")}
    for copy in _COPIES.glob("*.ipynb"):
        if copy.name not in there:
            copy.unlink()
    for name, notebook in there.items():
        copy = _COPIES / name
        if not copy.exists() or copy.read_bytes() != notebook.read_bytes():
            shutil.copyfile(notebook, copy)


def _of_page(app: Sphinx, docname: str, content: list[str]) -> None:
    site = Path(app.env.doc2path(docname)).parent
    content[0] = rewritten(content[0], _NOTEBOOKS if site == _COPIES else site, site)


def _of_included(app: Sphinx, relative: Path, parent_docname: str, content: list[str]) -> None:
    site = Path(app.env.doc2path(parent_docname)).parent
    content[0] = rewritten(content[0], (_DOCS / relative).resolve().parent, site)


def rewritten(text: str, project: Path, site: Path) -> str:
    """A page's text with links that hold in the site.

    Args:
        project, site: the folder of the page in the project, and that of the page it is a part of.
    """

    def link(found: re.Match[str]) -> str:
        target = Path(os.path.normpath(project / found["to"]))
        if target.is_dir():
            return found["words"][1:-1]
        place = _IN_SITE.get(target, target)
        if place.is_relative_to(_NOTEBOOKS):
            place = _COPIES / place.name
        if not target.exists() or not place.is_relative_to(_DOCS):
            return found[0]
        return f"{found['words']}({os.path.relpath(place, site)}{found['anchor'] or ''})"

    return _LINK.sub(link, text)


def setup(app: Sphinx) -> ExtensionMetadata:
    """Register what is done to sources; see :mod:`sphinx.application`."""
    app.connect("builder-inited", _copy_notebooks)
    app.connect("source-read", _of_page)
    app.connect("include-read", _of_included)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
