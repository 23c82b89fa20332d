"""What a head's z is replaced by: zero, the mean of a reference set, or a donor's z."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.model.blocks import BlockCall
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.clean import CleanRun


@dataclass(frozen=True)
class GroupMeans:
    """Mean z of the reference prompts of each group.

    Attributes:
        groups: int [groups], ascending.
        z: per layer, [groups, pos, n_heads, d_head].
    """

    groups: NDArray[np.int64]
    z: tuple[Tensor, ...]

    @classmethod
    def of(cls, anatomy: Anatomy, batch: Batch, prompts_at_once: int) -> GroupMeans:
        """Run the reference set once.

        Raises:
            CircuitScalingError: the batch has no references, or none for one of its groups.
        """
        references, of_reference = references_of(batch)
        groups, places = np.unique(of_reference, return_inverse=True)
        for group in np.unique(batch.groups):
            if group not in groups:
                raise CircuitScalingError(
                    f"Mean ablation: group {group} has no prompt in the reference set."
                )
        shape = (len(groups), references.shape[1], anatomy.n_heads, anatomy.d_head)
        sums = [
            torch.zeros(shape, dtype=torch.float64, device=anatomy.device)
            for _ in range(anatomy.n_layers)
        ]
        for start in range(0, len(references), prompts_at_once):
            rows = slice(start, start + prompts_at_once)
            place = torch.from_numpy(places[rows]).to(anatomy.device)
            for layer, call in enumerate(
                CleanRun.of(anatomy, tokens_on(anatomy, references[rows])).calls()
            ):
                sums[layer].index_add_(0, place, call.z.double())
        sizes = torch.from_numpy(np.bincount(places)).to(anatomy.device)[:, None, None, None]
        return cls(groups, tuple((total / sizes).to(anatomy.dtype) for total in sums))

    def for_prompts(self, layer: int, groups: NDArray[np.int64]) -> Tensor:
        """The mean of each prompt's group, [prompts, pos, n_heads, d_head]."""
        places = torch.from_numpy(np.searchsorted(self.groups, groups))
        return self.z[layer][places.to(self.z[layer].device)]


class Replacements:
    """What replaces z in some prompts, layer by layer.

    Donors are run beside the prompts and go up the model with them, so that only one layer of
    their z is held at a time.

    Attributes:
        rows: which prompts of the batch.
        ablations: in this order.
    """

    def __init__(
        self,
        anatomy: Anatomy,
        batch: Batch,
        rows: slice,
        ablations: Sequence[Ablation],
        means: GroupMeans | None,
    ) -> None:
        """Run the donors of the prompts ``rows`` of ``batch``.

        Raises:
            CircuitScalingError: the batch has no references, or a prompt has no possible donor.
        """
        self.rows = rows
        self.ablations = ablations
        self._groups = batch.groups[rows]
        self._means = means
        self._donors: dict[tuple[int, int], tuple[Iterator[BlockCall], Tensor]] = {}
        for ablation in ablations:
            key = ablation.draws, ablation.seed
            if ablation.mode != "resample" or key in self._donors:
                continue
            references, _ = references_of(batch)
            chosen = donor_indices(batch, *key)[:, rows]
            donors, inverse = np.unique(chosen, return_inverse=True)
            clean = CleanRun.of(anatomy, tokens_on(anatomy, references[donors]))
            places = torch.from_numpy(inverse.reshape(chosen.shape)).to(anatomy.device)
            self._donors[key] = (clean.calls(), places)

    def next_layer(self, layer: int, z: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Every z' of ``layer``; to be asked for the layers in order, each once.

        Args:
            z: clean, [prompts, pos, n_heads, d_head].

        Yields:
            Which ablation, and its z' of the same shape; one for each draw of a resample ablation.
        """
        given = {key: (next(calls).z, places) for key, (calls, places) in self._donors.items()}
        for index, ablation in enumerate(self.ablations):
            if ablation.mode == "zero":
                yield index, torch.zeros_like(z)
            elif self._means is not None and ablation.mode == "mean":
                yield index, self._means.for_prompts(layer, self._groups)
            else:
                donated, places = given[ablation.draws, ablation.seed]
                for draw in places:
                    yield index, donated[draw]


def donor_indices(batch: Batch, draws: int, seed: int) -> NDArray[np.int64]:
    """Which reference gives its z to which prompt, [draws, prompts].

    Donors share the prompt's group and never have its tokens. They are drawn without replacement
    where there are enough of them, deterministically under ``seed``.

    Raises:
        CircuitScalingError: a prompt has no possible donor.
    """
    references, reference_groups = references_of(batch)
    rng = np.random.default_rng(seed)
    donors = np.empty((draws, len(batch.tokens)), dtype=np.int64)
    for prompt, (tokens, group) in enumerate(zip(batch.tokens, batch.groups, strict=True)):
        same = (references == tokens).all(axis=1)
        possible = np.flatnonzero((reference_groups == group) & ~same)
        if not len(possible):
            raise CircuitScalingError(
                f"Resample ablation: prompt {prompt} (group {group}) has no other prompt of its "
                "template in the reference set. Make more reference prompts."
            )
        donors[:, prompt] = rng.choice(possible, size=draws, replace=draws > len(possible))
    return donors


def references_of(batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The reference prompts, [references, pos], and their groups, [references].

    Raises:
        CircuitScalingError: there are none, or they have another length than the prompts.
    """
    if batch.reference_tokens is None or batch.reference_groups is None:
        raise CircuitScalingError(
            "Mean and resample ablation need a reference set, and this batch has none."
        )
    if batch.reference_tokens.shape[1] != batch.tokens.shape[1]:
        raise CircuitScalingError(
            f"The reference prompts have {batch.reference_tokens.shape[1]} tokens, the prompts "
            f"{batch.tokens.shape[1]}: means and donors go position by position."
        )
    return batch.reference_tokens, batch.reference_groups


def tokens_on(anatomy: Anatomy, tokens: NDArray[np.int64]) -> Tensor:
    """Tokens [prompts, pos] as the model takes them, on its device."""
    return torch.from_numpy(np.ascontiguousarray(tokens, dtype=np.int64)).to(anatomy.device)
