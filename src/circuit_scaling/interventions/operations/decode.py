"""Decode greedily while sets of heads are ablated, many sets and prompts together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers.cache_utils import DynamicCache

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model.activations import fused_activations
from circuit_scaling.interventions.model.anatomy import Anatomy, run_unembed
from circuit_scaling.interventions.model.keys_and_values import copies_of
from circuit_scaling.interventions.model.with_cache import (
    cached_bytes_per_token,
    joined_caches,
    run_with_cache,
)
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.forcing import GivenHeads, forced
from circuit_scaling.interventions.replay.head_sets import HeadSets
from circuit_scaling.interventions.replay.pairs import Head
from circuit_scaling.interventions.replay.portions import by_rows, made_to_fit
from circuit_scaling.interventions.replay.replacements import tokens_on
from circuit_scaling.interventions.replay.request_checks import check_heads, check_request
from circuit_scaling.interventions.replay.shared_blocks import SharedBlocks

NO_TOKEN = -1
"""What stands behind the token that a row has stopped at."""


@dataclass(frozen=True)
class Decoded:
    """What is generated under each set of ablated heads, and how likely the answers were.

    Attributes:
        tokens: int64 [sets, prompts, max_new_tokens]; each row up to and with the token that it
            stopped at, and ``NO_TOKEN`` behind it.
        answer_logprobs: float32 [sets, prompts], the log-probability in nats that the tokens of the
            answer follow the prompt one after the other (teacher-forced); NaN without an answer.
    """

    tokens: NDArray[np.int64]
    answer_logprobs: NDArray[np.float32]


def decode_sets(
    anatomy: Anatomy,
    tokens: NDArray[np.int64],
    sets: Sequence[Sequence[Head]],
    max_new_tokens: int,
    answers: Sequence[Sequence[int]],
    means: NDArray[np.float32] | None = None,
    chunk: Chunk | None = None,
) -> Decoded:
    """Greedy decoding in which all heads of a set are ablated at every position.

    They are ablated in the prompt, in the answers that are read, and in every decoding step. What
    lies below the first ablated head, the attention of its block included, is run once for each
    prompt, and of the prompt the last block computes keys and values alone. An empty set is the
    clean model.

    Args:
        tokens: [prompts, pos]; no padding.
        max_new_tokens: at most so many in each row, which stops at the model's end of sequence.
        answers: token ids of each prompt's answer, one after the other; may be empty.
        means: what ablated heads give, [n_layers, n_heads, d_head]; by default they give zero.

    Raises:
        CircuitScalingError: a head is outside the model's shape; prompts, answers and means do not
            fit together, the model or its context; the model has no usable key-value cache.
    """
    _check(anatomy, tokens, sets, max_new_tokens, answers, means)
    chunk = chunk or Chunk.of(anatomy)
    whole = tokens.shape[1] + max(max_new_tokens, *map(len, answers))
    ends = sorted(ends_of_sequence(anatomy))
    stops = torch.tensor(ends, dtype=torch.long, device=anatomy.device)
    ablated = _AblatedSets.of(anatomy, sets, means)

    def decode(rows: slice, fitting: Chunk) -> tuple[Tensor, Tensor]:
        asked = _Asked.of(anatomy, tokens[rows], answers[rows], max_new_tokens, stops)
        shared = SharedBlocks(anatomy, asked.read)
        # Where memory ran out, caches get as much less of it as everything else.
        kept = caching.kept * fitting.tokens // caching.tokens
        together = max(1, kept // (per_token * whole * len(asked.read)) - 1)
        at_once = fitting.heads(len(asked.read), whole)
        groups = [
            _decode_together(asked, shared, ablated, list(_in_turn(members, at_once)))
            for members in _in_turn(slice(0, len(sets)), together)
        ]
        found, logprobs = (torch.cat(part).cpu() for part in zip(*groups, strict=True))
        return found, logprobs

    with torch.no_grad(), fused_activations(anatomy.model):
        per_token = made_to_fit(whole, chunk, lambda _: cached_bytes_per_token(anatomy))
        # Of each prompt the run of one set at least, beside the blocks that sets share.
        caching = replace(chunk, kept_per_token=2 * per_token)
        parts = list(by_rows((len(tokens), whole), caching, decode))
    inverse = np.argsort(ablated.sets.order)
    found, logprobs = (torch.cat(part, dim=1).numpy()[inverse] for part in zip(*parts, strict=True))
    return Decoded(found, logprobs)


@dataclass(frozen=True)
class _AblatedSets:
    """Sets of heads in order, and what their heads give: [n_layers, n_heads, d_head]."""

    anatomy: Anatomy
    sets: HeadSets
    given: Tensor

    @classmethod
    def of(
        cls, anatomy: Anatomy, sets: Sequence[Sequence[Head]], means: NDArray[np.float32] | None
    ) -> _AblatedSets:
        shape = anatomy.n_layers, anatomy.n_heads, anatomy.d_head
        given = torch.zeros(shape) if means is None else torch.tensor(means)
        given = given.to(anatomy.device, anatomy.dtype)
        return cls(anatomy, HeadSets.of(anatomy, sets), given)

    def first_changed(self, place: int) -> int:
        """The first block from which on a set changes the keys and values of a prompt.

        Heads of the last block change no keys and values: a later token does not see them.
        """
        first = int(self.sets.first[place])
        return first if first < self.anatomy.n_layers - 1 else self.anatomy.n_layers

    @contextmanager
    def giving(self, members: slice) -> Iterator[None]:
        """For a while, each of some stacked runs has the heads of its set ablated."""
        masks = self.sets.masks[members]
        with ExitStack() as layers:
            for layer in range(self.anatomy.n_layers):
                if masks[:, layer].any():
                    mask = masks[:, layer].to(self.anatomy.device)
                    heads = GivenHeads(mask, self.given[layer][None, None], end_only=False)
                    layers.enter_context(forced(self.anatomy, layer, heads))
            yield


@dataclass(frozen=True)
class _Asked:
    """What is asked of some prompts.

    Attributes:
        read: the prompts but for their last token, [prompts, pos - 1].
        end: the last token of each prompt and its answer but for the last token of the longest
            one, [prompts, longest answer]; behind shorter answers stands anything.
        answers: padded, [prompts, longest answer].
        lengths: of the answers, [prompts].
        stops: the tokens that a row stops at.
    """

    anatomy: Anatomy
    read: Tensor
    end: Tensor
    answers: Tensor
    lengths: Tensor
    max_new_tokens: int
    stops: Tensor

    @classmethod
    def of(
        cls,
        anatomy: Anatomy,
        tokens: NDArray[np.int64],
        answers: Sequence[Sequence[int]],
        max_new_tokens: int,
        stops: Tensor,
    ) -> _Asked:
        lengths = np.array([len(answer) for answer in answers], dtype=np.int64)
        padded = np.zeros((len(answers), lengths.max()), dtype=np.int64)
        for row, answer in zip(padded, answers, strict=True):
            row[: len(answer)] = answer
        return cls(
            anatomy=anatomy,
            read=tokens_on(anatomy, tokens[:, :-1]),
            end=tokens_on(anatomy, np.concatenate([tokens[:, -1:], padded[:, :-1]], axis=1)),
            answers=tokens_on(anatomy, padded),
            lengths=tokens_on(anatomy, lengths),
            max_new_tokens=max_new_tokens,
            stops=stops,
        )

    def next_tokens(self, hidden: Tensor) -> Tensor:
        """The most likely next token [rows], from what the unembedding reads, [rows, d]."""
        return run_unembed(self.anatomy, hidden).argmax(-1)

    def logprobs(self, hidden: Tensor) -> Tensor:
        """Log-probabilities of the answers in some copies of the prompts, [copies * prompts].

        Args:
            hidden: what the unembedding reads from the last token of the prompt on,
                [copies * prompts, longest answer, d].
        """
        copies = len(hidden) // len(self.read)
        answers, lengths = copies_of(self.answers, copies), copies_of(self.lengths, copies)
        total = torch.zeros(len(hidden), device=hidden.device)
        # Position by position: a vocabulary is wide.
        for place in range(answers.shape[1]):
            logprobs = run_unembed(self.anatomy, hidden[:, place]).log_softmax(-1)
            of_answer = logprobs.gather(-1, answers[:, place, None])[:, 0]
            total += torch.where(place < lengths, of_answer, 0.0)
        return total.masked_fill(lengths == 0, torch.nan)


def _decode_together(
    asked: _Asked, shared: SharedBlocks, ablated: _AblatedSets, pieces: Sequence[slice]
) -> tuple[Tensor, Tensor]:
    """What some sets generate, decoded together, and the log-probabilities of the answers.

    Args:
        pieces: consecutive sets; those of a piece read the prompts together.

    Returns:
        [sets, prompts, max_new_tokens] and [sets, prompts].
    """
    first, logprobs, caches = [], [], []
    for members in pieces:
        shared.ascend(ablated.first_changed(members.start))
        copies = members.stop - members.start
        with ablated.giving(members):
            cache = shared.cache(copies)
            hidden = run_with_cache(asked.anatomy, copies_of(asked.end, copies), cache)
        first.append(asked.next_tokens(hidden[:, 0]))
        logprobs.append(asked.logprobs(hidden))
        caches.append(cache)
    cache = joined_caches(caches)
    cache.crop(1 - asked.end.shape[1])  # the answers have been read as well
    with ablated.giving(slice(pieces[0].start, pieces[-1].stop)):
        found = _go_on(asked, torch.cat(first), cache)
    n_prompts = len(asked.read)
    return found.unflatten(0, (-1, n_prompts)), torch.cat(logprobs).unflatten(0, (-1, n_prompts))


def _go_on(asked: _Asked, latest: Tensor, cache: DynamicCache) -> Tensor:
    """Generate until every row has stopped, [rows, max_new_tokens].

    Args:
        latest: the first new token, [rows].
        cache: keys and values of everything before it.
    """
    found = torch.full((len(latest), asked.max_new_tokens), NO_TOKEN, device=latest.device)
    going = torch.ones_like(latest, dtype=torch.bool)
    for place in range(asked.max_new_tokens):
        if place:
            hidden = run_with_cache(asked.anatomy, latest[:, None], cache)
            latest = asked.next_tokens(hidden[:, -1])
        found[:, place] = torch.where(going, latest, NO_TOKEN)
        going = going & ~torch.isin(latest, asked.stops)
        if not going.any():
            break
    return found


def _in_turn(members: slice, at_once: int) -> Iterator[slice]:
    """Consecutive parts of some sets, with so many of them at most."""
    for start in range(members.start, members.stop, at_once):
        yield slice(start, min(start + at_once, members.stop))


def ends_of_sequence(anatomy: Anatomy) -> set[int]:
    """The tokens that end a sequence, as the model's own ``generate`` takes them."""
    config = getattr(anatomy.model, "generation_config", None) or anatomy.model.config
    end: int | list[int] | None = config.eos_token_id  # type: ignore[union-attr, assignment]
    return set() if end is None else {end} if isinstance(end, int) else set(end)


