"""Samples go through the model and become scores of every head; their attention is not kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.operations.reading import Reading
from circuit_scaling.measuring.retrieval.detectors.qrhead import qrhead
from circuit_scaling.measuring.retrieval.detectors.summed_attention import summed_attention
from circuit_scaling.measuring.retrieval.detectors.wu24 import copy_scores

Tokens = NDArray[np.int64]
Values = NDArray[np.float32]


@dataclass(frozen=True)
class Samples:
    """Samples that go through the model together: the parts of their prompts, and the documents.

    Attributes:
        context: what stands before the query, [prompts, pos].
        query: the question, to the last token of the prompt, [prompts, pos].
        null: a query that asks nothing, in its place, [prompts, pos].
        needles: positions of each prompt's document, in its context.
    """

    context: Tokens
    query: Tokens
    null: Tokens
    needles: Sequence[slice]


@dataclass(frozen=True)
class Answered:
    """What a model says to one prompt.

    Attributes:
        tokens: what was decoded.
        copied: Wu24 scores of each decoded token, float32 [decoded tokens, layers, heads].
    """

    tokens: list[int]
    copied: Values


@dataclass(frozen=True)
class Scored:
    """What samples show.

    Attributes:
        summed_attention, qrhead: float32 [prompts, layers, heads], as the detectors name them.
        answers: of each prompt.
    """

    summed_attention: Values
    qrhead: Values
    answers: list[Answered]


def score_samples(
    anatomy: Anatomy, samples: Samples, max_new_tokens: int, stop: Callable[[list[int]], bool]
) -> Scored:
    """All scores of every head on some samples, and the model's greedy answers.

    A context is read once: behind it come the null query, then the question, then the answer.

    Args:
        max_new_tokens: of an answer, at most; 1 or more.
        stop: whether the tokens so far are the whole answer.

    Raises:
        CircuitScalingError: a prompt and its answer do not fit the model, or its attention cannot
            be read.
    """
    reading = Reading(anatomy)
    reading.read(samples.context)
    without: list[NDArray[np.float64]] = []
    reading.look(
        samples.null,
        lambda _, rows: without.append(rows.mean(axis=2, dtype=np.float64, keepdims=True)),
    )
    reading.back(samples.context.shape[1])
    summed, calibrated, last = [], [], []

    def see(layer: int, rows: Values) -> None:
        each = list(zip(rows, without[layer], samples.needles, strict=True))
        summed.append([summed_attention(row, needle) for row, _, needle in each])
        calibrated.append([qrhead(row, null, needle) for row, null, needle in each])
        last.append(rows[:, :, -1].copy())  # a view would hold all of the question's rows

    first = reading.look(samples.query, see)
    answers = _answers(reading, samples, (first, last), max_new_tokens, stop)
    return Scored(_by_prompt(summed), _by_prompt(calibrated), answers)


def _by_prompt(layers: list[list[Values]]) -> Values:
    """[prompts, layers, heads] from layers of prompts."""
    return np.array(layers, np.float32).swapaxes(0, 1)


def _answers(
    reading: Reading,
    samples: Samples,
    first: tuple[Tokens, list[Values]],
    max_new_tokens: int,
    stop: Callable[[list[int]], bool],
) -> list[Answered]:
    """Decode until every prompt has its answer; what comes behind one is not kept.

    Args:
        first: the first token of each answer, [prompts], and what it was decoded from: of each
            layer [prompts, heads, keys].
    """
    newest, last = first
    prompts = np.concatenate([samples.context, samples.query], axis=1)
    tokens: list[list[int]] = [[] for _ in prompts]
    copied: list[list[Values]] = [[] for _ in prompts]
    going = list(range(len(prompts)))
    for place in range(max_new_tokens):
        if place:
            last.clear()
            newest = reading.look(newest[:, None], lambda _, rows: last.append(rows[:, :, 0]))
        for i in going:
            token, rows = int(newest[i]), np.stack([layer[i] for layer in last])
            tokens[i].append(token)
            copied[i].append(copy_scores(rows, prompts[i], token, samples.needles[i]))
        going = [i for i in going if not stop(tokens[i])]
        if not going:
            break
    return [Answered(said, np.stack(of)) for said, of in zip(tokens, copied, strict=True)]
