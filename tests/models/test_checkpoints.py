"""Checkpoints that do not fit, cannot be read, or are of another kind: one line each, no scan."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer

import circuit_scaling
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.loading import load_any, load_model, load_tokenizer
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.models.sources import identity_of
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings
from tests.conftest import PROJECT

ZOO = PROJECT / "data" / "01_raw" / "zoo"
Tensors = dict[str, torch.Tensor]


@pytest.fixture
def copy(tmp_path: Path) -> Callable[..., Path]:
    """``copy(slug)``: a copy of an embedded checkpoint that may be spoilt."""

    def _copy(slug: str = "mini_gpt2_s") -> Path:
        folder = tmp_path / slug
        shutil.copytree(ZOO / slug, folder)
        return folder

    return _copy


def edit_tensors(folder: Path, edit: Callable[[Tensors], Tensors]) -> None:
    """Edit the weights in full precision; they are shipped in half."""
    file = folder / "model.safetensors"
    whole = {name: tensor.float() for name, tensor in load_file(file).items()}
    tensors = {name: tensor.clone() for name, tensor in edit(whole).items()}
    save_file(tensors, file, {"format": "pt"})


def edit_config(folder: Path, **changes: object) -> None:
    file = folder / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def entry(folder: Path, **changes: object) -> RosterEntry:
    shape = {"params_m": 0.5, "n_layers": 4, "n_heads": 12} | changes
    return RosterEntry.model_validate({"slug": "x", "family": "x", "folder": str(folder), **shape})


def refused(folder: Path) -> str:
    with pytest.raises(CircuitScalingError) as caught:
        load_any(str(folder))
    assert "\n" not in caught.value.message
    return caught.value.message


# Tensors that are not those of the model.


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


# Weights and logits that are no numbers.


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


# Files that cannot be read.


def _truncated(folder: Path) -> None:
    file = folder / "model.safetensors"
    os.truncate(file, file.stat().st_size // 2)


def _flipped(folder: Path) -> None:
    file = folder / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[12] ^= 0xFF  # in the header
    file.write_bytes(content)


def _pointer(folder: Path) -> None:
    (folder / "model.safetensors").write_text("version https://git-lfs.github.com/spec/v1\n")


def _folder_for_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").mkdir()


class _Executed:
    """What would run if the pickle were trusted."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def __reduce__(self) -> tuple[object, ...]:
        return (os.mkdir, (str(self._place),))


def _pickle(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"x": _Executed(folder / "executed")}, folder / "pytorch_model.bin")


def _broken_json(folder: Path) -> None:
    (folder / "config.json").write_text("{")


def _folder_for_config(folder: Path) -> None:
    (folder / "config.json").unlink()
    (folder / "config.json").mkdir()


def _no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _no_tokenizer(folder: Path) -> None:
    for file in folder.glob("token*"):
        file.unlink()


def _broken_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").write_text("[]")


def _quantised(folder: Path) -> None:
    method = {"quant_method": "gptq", "bits": 4, "group_size": 128}
    edit_config(folder, quantization_config=method)


def _flash(folder: Path) -> None:
    edit_config(folder, _attn_implementation="flash_attention_2")


@pytest.mark.parametrize(
    ("spoil", "named"),
    [
        (_truncated, "model.safetensors' is damaged"),
        (_flipped, "model.safetensors' is damaged"),
        (_pointer, "model.safetensors' is damaged"),
        (_folder_for_weights, "model.safetensors"),
        (_pickle, "pytorch_model.bin"),
        (_broken_json, "config.json"),
        (_folder_for_config, "config.json"),
        (_no_weights, "model.safetensors"),
        (_no_tokenizer, "tokenizer of 'mini_gpt2_s'"),
        (_broken_tokenizer, "tokenizer of 'mini_gpt2_s'"),
        (_quantised, "GPTQ"),
        (_flash, "FlashAttention2"),
    ],
    ids=lambda given: given.__name__.strip("_") if callable(given) else "",
)
def test_what_cannot_be_read_is_one_line_with_the_file_and_the_reason(copy, spoil, named):
    folder = copy()
    spoil(folder)
    message = refused(folder)
    assert named in message
    assert str(folder) in message
    assert not (folder / "executed").exists()


