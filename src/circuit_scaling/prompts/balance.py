"""Balanced designs: how many blocks, and which names share one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import lcm

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


def groups_of(n_names: int, size: int) -> int:
    """How many groups of ``size`` names each side of the split has, of ``n_names`` in all."""
    return n_names // len(SPLITS) // size


def name_groups(
    design: list[Cell], words: WordBank, size: int, seed: int
) -> Iterator[tuple[Cell, tuple[str, ...]]]:
    """Give every block a group of ``size`` names of its split, and always the same groups.

    Names are dealt once, over all data seeds and for all tasks with groups of this size, so that
    no name is in two groups: groups are independent of one another, and blocks that come back to a
    group are one cluster. Blocks take the groups in turn. Both sides have equally many groups.
    """
    dealt = {
        split: np.random.default_rng([seed, side]).permutation(
            np.array(words.split_names(split), dtype=object)
        )
        for side, split in enumerate(SPLITS)
    }
    n_groups = groups_of(len(words.names), size)
    for cell in design:
        start = size * (cell.turn % n_groups)
        yield cell, tuple(str(name) for name in dealt[cell.split][start : start + size])


def template_of(cell: Cell, n_groups: int, n_templates: int) -> int:
    """The template of a block: dealt in turn, and never tied to the group of names.

    After all combinations that plain counting reaches it moves on by one.
    """
    return (cell.turn + cell.turn // lcm(n_groups, n_templates)) % n_templates
