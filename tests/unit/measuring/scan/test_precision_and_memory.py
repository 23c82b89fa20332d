"""Precision is part of what a scan is; chunk and memory are not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from pydantic import ValidationError

from circuit_scaling.interventions.model.anatomy import Anatomy
from circuit_scaling.interventions.operations.ablate import Ablation, Batch, scan_layers
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.measuring.scan.freshness import scan_fingerprint
from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.models.loading import load_model
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.prompts.shipped import shipped_tasks

ZOO = Path(__file__).parents[4] / "data" / "01_raw" / "zoo"


def _entry(slug: str, **changes: object) -> RosterEntry:
    shape = {"params_m": 0.5, "n_layers": 4, "n_heads": 12, **changes}
    return RosterEntry.model_validate({"family": "x", "folder": str(ZOO / slug), **shape})


def _settings(**changes: object) -> ScanSettings:
    primary = AblationKind(ablation="zero", positions="all")
    settings = {"primary": primary, "ablations": (), "positions": (), "draws": 1}
    return ScanSettings.model_validate({**settings, "n_boot": 200, "n_flips": 99, **changes})


def _fingerprint(settings: ScanSettings, **entry: object) -> str:
    prompts = pd.DataFrame({"fingerprint": ["prompts"], "bos": [True], "revision": [""]})
    return scan_fingerprint(_entry("mini_opt", **entry), shipped_tasks(), settings, prompts)


def test_precision_and_dtype_change_the_fingerprint_chunk_and_memory_do_not():
    plain = _fingerprint(_settings())
    assert _fingerprint(_settings(chunk=512)) == plain
    assert _fingerprint(_settings(max_memory="8GiB")) == plain
    others = [
        _fingerprint(_settings(precision="tf32")),
        _fingerprint(_settings(precision="bf16")),
        _fingerprint(_settings(), dtype="bfloat16"),
    ]
    assert len({plain, *others}) == 4


def test_memory_is_written_as_people_write_it():
    assert _settings(max_memory="8GiB").max_memory == 8 * 2**30
    assert _settings(max_memory="500MB").max_memory == 500 * 10**6
    assert _settings().max_memory is None


@pytest.mark.parametrize(
    "wrong", [{"precision": "float16"}, {"max_memory": "much"}, {"chunk": 0}, {"chunk": "some"}]
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        _settings(**wrong)


def _effects(anatomy: Anatomy) -> np.ndarray:
    rng = np.random.default_rng(0)
    pairs = [[int(a)] for a in rng.integers(5, anatomy.vocabulary, size=12)]
    tokens = rng.integers(5, anatomy.vocabulary, size=(6, 9))
    groups = np.zeros(6, np.int64)
    batch = Batch(tokens, pairs[:6], pairs[6:], pairs[:6], groups)
    scan = scan_layers(anatomy, batch, Ablation("zero"), ("contrast",), Chunk.of(anatomy, 54))
    return np.stack([part.effects["contrast"] for part in scan])


@pytest.mark.parametrize("slug", ["mini_gpt2_s", "mini_pythia_s", "mini_opt", "mini_neo"])
def test_weights_in_16_bits_give_nearly_the_same_effects(slug):
    entry = _entry(slug)
    full, half = load_model(entry), load_model(entry, "bf16")
    assert full.dtype == torch.float32
    assert half.dtype == torch.bfloat16
    exact, rounded = _effects(full), _effects(half)
    scale = np.abs(exact).max()
    assert 0 < np.abs(rounded - exact).max() < 0.1 * scale
    assert np.corrcoef(exact.ravel(), rounded.ravel())[0, 1] > 0.98


def test_tf32_is_off_unless_it_is_asked_for():
    from circuit_scaling.interventions.model.device import prepare_device

    prepare_device("tf32")
    assert torch.backends.cuda.matmul.fp32_precision == "tf32"
    prepare_device("float32")
    assert torch.backends.cuda.matmul.fp32_precision == "ieee"
    assert torch.are_deterministic_algorithms_enabled()
