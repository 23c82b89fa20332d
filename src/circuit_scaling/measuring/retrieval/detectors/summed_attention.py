"""Summed Attention: how much a head looks at the needle when the answer is about to begin."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]


def summed_attention(rows: Values, needle: slice) -> Values:
    """The attention of the last prompt token to the needle, of one sample.

    score(h) = sum of A_h[last, j] over the needle's tokens j; between 0 and 1.

    This is the measure that the study of retrieval heads has for itself; no paper defines it.

    Args:
        rows: [heads, queries, keys]; the last query is the last token of the prompt.

    Returns:
        float32 [heads].
    """
    attention: Values = rows[:, -1, needle].sum(axis=-1)
    return attention


def over_samples(scores: Values, how: Literal["mean", "sum"] = "mean") -> Values:
    """The score of each head from its scores in all samples, right answers and wrong ones.

    Args:
        scores: [samples, heads].
        how: ``mean``; or ``sum``, as the study has it, which grows with the number of samples.

    Returns:
        float32 [heads].
    """
    total: Values = scores.mean(axis=0) if how == "mean" else scores.sum(axis=0)
    return total
