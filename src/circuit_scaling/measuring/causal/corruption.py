"""Corrupt prompts: those that a task brings with it, or one name in place of the other."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.pairs import Pairs
from circuit_scaling.vocabulary import counted

Corruption = Literal["subject", "names"]

Ids = tuple[int, ...]
Given = Mapping[tuple[Ids, Ids, Ids], Ids]
"""Of prompts by their tokens, answers and distractors, the tokens of their corrupt versions."""

CORRUPT = "corrupt"
"""The column in which prompts have the tokens of their own corrupt versions."""
_log = logging.getLogger(__name__)


def with_corrupt(prompts: pd.DataFrame, task: str, corrupt: str) -> pd.DataFrame:
    """The prompts of a task, each with the tokens of its own corrupt version.

    Prompts without one of their length are left out, and counted in the log: patching goes position
    by position.

    Args:
        prompts: the prompts table; the two texts of a pair have the same number in ``prompt_id``.
        corrupt: the task whose prompts are the corrupt versions.

    Raises:
        CircuitScalingError: no prompt has one.
    """
    rows, others = (prompts[prompts["task"] == name] for name in (task, corrupt))
    versions = dict(zip(_numbers(others), others["tokens"].map(tuple), strict=True))
    found = [versions.get(number, ()) for number in _numbers(rows)]
    fits = [len(a) == len(b) for a, b in zip(found, rows["tokens"], strict=True)]
    lost = counted(len(rows) - sum(fits), "prompt")
    if not any(fits):
        raise CircuitScalingError(
            f"No prompt of '{task}' has a corrupt version of its own length among the prompts of "
            f"'{corrupt}' ({lost}), so that nothing can be traced. Give texts of equal length."
        )
    if not all(fits):
        _log.warning("Task '%s': %s without a corrupt version of their length.", task, lost)
    return rows.assign(**{CORRUPT: found})[fits]


def _numbers(prompts: pd.DataFrame) -> list[str]:
    return [str(name).rpartition("/")[2] for name in prompts["prompt_id"]]


def given_by(prompts: pd.DataFrame) -> Given:
    """The corrupt versions that prompts have in their column ``corrupt``."""
    asked = prompts[["tokens", "answer", "distractor"]].map(tuple).apply(tuple, axis=1)
    return dict(zip(asked, prompts[CORRUPT], strict=True))


def given_pairs(batch: Batch, corrupt: Given) -> Pairs:
    """Clean prompts with the corrupt versions that they came with."""
    asked = zip(batch.tokens.tolist(), batch.answers, batch.distractors, strict=True)
    versions = [corrupt[tuple(t), tuple(a), tuple(d)] for t, a, d in asked]
    return Pairs(batch.tokens, np.array(versions, np.int64), batch.answers, batch.distractors)


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
    answers, distractors = _names_of(batch)
    corrupt = batch.tokens.copy()
    subjects = _last_mention(batch.tokens, distractors)
    if corruption == "names":
        named = np.where(batch.tokens == answers[:, None], distractors[:, None], batch.tokens)
        repeated = batch.tokens == distractors[:, None]
        corrupt = np.where(repeated, answers[:, None], named)
    else:
        corrupt[np.arange(len(corrupt)), subjects] = answers
    return Pairs(batch.tokens, corrupt, batch.answers, batch.distractors)


def _names_of(batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
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


def _last_mention(tokens: NDArray[np.int64], names: NDArray[np.int64]) -> NDArray[np.intp]:
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
