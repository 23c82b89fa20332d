"""What a measure gives: a number, a truth, one verdict for each of several things, or none."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from circuit_scaling.figures.style import number

NAMED = 3
"""So many models are named one by one."""


class Value(NamedTuple):
    """A number, in the natural unit: shares are fractions of 1.

    Attributes:
        low, high: its 95 % interval; NaN where there is none.
        nothing: what it would be if there was nothing to be found, such as 0 or a chance level.
        exact: nothing is uncertain about it, as of a count, or nothing is known about that, as in
            a table measured elsewhere. Without an interval and not exact: it is not known well.
        words: what else is to be said.
    """

    value: float
    low: float = math.nan
    high: float = math.nan
    nothing: float | None = None
    exact: bool = False
    words: str = ""

    @property
    def ends(self) -> tuple[float, float]:
        """Where it may lie: its interval, of an exact value itself; NaN where that is not known."""
        if self.has_interval or not self.exact:
            return self.low, self.high
        return self.value, self.value

    @property
    def has_interval(self) -> bool:
        """Whether both ends of its interval are known."""
        return not (math.isnan(self.low) or math.isnan(self.high))

    def times(self, factor: float) -> Value:
        """The value in another unit."""
        nothing = None if self.nothing is None else factor * self.nothing
        low, high = sorted((factor * self.low, factor * self.high))
        return self._replace(value=factor * self.value, low=low, high=high, nothing=nothing)


class Seen(NamedTuple):
    """Whether something holds (None: that cannot be told), and what was seen."""

    holds: bool | None
    words: str = ""


class Verdicts(NamedTuple):
    """The same for each of several models, pairs of models or families, by name."""

    noun: str
    seen: Mapping[str, Seen]


class Unknown(NamedTuple):
    """Why there is no result."""

    why: str


Result = Value | Seen | Verdicts | Unknown


def exceeds(one: Value, other: Value) -> bool | None:
    """Whether ``one`` is greater than ``other``; None where their intervals overlap."""
    (low, high), (other_low, other_high) = one.ends, other.ends
    if low > other_high:
        return True
    if high < other_low or (low == high == other_low == other_high):
        return False
    return None


def all_of(parts: Iterable[bool | None]) -> bool | None:
    """True if all are; False if one is; else it cannot be told."""
    known = list(parts)
    if False in known:
        return False
    return None if None in known else True


def together(verdicts: Verdicts, *, in_general: bool) -> Seen:
    """One truth from several.

    A claim about certain models holds where it holds in every one of them. One about models in
    general holds where it does in more than half of those that are there, and fails where it fails
    in half of them or more.
    """
    if not verdicts.seen:
        return Seen(None, f"there is no {verdicts.noun} to judge it on")
    truths = [seen.holds for seen in verdicts.seen.values()]
    if in_general:
        n = len(truths)
        holds = (
            True
            if 2 * truths.count(True) > n
            else (False if 2 * truths.count(False) >= n else None)
        )
    else:
        holds = all_of(truths)
    return Seen(holds, _in_words(verdicts))


def said(value: float, digits: int = 2) -> str:
    """A number with a real minus sign; one that is not there is a dash."""
    return number(value, digits)


def percent(share: float, digits: int = 0) -> str:
    """A share of 1 in percent."""
    return f"{said(100 * share, digits)} %"


def _in_words(verdicts: Verdicts) -> str:
    details = [f"{name}: {seen.words}" for name, seen in verdicts.seen.items() if seen.words]
    n = len(verdicts.seen)
    if n == 1 and details:
        return details[0]
    by_truth = {
        truth: [name for name, seen in verdicts.seen.items() if seen.holds is truth]
        for truth in (True, False, None)
    }
    stem = verdicts.noun.removesuffix("y")
    noun = stem + ("s" if stem == verdicts.noun else "ies") if n != 1 else verdicts.noun
    parts = [f"holds in {len(by_truth[True])} of {n} {noun}"]
    parts += [
        f"{words} {_names(by_truth[truth])}"
        for truth, words in ((False, "fails in"), (None, "cannot be told in"))
        if by_truth[truth]
    ]
    return "; ".join(parts + (details if len(details) <= NAMED else []))


def _names(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= NAMED else f"{len(names)}"
