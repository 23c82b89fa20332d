"""Sizes from headers, and from what a roster says."""

from __future__ import annotations

import pytest

from circuit_scaling.models.headers import Headers
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.plan.shapes import shape_of

LLAMA = Headers(
    {"hidden_size": 64, "num_key_value_heads": 2, "vocab_size": 500, "head_dim": 16},
    {
        "model.embed_tokens.weight": (500, 64),
        "model.layers.0.input_layernorm.weight": (64,),
        "model.layers.0.self_attn.q_proj.weight": (64, 64),
        "model.layers.0.self_attn.k_proj.weight": (32, 64),
        "model.layers.0.self_attn.v_proj.weight": (32, 64),
        "model.layers.0.self_attn.o_proj.weight": (64, 64),
        "model.layers.0.mlp.gate_proj.weight": (160, 64),
        "model.layers.0.mlp.up_proj.weight": (160, 64),
        "model.layers.0.mlp.down_proj.weight": (64, 160),
        "model.layers.10.mlp.down_proj.weight": (64, 160),
    },
)


def entry(**given: object) -> RosterEntry:
    shape = {"n_layers": 12, "n_heads": 4, "params_m": 124.0}
    return RosterEntry(slug="m", family="f", hub="m", **{**shape, **given})


def test_grouped_queries_and_a_gated_mlp_are_read_from_headers() -> None:
    shape = shape_of(entry(), LLAMA)
    assert shape.read
    assert (shape.sizes.query_width, shape.sizes.key_width) == (64, 32)
    assert shape.sizes.mlp_weights == 3 * 64 * 160
    assert shape.params == 500 * 64 + 64 + 2 * 64 * 64 + 2 * 32 * 64 + 4 * 64 * 160
    assert shape.weights("bfloat16") == 2 * shape.params


@pytest.mark.parametrize("lacks", ["hidden_size", "blocks"])
def test_headers_that_say_too_little_leave_it_to_the_roster(lacks: str) -> None:
    config = {n: value for n, value in LLAMA.config.items() if n != lacks}
    shapes = {} if lacks == "blocks" else LLAMA.shapes
    shape = shape_of(entry(d_model=768), Headers(config, shapes))
    assert not shape.read
    assert shape.sizes.mlp_weights == 8 * 768**2


@pytest.mark.parametrize(
    ("params_m", "n_layers", "d_model"), [(124, 12, 768), (1558, 48, 1600), (774, 36, 1280)]
)
def test_a_width_that_nobody_gives_follows_from_the_parameters(
    params_m: float, n_layers: int, d_model: int
) -> None:
    guessed = shape_of(entry(params_m=params_m, n_layers=n_layers), None).sizes.d_model
    assert guessed == pytest.approx(d_model, rel=0.01)
