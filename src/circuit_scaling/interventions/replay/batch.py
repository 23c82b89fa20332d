"""Prompts as the engine takes them, with what is asked of them and their reference set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Batch:
    """Prompts of one token length, with what is asked of them and their reference set.

    Attributes:
        tokens: int64 [prompts, pos]; no padding.
        answers, distractors, candidates: token ids per prompt; may be empty for controls.
        groups: int [prompts], prompts and references of one group share a template.
        reference_tokens, reference_groups: [references, pos] and [references]; needed by ``mean``
            and ``resample``.
    """

    tokens: NDArray[np.int64]
    answers: Sequence[Sequence[int]]
    distractors: Sequence[Sequence[int]]
    candidates: Sequence[Sequence[int]]
    groups: NDArray[np.int64]
    reference_tokens: NDArray[np.int64] | None = None
    reference_groups: NDArray[np.int64] | None = None
