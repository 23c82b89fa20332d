"""The real pretrained model that comes as a package; skipped where it is not installed."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.loading import load_model, load_tokenizer
from circuit_scaling.models.sources import local_folder
from tests.helpers.configured import ROSTERS

(ENTRY,) = ROSTERS.root["real"].root.values()
TEXTS = (
    "When Mary and John went to the store, John gave a drink to",
    "The capital of France is",
    "Once upon a time there was a",
    "Today Alice met Bob. Alice talked to",
    "Water boils at",
)
EXCHANGED = "blk.0.ffn_down.weight", "blk.29.ffn_down.weight"

pytestmark = pytest.mark.skipif(
    find_spec(str(ENTRY.package)) is None, reason="the package of weights is not installed"
)


@torch.no_grad()
def greedy(model: torch.nn.Module, ids: list[int], n: int) -> list[int]:
    """The likeliest continuation, token by token, without anybody's generation code."""
    for _ in range(n):
        logits = model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]
        ids = [*ids, int(logits.argmax())]
    return ids


def test_its_text_is_that_of_transformers_own_loading_of_the_file() -> None:
    folder = local_folder(ENTRY)
    ours, reads = load_model(ENTRY).model, load_tokenizer(ENTRY)
    theirs = AutoModelForCausalLM.from_pretrained(folder, gguf_file=ENTRY.gguf, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=ENTRY.gguf)
    assert reads.prefix == ()  # the file says that texts begin without BOS
    for text in TEXTS:
        ids = tokenizer.encode(text, add_special_tokens=False)
        said = greedy(ours, ids, 30)
        assert said == greedy(theirs, ids, 30)
        if text == TEXTS[0]:
            assert tokenizer.decode(said[len(ids)]) == " Mary"


def test_a_file_with_two_tensors_exchanged_is_refused(tmp_path: Path) -> None:
    from gguf import GGUFReader

    folder = local_folder(ENTRY)
    assert folder is not None
    whole = bytearray((folder / str(ENTRY.gguf)).read_bytes())
    tensors = {tensor.name: tensor for tensor in GGUFReader(folder / str(ENTRY.gguf)).tensors}
    first, second = (tensors[name] for name in EXCHANGED)
    assert (first.n_bytes, first.tensor_type) == (second.n_bytes, second.tensor_type)
    places = [slice(t.data_offset, t.data_offset + int(t.n_bytes)) for t in (first, second)]
    whole[places[0]], whole[places[1]] = whole[places[1]], whole[places[0]]
    (tmp_path / "exchanged.gguf").write_bytes(whole)
    wrong = ENTRY.model_copy(
        update={"package": None, "folder": str(tmp_path), "gguf": "exchanged.gguf"}
    )
    with pytest.raises(CircuitScalingError, match=r"predicts plain text no better than word"):
        load_model(wrong)
