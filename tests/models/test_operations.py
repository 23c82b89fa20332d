"""The operation count of scans, against what PyTorch counts while the work is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode
from transformers import PreTrainedModel

from benchmarks.flops import sizes_of
from benchmarks.shapes import config_of, meta_model
from circuit_scaling.plan.operations import (
    Sizes,
    forward_operations,
    layer_operations,
    scan_operations,
)
from tests.helpers.tiny_models import HEADS, LAYERS, WIDTH, tiny_model

POSITIONS = 5
HEAD = WIDTH // HEADS


def _counted(work: Callable[[], Any]) -> int:
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        work()
    return counter.get_total_flops()


def _eager(architecture: str) -> PreTrainedModel:
    """PyTorch does not count its fused attention on a CPU."""
    model = tiny_model(architecture)
    model.config._attn_implementation = "eager"
    return model


def _unmasked(sizes: Sizes, blocks: int) -> int:
    """What eager attention computes above the causal diagonal, and masks."""
    pairs = POSITIONS * POSITIONS - POSITIONS * (POSITIONS + 1) // 2
    return blocks * 4 * sizes.query_width * pairs


def _blocks(model: PreTrainedModel) -> list[nn.Module]:
    return list(next(m for m in model.modules() if isinstance(m, nn.ModuleList)))


@pytest.mark.parametrize("architecture", ["gpt2", "gpt_neox_parallel", "opt", "llama_grouped"])
def test_a_forward(architecture: str) -> None:
    model = _eager(architecture)
    sizes = sizes_of(model)
    tokens = torch.arange(2 * POSITIONS).reshape(2, POSITIONS)
    counted = _counted(lambda: model(tokens))
    masked = 2 * _unmasked(sizes, LAYERS)
    # The angles of rotary embeddings are a product as well in Llama, of one column.
    assert counted - masked == pytest.approx(forward_operations(sizes, 2, POSITIONS), rel=2e-3)


def _last_block_gpt2(block: nn.Module, x: Tensor) -> None:
    weight = block.attn.c_attn.weight
    keys, values = (x[0] @ weight[:, WIDTH:]).split(WIDTH, dim=-1)
    _one_query(x[0, -1:] @ weight[:, :WIDTH], keys, values, block.attn.c_proj)
    block.mlp(x[:, -1:])


def _last_block_neox(block: nn.Module, x: Tensor) -> None:
    weight = block.attention.query_key_value.weight
    keys, values = functional.linear(x[0], weight[WIDTH:]).split(WIDTH, dim=-1)
    query = functional.linear(x[0, -1:], weight[:WIDTH])
    _one_query(query, keys, values, block.attention.dense)
    block.mlp(x[:, -1:])


def _one_query(query: Tensor, keys: Tensor, values: Tensor, output: nn.Module) -> None:
    q, k, v = (t.reshape(-1, HEADS, HEAD).transpose(0, 1) for t in (query, keys, values))
    weights = torch.bmm(q, k.transpose(1, 2)).softmax(-1)
    output(torch.bmm(weights, v).transpose(0, 1).reshape(1, 1, WIDTH))


@pytest.mark.parametrize("layer", range(LAYERS))
@pytest.mark.parametrize(
    ("architecture", "last_block"),
    [("gpt2", _last_block_gpt2), ("gpt_neox_parallel", _last_block_neox)],
)
def test_the_replay_of_a_head(
    architecture: str, last_block: Callable[[nn.Module, Tensor], None], layer: int
) -> None:
    model = _eager(architecture)
    sizes = sizes_of(model)
    blocks = _blocks(model)
    last = layer == LAYERS - 1
    x = torch.randn(1, 1 if last else POSITIONS, WIDTH)
    places = torch.arange(POSITIONS)[None]
    angles = torch.ones(1, POSITIONS, 2), torch.zeros(1, POSITIONS, 2)

    def replay() -> None:
        _ = x[..., :HEAD] @ torch.randn(HEAD, WIDTH)
        if not sizes.parallel:
            blocks[layer].mlp(x)
        for block in blocks[layer + 1 : -1]:
            if sizes.parallel:
                block(x, position_ids=places, position_embeddings=angles)
            else:
                block(x)
        if not last:
            last_block(blocks[-1], x)

    masked = _unmasked(sizes, max(0, LAYERS - 2 - layer))
    expected = layer_operations(sizes, layer, prompts=1, positions=POSITIONS)
    assert (_counted(replay) - masked) * HEADS == expected


def test_a_scan_is_its_layers_and_the_clean_run() -> None:
    sizes = sizes_of(meta_model(config_of("gpt2")))
    layers = sum(layer_operations(sizes, layer, 64, 16) for layer in range(12))
    clean = forward_operations(sizes, 64, 16) - 64 * 16 * 2 * 768 * 50257
    assert scan_operations(sizes, 64, 16) == layers + clean


@pytest.mark.parametrize("slug", ["gpt2_xl", "pythia_2_8b", "opt_350m", "gpt_neo_2_7b"])
def test_a_long_model_costs_what_the_law_says(slug: str) -> None:
    """Near heads x layers x (layers + 1) / 2 blocks, less the last block and own attention."""
    sizes = sizes_of(meta_model(config_of(slug)))
    block = 2 * 16 * (4 * sizes.d_model**2 + sizes.mlp_weights)
    law = sizes.n_heads * sizes.n_layers * (sizes.n_layers + 1) / 2 * block
    assert 0.85 < scan_operations(sizes, 1, 16) / law < 1.0


def test_an_attention_of_another_kind_is_refused() -> None:
    model = tiny_model("gpt2")
    model.config.num_key_value_heads = 1
    with pytest.raises(ValueError, match="cannot be counted"):
        sizes_of(model)