def _check(
    anatomy: Anatomy,
    tokens: NDArray[np.int64],
    sets: Sequence[Sequence[Head]],
    max_new_tokens: int,
    answers: Sequence[Sequence[int]],
    means: NDArray[np.float32] | None,
) -> None:
    nothing: list[tuple[int, ...]] = [()] * len(tokens)
    groups = np.zeros(len(tokens), dtype=np.int64)
    check_request(anatomy, Batch(tokens, answers, nothing, nothing, groups), ("answer_logprob",))
    if not sets:
        raise CircuitScalingError(
            "Name at least one set of heads; an empty one is the clean model."
        )
    for heads in sets:
        check_heads(anatomy, heads)
    if max_new_tokens < 1:
        raise CircuitScalingError(
            f"{max_new_tokens} tokens cannot be generated: ask for 1 or more."
        )
    positions = tokens.shape[1]
    longest = max(max_new_tokens, *map(len, answers))
    # The last of them is never read.
    if anatomy.context is not None and positions + longest - 1 > anatomy.context:
        raise CircuitScalingError(
            f"The prompts have {positions} tokens and up to {longest} come behind them, the "
            f"model's context is {anatomy.context}: shorten the prompts, or ask for fewer new "
            "tokens."
        )
    shape = anatomy.n_layers, anatomy.n_heads, anatomy.d_head
    if means is not None and means.shape != shape:
        raise CircuitScalingError(
            f"The means of the heads have the shape {means.shape}, the model's heads are {shape} "
            "(layers, heads, width): they were measured on another model."
        )
