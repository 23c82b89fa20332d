"""The shipped word lists: frozen, so that every model reads the same text."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def word_list(name: str) -> tuple[str, ...]:
    """The lines of the shipped list ``name`` (names, places, objects, lists, passages)."""
    text = files(__package__).joinpath(f"{name}.txt").read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))


@cache
def categories() -> dict[str, tuple[str, ...]]:
    """Category -> its eight words, for the list tasks."""
    pairs = (line.split(": ") for line in word_list("lists"))
    return {category: tuple(items.split()) for category, items in pairs}
