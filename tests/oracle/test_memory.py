"""When memory runs out the chunk is halved, and the effects are the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model import blocks
from circuit_scaling.interventions.operations.ablate_heads import clean_readouts, scan_layers
from circuit_scaling.interventions.operations.ablate_sets import ablate_sets
from circuit_scaling.interventions.operations.attention import attention_from_end
from circuit_scaling.interventions.operations.attribute import attribute
from circuit_scaling.interventions.operations.decode import decode_sets
from circuit_scaling.interventions.operations.patch import patch_heads, patch_sets
from circuit_scaling.interventions.operations.path_patching import path_effects, path_estimates
from circuit_scaling.interventions.replay import clean, roads
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.chunk import Chunk, bytes_per_token
from tests.helpers.engine_scan import assembled, batch_of, engine_effects
from tests.helpers.tiny_models import ARCHITECTURES
from tests.oracle.conftest import DRAWS, SEED

TOLERANCE = 1e-5
ABLATIONS = [
    Ablation(mode, positions, DRAWS, SEED)
    for mode in ("zero", "mean", "resample")
    for positions in ("all", "end")
]


@pytest.fixture
def small_device(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[int]]:
    """``small_device(tokens)``: blocks fail on more tokens; gives what they were asked for."""
    asked: list[int] = []

    def limit(tokens: int, error: type[RuntimeError] = torch.OutOfMemoryError) -> list[int]:
        run_block = blocks.run_block

        def limited(anatomy: Any, arguments: Any, residual: Tensor) -> Tensor:
            asked.append(residual.shape[0] * residual.shape[1])
            if asked[-1] > tokens:
                raise error("DefaultCPUAllocator: can't allocate memory")
            return run_block(anatomy, arguments, residual)

        for module in (blocks, clean, roads):
            monkeypatch.setattr(module, "run_block", limited)
        return asked

    return limit


def _scan(shared: Any, ablation: Ablation, chunk: int) -> Any:
    return engine_effects(shared.anatomy, shared.prompts, ablation, ["contrast"], chunk)["contrast"]


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, RuntimeError])
@pytest.mark.parametrize("ablation", ABLATIONS, ids=str)
def test_too_little_memory_halves_the_chunk_and_gives_the_same_effects(
    study, small_device, ablation, error
):
    shared = study("gpt2")
    expected = _scan(shared, ablation, chunk=100_000)
    asked = small_device(100, error)
    measured = _scan(shared, ablation, chunk=100_000)
    np.testing.assert_allclose(measured, expected, rtol=0, atol=TOLERANCE)
    if ablation.positions == "all":
        assert max(asked) > 100  # memory did run out


def test_the_prompts_are_divided_where_one_head_of_all_does_not_fit(study, small_device):
    shared = study("opt")  # 5 prompts of 9 tokens
    expected = _scan(shared, Ablation("zero"), chunk=100_000)
    small_device(30)
    measured, sizes = _in_pieces(shared, Chunk.of(shared.anatomy, 100_000))
    np.testing.assert_allclose(measured, expected, rtol=0, atol=TOLERANCE)
    assert max(sizes) <= 3


@pytest.mark.parametrize("tokens", [60, 90, 450])
def test_memory_may_run_out_at_any_moment(study, monkeypatch, tokens):
    """At every single call of a block; 60 tokens are one head of all prompts, half are of some."""
    shared = study("gpt2")
    expected = _scan(shared, Ablation("zero"), chunk=100_000)
    run_block = blocks.run_block
    calls: list[int] = []

    def run(fails_at: int) -> Any:
        calls.clear()

        def failing_once(anatomy: Any, arguments: Any, residual: Tensor) -> Tensor:
            calls.append(len(residual))
            if len(calls) == fails_at:
                raise torch.OutOfMemoryError
            return run_block(anatomy, arguments, residual)

        for module in (blocks, clean, roads):
            monkeypatch.setattr(module, "run_block", failing_once)
        return _in_pieces(shared, Chunk.of(shared.anatomy, tokens))[0]

    run(fails_at=0)
    for call in range(1, len(calls) + 1):
        np.testing.assert_allclose(run(fails_at=call), expected, rtol=0, atol=TOLERANCE)


def _in_pieces(shared: Any, chunk: Chunk) -> tuple[Any, set[int]]:
    """Effects of a scan whose layers may come again for fewer prompts, and how many those were."""
    batch = batch_of(shared.prompts)
    shape = (shared.anatomy.n_layers, shared.anatomy.n_heads, len(batch.tokens))
    effects = np.full(shape, np.nan, np.float32)
    sizes = set()
    for part in scan_layers(shared.anatomy, batch, Ablation("zero"), ("contrast",), chunk):
        effects[part.layer][:, part.rows] = part.effects["contrast"]
        sizes.add(part.rows.stop - part.rows.start)
    return effects, sizes


HEADS = [(0, 1), (1, 2)]
CALLS: dict[str, Callable[[Any, Chunk], Any]] = {
    "clean_readouts": lambda s, chunk: clean_readouts(
        s.anatomy, batch_of(s.prompts), ("contrast",), chunk
    )["contrast"],
    "ablate_sets": lambda s, chunk: ablate_sets(
        s.anatomy, batch_of(s.prompts), [HEADS, HEADS[:1]], Ablation("mean"), ("contrast",), chunk
    )["contrast"],
    "decode_sets": lambda s, chunk: (
        decode_sets(
            s.anatomy, s.prompts.tokens, [HEADS, []], 3, s.prompts.answers, chunk=chunk
        ).answer_logprobs
    ),
    "attribute": lambda s, chunk: np.stack(
        [*attribute(s.anatomy, batch_of(s.prompts), ABLATIONS, chunk).values()]
    ),
    "path_estimates": lambda s, chunk: path_estimates(s.anatomy, s.pairs, HEADS, chunk),
    "path_effects": lambda s, chunk: (
        path_effects(s.anatomy, s.pairs, HEADS[:1], None, chunk)[0].effects
    ),
    "patch_heads": lambda s, chunk: (
        patch_heads(s.anatomy, s.pairs, HEADS, "noising", "z", chunk).total
    ),
    "patch_sets": lambda s, chunk: patch_sets(s.anatomy, s.pairs, [HEADS], "denoising", chunk),
    "attention": lambda s, chunk: attention_from_end(s.anatomy, s.prompts.tokens, HEADS, chunk),
}


@pytest.mark.parametrize("call", CALLS)
def test_whatever_runs_the_model_goes_on_with_fewer_prompts(study, call):
    """The model itself fails on more than two prompts at a time."""
    shared = study("gpt2")
    chunk = Chunk.of(shared.anatomy, 100_000)
    expected = CALLS[call](shared, chunk)
    failed = []

    def fail(_module: Any, _args: Any, given: dict[str, Any]) -> None:
        if len(given["input_ids"]) > 2:
            failed.append(len(given["input_ids"]))
            raise torch.OutOfMemoryError

    handle = shared.anatomy.model.register_forward_pre_hook(fail, with_kwargs=True)
    try:
        measured = CALLS[call](shared, chunk)
    finally:
        handle.remove()
    assert failed
    np.testing.assert_allclose(measured, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("call", CALLS)
def test_whatever_runs_the_model_says_so_when_one_prompt_does_not_fit(study, call):
    shared = study("gpt2")
    chunk = Chunk.of(shared.anatomy, 100)

    def fail(_module: Any, _args: Any) -> None:
        raise torch.OutOfMemoryError

    handle = shared.anatomy.model.register_forward_pre_hook(fail)
    try:
        with pytest.raises(CircuitScalingError, match="too small for one head on one prompt"):
            CALLS[call](shared, chunk)
    finally:
        handle.remove()


def test_what_does_not_fit_at_all_is_one_clear_error(study, small_device):
    small_device(8)
    with pytest.raises(CircuitScalingError, match="one head on one prompt of 9 tokens"):
        _scan(study("gpt2"), Ablation("zero"), chunk=100_000)


def test_other_errors_are_not_taken_for_lack_of_memory(study, monkeypatch):
    def broken(*_: Any) -> Tensor:
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(roads, "run_block", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        _scan(study("gpt2"), Ablation("zero"), chunk=100_000)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_budget_limits_the_tokens_in_flight(study, monkeypatch, architecture):
    shared = study(architecture)
    per_token = bytes_per_token(shared.anatomy)
    expected = _scan(shared, Ablation("zero"), chunk=100_000)
    budget = 2 * 100 * per_token
    seen: list[int] = []
    run_block = roads.run_block

    def watched(anatomy: Any, arguments: Any, residual: Tensor) -> Tensor:
        seen.append(residual.shape[0] * residual.shape[1])
        return run_block(anatomy, arguments, residual)

    monkeypatch.setattr(roads, "run_block", watched)
    batch = batch_of(shared.prompts)
    chunk = Chunk.of(shared.anatomy, 100_000, max_memory=budget)
    scan = scan_layers(shared.anatomy, batch, Ablation("zero"), ("contrast",), chunk)
    measured = assembled(scan, shared.anatomy, len(batch.tokens), ["contrast"])["contrast"]
    assert 0 < max(seen) <= 100
    np.testing.assert_allclose(measured, expected, rtol=0, atol=TOLERANCE)


def test_a_budget_too_small_for_one_head_says_so(study):
    shared = study("gpt2")
    chunk = Chunk.of(shared.anatomy, max_memory=2 * 8 * bytes_per_token(shared.anatomy))
    batch = batch_of(shared.prompts)
    with pytest.raises(CircuitScalingError, match="max_memory .* too small for one head") as error:
        list(scan_layers(shared.anatomy, batch, Ablation("zero"), ("contrast",), chunk))
    assert "9 tokens" in str(error.value)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_estimate_covers_what_a_block_really_holds(study, architecture):
    """Against torch's own count of what is allocated while blocks run."""
    from torch.profiler import ProfilerActivity, profile

    shared = study(architecture)
    tokens = torch.as_tensor(shared.prompts.tokens)
    run = clean.CleanRun.of(shared.anatomy, tokens)
    residual = torch.cat([run.first] * 40)
    with torch.no_grad(), profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        roads.run_block(shared.anatomy, run.arguments[1], residual)
    held = peak = 0
    for event in sorted(seen.profiler.kineto_results.events(), key=lambda e: e.start_ns()):
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    assert 0 < peak <= bytes_per_token(shared.anatomy) * residual.shape[0] * residual.shape[1]
