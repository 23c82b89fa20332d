"""What figures of masked heads write along their axes, so that it can be read."""

from __future__ import annotations


def readable(ticks: list[int]) -> list[int]:
    """The numbers of heads, without those that would stand on each other."""
    kept = [ticks[0]]
    for tick in ticks[1:]:
        if tick - kept[-1] >= 0.14 * ticks[-1]:
            kept.append(tick)
    if kept[-1] != ticks[-1]:
        kept[-1] = ticks[-1]
    return kept


def two_lines(label: str) -> str:
    """A label beside a low panel: a new line after its middle word."""
    words = label.split()
    half = (len(words) + 1) // 2
    return "\n".join(filter(None, [" ".join(words[:half]), " ".join(words[half:])]))
