"""Prompts that begin alike: a block computes each of their beginnings once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils import _pytree as pytree
from transformers.pytorch_utils import Conv1D

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.model.blocks import answering_with, is_cache


@dataclass(frozen=True)
class SharedPrefixes:
    """The distinct prefixes of some prompts of one length.

    What a causal model computes at a position depends on the tokens up to there, its prefix, and so
    it is the same wherever the prefix is, as long as what replaces z there is the same.

    Attributes:
        n_prompts, positions: the shape of the prompts.
        firsts: int64 [prefixes], where each is for the first time, in prompts * positions.
        places: int64 [prompts * positions], which prefix is there.
    """

    n_prompts: int
    positions: int
    firsts: Tensor
    places: Tensor

    @classmethod
    def of(
        cls, tokens: NDArray[np.int64], groups: NDArray[np.int64], device: torch.device
    ) -> SharedPrefixes:
        """Find them.

        Args:
            tokens: [prompts, pos].
            groups: [prompts]; prompts of different groups share nothing.
        """
        before = groups
        firsts: list[NDArray[np.int64]] = []
        places: list[NDArray[np.int64]] = []
        for position, column in enumerate(tokens.T):
            # A prefix is the prefix before it, and one token more.
            longer = np.stack([before, column], axis=1)
            _, rows, before = np.unique(longer, axis=0, return_index=True, return_inverse=True)
            places.append(before + sum(len(some) for some in firsts))
            firsts.append(rows * tokens.shape[1] + position)
        on_device = (
            torch.from_numpy(np.ascontiguousarray(index)).to(device)
            for index in (np.concatenate(firsts), np.stack(places, axis=1).ravel())
        )
        return cls(*tokens.shape, *on_device)

    def __len__(self) -> int:
        return len(self.firsts)

    @property
    def share(self) -> float:
        """Distinct prefixes among all positions, up to 1 where nothing is shared."""
        return len(self) / (self.n_prompts * self.positions)

    def once(self, everywhere: Tensor) -> Tensor:
        """What [k * prompts, pos, ...] has at the first of each prefix, [k, prefixes, ...]."""
        runs = everywhere.reshape(-1, self.n_prompts * self.positions, *everywhere.shape[2:])
        return runs.index_select(1, self.firsts)

    def everywhere(self, once: Tensor) -> Tensor:
        """What [k, prefixes, ...] has at every position, [k * prompts, pos, ...]."""
        return once.index_select(1, self.places).reshape(-1, self.positions, *once.shape[2:])

    def at_end(self, once: Tensor) -> Tensor:
        """What [k, prefixes, ...] has at the last position, [k * prompts, 1, ...]."""
        ends = self.places[self.positions - 1 :: self.positions]
        return once.index_select(1, ends).reshape(-1, 1, *once.shape[2:])


@contextmanager
def attending_everywhere(anatomy: Anatomy, layer: int, prefixes: SharedPrefixes) -> Iterator[None]:
    """For a while, a block runs on each prefix once, [k, prefixes, d_model].

    Norms, MLP and whatever else treats positions one by one then work on prefixes. The attention
    module is given all positions of all prompts, and attends as it is written, with its own mask,
    window and rotary embedding; but the products within it, which read what it is given, and the
    one that ends it, are computed for each prefix once.
    """
    attention, projection = anatomy.attentions[layer], anatomy.projections[layer]
    given = _Given(prefixes)
    hook = attention.register_forward_pre_hook(given.spread, with_kwargs=True)
    with ExitStack() as products:
        products.callback(hook.remove)
        for module in attention.modules():
            if isinstance(module, nn.Linear | Conv1D) and module is not projection:
                products.enter_context(answering_with(module, given.product(module.forward)))
        project = projection.forward
        products.enter_context(answering_with(projection, lambda z: project(prefixes.once(z))))
        yield


class _Given:
    """What an attention module is given: at each prefix once, and at all positions."""

    def __init__(self, prefixes: SharedPrefixes) -> None:
        self._prefixes = prefixes
        self._once = self._everywhere = torch.empty(0)

    def spread(self, _module: nn.Module, args: Any, kwargs: Any) -> Any:
        """Put all positions in the place of the residual, the first tensor of a call."""
        leaves, structure = pytree.tree_flatten((args, kwargs), is_leaf=is_cache)
        place = next(i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor))
        self._once = leaves[place]
        leaves[place] = self._everywhere = self._prefixes.everywhere(self._once)
        return pytree.tree_unflatten(leaves, structure)

    def product(self, forward: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
        """``forward``, but of what the attention was given computed once."""

        def computed(x: Tensor) -> Tensor:
            if x is not self._everywhere:
                return forward(x)
            return self._prefixes.everywhere(forward(self._once))

        return computed
