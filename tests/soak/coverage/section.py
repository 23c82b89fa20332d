"""One part of the page: a table of percentages, with the cells outside their bounds marked."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

COVERAGE = (93.0, 97.0)
"""Where the coverage of a 95 % interval should lie, in %."""
SIZE = (0.0, 6.0)
"""Where the share of tests at 5 % that find what is not there should lie, in %."""


@dataclass(frozen=True)
class Section:
    """A table under a heading.

    Attributes:
        title, text: what is simulated, and the Monte-Carlo error.
        header: of the columns; those of ``bounds`` hold percentages.
        rows: text, or percentages as numbers; None where there is none.
        bounds: column -> where its numbers should lie.
    """

    title: str
    text: str
    header: Sequence[str]
    rows: Sequence[Sequence[Any]]
    bounds: dict[str, tuple[float, float]]

    def stored(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return asdict(self)

    def markdown(self) -> str:
        """The heading, the text and the table; numbers outside their bounds are bold."""
        text = textwrap.fill(self.text, 120)
        lines = [f"## {self.title}", "", text, "", "| " + " | ".join(self.header) + " |"]
        lines.append("|" + "---|" * len(self.header))
        for row in self.rows:
            cells = [self._cell(name, value) for name, value in zip(self.header, row, strict=True)]
            lines.append("| " + " | ".join(cells) + " |")
        return "\n".join(lines) + "\n"

    def outside(self) -> tuple[int, int]:
        """How many of the bounded numbers lie outside, and how many there are."""
        values = [
            (value, self.bounds[name])
            for row in self.rows
            for name, value in zip(self.header, row, strict=True)
            if name in self.bounds and value is not None
        ]
        return sum(not low <= value <= high for value, (low, high) in values), len(values)

    def _cell(self, name: str, value: Any) -> str:
        if value is None:
            return "–"
        if not isinstance(value, float):
            return str(value)
        low, high = self.bounds.get(name, (float("-inf"), float("inf")))
        return f"{value:.1f}" if low <= value <= high else f"**{value:.1f}**"


def percent(hits: Any) -> float:
    """The share of what is true among ``hits``, in %."""
    return 100 * float(sum(map(float, hits)) / len(hits))
