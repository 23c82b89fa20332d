"""Keys and values of changed runs whose lower blocks are run once for all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from torch import Tensor, nn
from transformers.cache_utils import DynamicCache, DynamicLayer

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.model.blocks import answering, first_tensor
from circuit_scaling.interventions.model.keys_and_values import copies_of, empty_cache
from circuit_scaling.interventions.model.with_cache import copied_layer, run_with_cache


class _Reached(Exception):
    """The blocks that are wanted have run."""


class SharedBlocks:
    """The clean run of some prompts, up to a block, and runs from there to their keys and values.

    Runs that are changed from some block on do not differ below it. The model runs as it is
    written, but its lower blocks answer at once with the residual that they put out in the clean
    run; their keys and values are put into the cache afterwards. Of the last block, keys and values
    are all that later tokens see: there the run ends.
    """

    def __init__(self, anatomy: Anatomy, tokens: Tensor) -> None:
        """Nothing is run yet.

        Args:
            tokens: [prompts, pos]; there may be no positions.
        """
        self._anatomy = anatomy
        self._tokens = tokens
        self._residual: Tensor | None = None
        self._beside: list[int | None] = []  # what each block returns beside the residual
        self._layers: list[DynamicLayer] = []

    def ascend(self, layer: int) -> None:
        """Run the blocks below ``layer`` that have not been run yet.

        Args:
            layer: from 0 to n_layers; not below that of the last time.
        """
        known = len(self._layers)
        if layer == known or not self._tokens.shape[1]:
            return
        cache = empty_cache(self._anatomy.model)

        def after(_module: nn.Module, _args: Any, output: Any) -> None:
            self._beside.append(None if isinstance(output, Tensor) else len(output) - 1)
            if len(self._beside) == layer:
                self._residual = first_tensor(output)
                raise _Reached

        with ExitStack() as hooks:
            hooks.enter_context(self._answered(copies=1))
            for block in self._anatomy.blocks[known:layer]:
                hooks.callback(block.register_forward_hook(after).remove)
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
            cache.layers[: len(self._layers)] = [copied_layer(x, copies) for x in self._layers]
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
    def _answered(self, copies: int) -> Iterator[None]:
        """For a while, the blocks that have been run answer with the residual above them."""
        with ExitStack() as blocks:
            if self._residual is not None:
                residual = copies_of(self._residual, copies)
                for block, beside in zip(self._anatomy.blocks, self._beside, strict=False):
                    answer = residual if beside is None else (residual, *[None] * beside)
                    blocks.enter_context(answering(block, answer))
            yield
