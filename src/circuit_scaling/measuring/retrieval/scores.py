"""A sample goes through the model and becomes scores of every head; its attention is not kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.operations.attention_rows import (
    attention_rows,
    decode_with_rows,
)
from circuit_scaling.measuring.retrieval.detectors.qrhead import qrhead
from circuit_scaling.measuring.retrieval.detectors.summed_attention import summed_attention
from circuit_scaling.measuring.retrieval.detectors.wu24 import copy_scores

Tokens = NDArray[np.int64]
Values = NDArray[np.float32]


@dataclass(frozen=True)
class Asked:
    """A context and a query behind it.

    Attributes:
        tokens: the whole prompt, [pos].
        query: positions of the query's tokens, up to the last one of the prompt.
    """

    tokens: Tokens
    query: range


@dataclass(frozen=True)
class PromptScores:
    """What a prompt alone shows, float32 [layers, heads] each, as the detectors name it."""

    summed_attention: Values
    qrhead: Values


@dataclass(frozen=True)
class DecodedScores:
    """What decoding shows.

    Attributes:
        tokens: what was decoded.
        copied: Wu24 scores of each decoded token, float32 [decoded tokens, layers, heads].
    """

    tokens: list[int]
    copied: Values


def prompt_scores(anatomy: Anatomy, asked: Asked, null: Asked, needle: slice) -> PromptScores:
    """Summed Attention and QRHead of every head on one sample.

    Args:
        asked: the sample.
        null: the same context with a query that asks nothing; equal up to the query.
        needle: positions of the document, in both.

    Raises:
        CircuitScalingError: a prompt does not fit the model, or its attention cannot be read.
    """
    summed, calibrated = [], []
    for (rows,), (null_rows,) in zip(
        attention_rows(anatomy, asked.tokens[None], asked.query),
        attention_rows(anatomy, null.tokens[None], null.query),
        strict=True,
    ):
        summed.append(summed_attention(rows, needle))
        calibrated.append(qrhead(rows, null_rows, needle))
    return PromptScores(np.stack(summed), np.stack(calibrated))


def decoded_scores(
    anatomy: Anatomy,
    tokens: Tokens,
    needle: slice,
    max_new_tokens: int,
    stop: Callable[[list[int]], bool],
) -> DecodedScores:
    """The greedy answer to one prompt [pos], and what each head scores for each of its tokens.

    Args:
        stop: whether the tokens so far are the whole answer.

    Raises:
        CircuitScalingError: prompt and answer do not fit the model, or its attention cannot be
            read.
    """
    decoded, copied = [], []
    for token, rows in decode_with_rows(anatomy, tokens, max_new_tokens, stop):
        decoded.append(token)
        copied.append(copy_scores(rows, tokens, token, needle))
    return DecodedScores(decoded, np.stack(copied))
