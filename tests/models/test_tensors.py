"""Checkpoints whose tensors are not those of the model, or are no numbers: one line, no scan."""

from __future__ import annotations

import shutil

import pytest
import torch
import transformers
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

import circuit_scaling
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.loading import load_any, load_model, load_tokenizer
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings
from tests.helpers.spoilt_checkpoints import (
    SMALL,
    ZOO,
    Tensors,
    edit_config,
    edit_tensors,
    entry,
    refused,
)


def test_an_embedded_checkpoint_fits_though_its_embeddings_are_tied(copy):
    folder = copy()
    assert "lm_head.weight" not in load_file(folder / "model.safetensors")
    weights = load_any(str(folder)).anatomy.model.state_dict()
    for name, tensor in load_file(folder / "model.safetensors").items():
        assert torch.equal(weights[name], tensor.float())


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module.", "policy.net."])
def test_prefixed_names(copy, prefix):
    folder = copy()
    edit_tensors(folder, lambda t: {prefix + name: tensor for name, tensor in t.items()})
    message = refused(folder)
    n = len(load_file(folder / "model.safetensors"))
    assert f"{n + 1} tensors are missing (lm_head.weight, transformer.h.0." in message
    assert f"tensors have no place in the model ({prefix}transformer.h.0." in message
    assert f"Its names begin with '{prefix}'" in message


def test_a_lost_block_is_counted_and_named(copy):
    folder = copy()
    edit_tensors(folder, lambda t: {n: v for n, v in t.items() if ".h.1." not in n})
    assert (
        "12 tensors are missing (transformer.h.1.attn.c_attn.bias, "
        "transformer.h.1.attn.c_attn.weight, transformer.h.1.attn.c_proj.bias and 9 more)"
    ) in refused(folder)


def test_one_lost_matrix_is_named(copy):
    folder = copy()
    lost = "transformer.h.2.attn.c_proj.weight"
    edit_tensors(folder, lambda t: {n: v for n, v in t.items() if n != lost})
    assert f"1 tensor is missing ({lost})" in refused(folder)


def test_too_few_layers_in_the_configuration(copy):
    folder = copy()
    edit_config(folder, n_layer=3)
    assert "tensors have no place in the model (transformer.h.3.attn.c_attn.weight" in (
        refused(folder)
    )


def test_another_vocabulary_in_the_configuration(copy):
    folder = copy()
    rows, width = load_file(folder / "model.safetensors")["transformer.wte.weight"].shape
    edit_config(folder, vocab_size=5000)
    assert (
        f"1 tensor has another shape (transformer.wte.weight: {rows} x {width} for 5000 x {width})"
    ) in refused(folder)


def test_a_checkpoint_with_another_head(copy, tmp_path):
    folder = tmp_path / "classifier"
    config = transformers.AutoConfig.from_pretrained(ZOO / "mini_gpt2_s")
    transformers.GPT2ForSequenceClassification(config).save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(ZOO / "mini_gpt2_s" / file, folder)
    edit_config(folder, architectures=["GPT2LMHeadModel"])
    assert "1 tensor has no place in the model (score.weight)" in refused(folder)


def test_untied_embeddings_that_are_not_there(copy):
    folder = copy()
    edit_config(folder, tie_word_embeddings=False)
    assert "1 tensor is missing (lm_head.weight)" in refused(folder)


def test_masks_and_positions_that_older_versions_saved_are_no_strangers(copy):
    folder = copy("mini_neo")

    def with_buffers(tensors: Tensors) -> Tensors:
        named = {f"transformer.h.{layer}.attn.attention" for layer in range(4)}
        masks = {f"{name}.bias": torch.ones(1, 1, 8, 8, dtype=torch.uint8) for name in named}
        return tensors | masks | {f"{n}.masked_bias": torch.tensor(-1e9) for n in named}

    edit_tensors(folder, with_buffers)
    load_any(str(folder))


def test_nothing_is_scanned(copy):
    folder = copy()
    edit_tensors(folder, lambda t: {"module." + name: tensor for name, tensor in t.items()})
    with pytest.raises(CircuitScalingError, match="tensors are missing"):
        circuit_scaling.scan(str(folder), "ioi", n_prompts=40)


