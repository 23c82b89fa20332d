"""Floating-point operations that an all-head scan cannot do without; a multiply-add counts two.

With S positions, d = d_model, a = heads * d_head, g = key heads * d_head, and M weights in the
MLP's matrices, one block costs per prompt

    queries and output   2 * 2 d a S
    keys and values      2 * 2 d g S
    attention            2 * 2 a S (S + 1) / 2     scores and weighted values, causal
    MLP                  2 M S

Ablating a head of layer l (of L, from 0), read at the last position, costs per prompt

    its write            2 d_head d S              (z' - z) W_O[h]
    its own MLP          2 M S                     nothing in a parallel block
    blocks l+1 .. L-2    (L - 2 - l) blocks
    block L-1            keys and values at S positions; queries, output, MLP and attention of
                         the last position only

and a head of the last layer its write and its own MLP at the last position only. Norms,
activations, the change of the residual and two columns of the unembedding are left out: together
well under one per cent. The clean run is counted once per prompt, without its unembedding.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn
from transformers import PreTrainedModel


@dataclass(frozen=True)
class Sizes:
    """What the count depends on.

    Attributes:
        query_width, key_width: heads * d_head for queries, and for keys (narrower when grouped).
        mlp_weights: entries of the MLP's matrices: two of them, or three where it is gated.
        parallel: the MLP does not read this layer's attention output.
    """

    n_layers: int
    n_heads: int
    d_model: int
    query_width: int
    key_width: int
    mlp_weights: int
    vocabulary: int
    parallel: bool

    @property
    def d_head(self) -> int:
        """Width of one head."""
        return self.query_width // self.n_heads


def sizes_of(model: PreTrainedModel) -> Sizes:
    """The sizes of a Hugging Face causal language model; one on the meta device will do.

    Raises:
        ValueError: its attention matrices are not queries, keys, values and output.
    """
    config = model.config
    blocks = next(module for module in model.modules() if isinstance(module, nn.ModuleList))
    matrices = {n: p.numel() for n, p in blocks[0].named_parameters() if p.ndim == 2}
    attention = sum(numel for name, numel in matrices.items() if "att" in name)
    d_model, n_heads = config.hidden_size, config.num_attention_heads
    d_head = getattr(config, "head_dim", None) or d_model // n_heads
    n_key_heads = getattr(config, "num_key_value_heads", None) or n_heads
    sizes = Sizes(
        n_layers=len(blocks),
        n_heads=n_heads,
        d_model=d_model,
        query_width=n_heads * d_head,
        key_width=n_key_heads * d_head,
        mlp_weights=sum(matrices.values()) - attention,
        vocabulary=config.vocab_size,
        parallel=getattr(config, "use_parallel_residual", False),
    )
    if attention != 2 * d_model * (sizes.query_width + sizes.key_width):
        raise ValueError(f"the attention of {type(model).__name__} cannot be counted")
    return sizes


def scan_operations(sizes: Sizes, prompts: int, positions: int) -> int:
    """The whole scan: the clean run, and every head of every layer."""
    heads = sum(
        layer_operations(sizes, layer, prompts, positions) for layer in range(sizes.n_layers)
    )
    return heads + prompts * sizes.n_layers * _block(sizes, positions)


def layer_operations(sizes: Sizes, layer: int, prompts: int, positions: int) -> int:
    """All heads of one layer."""
    last = sizes.n_layers - 1
    changed = positions if layer < last else 1
    head = 2 * sizes.d_head * sizes.d_model * changed
    head += 0 if sizes.parallel else _mlp(sizes, changed)
    if layer < last:
        head += (last - 1 - layer) * _block(sizes, positions) + _last_block(sizes, positions)
    return prompts * sizes.n_heads * head


def forward_operations(sizes: Sizes, prompts: int, positions: int) -> int:
    """One full forward with the logits of every position, as a hook loop runs it per head."""
    unembed = 2 * sizes.d_model * sizes.vocabulary * positions
    return prompts * (sizes.n_layers * _block(sizes, positions) + unembed)


def _block(sizes: Sizes, positions: int) -> int:
    pairs = positions * (positions + 1) // 2
    return (
        _query_and_output(sizes, positions)
        + _key_and_value(sizes, positions)
        + _attention(sizes, pairs)
        + _mlp(sizes, positions)
    )


def _last_block(sizes: Sizes, positions: int) -> int:
    return (
        _query_and_output(sizes, 1)
        + _key_and_value(sizes, positions)
        + _attention(sizes, positions)
        + _mlp(sizes, 1)
    )


def _query_and_output(sizes: Sizes, positions: int) -> int:
    return 4 * sizes.d_model * sizes.query_width * positions


def _key_and_value(sizes: Sizes, positions: int) -> int:
    return 4 * sizes.d_model * sizes.key_width * positions


def _attention(sizes: Sizes, pairs: int) -> int:
    return 4 * sizes.query_width * pairs


def _mlp(sizes: Sizes, positions: int) -> int:
    return 2 * sizes.mlp_weights * positions
