"""The measured chunk is kept per model and device, and a broken cache is no reason to stop."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.replay import fastest_chunk
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.chunk_cache import Measured
from circuit_scaling.interventions.replay.fastest_chunk import fastest_tokens
from circuit_scaling.models.architecture import anatomy_of
from tests.helpers.tiny_models import tiny_model


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CIRCUIT_SCALING_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def anatomy():
    return anatomy_of(tiny_model("gpt2"))


def test_what_was_measured_is_used_again(cache, anatomy, monkeypatch):
    first = fastest_tokens(anatomy, limit=10_000)
    assert first >= 256
    monkeypatch.setattr(fastest_chunk, "_seconds", lambda *_: pytest.fail("measured again"))
    assert fastest_tokens(anatomy, limit=10_000) == first
    assert list(json.loads((cache / "chunks.json").read_text()).values()) == [first]


def test_the_chunk_is_doubled_until_that_brings_nothing_more(cache, anatomy, monkeypatch):
    rates = {256: 50, 512: 99, 1024: 99.5, 2048: 101, 4096: 99, 8192: 97, 16384: 1000}
    asked = []

    def seconds(_anatomy: object, tokens: int) -> float:
        asked.append(tokens)
        return tokens / rates[tokens]

    monkeypatch.setattr(fastest_chunk, "_seconds", seconds)
    assert fastest_tokens(anatomy, limit=10**9) == 4096  # nearly as fast, and larger
    assert asked == [256, 512, 1024, 2048, 4096, 8192]  # two doublings in vain end it


def test_memory_that_runs_out_ends_the_measuring(cache, anatomy, monkeypatch):
    def seconds(_anatomy: object, tokens: int) -> float:
        if tokens > 512:
            raise torch.OutOfMemoryError
        return tokens / tokens**2

    monkeypatch.setattr(fastest_chunk, "_seconds", seconds)
    assert fastest_tokens(anatomy, limit=10**9) == 512


def test_a_small_memory_does_not_settle_the_chunk_for_a_large_one(cache, anatomy, monkeypatch):
    rates = {n: float(n if n <= 4096 else 4096 / n) for n in (2**i for i in range(8, 21))}
    monkeypatch.setattr(fastest_chunk, "_seconds", lambda _, tokens: tokens / rates[tokens])
    assert fastest_tokens(anatomy, limit=700) == 512  # faster with more, but there is no more
    assert fastest_tokens(anatomy, limit=10**9) == 4096
    monkeypatch.setattr(fastest_chunk, "_seconds", lambda *_: pytest.fail("measured again"))
    assert fastest_tokens(anatomy, limit=10**9) == 4096


def test_nothing_is_measured_where_memory_decides(cache, anatomy, monkeypatch):
    monkeypatch.setattr(fastest_chunk, "_seconds", lambda *_: pytest.fail("measured"))
    assert fastest_tokens(anatomy, limit=100) == 100


def test_models_threads_and_dtypes_are_kept_apart(cache, anatomy):
    other = anatomy_of(tiny_model("opt"))
    half = anatomy_of(tiny_model("gpt2").to(torch.bfloat16))
    keys = {Measured.of(a).key for a in (anatomy, other, half)}
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(threads + 1)
        keys.add(Measured.of(anatomy).key)
    finally:
        torch.set_num_threads(threads)
    assert len(keys) == 4


@pytest.mark.parametrize("content", ["", "not json", "[1]", '{"other": 3}'])
def test_a_file_that_makes_no_sense_is_as_good_as_none(cache, anatomy, content):
    (cache / "chunks.json").write_text(content)
    assert Measured.of(anatomy).load() is None
    Measured.of(anatomy).store(7)
    assert Measured.of(anatomy).load() == 7


def test_a_cache_that_cannot_be_written_is_no_reason_to_stop(tmp_path, anatomy, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CIRCUIT_SCALING_CACHE", str(tmp_path / "file" / "below"))
    Measured.of(anatomy).store(7)
    assert Measured.of(anatomy).load() is None


def test_heads_and_prompts_share_the_tokens(anatomy):
    chunk = Chunk.of(anatomy, 1000, max_memory=2**30)
    assert chunk.prompts(n_prompts=5, positions=10) == 5
    assert chunk.heads(n_prompts=5, positions=10) == 20
    assert chunk.prompts(n_prompts=400, positions=10) == 100
    assert chunk.heads(n_prompts=100, positions=10) == 1
    assert chunk.prompts(n_prompts=5, positions=2000) == 1  # one prompt always goes


def test_no_tokens_are_refused(anatomy):
    with pytest.raises(CircuitScalingError, match="chunk of 0"):
        Chunk.of(anatomy, 0)
