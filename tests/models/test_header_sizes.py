"""Sizes read from headers are those of the models themselves, without loading one."""

from __future__ import annotations

import pytest
from transformers import AutoConfig

from benchmarks.flops import sizes_of
from benchmarks.shapes import STUDY, config_of, meta_model
from circuit_scaling.models.headers import headers_in
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.plan.shapes import shape_of
from tests.conftest import PROJECT

ZOO = PROJECT / "data" / "01_raw" / "zoo"


def entry(**given: object) -> RosterEntry:
    return RosterEntry(slug="m", family="f", **given)


@pytest.mark.parametrize(
    "slug", ["mini_gpt2_s", "mini_pythia_l", "mini_opt", "mini_neo", "mini_llama"]
)
def test_an_embedded_checkpoint(slug: str) -> None:
    config = AutoConfig.from_pretrained(ZOO / slug)
    model = meta_model(config)
    layers, heads = config.num_hidden_layers, config.num_attention_heads
    found = entry(folder=str(ZOO / slug), params_m=1, n_layers=layers, n_heads=heads)
    shape = shape_of(found, headers_in(found, ZOO / slug))
    assert shape.read
    assert shape.sizes == sizes_of(model)
    assert shape.params == pytest.approx(sum(p.numel() for p in model.parameters()), rel=0.02)


@pytest.mark.parametrize("slug", STUDY)
def test_the_studys_models_by_what_the_roster_says(slug: str) -> None:
    """Where their MLP waits for the attention: others are guessed to, which costs a little more."""
    true = sizes_of(meta_model(config_of(slug)))
    given = {"n_layers": true.n_layers, "n_heads": true.n_heads, "d_model": true.d_model}
    guessed = shape_of(entry(hub=slug, params_m=1, **given), None).sizes
    assert guessed.mlp_weights == true.mlp_weights
    assert (guessed.query_width, guessed.key_width) == (true.query_width, true.key_width)