def test_a_learned_buffer_that_is_missing_is_missing(tmp_path):
    config = transformers.Glm4MoeConfig(
        **SMALL, n_routed_experts=4, num_experts_per_tok=2, moe_intermediate_size=16, head_dim=8
    )
    folder = tmp_path / "moe"
    transformers.Glm4MoeForCausalLM(config).save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(ZOO / "mini_gpt2_s" / file, folder)
    whole = load_file(folder / "model.safetensors")
    (bias,) = [name for name in whole if name.endswith("e_score_correction_bias")]
    edit_tensors(folder, lambda t: {n: v for n, v in t.items() if n != bias})
    assert "1 tensor is missing" in refused(folder)


@pytest.mark.parametrize(
    ("beside", "named"),
    [
        ("adapter_config.json", "holds an adapter"),
        ("model.safetensors.index.json", "has its weights twice"),
    ],
)
def test_a_folder_that_says_two_things(copy, beside, named):
    folder = copy()
    (folder / beside).write_text("{}")
    assert named in refused(folder)


def test_code_of_a_checkpoints_own_is_not_replaced_by_the_librarys(copy):
    folder = copy()
    edit_config(folder, architectures=["XForCausalLM"])
    assert "its code is its own, and what would be loaded is a GPT2LMHeadModel" in refused(folder)


def test_a_hub_id_is_not_read_from_a_folder_of_that_name(copy, monkeypatch):
    monkeypatch.chdir(copy("mini_gpt2_s").parent)
    given = RosterEntry(family="x", hub="mini_gpt2_s", params_m=1, n_layers=4, n_heads=12)
    for load in (load_tokenizer, load_model):
        with pytest.raises(CircuitScalingError, match="'mini_gpt2_s' is a hub id, and a file or f"):
            load(given)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_named(copy, value):
    folder = copy("mini_pythia_s")
    bad = "gpt_neox.layers.1.mlp.dense_4h_to_h.weight"

    def spoil(tensors: Tensors) -> Tensors:
        tensors[bad][0, 0] = tensors[bad][3, 5] = value
        return tensors

    edit_tensors(folder, spoil)
    size = load_file(folder / "model.safetensors")[bad].numel()
    assert f"not finite: NaN or infinity in 1 tensor, first in {bad} (2 of {size}" in (
        refused(folder)
    )


def test_weights_too_large_for_their_dtype(copy):
    folder = copy()

    def scale(tensors: Tensors) -> Tensors:
        tensors["transformer.h.1.mlp.c_fc.weight"][0, 0] = 1e6
        return tensors

    edit_tensors(folder, scale)
    load_model(entry(folder, untrained=True))  # it makes noise of every text, but it is finite
    with pytest.raises(CircuitScalingError, match=r"in 1 tensor, first in .*mlp\.c_fc\.weight"):
        load_model(entry(folder, dtype="float16"))


@pytest.mark.parametrize("method", ["exact", "attribution"])
def test_logits_that_overflow_on_some_prompts_are_named(method):
    """Finite weights; what one name writes is too large for the layer that reads it."""
    model = AutoModelForCausalLM.from_pretrained(ZOO / "mini_pythia_s", dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(ZOO / "mini_pythia_s")
    prompts, _ = build_prompts(shipped_tasks(), PromptSettings(n_prompts=40), tokenizer)
    (name,) = prompts.loc[prompts["task"] == "ioi", "answer"].iloc[-1]
    with torch.no_grad():
        model.gpt_neox.embed_in.weight[name] = 3e38 * (torch.arange(96) / 48 - 1)
    with pytest.raises(CircuitScalingError) as caught:
        circuit_scaling.scan(model, "ioi", tokenizer=tokenizer, n_prompts=40, method=method)
    assert "Task 'ioi': contrast of the clean model is not finite on" in caught.value.message
    assert " of 40 prompts (first: prompt " in caught.value.message
    assert "dtype: float32" in caught.value.message


def test_logits_that_overflow_everywhere_are_no_matter_of_architecture(copy):
    model = AutoModelForCausalLM.from_pretrained(ZOO / "mini_gpt2_s", dtype=torch.float32)
    with torch.no_grad():
        model.transformer.h[1].mlp.c_proj.weight *= 3e37
    tokenizer = AutoTokenizer.from_pretrained(ZOO / "mini_gpt2_s")
    with pytest.raises(CircuitScalingError, match="logits of the GPT2LMHeadModel are not finite"):
        load_any(model, tokenizer)
