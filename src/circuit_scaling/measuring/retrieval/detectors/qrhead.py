"""QRHead of Zhang et al. 2025 (arXiv 2506.09944): heads that look where the question points.

The calibration by a query that asks nothing is that of in-context re-ranking (Chen et al. 2025,
arXiv 2410.02642), which the paper's code takes over.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]

# A token counts unless its calibrated attention is this many standard deviations below the mean.
_LOW = 2.0


def qrhead(rows: Values, null_rows: Values, needle: slice) -> Values:
    """The calibrated attention of the question to one document, of one sample.

    c_j = mean_i A_h[i, j] - mean_i' A0_h[i', j], where i are the tokens of the question, i' those
    of the null query and j the document's; score(h) = sum of c_j over the tokens j with
    c_j >= mean(c) - 2 std(c). The standard deviation is the unbiased one; the tokens left out are
    those from which the question takes attention away far more than from the rest.

    Args:
        rows: [heads, queries, keys] of the prompt.
        null_rows: [heads, null queries, null keys] of a prompt that is the same up to the query.

    Returns:
        float32 [heads].
    """
    asked, null = (r[..., needle].mean(axis=1, dtype=np.float64) for r in (rows, null_rows))
    calibrated = asked - null
    if calibrated.shape[-1] > 1:  # one token has no spread
        spread = calibrated.std(axis=-1, ddof=1, keepdims=True)
        low = calibrated.mean(axis=-1, keepdims=True) - _LOW * spread
        calibrated = np.where(calibrated >= low, calibrated, 0)
    score: Values = calibrated.sum(axis=-1).astype(np.float32)
    return score


def qrhead_contrast(
    rows: Values, null_rows: Values, gold: slice, others: Sequence[slice]
) -> Values:
    """How far the document with the answer is above the other documents, of one sample.

    score(h) = :func:`qrhead` of the gold document - the mean of :func:`qrhead` of the others. A
    head that looks at every document alike, or at long ones, scores about 0. The paper takes heads
    by the gold document's score, or by its rank among the documents (NDCG at 10): both need
    contexts of several documents to tell a head that finds the answer from one that reads on.

    Args:
        rows, null_rows: as for :func:`qrhead`.
        gold, others: positions of the documents; at least one other.

    Returns:
        float32 [heads].
    """
    distractors = np.stack([qrhead(rows, null_rows, other) for other in others])
    score: Values = qrhead(rows, null_rows, gold) - distractors.mean(axis=0)
    return score


def over_samples(scores: Values) -> Values:
    """The score of each head, [heads]: the mean of [samples, heads], right answers and wrong ones.

    Where the question is, and not whether the model knows the answer, makes a head look.
    """
    mean: Values = scores.mean(axis=0)
    return mean
