"""Simulate, and write ``docs/coverage.md``: ``python -m tests.soak.coverage [part ...]``.

Parts are kept in ``docs/coverage/``, so that one can be made again without the others; with
``page`` the page alone is put together from them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

from tests.conftest import PROJECT
from tests.soak.coverage import means, nulls, retrieval, settling, tables
from tests.soak.coverage.section import Section

PARTS: dict[str, Callable[[], Section]] = {
    "names": means.names,
    "skewed": means.skewed,
    "real": means.real,
    "discoveries": means.discoveries,
    "correlations": tables.correlations,
    "real_correlations": tables.real_correlations,
    "permutations": tables.permutations,
    "shares": tables.shares,
    "ratios": tables.ratios,
    "planted_noise": nulls.planted_noise,
    "random_weights": nulls.random_weights,
    "settled_planted": settling.planted,
    "settled_real": settling.real,
    "settled_heroes": settling.heroes,
    "retrieval_findings": retrieval.intervals,
    "retrieval_chance": retrieval.chance,
    "retrieval_ceilings": retrieval.ceilings,
}
FOLDER = PROJECT / "docs" / "coverage"
PAGE = PROJECT / "docs" / "coverage.md"
INTRODUCTION = """# Coverage and size

What the report promises, checked by simulation: how often a 95 % interval holds the truth, and how
often a test at 5 % finds what is not there. Written by `make soak` (`tests/soak/coverage`).
Intervals should hold the truth in 93 to 97 %, and tests find something in 6 % at most; numbers
outside are **bold**. *Before* is the method of version 0.2.0.

"""


def main(asked: list[str]) -> None:
    """Make the parts that were asked for, or all, and put the page together."""
    FOLDER.mkdir(exist_ok=True)
    for name in [] if asked == ["page"] else asked or PARTS:
        section = PARTS[name]()
        text = json.dumps(section.stored(), ensure_ascii=False, indent=1)
        _file(name).write_text(text + "\n", encoding="utf-8")
        print(f"{name}: {section.outside()[0]} of {section.outside()[1]} numbers outside")
    made = [
        Section(**json.loads(_file(name).read_text(encoding="utf-8")))
        for name in PARTS
        if _file(name).exists()
    ]
    page = INTRODUCTION + "\n".join(section.markdown() for section in made)
    PAGE.write_text(page, encoding="utf-8")


def _file(name: str) -> Path:
    return FOLDER / f"{name}.json"


if __name__ == "__main__":
    main(sys.argv[1:])
