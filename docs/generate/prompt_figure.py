"""The figure of the prompt distributions: tokens per prompt, and where the answer stands."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from circuit_scaling.prompts.shipped import shipped_tasks
from docs.generate.prompts import answer_is_first
from docs.generate.svg import INK, QUIET, opened, text
from docs.generate.tokenizers import shipped_prompts

_ROW, _TOP, _LEFT, _UNIT = 46, 78, 150, 17
_WIDTH, _HALVES = 900, 250
_BAR, _FIRST, _SECOND = "#3b78b5", "#3b78b5", "#f0b27a"


def prompts_svg() -> str:
    """The figure, as SVG."""
    prompts, _ = shipped_prompts()
    tasks = list(shipped_tasks().scanned())
    longest = int(prompts["tokens"].map(len).max())
    height = _TOP + _ROW * len(tasks) + 34
    right = _WIDTH - _HALVES - 30
    parts = [
        *opened(_WIDTH, height, "Tokens per prompt of each task, and where its answer stands"),
        text(_LEFT, 30, "Tokens per prompt", 15, weight=700, anchor="start"),
        text(_LEFT, 48, "share of the prompts of a task", 11, anchor="start", colour=QUIET),
        text(right, 30, "Where the answer stands", 15, weight=700, anchor="start"),
        *_key(right),
    ]
    for place, task in enumerate(tasks):
        base = _TOP + _ROW * (place + 1) - 8
        rows = prompts[prompts["task"] == task]
        parts.append(text(_LEFT - 14, base, task, 12, anchor="end"))
        parts += _lengths(rows, base, longest)
        parts += _halves(rows, base, right)
    parts += _axis(_TOP + _ROW * len(tasks) + 8, longest)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _lengths(rows: pd.DataFrame, base: int, longest: int) -> Iterator[str]:
    """A bar for each number of tokens, as high as its share."""
    yield (
        f'<line x1="{_LEFT}" y1="{base}" x2="{_LEFT + _UNIT * (longest + 1)}" y2="{base}" '
        'stroke="#d5d9e0"/>'
    )
    shares = rows["tokens"].map(len).value_counts(normalize=True).sort_index()
    for tokens, share in shares.items():
        high = round((_ROW - 14) * float(share), 1)
        yield (
            f'<rect x="{_LEFT + _UNIT * int(str(tokens)) - 6}" y="{base - high}" width="12" '
            f'height="{high}" fill="{_BAR}"/>'
        )


def _halves(rows: pd.DataFrame, base: int, x: int) -> Iterator[str]:
    """The shares of answers that are named first and second; of other tasks, what they have."""
    if not rows["answer"].map(len).any():
        yield text(x, base - 4, "a control: no answer", 11, anchor="start", colour=QUIET)
        return
    first = answer_is_first(rows)
    if first is None:
        several = int(rows["answer"].map(len).max())
        words = "one right word" if several == 1 else f"{several} right words"
        yield text(x, base - 4, words, 11, anchor="start", colour=QUIET)
        return
    width = round(_HALVES * float(first.mean()))
    for start, size, colour in ((0, width, _FIRST), (width, _HALVES - width, _SECOND)):
        yield (
            f'<rect x="{x + start}" y="{base - 18}" width="{size}" height="16" fill="{colour}"/>'
        )


def _key(x: int) -> Iterator[str]:
    for start, words, colour in ((0, "named first", _FIRST), (110, "named second", _SECOND)):
        yield f'<rect x="{x + start}" y="39" width="11" height="11" fill="{colour}"/>'
        yield text(x + start + 17, 49, words, 11, anchor="start", colour=QUIET)


def _axis(y: int, longest: int) -> Iterator[str]:
    for tokens in range(0, longest + 1, 4):
        yield text(_LEFT + _UNIT * tokens, y + 8, f"{tokens}", 11, colour=INK)
