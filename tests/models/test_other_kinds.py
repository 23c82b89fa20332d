"""Models of another kind, and devices that are not there, are refused by name."""

from __future__ import annotations

import shutil

import pytest
import torch
import transformers
from transformers import AutoTokenizer

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.loading import load_any, load_model, load_tokenizer
from tests.helpers.spoilt_checkpoints import SMALL, ZOO, entry, refused

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


def test_a_device_that_is_not_there():
    wrong = entry(ZOO / "mini_gpt2_s", device="cuda:99")
    for load in (load_tokenizer, load_model):
        with pytest.raises(CircuitScalingError, match="'x': the device 'cuda:99' is not there"):
            load(wrong)


@pytest.mark.parametrize("device", ["cpuu", "npu:0", "meta"])
def test_what_is_no_device(device):
    with pytest.raises(ValueError, match=f"'{device}' is no device"):
        entry(ZOO / "mini_gpt2_s", device=device)
