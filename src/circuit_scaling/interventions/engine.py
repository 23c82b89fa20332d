"""Ablate every attention head of a model, exactly, layer by layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.anatomy import (
    Anatomy,
    Recording,
    record,
    record_end,
    run_block,
    run_block_after_attention,
)
from circuit_scaling.interventions.batch import Ablation, Batch
from circuit_scaling.interventions.checks import check_request
from circuit_scaling.interventions.readouts import Questions, Readout, make_questions, read

__all__ = [
    "Ablation",
    "Batch",
    "LayerEffects",
    "clean_readouts",
    "default_chunk",
    "donor_indices",
    "scan_layers",
]

_PROMPTS_AT_ONCE = 64
_CPU_CACHE_BYTES = 4 * 2**20
_GPU_STACK_BYTES = 2**28


@dataclass(frozen=True)
class LayerEffects:
    """Effects of all heads of one layer.

    Attributes:
        layer: from 0.
        effects: readout -> float32 [heads, prompts], m(ablated) - m(clean); negative: the head
            helps.
    """

    layer: int
    effects: dict[Readout, NDArray[np.float32]] = field(repr=False)


def clean_readouts(
    anatomy: Anatomy, batch: Batch, readouts: Sequence[Readout]
) -> dict[Readout, NDArray[np.float32]]:
    """The readouts of the clean run, float32 [prompts] each; ``kl_to_clean`` is 0.

    Raises:
        CircuitScalingError: the batch does not fit together or does not fit the model.
    """
    check_request(anatomy, batch, readouts)
    state = _State.of(anatomy, batch, readouts)
    return {name: values.cpu().numpy() for name, values in state.clean.items()}


def default_chunk(anatomy: Anatomy, batch: Batch) -> int:
    """How many heads to replay together: what fits the cache of a CPU or fills a GPU.

    It depends only on shapes and device, so that two runs agree to the last bit.
    """
    n_prompts = min(len(batch.tokens), _PROMPTS_AT_ONCE)
    d_model = int(anatomy.w_o(0).shape[-1])
    row = n_prompts * int(batch.tokens.shape[1]) * d_model * 4
    budget = _CPU_CACHE_BYTES if anatomy.device.type == "cpu" else _GPU_STACK_BYTES
    return max(1, min(anatomy.n_heads, budget // row))


def scan_layers(
    anatomy: Anatomy,
    batch: Batch,
    ablation: Ablation,
    readouts: Sequence[Readout] = ("contrast", "answer_logprob"),
    chunk: int | None = None,
) -> Iterator[LayerEffects]:
    """Effects of ablating each head alone, one layer at a time.

    The clean run is recorded once. Replacing head h of layer l changes that layer's attention
    output by (z' - z) W_O[h] and nothing before it, so that only the rest of block l and the
    blocks after it are replayed, with ``chunk`` heads stacked on the batch axis.

    Args:
        chunk: heads replayed together; by default what suits the device.

    Raises:
        CircuitScalingError: the batch does not fit together or does not fit the model; the
            ablation needs references and the batch has none; a prompt has no possible donor.
    """
    check_request(anatomy, batch, readouts, chunk)
    # Where only the last position changes, only the last position is replayed.
    alone = (
        ablation.positions == "end"
        and bool(anatomy.varying_end)
        and batch.tokens.shape[1] > 1
        and "token_loss" not in readouts
    )
    state = _State.of(anatomy, batch, readouts, at_end=alone)
    donors = None
    if ablation.mode == "resample":
        donors = torch.from_numpy(donor_indices(batch, ablation.draws, ablation.seed))
    reference = None
    if ablation.mode != "zero":
        reference = _Reference.of(anatomy, batch, at_end=alone)
    chunk = chunk or default_chunk(anatomy, batch)
    for layer in range(anatomy.n_layers):
        z = state.z(layer)
        total: dict[Readout, Tensor] = {}
        replacements = _replacements(layer, z, ablation, batch, reference, donors)
        n_draws = 0
        for z_new in replacements:
            change = z_new - z
            if ablation.positions == "end":
                change[:, :-1] = 0
            for name, values in state.replay(layer, change, readouts, chunk).items():
                total[name] = total[name] + values if name in total else values
            n_draws += 1
        yield LayerEffects(
            layer,
            {
                name: (values / n_draws - state.clean[name]).cpu().numpy()
                for name, values in total.items()
            },
        )


def donor_indices(batch: Batch, draws: int, seed: int) -> NDArray[np.int64]:
    """Which reference gives its z to which prompt, [draws, prompts].

    Donors share the prompt's group and never have its tokens. They are drawn without replacement
    where there are enough of them, deterministically under ``seed``.

    Raises:
        CircuitScalingError: a prompt has no possible donor.
    """
    references, reference_groups = _references(batch)
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


def _references(batch: Batch) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
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


@dataclass(frozen=True)
class _Reference:
    """z of the reference prompts, per layer [references, pos, heads, d_head], and their groups."""

    z: tuple[Tensor, ...]
    groups: Tensor

    @classmethod
    def of(cls, anatomy: Anatomy, batch: Batch, at_end: bool) -> _Reference:
        tokens, groups = _references(batch)
        runs = [
            record(anatomy, rows) for rows in torch.split(_on(anatomy, tokens), _PROMPTS_AT_ONCE)
        ]
        kept = slice(-1, None) if at_end else slice(None)
        z = tuple(
            torch.cat([run.calls[layer].z[:, kept] for run in runs])
            for layer in range(anatomy.n_layers)
        )
        return cls(z, torch.tensor(groups))

    def means(self, layer: int, groups: NDArray[np.int64]) -> Tensor:
        """For each prompt, the mean over the references of its group."""
        z = self.z[layer]
        result = torch.empty((len(groups), *z.shape[1:]), dtype=z.dtype, device=z.device)
        for group in np.unique(groups):
            members = self.groups == int(group)
            if not members.any():
                raise CircuitScalingError(
                    f"Mean ablation: group {group} has no prompt in the reference set."
                )
            rows = torch.from_numpy(groups == group)
            result[rows.to(z.device)] = z[members.to(z.device)].float().mean(0).to(z.dtype)
        return result


def _replacements(
    layer: int,
    z: Tensor,
    ablation: Ablation,
    batch: Batch,
    reference: _Reference | None,
    donors: Tensor | None,
) -> Iterator[Tensor]:
    """The z' of every head of a layer, [prompts, pos, heads, d_head], once per draw."""
    if reference is None:
        yield torch.zeros_like(z)
    elif donors is None:
        yield reference.means(layer, np.asarray(batch.groups))
    else:
        for draw in donors:
            yield reference.z[layer][draw.to(z.device)]


@dataclass(frozen=True)
class _State:
    """The recorded clean run of a batch, in slices of prompts, with its questions."""

    anatomy: Anatomy
    recordings: tuple[Recording, ...]
    questions: tuple[Questions, ...]
    clean: dict[Readout, Tensor]

    @classmethod
    def of(
        cls,
        anatomy: Anatomy,
        batch: Batch,
        readouts: Sequence[Readout],
        at_end: bool = False,
    ) -> _State:
        tokens = _on(anatomy, batch.tokens)
        asked = make_questions(tokens, batch.answers, batch.distractors, batch.candidates)
        recordings, questions, clean = [], [], []
        for start in range(0, len(tokens), _PROMPTS_AT_ONCE):
            rows = slice(start, start + _PROMPTS_AT_ONCE)
            recording = (record_end if at_end else record)(anatomy, tokens[rows])
            clean_rows = asked.rows(rows)
            clean.append(read(anatomy, recording.final, clean_rows, readouts))
            if "kl_to_clean" in readouts:
                logprobs = recording.logits[:, -1].float().log_softmax(-1)
                clean_rows = replace(clean_rows, clean_logprobs=logprobs)
            # The logits [prompts, pos, vocabulary] are large and no longer needed.
            recordings.append(replace(recording, logits=recording.logits[:0]))
            questions.append(clean_rows)
        joined = {name: torch.cat([c[name] for c in clean], dim=-1)[0] for name in readouts}
        return cls(anatomy, tuple(recordings), tuple(questions), joined)

    def z(self, layer: int) -> Tensor:
        """Clean z of all prompts at a layer."""
        return torch.cat([recording.calls[layer].z for recording in self.recordings])

    def replay(
        self, layer: int, change: Tensor, readouts: Sequence[Readout], chunk: int
    ) -> dict[Readout, Tensor]:
        """Readouts [heads, prompts] with each head's z changed by its slice of ``change``."""
        by_slice: list[dict[Readout, Tensor]] = []
        start = 0
        for recording, questions in zip(self.recordings, self.questions, strict=True):
            rows = change[start : start + len(questions.tokens)]
            start += len(questions.tokens)
            by_chunk = [
                _replay_heads(self.anatomy, recording, questions, layer, rows, heads, readouts)
                for heads in torch.split(torch.arange(self.anatomy.n_heads), chunk)
            ]
            by_slice.append({n: torch.cat([c[n] for c in by_chunk]) for n in readouts})
        return {name: torch.cat([s[name] for s in by_slice], dim=1) for name in readouts}


@torch.no_grad()
def _replay_heads(
    anatomy: Anatomy,
    recording: Recording,
    questions: Questions,
    layer: int,
    change: Tensor,
    heads: Tensor,
    readouts: Sequence[Readout],
) -> dict[Readout, Tensor]:
    """Readouts [len(heads), prompts] of replaying the suffix once for each of ``heads``."""
    heads = heads.to(change.device)
    written = torch.einsum(
        "bphd,hdm->hbpm", change.index_select(2, heads), anatomy.w_o(layer)[heads]
    ).flatten(0, 1)
    residual = run_block_after_attention(anatomy, layer, recording.calls[layer], written)
    for later in range(layer + 1, anatomy.n_layers):
        residual = run_block(anatomy, later, recording.calls[later], residual)
    return read(anatomy, residual, questions, readouts)


def _on(anatomy: Anatomy, tokens: NDArray[np.int64]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(tokens, dtype=np.int64)).to(anatomy.device)