def test_a_folder_in_place_of_a_file_has_no_fingerprint(copy):
    folder = copy()
    _folder_for_weights(folder)
    with pytest.raises(CircuitScalingError, match=r"cannot be read: .*model\.safetensors"):
        identity_of(entry(folder))


# Models of another kind.

SMALL = {
    "vocab_size": 600,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "intermediate_size": 64,
}
VISION = {
    "hidden_size": 32,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}
OTHERS = {
    "recurrent": lambda: transformers.MambaForCausalLM(
        transformers.MambaConfig(vocab_size=600, hidden_size=32, num_hidden_layers=2, state_size=4)
    ),
    "encoder-decoder": lambda: transformers.T5ForConditionalGeneration(
        transformers.T5Config(
            vocab_size=600, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4
        )
    ),
    "encoder": lambda: transformers.BertForMaskedLM(
        transformers.BertConfig(
            vocab_size=600,
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            intermediate_size=64,
        )
    ),
    "pictures": lambda: transformers.Gemma3ForConditionalGeneration(
        transformers.Gemma3Config(
            text_config={**SMALL, "head_dim": 16}, vision_config=VISION, mm_tokens_per_image=4
        )
    ),
    "hybrid": lambda: transformers.Lfm2ForCausalLM(
        transformers.Lfm2Config(**SMALL, layer_types=["conv", "full_attention"], block_ff_dim=64)
    ),
}


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("recurrent", "architecture MambaForCausalLM: it has no attention heads"),
        (
            "encoder-decoder",
            "architecture T5ForConditionalGeneration: it has an encoder and a decoder",
        ),
        ("encoder", "architecture BertForMaskedLM: it is no causal language model"),
        ("pictures", "it reads pictures or sound beside text"),
        ("hybrid", "architecture Lfm2ForCausalLM: some of its layers are no attention (conv)"),
    ],
)
def test_other_kinds_of_models_are_refused_by_name(tmp_path, kind, why):
    folder = tmp_path / kind
    OTHERS[kind]().save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(ZOO / "mini_gpt2_s" / file, folder)
    assert why in refused(folder)


@pytest.mark.parametrize("kind", OTHERS)
def test_so_they_are_in_memory(kind):
    tokenizer = AutoTokenizer.from_pretrained(ZOO / "mini_gpt2_s")
    with pytest.raises(CircuitScalingError) as caught:
        load_any(OTHERS[kind](), tokenizer)
    assert "\n" not in caught.value.message


def test_a_model_whose_tokens_see_later_ones_is_not_causal():
    config = transformers.BertConfig(
        vocab_size=600,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
    )
    tokenizer = AutoTokenizer.from_pretrained(ZOO / "mini_gpt2_s")
    with pytest.raises(CircuitScalingError, match="it is not causal"):
        load_any(transformers.BertForMaskedLM(config), tokenizer)


def test_what_is_no_hugging_face_model():
    tokenizer = AutoTokenizer.from_pretrained(ZOO / "mini_gpt2_s")
    with pytest.raises(CircuitScalingError, match="A Linear is no Hugging Face model"):
        load_any(torch.nn.Linear(2, 2), tokenizer)


# Devices.


def test_a_device_that_is_not_there():
    wrong = entry(ZOO / "mini_gpt2_s", device="cuda:99")
    for load in (load_tokenizer, load_model):
        with pytest.raises(CircuitScalingError, match="'x': the device 'cuda:99' is not there"):
            load(wrong)


@pytest.mark.parametrize("device", ["cpuu", "npu:0", "meta"])
def test_what_is_no_device(device):
    with pytest.raises(ValueError, match=f"'{device}' is no device"):
        entry(ZOO / "mini_gpt2_s", device=device)
