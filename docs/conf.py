"""Sphinx: the pages of this folder as a site in build/docs, which needs no network to be read."""

from __future__ import annotations

import sys
from pathlib import Path

_HERE = Path(__file__).parent
sys.path.insert(0, str(_HERE / "_extensions"))

from circuit_scaling import __version__  # noqa: E402 - like the extensions, found by then

project = "circuit-scaling"
author = "the circuit-scaling developers"
project_copyright = "the circuit-scaling developers"
version = release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "docstrings",
    "mathml",
    "project_pages",
]
exclude_patterns = ["generate/**", "_extensions/**"]
smartquotes = False  # -- is an option, not a dash
nitpicky = True
# Types of other libraries and of rooms that have no page here are written, not linked.
nitpick_ignore_regex = [("py:.*", ".*")]

myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 4
nb_execution_mode = "off"  # the tests run the notebooks
suppress_warnings = ["myst-nb.lexer"]  # magics in cells are no Python

napoleon_use_ivar = True  # fields of tuples are members already
autodoc_member_order = "bysource"
autodoc_typehints = "description"

html_theme = "furo"
html_title = f"circuit-scaling {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {"footer_icons": []}
copybutton_exclude = ".linenos, .gp, .go"
