"""What stands around the document: plain prose, as tokens without an end."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from itertools import chain, cycle, islice

BETWEEN_COPIES = "\n\n"


@cache
def shipped_haystack() -> str:
    """The prose of ``haystack.txt``: no states, years, numbers or companies, written for this."""
    return files(__package__).joinpath("haystack.txt").read_text(encoding="utf-8").strip()


def endless(text: Sequence[int], between: Sequence[int], n: int) -> list[int]:
    """The first ``n`` tokens of a text, which is repeated with ``between`` between two copies."""
    return list(islice(chain(text, cycle([*between, *text])), n))
