"""Floating-point operations that work on a model cannot do without; a multiply-add counts two.

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

and a head of the last layer its write and its own MLP at the last position only. Where only the
last position is ablated, nothing changes before it, and everything is of that position alone. Where
every position is read, the last block is one like the others.

Norms, activations, the change of the residual and two columns of the unembedding are left out:
together well under one per cent. The clean run is counted once per prompt, without its unembedding;
logits over the vocabulary are counted apart (:func:`reading_operations`).
"""

from __future__ import annotations

from dataclasses import dataclass

from circuit_scaling.vocabulary import Positions


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


def scan_operations(sizes: Sizes, prompts: int, positions: int) -> int:
    """The whole scan: the clean run, and every head of every layer."""
    return heads_operations(sizes, prompts, positions) + prompts * _blocks(sizes, positions)


def heads_operations(
    sizes: Sizes,
    prompts: int,
    positions: int,
    ablated_at: Positions = "all",
    every_position_read: bool = False,
) -> int:
    """Every head of every layer ablated once on every prompt, without any clean run."""
    return sum(
        layer_operations(sizes, layer, prompts, positions, ablated_at, every_position_read)
        for layer in range(sizes.n_layers)
    )


def layer_operations(
    sizes: Sizes,
    layer: int,
    prompts: int,
    positions: int,
    ablated_at: Positions = "all",
    every_position_read: bool = False,
) -> int:
    """All heads of one layer."""
    later = sizes.n_layers - 1 - layer
    if ablated_at == "end":
        at, blocks = 1, later * _block_of_last_position(sizes, positions)
    elif every_position_read:
        at, blocks = positions, later * _block(sizes, positions)
    elif later:
        at, blocks = positions, (later - 1) * _block(sizes, positions)
        blocks += _last_block(sizes, positions)
    else:
        at, blocks = 1, 0
    head = 2 * sizes.d_head * sizes.d_model * at
    head += 0 if sizes.parallel else _mlp(sizes, at)
    return prompts * sizes.n_heads * (head + blocks)


def forward_operations(sizes: Sizes, prompts: int, positions: int) -> int:
    """One full forward with the logits of every position, as a hook loop runs it per head."""
    blocks = prompts * _blocks(sizes, positions)
    return blocks + reading_operations(sizes, prompts * positions)


def prefill_operations(sizes: Sizes, prompts: int, positions: int) -> int:
    """A forward through all blocks, with the logits of the last position."""
    return prompts * _blocks(sizes, positions) + reading_operations(sizes, prompts)


def decoding_operations(sizes: Sizes, prompts: int, positions: int) -> int:
    """One more token behind so many, whose keys and values are held."""
    step = sizes.n_layers * _block_of_last_position(sizes, positions)
    return prompts * step + reading_operations(sizes, prompts)


def reading_operations(sizes: Sizes, readings: int) -> int:
    """Logits over the whole vocabulary, at so many positions of so many runs."""
    return readings * 2 * sizes.d_model * sizes.vocabulary


def _blocks(sizes: Sizes, positions: int) -> int:
    return sizes.n_layers * _block(sizes, positions)


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


def _block_of_last_position(sizes: Sizes, positions: int) -> int:
    return (
        _query_and_output(sizes, 1)
        + _key_and_value(sizes, 1)
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
