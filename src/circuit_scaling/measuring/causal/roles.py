"""What each position of a prompt is for the task: the names, the first token, the rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.tables.causal import ROLES


def roles_of(batch: Batch) -> NDArray[np.bool_]:
    """Which positions have which role, [roles, prompts, pos]; every position has exactly one.

    ``first_name`` and ``second_name`` are the first mentions of answer and distractor, in the order
    of the text, of a prompt that has both; ``repeated_name`` is the last mention of a distractor
    that is there twice. ``first_token`` is position 0, where attention goes that has nothing else
    to look at (BOS, where prompts begin with it), unless a name stands there. A prompt that does
    not mention them, as one from a file may not, has no such roles.
    """
    tokens = batch.tokens
    answers, distractors = (
        np.array([np.isin(row, ids) for row, ids in zip(tokens, side, strict=True)])
        for side in (batch.answers, batch.distractors)
    )
    roles = np.zeros((len(ROLES), *tokens.shape), dtype=bool)
    both = np.flatnonzero(answers.any(axis=1) & distractors.any(axis=1))
    mentions = np.sort([np.argmax(side[both], axis=1) for side in (answers, distractors)], 0)
    for role, places in enumerate(mentions):
        roles[role, both, places] = True
    repeated = np.flatnonzero(distractors.sum(axis=1) > 1)
    last = tokens.shape[1] - 1 - np.argmax(distractors[repeated, ::-1], axis=1)
    roles[2, repeated, last] = True
    first_token, rest = len(ROLES) - 2, len(ROLES) - 1
    roles[first_token, :, 0] = ~roles[:first_token, :, 0].any(axis=0)
    roles[rest] = ~roles[:rest].any(axis=0)
    return roles
