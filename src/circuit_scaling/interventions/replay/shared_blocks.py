"""Keys and values of changed runs whose lower blocks are run once for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers.cache_utils import DynamicCache, DynamicLayer

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.model.blocks import answering, first_tensor
from circuit_scaling.interventions.model.keys_and_values import copies_of, empty_cache
from circuit_scaling.interventions.model.with_cache import copied_layer, run_with_cache


class _Reached(Exception):
    """The blocks that are wanted have run."""


@dataclass(frozen=True)
class _Answer:
    """What a module has answered: a tensor, alone or in front of other things that are not kept."""

    tensor: Tensor
    beside: int | None

    @classmethod
    def of(cls, output: Any) -> _Answer:
        return cls(first_tensor(output), None if isinstance(output, Tensor) else len(output) - 1)

    def again(self, tensor: Tensor) -> Any:
        """The same answer with another tensor."""
        return tensor if self.beside is None else (tensor, *[None] * self.beside)


@dataclass(frozen=True)
class _Attention:
    """The attention of the first block that runs may change: only its heads' output is theirs.

    Attributes:
        z: what is projected, [prompts, pos, n_heads * d_head].
        answer: what the attention puts out.
        keys: its layer of the cache.
    """

    z: Tensor
    answer: _Answer
    keys: DynamicLayer


class SharedBlocks:
    """The clean run of some prompts, up to a block, and runs from there to their keys and values.

    Runs whose heads are changed from some block on do not differ below it, nor in what the heads of
    this block look at. The model runs as it is written, but its lower blocks answer at once with
    the residual that they put out in the clean run, and the attention of the first changed block
    with the projection of its heads' clean output, from which on runs differ; keys and values are
    put into the cache afterwards. Of the last block, keys and values are all that later tokens see:
    there the run ends.
    """

    def __init__(self, anatomy: Anatomy, tokens: Tensor) -> None:
        """Nothing is run yet.

        Args:
            tokens: [prompts, pos]; there may be no positions.
        """
        self._anatomy = anatomy
        self._tokens = tokens
        self._blocks: list[_Answer] = []
        self._layers: list[DynamicLayer] = []
        self._attention: _Attention | None = None

    def ascend(self, layer: int) -> None:
        """Run the blocks below ``layer`` that have not been run yet, and the attention of this one.

        Args:
            layer: from 0 to n_layers; not below that of the last time.
        """
        known = len(self._layers)
        if not self._tokens.shape[1] or (layer == known and self._attention is not None):
            return
        cache = empty_cache(self._anatomy.model)
        projected: list[Tensor] = []

        def after_block(_module: nn.Module, _args: Any, output: Any) -> None:
            self._blocks.append(_Answer.of(output))
            if len(self._blocks) == self._anatomy.n_layers:
                raise _Reached

        def after_projection(_module: nn.Module, args: Any, output: Tensor) -> None:
            projected.extend((args[0], output))

        def after_attention(_module: nn.Module, _args: Any, output: Any) -> None:
            z, expected = projected
            answer = _Answer.of(output)
            if torch.equal(answer.tensor, expected):  # nothing is done to it on the way out
                self._attention = _Attention(z, answer, cache.layers[layer])
            raise _Reached

        with ExitStack() as hooks:
            hooks.enter_context(self._answered(copies=1, attention=False))
            for block in self._anatomy.blocks[known:layer]:
                hooks.callback(block.register_forward_hook(after_block).remove)
            if layer < self._anatomy.n_layers:
                projection = self._anatomy.projections[layer]
                hooks.callback(projection.register_forward_hook(after_projection).remove)
                attention = self._anatomy.attentions[layer]
                hooks.callback(attention.register_forward_hook(after_attention).remove)
            self._attention = None
            with suppress(_Reached):
                run_with_cache(self._anatomy, self._tokens, cache)
        self._layers += cache.layers[known:layer]

    def cache(self, copies: int) -> DynamicCache:
        """Keys and values of ``copies`` of the prompts, one whole copy after the other.

        Those of the blocks that have been run are the clean ones; the others are run now.
        """
        cache = empty_cache(self._anatomy.model)
        if self._tokens.shape[1]:
            if len(self._layers) < self._anatomy.n_layers:
                with self._answered(copies), self._up_to_last_keys(cache), suppress(_Reached):
                    run_with_cache(self._anatomy, copies_of(self._tokens, copies), cache)
            clean = [*self._layers, *([self._attention.keys] if self._attention else [])]
            cache.layers[: len(clean)] = [copied_layer(x, copies) for x in clean]
        return cache

    @contextmanager
    def _up_to_last_keys(self, cache: DynamicCache) -> Iterator[None]:
        """For a while, a run ends when the last block has filled its layer of ``cache``."""
        update = cache.update

        def put(keys: Tensor, values: Tensor, layer: int, *args: Any, **kwargs: Any) -> Any:
            answer = update(keys, values, layer, *args, **kwargs)
            if layer == self._anatomy.n_layers - 1:
                raise _Reached
            return answer

        cache.update = put
        try:
            yield
        finally:
            del cache.update

    @contextmanager
    def _answered(self, copies: int, attention: bool = True) -> Iterator[None]:
        """For a while, what has been run answers with what is known of it.

        Args:
            attention: whether that of the first changed block does.
        """
        anatomy, known = self._anatomy, len(self._layers)
        with ExitStack() as modules:
            if self._blocks:
                residual = copies_of(self._blocks[-1].tensor, copies)
                for block, answer in zip(anatomy.blocks, self._blocks, strict=False):
                    modules.enter_context(answering(block, answer.again(residual)))
            if attention and self._attention is not None:
                projected = anatomy.projections[known](copies_of(self._attention.z, copies))
                answer = self._attention.answer.again(projected)
                modules.enter_context(answering(anatomy.attentions[known], answer))
            yield
