"""Plain text, read as loss: does a head matter for language at large?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.balance import cells
from circuit_scaling.prompts.prompt import SPLITS, Prompt
from circuit_scaling.prompts.spec import TaskSpec
from circuit_scaling.prompts.wordbank import WordBank


def build(
    task: str, spec: TaskSpec, words: WordBank, data_seeds: range, rng: np.random.Generator
) -> Iterator[Prompt]:
    """Windows of ``length`` tokens of the shipped passages; the cluster is the passage.

    Raises:
        CircuitScalingError: the passages are shorter than ``length``.
    """
    encoded = [words.encode(" " + passage) for passage in words.passages]
    long_enough = [i for i, tokens in enumerate(encoded) if len(tokens) >= spec.length]
    sides = {split: long_enough[i :: len(SPLITS)] for i, split in enumerate(SPLITS)}
    if not all(sides.values()):
        raise CircuitScalingError(
            f"Task '{task}': no passage has {spec.length} tokens. Lower its length."
        )
    for cell in cells(spec.n_prompts or 0, 1, data_seeds, task):
        side = sides[cell.split]
        passage = side[(cell.data_seed + cell.index) % len(side)]
        start = int(rng.integers(len(encoded[passage]) - spec.length + 1))
        tokens = tuple(encoded[passage][start : start + spec.length])
        yield Prompt(
            template="plain_text",
            order="",
            text=words.tokenizer.decode(list(tokens)),
            answer=(),
            distractor=(),
            candidates=(),
            cluster=f"passage {passage}",
            split=cell.split,
            data_seed=cell.data_seed,
            tokens=tokens,
        )
