"""What does not fit together is refused before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.pairs import Head, Pairs
from circuit_scaling.interventions.replay.readouts import Readout


def check_request(anatomy: Anatomy, batch: Batch, readouts: Sequence[Readout]) -> None:
    """Check a batch against itself and against the model.

    Raises:
        CircuitScalingError: columns of different lengths, tokens outside the vocabulary, a prompt
            longer than the context, an unknown readout.
    """
    known = get_args(Readout)
    for readout in readouts:
        if readout not in known:
            raise CircuitScalingError(
                f"Unknown readout '{readout}'. There are: {', '.join(known)}."
            )
    if not readouts:
        raise CircuitScalingError(f"Name at least one readout: {', '.join(known)}.")
    _check_columns(batch)
    _check_tokens(anatomy, batch)


def check_prompts(anatomy: Anatomy, tokens: NDArray[np.int64]) -> None:
    """Check prompts that come without answers.

    Args:
        tokens: [prompts, pos].

    Raises:
        CircuitScalingError: there are none, or they are empty or too long for the context; tokens
            outside the vocabulary.
    """
    if not tokens.size:
        raise CircuitScalingError("There are no prompts, or they have no tokens.")
    _check_length(anatomy, tokens.shape[1])
    _check_ids(anatomy, "tokens", tokens.ravel())


def check_heads(anatomy: Anatomy, heads: Iterable[Head]) -> None:
    """Check that heads are the model's.

    Raises:
        CircuitScalingError: a head is outside its shape.
    """
    for layer, head in heads:
        if not (0 <= layer < anatomy.n_layers and 0 <= head < anatomy.n_heads):
            raise CircuitScalingError(
                f"Head L{layer}H{head} is outside the model's shape of {anatomy.n_layers} layers "
                f"and {anatomy.n_heads} heads: it was found in another model."
            )


def check_pairs(anatomy: Anatomy, pairs: Pairs) -> None:
    """Check pairs of prompts against the model.

    Raises:
        CircuitScalingError: tokens outside the vocabulary, prompts longer than the context, a pair
            without an answer or a distractor.
    """
    nothing: list[tuple[int, ...]] = [()] * len(pairs)
    groups = np.zeros(len(pairs), dtype=np.int64)
    for tokens in (pairs.clean, pairs.corrupt):
        batch = Batch(tokens, pairs.answers, pairs.distractors, nothing, groups)
        check_request(anatomy, batch, ("contrast",))
    if not (all(pairs.answers) and all(pairs.distractors)):
        raise CircuitScalingError("Patching is of the contrast: every pair needs both its tokens.")


def _check_columns(batch: Batch) -> None:
    n_prompts = len(batch.tokens)
    if n_prompts == 0:
        raise CircuitScalingError("The batch has no prompts.")
    for name in ("answers", "distractors", "candidates", "groups"):
        length = len(getattr(batch, name))
        if length != n_prompts:
            raise CircuitScalingError(
                f"The batch has {n_prompts} prompts but {length} rows of '{name}'."
            )
    references, groups = batch.reference_tokens, batch.reference_groups
    if references is not None and (groups is None or len(references) != len(groups)):
        found = "none" if groups is None else len(groups)
        raise CircuitScalingError(
            f"The batch has {len(references)} reference prompts but {found} reference groups."
        )


def _check_tokens(anatomy: Anatomy, batch: Batch) -> None:
    _check_length(anatomy, batch.tokens.shape[1])
    references = batch.reference_tokens
    ids = {
        "tokens": batch.tokens.ravel(),
        "reference_tokens": np.empty(0, np.int64) if references is None else references.ravel(),
        **{
            name: np.array([i for row in getattr(batch, name) for i in row], dtype=np.int64)
            for name in ("answers", "distractors", "candidates")
        },
    }
    for name, values in ids.items():
        _check_ids(anatomy, name, values)


def _check_length(anatomy: Anatomy, positions: int) -> None:
    if anatomy.context is not None and positions > anatomy.context:
        raise CircuitScalingError(
            f"The prompts have {positions} tokens, the model's context is {anatomy.context}."
        )


def _check_ids(anatomy: Anatomy, name: str, ids: NDArray[np.int64]) -> None:
    outside = ids[(ids < 0) | (ids >= anatomy.vocabulary)]
    if outside.size:
        raise CircuitScalingError(
            f"Token {outside[0]} in '{name}' is outside the model's vocabulary of "
            f"{anatomy.vocabulary}: the prompts were made for another tokenizer."
        )
