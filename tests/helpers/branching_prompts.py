"""Prompts that begin alike: for some tokens, up to the last one, to the end, and not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from transformers import PreTrainedModel

from tests.helpers.hook_oracle import Prompts
from tests.helpers.tiny_models import tiny_prompts

POSITIONS = 9
# Whom each of seven prompts follows, and for how many tokens. The fourth is of another group than
# the one that it follows; the sixth is the same text with another question.
_FOLLOWS = ((0, 0), (0, 5), (1, 7), (0, 6), (3, POSITIONS - 1), (1, POSITIONS), (6, 0))
_GROUPS = (0, 0, 0, 1, 1, 0, 1)


def branching_prompts(model: PreTrainedModel, seed: int = 1) -> Prompts:
    """Seven prompts of nine tokens in two groups, with the targets and references of five."""
    five = tiny_prompts(model, seed, POSITIONS)
    tokens = np.concatenate([five.tokens, five.tokens[::-1]])[: len(_FOLLOWS)]
    tokens[5:, 0] = tokens[5:, 0] % 7 + 1  # no copies of the first five
    for row, (other, n_tokens) in enumerate(_FOLLOWS):
        tokens[row, :n_tokens] = tokens[other, :n_tokens]

    def of_seven(ids: list[list[int]]) -> list[list[int]]:
        return [ids[row % len(ids)] for row in range(len(_FOLLOWS))]

    return replace(
        five,
        tokens=tokens,
        answers=of_seven(five.answers),
        distractors=of_seven(five.distractors),
        candidates=of_seven(five.candidates),
        groups=np.array(_GROUPS),
    )


def n_prefixes(tokens: NDArray[np.int64], groups: NDArray[np.int64]) -> int:
    """How many different beginnings there are, those of different groups counted apart."""
    return len(
        {
            (int(group), *map(int, row[: end + 1]))
            for row, group in zip(tokens, groups, strict=True)
            for end in range(len(row))
        }
    )
