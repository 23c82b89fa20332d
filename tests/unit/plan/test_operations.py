"""Operations where the last position alone is ablated, and where every position is read."""

from __future__ import annotations

from dataclasses import replace

import pytest

from circuit_scaling.plan.operations import (
    Sizes,
    decoding_operations,
    forward_operations,
    heads_operations,
    layer_operations,
    prefill_operations,
    reading_operations,
)

SIZES = Sizes(5, 4, 32, 32, 16, 3 * 32 * 96, 1000, parallel=False)


@pytest.mark.parametrize("parallel", [False, True])
def test_of_a_single_position_all_ways_are_one(parallel: bool) -> None:
    sizes = replace(SIZES, parallel=parallel)
    ways = {
        heads_operations(sizes, 7, 1, "end"),
        heads_operations(sizes, 7, 1, "all"),
        heads_operations(sizes, 7, 1, "all", every_position_read=True),
    }
    assert len(ways) == 1


@pytest.mark.parametrize("layer", range(SIZES.n_layers))
def test_what_is_left_out_makes_it_cheaper(layer: int) -> None:
    end, last, every = (
        layer_operations(SIZES, layer, 3, 9, "end"),
        layer_operations(SIZES, layer, 3, 9, "all"),
        layer_operations(SIZES, layer, 3, 9, "all", every_position_read=True),
    )
    assert end <= last < every
    assert (end == last) == (layer == SIZES.n_layers - 1)


def test_where_every_position_is_read_a_layer_below_costs_one_block_more() -> None:
    """And a block is what a forward has as many of as there are layers."""
    by_layer = [layer_operations(SIZES, i, 1, 9, "all", True) for i in range(SIZES.n_layers)]
    block = (forward_operations(SIZES, 1, 9) - reading_operations(SIZES, 9)) / SIZES.n_layers
    steps = {(a - b) / SIZES.n_heads for a, b in zip(by_layer, by_layer[1:], strict=False)}
    assert steps == {block}


def test_one_more_token_costs_what_a_longer_prompt_costs_more() -> None:
    """Keys and values of the tokens before it are held: only its own work is done."""
    longer = prefill_operations(SIZES, 3, 9) - prefill_operations(SIZES, 3, 8)
    assert decoding_operations(SIZES, 3, 9) - reading_operations(SIZES, 3) == longer


def test_where_the_end_is_ablated_a_layer_below_costs_one_token_of_a_block_more() -> None:
    by_layer = [layer_operations(SIZES, i, 1, 9, "end") for i in range(SIZES.n_layers)]
    token = decoding_operations(SIZES, 1, 9) - reading_operations(SIZES, 1)
    steps = {(a - b) / SIZES.n_heads for a, b in zip(by_layer, by_layer[1:], strict=False)}
    assert steps == {token / SIZES.n_layers}


def test_reading_one_position_is_what_prefill_spares() -> None:
    spared = forward_operations(SIZES, 2, 9) - prefill_operations(SIZES, 2, 9)
    assert spared == reading_operations(SIZES, 2 * 8)
