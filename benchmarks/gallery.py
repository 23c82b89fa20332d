"""The pictures of the README and the words below them, from stored figures; nothing is drawn here.

Every number in the words is read from the table beside the figure.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from PIL import Image

from benchmarks import captions

_ROOT = Path(__file__).parents[1]
_IMAGES = Path("docs/images/gallery")
_SCALE = 0.7  # of the stored pictures: 140 dots per inch
_COLOURS = 256
_MODEL, _REAL, _READER = "mini_pythia_l", "smollm2_135m", "mini_llama"


class Picture(NamedTuple):
    """A stored figure, and what is said of it from the table beside it."""

    figure: str
    caption: Callable[[pd.DataFrame], str]


COVER = Picture("all_heads_phase_space", captions.phase_space)
EMBEDDED = (
    Picture("category_counts", captions.categories),
    Picture("ablation_overview", captions.heroes_of_all),
    Picture("strong_head_scaling", captions.strong_heads),
    Picture(f"{_MODEL}_delta_scatter_taus", captions.thresholds),
    Picture("causal_ioi", captions.influence),
    Picture("ioi_divergence", captions.divergence),
    Picture(f"{_MODEL}_reads_writes", captions.reads_writes),
    Picture(f"{_READER}_masking", captions.masking),
    Picture(f"{_READER}_retrieval_scores", captions.scores),
    Picture("method_overlap", captions.overlap),
)
REAL = (
    Picture(f"{_REAL}_delta_scatter", captions.phase_space),
    Picture(f"{_REAL}_layer_hist_taus", captions.layers),
    Picture(f"{_REAL}_reads_writes", captions.reads_writes),
    Picture(f"{_REAL}_masking", captions.masking),
    Picture(f"{_REAL}_hero_vs_random_ablation", captions.heroes),
    Picture(f"{_REAL}_retrieval_scores", captions.scores),
)


def write_gallery(root: Path, embedded: Path, real: Path) -> list[str]:
    """Write the pictures below ``root`` and the blocks of its README that show them.

    Args:
        embedded, real: the data roots of the two runs. What a run has not drawn is left out, and a
            block of which nothing is drawn stays as it is.

    Returns:
        The figures that were not there.
    """
    readme = root / "README.md"
    text = readme.read_text(encoding="utf-8")
    absent = []
    for block, run, data, pictures in (
        ("cover", "embedded", embedded, (COVER,)),
        ("embedded", "embedded", embedded, EMBEDDED),
        ("real", "real", real, REAL),
    ):
        stored = data / "08_reporting" / "figures"
        there = [picture for picture in pictures if (stored / f"{picture.figure}.png").is_file()]
        absent += [f"{run}/{picture.figure}" for picture in pictures if picture not in there]
        if there:
            cells = [_cell(root, run, stored, picture) for picture in there]
            text = _replaced(text, block, cells[0] if block == "cover" else _in_two_columns(cells))
    readme.write_text(text, encoding="utf-8")
    return absent


def _cell(root: Path, run: str, stored: Path, picture: Picture) -> str:
    """Markdown that shows a picture with its caption; the file is written."""
    file = _IMAGES / run / f"{picture.figure}.png"
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    with Image.open(stored / f"{picture.figure}.png") as image:
        size = (round(image.width * _SCALE), round(image.height * _SCALE))
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS)
        # This way of choosing colours keeps those of few pixels, such as single marks.
        small = small.quantize(_COLOURS, method=Image.Quantize.MAXCOVERAGE)
        small.save(root / file, optimize=True)
    caption = picture.caption(pd.read_csv(stored / f"{picture.figure}.csv"))
    words = picture.figure.replace("_", " ")
    return f"![{words}]({file.as_posix()})<br>*{caption}*"


def _in_two_columns(cells: list[str]) -> str:
    pairs = [(*cells[i : i + 2], "")[:2] for i in range(0, len(cells), 2)]
    return "\n".join(["| | |", "|---|---|", *(f"| {left} | {right} |" for left, right in pairs)])


def _replaced(text: str, block: str, inside: str) -> str:
    """The text with this between the marks of a block; ValueError where there are none."""
    begin, end = f"<!-- gallery {block}: written by make gallery -->", f"<!-- end of {block} -->"
    marked = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.S)
    if not marked.search(text):
        raise ValueError(f"the README has no block '{begin}' … '{end}'")
    return marked.sub(lambda _: f"{begin}\n{inside}\n{end}", text)


def main() -> None:
    """Write the gallery of this project, and say what was not there."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gallery", description=__doc__)
    parser.add_argument("--embedded", type=Path, default=_ROOT / "data")
    parser.add_argument("--real", type=Path, default=_ROOT / "data" / "real")
    given = parser.parse_args()
    for name in write_gallery(_ROOT, given.embedded, given.real):
        print(f"not drawn: {name} (make run, make real)")


if __name__ == "__main__":
    main()
