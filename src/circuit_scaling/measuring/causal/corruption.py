"""Corrupt prompts: one name in place of the other, token for token."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.pairs import Pairs

Corruption = Literal["subject", "names"]


def pairs_of(batch: Batch, corruption: Corruption) -> Pairs:
    """Clean prompts with their corrupt versions, in which the right answer is the distractor.

    ``subject``: the last mention of the repeated name, which is the distractor, becomes the answer,
    so that the other name is now the repeated one. ``names``: the two names change places
    everywhere. Nothing else changes and no text is made that the model would not read as a prompt
    (symmetric token replacement, Zhang and Nanda 2024, arXiv 2309.16042).

    Raises:
        CircuitScalingError: a prompt does not have one answer and one distractor of one token each,
            so that the corrupt prompt would have another length, or does not mention the
            distractor.
    """
    answers, distractors = names_of(batch)
    corrupt = batch.tokens.copy()
    subjects = last_mention(batch.tokens, distractors)
    if corruption == "names":
        named = np.where(batch.tokens == answers[:, None], distractors[:, None], batch.tokens)
        repeated = batch.tokens == distractors[:, None]
        corrupt = np.where(repeated, answers[:, None], named)
    else:
        corrupt[np.arange(len(corrupt)), subjects] = answers
    return Pairs(batch.tokens, corrupt, batch.answers, batch.distractors)


def names_of(batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The token of the answer and that of the distractor of every prompt, [prompts] each.

    Raises:
        CircuitScalingError: a prompt does not have exactly one of each.
    """
    for tokens, answer, distractor in zip(
        batch.tokens.tolist(), batch.answers, batch.distractors, strict=True
    ):
        if len(answer) != 1 or len(distractor) != 1:
            raise CircuitScalingError(
                f"The prompt {tokens} cannot be paired: {list(distractor)} is to be replaced by "
                f"{list(answer)}, and clean and corrupt prompts must have one token length. Causal "
                "tracing needs one answer and one distractor of one token each."
            )
    given = np.array([batch.answers, batch.distractors], dtype=np.int64)[..., 0]
    return given[0], given[1]


def last_mention(tokens: NDArray[np.int64], names: NDArray[np.int64]) -> NDArray[np.intp]:
    """Position [prompts] of the last token of each prompt that is the prompt's name.

    Raises:
        CircuitScalingError: a prompt does not have it.
    """
    found = tokens == names[:, None]
    for prompt in np.flatnonzero(~found.any(axis=1)):
        raise CircuitScalingError(
            f"The prompt {tokens[prompt].tolist()} does not mention its name {names[prompt]}: it "
            "cannot be traced. Were its tokens made by another tokenizer?"
        )
    return np.asarray(tokens.shape[1] - 1 - np.argmax(found[:, ::-1], axis=1), dtype=np.intp)
