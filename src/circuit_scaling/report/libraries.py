"""The sources of the two libraries that the page carries inside it: plotly.js and DataTables."""

from __future__ import annotations

import base64
import gzip
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True)
class DataTables:
    """DataTables as the package ``itables`` bundles it: a module's address, and its styles."""

    address: str
    css: str


def datatables() -> DataTables:
    """The bundle; its module is a data address, because a page in one file has no other."""
    folder = files("itables").joinpath("html")
    source = folder.joinpath("dt_bundle.js").read_bytes()
    return DataTables(
        address=f"data:text/javascript;base64,{base64.b64encode(source).decode()}",
        css=folder.joinpath("dt_bundle.css").read_text(encoding="utf-8"),
    )


def plotly() -> str:
    """The source of plotly.js, packed: gzip in base 64, which the page unpacks when it is needed.

    Imported here because it costs half a second.
    """
    from plotly.offline import get_plotlyjs

    packed = gzip.compress(get_plotlyjs().encode(), mtime=0)
    return base64.b64encode(packed).decode()
