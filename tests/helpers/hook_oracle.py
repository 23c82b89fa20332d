"""The plain way to measure every head: one hooked TransformerLens forward pass per head."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformer_lens.model_bridge import TransformerBridge
from transformers import PreTrainedModel, PreTrainedTokenizerBase

READOUTS = ("contrast", "candidates", "answer_logprob", "token_loss", "kl_to_clean")

Floats = NDArray[np.float64]

# Two correct float32 computations differ by some 1e-6 in the logits.
_CLOSEST_CALL = 2e-5


@dataclass(frozen=True)
class Prompts:
    """What the oracle needs to know of a batch: tokens, targets and the reference set."""

    tokens: NDArray[np.int64]  # [prompts, positions]
    answers: list[list[int]]
    distractors: list[list[int]]
    candidates: list[list[int]]
    groups: NDArray[np.int64]  # [prompts]
    reference_tokens: NDArray[np.int64] | None = None  # [references, positions]
    reference_groups: NDArray[np.int64] | None = None  # [references]

    @property
    def readouts(self) -> tuple[str, ...]:
        """The readouts these prompts define: without answers only loss and KL are left."""
        return READOUTS if all(self.answers) else ("token_loss", "kl_to_clean")


class HookOracle:
    """All-head ablation by `run_with_hooks` on `blocks.{layer}.attn.hook_z`, one head at a time.

    The model is copied first, because TransformerBridge rewires the model it is given.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self.bridge = TransformerBridge.boot_transformers(
            "tiny", hf_model=copy.deepcopy(model), tokenizer=tokenizer
        )
        self.bridge.eval()
        self.layers = int(self.bridge.cfg.n_layers)
        self.heads = int(self.bridge.cfg.n_heads)

    @torch.no_grad()
    def logits(self, tokens: NDArray[np.int64]) -> Tensor:
        """Clean logits, [prompts, positions, vocabulary]."""
        logits: Tensor = self.bridge(torch.as_tensor(tokens))
        return logits

    @torch.no_grad()
    def z(self, tokens: NDArray[np.int64]) -> list[Tensor]:
        """Head outputs before the output projection, per layer [prompts, positions, heads, d]."""
        names = {f"blocks.{layer}.attn.hook_z" for layer in range(self.layers)}
        _, cache = self.bridge.run_with_cache(
            torch.as_tensor(tokens), names_filter=lambda name: name in names
        )
        return [cache[f"blocks.{layer}.attn.hook_z"] for layer in range(self.layers)]

    @torch.no_grad()
    def ablated_logits(
        self, tokens: NDArray[np.int64], layer: int, head: int, new_z: Tensor, positions: str
    ) -> Tensor:
        """Logits with the output of one head replaced by `new_z`, [prompts, positions, d]."""

        def replace(z: Tensor, hook: object) -> Tensor:
            z = z.clone()
            if positions == "end":
                z[:, -1, head] = new_z[:, -1]
            else:
                z[:, :, head] = new_z
            return z

        logits: Tensor = self.bridge.run_with_hooks(
            torch.as_tensor(tokens), fwd_hooks=[(f"blocks.{layer}.attn.hook_z", replace)]
        )
        return logits

    def clean(self, prompts: Prompts) -> dict[str, Floats]:
        """Every readout of the untouched model, [prompts]."""
        logits = self.logits(prompts.tokens)
        return measure(prompts, logits, logits)

    def effects(
        self,
        prompts: Prompts,
        mode: str,
        positions: str,
        donors: NDArray[np.int64] | None = None,
    ) -> dict[str, Floats]:
        """Every readout's change, m(ablated) - m(clean), as [layers, heads, prompts].

        `donors` [draws, prompts] index the reference set and are needed for resampling only.
        """
        clean_logits = self.logits(prompts.tokens)
        clean = measure(prompts, clean_logits, clean_logits)
        replacements = self.replacements(prompts, mode, donors)
        effects = {
            name: np.full((self.layers, self.heads, len(prompts.tokens)), np.nan)
            for name in prompts.readouts
        }
        for layer in range(self.layers):
            for head in range(self.heads):
                draws = [
                    measure(
                        prompts,
                        self.ablated_logits(
                            prompts.tokens, layer, head, new_z[layer][:, :, head], positions
                        ),
                        clean_logits,
                    )
                    for new_z in replacements
                ]
                for name in prompts.readouts:
                    ablated = np.mean([draw[name] for draw in draws], axis=0)
                    effects[name][layer, head] = ablated - clean[name]
        return effects

    def replacements(
        self, prompts: Prompts, mode: str, donors: NDArray[np.int64] | None
    ) -> list[list[Tensor]]:
        """One list of per-layer replacement z, [prompts, positions, heads, d], for every draw."""
        if mode == "zero":
            return [[torch.zeros_like(z) for z in self.z(prompts.tokens)]]
        assert prompts.reference_tokens is not None
        assert prompts.reference_groups is not None
        reference = self.z(prompts.reference_tokens)
        if mode == "mean":
            members = [prompts.reference_groups == group for group in prompts.groups]
            return [
                [torch.stack([z[torch.as_tensor(m)].mean(0) for m in members]) for z in reference]
            ]
        assert mode == "resample"
        assert donors is not None
        return [[z[torch.as_tensor(draw)] for z in reference] for draw in donors]


def measure(prompts: Prompts, logits: Tensor, clean_logits: Tensor) -> dict[str, Floats]:
    """Every readout from full logits, in float64 and straight from its definition; [prompts]."""
    scores = logits.detach().double().numpy()
    last = scores[:, -1]
    log_p = _log_softmax(last)
    readouts: dict[str, Floats] = {}
    if "contrast" in prompts.readouts:
        readouts["contrast"] = _rows(last, prompts.answers, np.mean) - _rows(
            last, prompts.distractors, np.mean
        )
        favourites = [
            _favourite(row, names) for row, names in zip(last, prompts.candidates, strict=True)
        ]
        readouts["candidates"] = np.array(
            [
                float(token in answers)
                for token, answers in zip(favourites, prompts.answers, strict=True)
            ]
        )
        readouts["answer_logprob"] = np.log(_rows(np.exp(log_p), prompts.answers, np.sum))
    next_token = np.take_along_axis(
        _log_softmax(scores[:, :-1]), prompts.tokens[:, 1:, None], axis=-1
    )
    readouts["token_loss"] = -next_token[..., 0].mean(axis=1)
    clean_log_p = _log_softmax(clean_logits.detach().double().numpy()[:, -1])
    readouts["kl_to_clean"] = (np.exp(clean_log_p) * (clean_log_p - log_p)).sum(axis=-1)
    return readouts


def _favourite(row: Floats, candidates: Sequence[int]) -> int:
    """The candidate with the largest logit; ties too close to call in float32 are refused."""
    second, first = np.sort(row[list(candidates)])[-2:]
    assert first - second > _CLOSEST_CALL, "candidates too close to rank: choose another seed"
    return candidates[int(np.argmax(row[list(candidates)]))]


def _rows(
    values: Floats, tokens: Sequence[Sequence[int]], reduce: Callable[[Floats], float]
) -> Floats:
    return np.array([reduce(row[list(ids)]) for row, ids in zip(values, tokens, strict=True)])


def _log_softmax(scores: Floats) -> Floats:
    shifted = scores - scores.max(axis=-1, keepdims=True)
    normaliser: Floats = np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return shifted - normaliser
