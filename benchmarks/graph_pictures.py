"""Pictures of the pipeline graph for README and docs, taken of its site by a headless Chromium."""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode

from PIL import Image, ImageChops
from playwright.sync_api import Page, ViewportSize, sync_playwright

from benchmarks.graph_site import SITE

_ROOT = Path(__file__).parents[1]
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_SCALE = 2  # pixels of the picture for each of the page
_COLOURS = 128
_MARGIN = 32  # pixels around what is cut out
_STEPS_NEARER = 60
_READABLE = 60  # pixels of a dataset's width
_DRAWN = 4_000  # milliseconds after which the graph has been laid out and stands still
SETTINGS = """
localStorage.setItem('KedroViz', JSON.stringify({
    theme: 'light', showFeatureHints: false, visible: {miniMap: false, sidebar: %s},
}));
"""
"""A light page, without the hints for beginners, which cover the graph."""
_GRAPH_ALONE = "[class*=sidebar], [class*=toolbar], [class*=update-reminder] { display: none; }"


class Picture(NamedTuple):
    """What is shown, and how.

    Attributes:
        query: of the address: pipeline, box, element types.
        size: of the window.
        box: that is opened.
        dataset: that is clicked on.
        near: a dataset, beside which the status of the last run is shown.

    Without a dataset, the graph alone is shown, and cut out.
    """

    query: dict[str, str]
    size: tuple[int, int]
    box: str = ""
    dataset: str = ""
    near: str = ""


PICTURES = {
    "graph": Picture({"pid": "overview", "types": "task"}, (1500, 1000)),
    "graph_causal": Picture({"pid": "overview", "fid": "causal"}, (1700, 1300), box="causal"),
    "graph_preview": Picture({"pid": "overview"}, (1500, 950), dataset="classify_figures"),
    "graph_status": Picture({"pid": "__default__"}, (1100, 620), near="prompts_needed"),
}


class _Quiet(SimpleHTTPRequestHandler):
    """Serves files, and does not print a line for each."""

    def log_message(self, *_told: Any) -> None:
        """Print nothing."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a web server for a folder, on a port that is free."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def id_of(dataset: str) -> str:
    """What kedro-viz calls a dataset in addresses."""
    return hashlib.sha1(dataset.encode(), usedforsecurity=False).hexdigest()[:8]


def write_pictures(site: Path, folder: Path) -> None:
    """Take every picture of a site that was built.

    Raises:
        FileNotFoundError: there is no Chromium, or no site.
    """
    named = (os.environ.get("CHROMIUM", ""), *_CHROMIUM)
    chromium = next(filter(None, map(shutil.which, filter(None, named))), None)
    if chromium is None:
        raise FileNotFoundError("no Chromium is installed: name one in the variable CHROMIUM")
    if not (site / "index.html").is_file():
        raise FileNotFoundError(f"there is no site in {site}: make site")
    with served(site) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-gpu"]
        )
        for name, picture in PICTURES.items():
            width, height = picture.size
            page = browser.new_page(
                viewport=ViewportSize(width=width, height=height), device_scale_factor=_SCALE
            )
            page.add_init_script(SETTINGS % str(bool(picture.dataset)).lower())
            _write(_taken(page, address, picture), folder / f"{name}.png")
            page.close()
        browser.close()


def _taken(page: Page, address: str, picture: Picture) -> Image.Image:
    shown = {"sid": id_of(picture.dataset)} if picture.dataset else {}
    page.goto(f"{address}/?{urlencode(picture.query | shown)}", wait_until="load")
    page.wait_for_selector(".pipeline-node")
    if not picture.dataset:
        page.add_style_tag(content=_GRAPH_ALONE)
    page.wait_for_timeout(_DRAWN)
    if picture.box:
        page.click(f".pipeline-node[data-id='{picture.box}']")
        page.wait_for_timeout(_DRAWN)
    if picture.near:
        return _status(page, picture)
    if not picture.dataset:  # further away: what is hidden would lie over the edge
        page.mouse.move(picture.size[0] / 2, 5)
        page.mouse.wheel(0, 60)
        page.wait_for_timeout(_DRAWN / 4)
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    return image if picture.dataset else _cut_out(image)


def _status(page: Page, picture: Picture) -> Image.Image:
    """The surroundings of a dataset, as the last run has left them."""
    page.evaluate("document.querySelector('[data-test*=workflow]').click()")
    page.add_style_tag(content="[class*=layer] { display: none; }")
    page.wait_for_timeout(_DRAWN)
    for _ in range(_STEPS_NEARER):
        place = page.locator(f".pipeline-node[data-id='{id_of(picture.near)}']").bounding_box()
        assert place is not None
        if place["width"] > _READABLE:
            break
        page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
        page.mouse.wheel(0, -100)
        page.wait_for_timeout(_DRAWN / 8)
    page.mouse.move(1, 1)
    page.wait_for_timeout(_DRAWN / 4)  # what is told of the dataset fades away
    return Image.open(io.BytesIO(page.screenshot())).convert("RGB")


def _cut_out(image: Image.Image) -> Image.Image:
    """The part that is not background."""
    empty = Image.new("RGB", image.size, image.getpixel((image.width - 1, image.height - 1)))
    left, top, right, bottom = ImageChops.difference(image, empty).getbbox() or (0, 0, *image.size)
    return image.crop(
        (
            max(left - _MARGIN, 0),
            max(top - _MARGIN, 0),
            min(right + _MARGIN, image.width),
            min(bottom + _MARGIN, image.height),
        )
    )


def _write(image: Image.Image, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    image.quantize(_COLOURS).save(file, optimize=True)
    print(f"{file}: {image.width} x {image.height}, {file.stat().st_size / 1000:.0f} kB")


def main() -> None:
    """Take the pictures of the site of this project."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.graph_pictures", description=__doc__
    )
    parser.add_argument("--site", type=Path, default=SITE)
    parser.add_argument("--out", type=Path, default=_ROOT / "docs" / "images")
    given = parser.parse_args()
    write_pictures(given.site, given.out)


if __name__ == "__main__":
    main()
