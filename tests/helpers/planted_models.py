"""Models with hand-set weights, whose head effects follow from a few lines of arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM, PreTrainedModel

HEADS = 4
# Small against one, so that a norm divides by the root mean square and by nothing else.
_EPSILON = 1e-12


def _zeroed(model: PreTrainedModel) -> PreTrainedModel:
    """All weights 0 and all norm gains 1: every block passes its input on unchanged."""
    with torch.no_grad():
        for module in model.modules():
            for name, parameter in module.named_parameters(recurse=False):
                is_gain = "norm" in type(module).__name__.lower() and name == "weight"
                parameter.fill_(1.0 if is_gain else 0.0)
    return model.eval()


@dataclass(frozen=True)
class AveragingCircuit:
    """Two Llama layers of heads that attend uniformly to everything up to their position.

    Head h of layer 0 averages `values[h, token]` and writes the result to direction h. Head k of
    layer 1 averages `mixing[k] @ (what layer 0 wrote there, after the norm)` and writes to
    direction 4 + k. Tokens and directions are orthogonal axes of the residual stream.
    """

    values: NDArray[np.float64]  # [4 heads, tokens]
    mixing: NDArray[np.float64]  # [4 heads of layer 1, 4 heads of layer 0]
    readout: NDArray[np.float64]  # [8 directions]: logit(answer) - logit(distractor) per unit

    @property
    def n_tokens(self) -> int:
        return int(self.values.shape[1])

    @property
    def width(self) -> int:
        return self.n_tokens + 2 * HEADS

    @property
    def answer(self) -> int:
        return 0

    @property
    def distractor(self) -> int:
        return 1

    def model(self) -> PreTrainedModel:
        """The circuit as a float32 Llama; embeddings have root mean square 1 exactly."""
        head_dim = self.width // HEADS
        config = LlamaConfig(
            vocab_size=self.n_tokens,
            hidden_size=self.width,
            intermediate_size=4,
            num_hidden_layers=2,
            num_attention_heads=HEADS,
            num_key_value_heads=HEADS,
            head_dim=head_dim,
            rms_norm_eps=_EPSILON,
            max_position_embeddings=32,
            tie_word_embeddings=False,
            bos_token_id=0,
            eos_token_id=0,
        )
        model = _zeroed(LlamaForCausalLM(config))
        scale = self.width**0.5
        with torch.no_grad():
            tokens = torch.arange(self.n_tokens)
            model.model.embed_tokens.weight[tokens, tokens] = scale
            first, second = (block.self_attn for block in model.model.layers)
            # Query and key weights stay 0: equal scores, hence a uniform causal average.
            for head in range(HEADS):
                row = head * head_dim  # each head uses the first of its dimensions only
                first.v_proj.weight[row, : self.n_tokens] = _t(self.values[head]) / scale
                first.o_proj.weight[self.n_tokens + head, row] = 1.0
                second.v_proj.weight[row, self.n_tokens : self.n_tokens + HEADS] = _t(
                    self.mixing[head]
                )
                second.o_proj.weight[self.n_tokens + HEADS + head, row] = 1.0
            model.lm_head.weight[self.answer, self.n_tokens :] = _t(self.readout) / 2
            model.lm_head.weight[self.distractor, self.n_tokens :] = -_t(self.readout) / 2
        return model


# Tokens of the repetition circuit.
BOS, FILLER, YES, NO = 0, 1, 2, 3
NAMES = tuple(range(4, 10))
_N_TOKENS = 10
_FEATURES = {token: token for token in range(_N_TOKENS)}
_LAST, _NOT_LAST, _REPEATED, _ALWAYS = 10, 11, 12, 13
_N_FEATURES = 16
REPETITION_HEAD = 2
CONSTANT_HEAD = 1
# What each of the two heads adds to logit(YES) - logit(NO) before the final norm.
REPETITION_GAIN = 3.0
CONSTANT_GAIN = 2.0
REPETITION_WIDTH = 2 * _N_FEATURES


def repetition_model(positions: int) -> PreTrainedModel:
    """A one-layer GPT-2 for prompts of `positions` tokens that start with BOS and end in a name.

    Head 2 looks from the last position for the same name earlier, finds it or falls back on BOS,
    and writes a direction that favours YES only in the first case: it says "a name was repeated"
    and nothing else. Head 1 always writes another direction that favours YES. Heads 0 and 3 do
    nothing. A feature is a difference of two axes, so that nothing has a mean, and each position
    is one token feature plus one position feature, so that the first norm changes nothing.
    """
    config = GPT2Config(
        vocab_size=_N_TOKENS,
        n_positions=positions,
        n_embd=REPETITION_WIDTH,
        n_layer=1,
        n_head=HEADS,
        layer_norm_epsilon=_EPSILON,
        tie_word_embeddings=False,
        bos_token_id=BOS,
        eos_token_id=BOS,
    )
    model = _zeroed(GPT2LMHeadModel(config))
    head_dim = REPETITION_WIDTH // HEADS
    # Half the squared norm, `REPETITION_WIDTH` in all, comes from the token, half from the flag.
    amplitude = (REPETITION_WIDTH / 2) ** 0.5
    block = model.transformer.h[0].attn
    query, key, value = (
        block.c_attn.weight[:, part * REPETITION_WIDTH : (part + 1) * REPETITION_WIDTH]
        for part in range(3)
    )
    with torch.no_grad():
        for token, feature in _FEATURES.items():
            model.transformer.wte.weight[token] = amplitude * _feature(feature)
        model.transformer.wpe.weight[:] = amplitude * _feature(_NOT_LAST)
        model.transformer.wpe.weight[-1] = amplitude * _feature(_LAST)

        # Scores of head 2 from the last position: 80 for the same name, 40 for BOS, 0 for other
        # tokens, and -120 for the position itself. The softmax is then a choice to within e-40.
        start = REPETITION_HEAD * head_dim
        unit = head_dim**0.25 / amplitude  # undoes the 1 / sqrt(head_dim) and the amplitudes
        for slot, name in enumerate(NAMES):
            query[:, start + slot] = 80 * unit * _feature(name)
            key[:, start + slot] = unit * _feature(name)
        constant = start + len(NAMES)
        query[:, constant] = unit * _feature(_LAST)
        key[:, constant] = 40 * unit * _feature(BOS) - 200 * unit * _feature(_LAST)
        for name in NAMES:
            value[:, start] += _feature(name) / amplitude
        block.c_proj.weight[start] = REPETITION_GAIN * _feature(_REPEATED)

        # Head 1 attends uniformly and reads 1 at every position: it writes the same everywhere.
        start = CONSTANT_HEAD * head_dim
        value[:, start] = (_feature(_LAST) + _feature(_NOT_LAST)) / amplitude
        block.c_proj.weight[start] = CONSTANT_GAIN * _feature(_ALWAYS)

        favours = _feature(_REPEATED) + _feature(_ALWAYS)
        model.lm_head.weight[YES] = favours / 2
        model.lm_head.weight[NO] = -favours / 2
    return model


def _feature(index: int) -> Tensor:
    """A unit vector of mean zero; features of different index are orthogonal."""
    vector = torch.zeros(REPETITION_WIDTH)
    vector[2 * index] = 0.5**0.5
    vector[2 * index + 1] = -(0.5**0.5)
    return vector


def _t(values: NDArray[np.float64]) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float32)
