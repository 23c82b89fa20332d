"""A real pretrained model: its known text through TransformerBridge, and the scan of its heads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from transformer_lens.model_bridge import TransformerBridge
from transformers import AutoModelForCausalLM, AutoTokenizer

from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.replacements import donor_indices
from tests.helpers.engine_scan import anatomy_of_copy, batch_of, engine_effects
from tests.helpers.hook_oracle import READOUTS, HookOracle, Prompts
from tests.helpers.llama2c import convert_llama2c

PROJECT = Path(__file__).resolve().parents[2]
SOURCE = PROJECT.parent / "shared" / "models" / "stories260k"
NEEDED = ("stories260K.bin", "config.json", "tok512.model")

pytestmark = pytest.mark.skipif(
    not all((SOURCE / name).is_file() for name in NEEDED),
    reason="the optional folder shared/models/stories260k is not beside the project",
)

# Published with the checkpoint: the greedy continuation of "Once upon a time".
STORY = (
    "Once upon a time, there was a little girl named Lily. She loved to play outside in the park. "
    "One day, she saw a big, red ball. She wanted to play with it, but it was too high.\n"
    "Lily's mom said, \"Lily, let's go to the park.\""
)
LAYERS, HEADS = 5, 8
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    target = tmp_path_factory.mktemp("stories260k")
    return convert_llama2c(*(SOURCE / name for name in NEEDED), target)


@pytest.fixture(scope="module")
def tokenizer(folder):
    return AutoTokenizer.from_pretrained(folder, local_files_only=True)


@pytest.fixture(scope="module")
def prompts(tokenizer) -> Prompts:
    """Openings of stories about Lily and Timmy, cut to equal length; references use others."""
    openings = [
        "Once upon a time, there was a little girl named Lily and a boy named Timmy. Timmy saw",
        "One day, Timmy and Lily went to the park to play with a big red ball. Timmy said to",
        "Lily was sad because she lost her toy. Timmy wanted to help her find it, so he asked",
        "Timmy had a big dog. The dog liked to run in the park with Lily and her mom. Lily",
    ]
    references = [
        "Once upon a time, there was a big bear who lived in the forest. He had many friends and",
        "One day, a little bird was looking for food. She saw a red apple on the ground and it",
        "The sun was hot and the cat was very tired. It wanted to sleep under a big tree, but",
        "There was a kind man who had a shop. He liked to make cakes and give them to people.",
    ]
    length = min(len(tokenizer.encode(text)) for text in openings + references)
    tokens, reference_tokens = (
        np.array([tokenizer.encode(text)[:length] for text in texts])
        for texts in (openings, references)
    )
    lily, timmy, mom, dog = (
        tokenizer.encode(f" {name}")[-1] for name in ("Lily", "Timmy", "m", "d")
    )
    return Prompts(
        tokens=tokens,
        answers=[[lily]] * len(openings),
        distractors=[[timmy]] * len(openings),
        candidates=[[lily, timmy, mom, dog]] * len(openings),
        groups=np.zeros(len(openings), dtype=np.int64),
        reference_tokens=reference_tokens,
        reference_groups=np.zeros(len(references), dtype=np.int64),
    )


def test_tokenizer_reproduces_the_sentencepiece_ids(tokenizer):
    sentencepiece = pytest.importorskip("sentencepiece")
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(SOURCE / "tok512.model"))
    for text in ("Once upon a time", STORY, 'Timmy said, "Hi!"\nOK', "h\u00e9llo \u20ac"):
        assert tokenizer.encode(text) == [1, *pieces.encode(text)]
    assert tokenizer.encode("Once upon a time") == [1, 403, 407, 261, 378]


def test_greedy_text_is_the_published_one(folder, tokenizer):
    bridge = TransformerBridge.boot_transformers(str(folder))
    tokens = torch.tensor([tokenizer.encode("Once upon a time")])
    with torch.no_grad():
        while len(tokens[0]) < len(tokenizer.encode(STORY)):
            tokens = torch.cat([tokens, bridge(tokens)[:, -1:].argmax(dim=-1)], dim=1)
    assert tokenizer.decode(tokens[0], skip_special_tokens=True) == STORY


@pytest.mark.parametrize(
    ("mode", "positions"), [("zero", "all"), ("mean", "end"), ("resample", "all")]
)
def test_every_head_equals_the_hook_loop(folder, tokenizer, prompts, mode, positions):
    model = AutoModelForCausalLM.from_pretrained(folder, local_files_only=True).eval()
    ablation = Ablation(mode=mode, positions=positions, draws=1, seed=0)
    donors = donor_indices(batch_of(prompts), 1, 0) if mode == "resample" else None
    expected = HookOracle(model, tokenizer).effects(prompts, mode, positions, donors)
    measured = engine_effects(anatomy_of_copy(model), prompts, ablation, READOUTS, 16)
    for readout in READOUTS:
        assert measured[readout].shape == (LAYERS, HEADS, len(prompts.tokens))
        np.testing.assert_allclose(
            measured[readout], expected[readout], rtol=0, atol=TOLERANCE, err_msg=readout
        )
    assert np.abs(expected["contrast"]).max() > 1e-1
