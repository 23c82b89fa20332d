"""Greedy decoding under ablated heads the plain way: hooks on the model, and its own generate."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from tests.helpers.gemma3 import sliding_gemma3
from tests.helpers.tiny_models import (
    HEADS,
    WIDTH,
    tiny_model,
)

_LLAMA_LIKE = "model.layers.{}.self_attn.o_proj"
PROJECTIONS = {
    "gpt2": "transformer.h.{}.attn.c_proj",
    "gpt_neox_parallel": "gpt_neox.layers.{}.attention.dense",
    "opt": "model.decoder.layers.{}.self_attn.out_proj",
    "gpt_neo": "transformer.h.{}.attn.attention.out_proj",
    "llama_grouped": _LLAMA_LIKE,
    "qwen2_grouped": _LLAMA_LIKE,
    "gemma3_sliding": _LLAMA_LIKE,
}
DECODING = tuple(PROJECTIONS)
# Two correct float32 computations differ by some 1e-6 in the logits.
_CLOSEST_CALL = 2e-5


def decoding_model(architecture: str) -> PreTrainedModel:
    """A tiny model; that of Gemma 3 has window layers around a global one."""
    return sliding_gemma3() if architecture == "gemma3_sliding" else tiny_model(architecture)


class DecodingOracle:
    """One set of heads at a time, by a hook on each output projection of the plain model."""

    def __init__(self, model: PreTrainedModel, projection: str) -> None:
        self.model = model
        self.projection = projection

    @torch.no_grad()
    def generated(
        self,
        tokens: NDArray[np.int64],
        heads: Sequence[tuple[int, int]],
        means: NDArray[np.float32] | None,
        max_new_tokens: int,
        stops: Sequence[int],
    ) -> list[list[int]]:
        """New tokens of every row up to and with its stop, by ``generate`` under hooks."""
        ids = torch.as_tensor(tokens)
        with self._hooked(heads, means):
            made = self.model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=False,
                max_new_tokens=max_new_tokens,
                eos_token_id=list(stops),
                pad_token_id=0,
                return_dict_in_generate=True,
                output_scores=True,
            )
        rows = [_up_to_stop(row, stops) for row in made.sequences[:, tokens.shape[1] :].tolist()]
        best, second = torch.stack(made.scores, dim=1).topk(2).values.unbind(-1)
        going = torch.arange(best.shape[1]) < torch.tensor([[len(row)] for row in rows])
        assert ((best - second)[going] > _CLOSEST_CALL).all(), "too close a call"
        return rows

    @torch.no_grad()
    def answer_logprobs(
        self,
        tokens: NDArray[np.int64],
        answers: Sequence[Sequence[int]],
        heads: Sequence[tuple[int, int]],
        means: NDArray[np.float32] | None,
    ) -> list[float]:
        """Log-probability of each prompt's answer, from plain forwards without a cache."""
        found = [float("nan")] * len(answers)
        for length in {len(answer) for answer in answers} - {0}:
            rows = [row for row, answer in enumerate(answers) if len(answer) == length]
            ids = torch.as_tensor([[*tokens[row].tolist(), *answers[row]] for row in rows])
            with self._hooked(heads, means):
                logits = self.model(ids, use_cache=False).logits.double()
            logprobs = logits.log_softmax(-1)
            for row, known in zip(rows, logprobs, strict=True):
                start = tokens.shape[1] - 1
                places = [known[start + at, token] for at, token in enumerate(answers[row])]
                found[row] = float(sum(places))
        return found

    @contextmanager
    def _hooked(
        self, heads: Sequence[tuple[int, int]], means: NDArray[np.float32] | None
    ) -> Iterator[None]:
        with ExitStack() as hooks:
            for layer in {layer for layer, _ in heads}:
                of_layer = [head for at, head in heads if at == layer]
                module = self.model.get_submodule(self.projection.format(layer))
                hook = _overwriting(of_layer, None if means is None else means[layer])
                hooks.callback(module.register_forward_pre_hook(hook).remove)
            yield


def _overwriting(heads: Sequence[int], means: NDArray[np.float32] | None) -> Any:
    """A hook that writes zero or the mean over each of ``heads``, wherever the layer runs."""
    width = WIDTH // HEADS

    def write(_module: Any, args: Any) -> Any:
        z = args[0].clone()
        for head in heads:
            new = torch.zeros(width) if means is None else torch.as_tensor(means[head])
            z[..., head * width : (head + 1) * width] = new.to(z)
        return (z, *args[1:])

    return write


def _up_to_stop(row: Sequence[int], stops: Sequence[int]) -> list[int]:
    ends = [place for place, token in enumerate(row) if token in stops]
    return list(row[: ends[0] + 1] if ends else row)
