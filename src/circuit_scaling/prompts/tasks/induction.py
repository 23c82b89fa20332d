"""Repeated random words: what followed this word the first time?"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.balance import cells
from circuit_scaling.prompts.prompt import Prompt
from circuit_scaling.prompts.spec import TaskSpec
from circuit_scaling.prompts.wordbank import WordBank


def build(
    task: str, spec: TaskSpec, words: WordBank, data_seeds: range, rng: np.random.Generator
) -> Iterator[Prompt]:
    """``length`` words, two thirds of them new and then the beginning again.

    The answer is the word that followed the last one the first time, the distractor another word
    that has been seen once. ``repeat: none`` makes the reference set: all words differ, no answer.
    Every prompt is a cluster of its own; words are drawn anew for each.

    Raises:
        CircuitScalingError: the tokenizer has fewer usable words than a prompt is long.
    """
    vocabulary = np.array(words.vocabulary, dtype=object)
    if len(vocabulary) <= spec.length:
        raise CircuitScalingError(
            f"Task '{task}' needs more than {spec.length} one-token words; the tokenizer has "
            f"{len(vocabulary)}. Lower its length."
        )
    new = spec.length - spec.length // 3
    repeats = spec.repeat != "none"
    for number, cell in enumerate(cells(spec.n_prompts or 0, 1, data_seeds, task)):
        drawn = [str(w) for w in rng.choice(vocabulary, size=spec.length, replace=False)]
        sequence = drawn[:new] + drawn[: spec.length - new] if repeats else drawn
        answer = drawn[spec.length - new]
        # Seen once, as the answer: a word seen twice would turn the contrast into anti-repetition.
        distractor = str(rng.choice(drawn[spec.length - new + 1 : new]))
        yield Prompt(
            template="induction",
            order="",
            text=" " + " ".join(sequence),
            answer=(answer,) if repeats else (),
            distractor=(distractor,) if repeats else (),
            candidates=tuple(drawn[:new]) if repeats else (),
            cluster=str(number),
            split=cell.split,
            data_seed=cell.data_seed,
        )
