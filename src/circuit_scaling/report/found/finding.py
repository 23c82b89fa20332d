"""One answer of the study: a claim that the evidence bears, and the numbers that it rests on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import binom

from circuit_scaling.vocabulary import ALPHA


@dataclass(frozen=True)
class Finding:
    """A claim and its numbers.

    Attributes:
        anchor: the chapter that it comes from.
        claim: one sentence; it begins with *Not shown* where the intervals include nothing.
        numbers: the sentence with the numbers, their intervals, and what chance would give.
        shown: whether the evidence bears a claim.
        detail: what else there is to know; the first screen leaves it out.
    """

    anchor: str
    claim: str
    numbers: str
    shown: bool
    detail: str = ""

    @property
    def text(self) -> str:
        """Claim, numbers and detail."""
        return " ".join(filter(None, (self.claim, self.numbers, self.detail)))


def finding(
    anchor: str, shown: str | None, otherwise: str, numbers: str, detail: str = ""
) -> Finding:
    """The claim ``shown``, or, where the evidence bears none, that ``otherwise`` is not shown."""
    if shown is not None:
        return Finding(anchor, shown, numbers, True, detail)
    return Finding(anchor, f"Not shown: {otherwise}.", numbers, False, detail)


def more_than_chance(found: int, tested: int, rate: float = ALPHA) -> bool:
    """Whether so many of ``tested`` tests find something, of which chance alone makes ``rate``.

    A binomial test at the 5 % level: one find in forty tests is what chance makes, one in a single
    test is not.
    """
    by_chance = binom.sf(found - 1, tested, rate)
    return found > 0 and bool(by_chance < ALPHA or np.isclose(by_chance, ALPHA))
