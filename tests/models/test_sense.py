"""A model that predicts text is taken; noise is not."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.sense import check_sense, sense_of
from circuit_scaling.prompts.words import word_list

ZOO = Path(__file__).resolve().parents[2] / "data" / "01_raw" / "zoo"
EMBEDDED = sorted(path.name for path in ZOO.iterdir() if path.is_dir())


def opened(name: str) -> tuple[torch.nn.Module, object]:
    model = AutoModelForCausalLM.from_pretrained(ZOO / name, dtype=torch.float32)
    return model.eval(), AutoTokenizer.from_pretrained(ZOO / name)


@pytest.mark.parametrize("name", EMBEDDED)
def test_every_embedded_model_predicts_text(name: str) -> None:
    model, tokenizer = opened(name)
    check_sense(name, model, tokenizer, ())
    sense = sense_of(model, tokenizer, ())
    assert sense.loss < sense.guess - 1


def test_the_loss_and_both_guesses_by_plain_loops() -> None:
    model, tokenizer = opened("mini_gpt2_s")
    texts = [" " + text for text in word_list("passages")]
    passages = [tokenizer.encode(text, add_special_tokens=False)[:24] for text in texts]
    losses, surprise = [], []
    with torch.no_grad():
        for i, ids in enumerate(passages):
            others = Counter(t for j, p in enumerate(passages) if j != i for t in p)
            for place in range(1, len(ids)):
                logits = model(input_ids=torch.tensor([ids[:place]])).logits[0, -1].double()
                losses.append(float(torch.logsumexp(logits, 0) - logits[ids[place]]))
                kinds, seen = len(others), sum(others.values())
                share = (others[ids[place]] + kinds / len(logits)) / (seen + kinds)
                surprise.append(-math.log(share))
    sense = sense_of(model, tokenizer, ())
    assert sense.loss == pytest.approx(sum(losses) / len(losses), abs=1e-4)
    assert sense.unigram == pytest.approx(sum(surprise) / len(surprise))
    assert sense.uniform == pytest.approx(math.log(model.config.vocab_size))


@pytest.mark.parametrize("damage", ["random", "exchanged"])
def test_noise_is_refused(damage: str) -> None:
    model, tokenizer = opened("mini_gpt2_s")
    with torch.no_grad():
        if damage == "random":
            for weight in model.parameters():
                weight.copy_(0.02 * torch.randn(weight.shape))
        else:
            first, last = (model.transformer.h[i].mlp.c_proj.weight for i in (0, -1))
            kept = first.clone()
            first.copy_(last)
            last.copy_(kept)
            model.transformer.wte.weight.copy_(model.transformer.wte.weight.flip(0))
    with pytest.raises(CircuitScalingError, match=r"'mini' predicts plain text no better"):
        check_sense("mini", model, tokenizer, ())
