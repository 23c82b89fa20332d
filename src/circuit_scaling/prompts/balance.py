"""Balanced designs: how many blocks, and which names share one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.prompt import SPLITS, Split
from circuit_scaling.prompts.wordbank import WordBank


@dataclass(frozen=True)
class Cell:
    """One block of a design.

    Attributes:
        data_seed: the independent draw that it belongs to.
        split: its side of the select/test split.
        index: its number within data seed and side.
        turn: its number on its side over all data seeds; what is dealt in turn (templates) is
            dealt by it, so that both sides get the same.
    """

    data_seed: int
    split: Split
    index: int
    turn: int


def cells(n_prompts: int, per_block: int, data_seeds: range, task: str) -> Iterator[Cell]:
    """Spread ``n_prompts`` evenly over data seeds and both sides of the split.

    Raises:
        CircuitScalingError: the number does not divide, so that something would be unbalanced.
    """
    unit = per_block * len(data_seeds) * len(SPLITS)
    if n_prompts % unit:
        nearest = max(unit, round(n_prompts / unit) * unit)
        raise CircuitScalingError(
            f"Task '{task}' cannot balance {n_prompts} prompts: blocks of {per_block} over "
            f"{len(data_seeds)} data seeds and {len(SPLITS)} splits need a multiple of {unit}. "
            f"Set its n_prompts to {nearest}."
        )
    n_blocks = n_prompts // unit
    for number, data_seed in enumerate(data_seeds):
        for split in SPLITS:
            for index in range(n_blocks):
                yield Cell(data_seed, split, index, number * n_blocks + index)


def name_pairs(
    design: list[Cell], words: WordBank, rng: np.random.Generator
) -> Iterator[tuple[Cell, str, str]]:
    """Give every block a pair of names of its split.

    Within a data seed no name is in two pairs. The names that have been used least are dealt
    first, and to the pairs that are used again first where there are more blocks than pairs; so
    on a side with an even number of names their use differs by one block at most.
    """
    used: Counter[str] = Counter()
    for data_seed in dict.fromkeys(cell.data_seed for cell in design):
        for split in SPLITS:
            blocks = [c for c in design if c.data_seed == data_seed and c.split == split]
            names = words.split_names(split)
            n_pairs = min(len(blocks), len(names) // 2)
            shuffled = rng.permutation(np.array(names, dtype=object))
            dealt = sorted(shuffled, key=lambda name: used[name])
            for cell in blocks:
                pair = cell.index % n_pairs
                first, second = str(dealt[2 * pair]), str(dealt[2 * pair + 1])
                used.update((first, second))
                yield cell, first, second
