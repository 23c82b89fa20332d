"""What each position of a prompt is for the task: the names, the first token, the rest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.measuring.causal.corruption import last_mention, names_of
from circuit_scaling.tables.causal import ROLES


def roles_of(batch: Batch) -> NDArray[np.bool_]:
    """Which positions have which role, [roles, prompts, pos]; every position has exactly one.

    ``first_name`` and ``second_name`` are the first mentions of the two names, in the order of the
    text; ``repeated_name`` is the last mention of the distractor. ``first_token`` is position 0,
    where attention goes that has nothing else to look at (BOS, where prompts begin with it),
    unless a name stands there; then the prompt has no such role.

    Raises:
        CircuitScalingError: a prompt does not mention both names, and the distractor twice.
    """
    answers, distractors = names_of(batch)
    tokens = batch.tokens
    last = last_mention(tokens, distractors)
    last_mention(tokens, answers)
    mentions = np.sort([np.argmax(tokens == n[:, None], axis=1) for n in (answers, distractors)], 0)
    for prompt in np.flatnonzero((tokens == distractors[:, None]).sum(axis=1) < 2):
        raise CircuitScalingError(
            f"The prompt {tokens[prompt].tolist()} does not repeat its distractor "
            f"{distractors[prompt]}: it has no repeated name to look at."
        )
    roles = np.zeros((len(ROLES), *tokens.shape), dtype=bool)
    rows = np.arange(len(tokens))
    for role, places in enumerate((*mentions, last)):
        roles[role, rows, places] = True
    first_token, rest = len(ROLES) - 2, len(ROLES) - 1
    roles[first_token, :, 0] = ~roles[:first_token, :, 0].any(axis=0)
    roles[rest] = ~roles[:rest].any(axis=0)
    return roles
