"""Retrieval heads of Wu et al. 2024 (arXiv 2404.15574): heads that look at the token they copy."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float32]


def copy_scores(rows: Values, prompt: NDArray[np.int64], token: int, needle: slice) -> Values:
    """What each head scores for one decoded token.

    With p = argmax_j A_h[last, j], where last is the position that the token was decoded from:
    score(h) = 1 / (number of needle tokens) where p lies in the needle and the prompt's token at p
    is the decoded one; else 0. Of equal weights the first counts.

    Args:
        rows: [..., heads, keys], such as those of all layers; keys are the positions of the prompt
            and of what was decoded before this token.
        prompt: [pos], token ids.
        token: the decoded one.

    Returns:
        float32 [..., heads].
    """
    of_needle = np.arange(len(prompt))[needle]
    copies = of_needle[prompt[of_needle] == token]
    found = np.isin(rows.argmax(axis=-1), copies)
    scores: Values = (found / len(of_needle)).astype(np.float32)
    return scores


def sample_scores(copied: Values, answer: slice) -> Values:
    """The score of one sample: the sum over the decoded tokens of the answer.

    Tokens after the answer, such as a line break or more text, do not count. A head that looks at
    one needle token twice counts it twice, as in the code of the paper, so that a long answer from
    a short needle can score above 1.

    Args:
        copied: [decoded tokens, ..., heads], each as of :func:`copy_scores`.
        answer: which decoded tokens are the answer.

    Returns:
        float32 [..., heads].
    """
    score: Values = copied[answer].sum(axis=0)
    return score


def over_samples(
    scores: Values, successful: NDArray[np.bool_], how: Literal["all", "scoring"] = "all"
) -> Values:
    """The score of each head from the samples whose answer was right.

    Args:
        scores: [samples, heads].
        successful: [samples].
        how: the mean over ``all`` successful samples; or over those in which the head scored at
            all (``scoring``), as the study has it: a head that scored once may then lead.

    Returns:
        float32 [heads]; not a number where there is nothing to take the mean of.
    """
    kept = scores[successful]
    counted = np.ones(kept.shape, bool) if how == "all" else kept > 0
    number = counted.sum(axis=0)
    total = kept.sum(axis=0, dtype=np.float64)
    means = np.divide(total, number, out=np.full(total.shape, np.nan), where=number > 0)
    score: Values = means.astype(np.float32)
    return score
