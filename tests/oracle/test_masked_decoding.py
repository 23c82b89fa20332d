"""Decoding under ablated sets of heads equals hooked ``generate``, token by token."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model.with_cache import cached_bytes_per_token
from circuit_scaling.interventions.operations.decode import NO_TOKEN, Decoded, decode_sets
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.models.architecture import anatomy_of
from tests.helpers.decoding_oracle import DECODING, PROJECTIONS, DecodingOracle, decoding_model
from tests.helpers.other_models import other_model
from tests.helpers.tiny_models import CONTEXT, HEADS, LAYERS, VOCAB, WIDTH

SAMPLES, POSITIONS, NEW = 20, 9, 7
EOS = 0
# Not in the order of their lowest layers.
SETS: list[list[tuple[int, int]]] = [
    [(2, 3)],
    [(0, 0), (2, 1)],
    [],
    [(1, head) for head in range(HEADS)],
    [(1, 2)],
    [(0, 2), (1, 0), (1, 3), (2, 0), (2, 2)],
    [(LAYERS - 1, head) for head in range(HEADS)],
]
EMPTY = 2
CASES = [(architecture, "zero") for architecture in DECODING]
CASES += [(name, "mean") for name in ("gpt2", "gpt_neox_parallel", "gemma3_sliding")]
TOLERANCE = 1e-4
_LLAMA_LIKE = PROJECTIONS["llama_grouped"]
OTHERS = {
    "mistral_sliding_window": _LLAMA_LIKE,
    "gemma2_softcap_and_norm_after_attention": _LLAMA_LIKE,
    "mixtral_experts": _LLAMA_LIKE,
    "falcon_parallel_multi_query": "transformer.h.{}.self_attention.dense",
}


class Case:
    """One tiny model, prompts and answers, and what ablated heads may give."""

    def __init__(self, architecture: str) -> None:
        model = decoding_model(architecture)
        rng = np.random.default_rng(3)
        self.anatomy = anatomy_of(copy.deepcopy(model))
        self.oracle = DecodingOracle(model, PROJECTIONS[architecture])
        self.tokens = rng.integers(1, VOCAB, size=(SAMPLES, POSITIONS))
        self.answers = [
            rng.integers(1, VOCAB, size=length).tolist() for length in rng.integers(0, 5, SAMPLES)
        ]
        self.plain = cache(self.decode)
        self.means = rng.normal(size=(LAYERS, HEADS, WIDTH // HEADS)).astype(np.float32)

    def given(self, mode: str) -> NDArray[np.float32] | None:
        return self.means if mode == "mean" else None

    def decode(self, mode: str = "zero", chunk: Chunk | None = None, **changes: Any) -> Decoded:
        asked = {"answers": self.answers, "sets": SETS, "tokens": self.tokens}
        asked |= {"means": self.given(mode), "max_new_tokens": NEW} | changes
        chunk = chunk or Chunk.of(self.anatomy, 600, max_memory=2**30)
        return decode_sets(self.anatomy, chunk=chunk, **asked)


@pytest.fixture(scope="module")
def case() -> Callable[[str], Case]:
    return cache(Case)


@contextmanager
def ending_at(case: Case, tokens: list[int]) -> Iterator[None]:
    """For a while, these are the model's ends of sequence."""
    config = case.anatomy.model.generation_config
    before = config.eos_token_id
    config.eos_token_id = tokens
    try:
        yield
    finally:
        config.eos_token_id = before


def rows_of(decoded: Decoded, place: int) -> list[list[int]]:
    """New tokens of each row of a set; behind its stop there must be nothing."""
    rows = []
    for row in decoded.tokens[place].tolist():
        length = row.index(NO_TOKEN) if NO_TOKEN in row else len(row)
        assert set(row[length:]) <= {NO_TOKEN}
        rows.append(row[:length])
    return rows


@pytest.mark.parametrize(("architecture", "mode"), CASES)
def test_tokens_are_those_of_hooked_generate(case, architecture, mode):
    shared = case(architecture)
    decoded = shared.plain(mode)
    assert decoded.tokens.shape == (len(SETS), SAMPLES, NEW)
    clean = rows_of(decoded, EMPTY)
    for place, heads in enumerate(SETS):
        expected = shared.oracle.generated(shared.tokens, heads, shared.given(mode), NEW, [EOS])
        assert rows_of(decoded, place) == expected
        assert (expected == clean) == (not heads)  # otherwise nothing was tested


@pytest.mark.parametrize(("architecture", "mode"), CASES)
def test_logprobs_of_answers_are_those_of_one_hooked_forward(case, architecture, mode):
    shared = case(architecture)
    expected = [
        shared.oracle.answer_logprobs(shared.tokens, shared.answers, heads, shared.given(mode))
        for heads in SETS
    ]
    measured = shared.plain(mode).answer_logprobs
    assert measured.dtype == np.float32
    np.testing.assert_allclose(measured, expected, rtol=0, atol=TOLERANCE)
    assert {len(answer) for answer in shared.answers} == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(("family", "projection"), OTHERS.items())
def test_other_families(family, projection):
    """Windows shorter than the prompt, one key-value head, experts, softcaps."""
    model = other_model(family)
    rng = np.random.default_rng(5)
    tokens = rng.integers(1, VOCAB, size=(6, POSITIONS))
    answers = [rng.integers(1, VOCAB, size=length).tolist() for length in (3, 1, 0, 2, 3, 3)]
    means = rng.normal(size=(2, HEADS, WIDTH // HEADS)).astype(np.float32)
    sets = [[(1, 3)], [], [(0, 1), (1, 0)], [(0, head) for head in range(HEADS)]]
    anatomy = anatomy_of(copy.deepcopy(model))
    oracle = DecodingOracle(model, projection)
    chunk = Chunk.of(anatomy, 100, max_memory=2**30)
    for given in (None, means):
        decoded = decode_sets(anatomy, tokens, sets, NEW, answers, given, chunk=chunk)
        logprobs = [oracle.answer_logprobs(tokens, answers, heads, given) for heads in sets]
        np.testing.assert_allclose(decoded.answer_logprobs, logprobs, rtol=0, atol=TOLERANCE)
        said = [oracle.generated(tokens, heads, given, NEW, [EOS]) for heads in sets]
        assert [rows_of(decoded, place) for place in range(len(sets))] == said
        assert len({str(rows) for rows in said}) > 2
        assert len(np.unique(np.round(logprobs, 3), axis=0)) == len(sets)


def test_zero_and_mean_are_not_the_same(case):
    shared = case("llama_grouped")
    zero, mean = shared.plain("zero"), shared.plain("mean")
    assert (zero.tokens[EMPTY] == mean.tokens[EMPTY]).all()
    assert (zero.tokens != mean.tokens).any(axis=(1, 2)).sum() == len(SETS) - 1


@pytest.mark.parametrize("architecture", ["gpt2", "gpt_neox_parallel", "gemma3_sliding"])
def test_each_row_stops_at_its_own_stop_token(case, architecture):
    shared = case(architecture)
    free = shared.plain("zero").tokens
    # The token that is generated most often behind the first place.
    stop = int(np.bincount(free[:, :, 1:][free[:, :, 1:] > EOS]).argmax())
    with ending_at(shared, [EOS, stop]):
        decoded = shared.decode()
    lengths = set()
    for place, heads in enumerate(SETS):
        rows = rows_of(decoded, place)
        assert rows == shared.oracle.generated(shared.tokens, heads, None, NEW, [EOS, stop])
        lengths |= {len(row) for row in rows if row[-1] == stop}
    assert len(lengths) > 2
    logprobs = shared.plain("zero").answer_logprobs
    np.testing.assert_array_equal(decoded.answer_logprobs, logprobs)


def test_the_end_of_sequence_is_the_models_own(case):
    shared = case("llama_grouped")
    free = shared.plain("zero").tokens[EMPTY]
    end, other = int(free[0, 2]), int(free[1, 3])
    with ending_at(shared, [end, other]):
        decoded = shared.decode()
    expected = shared.oracle.generated(shared.tokens, [], None, NEW, [end, other])
    assert rows_of(decoded, EMPTY) == expected
    assert min(map(len, expected)) < NEW


@pytest.mark.parametrize(
    ("tokens", "together"), [(1, 1), (30, 3), (70, 100), (100_000, 1), (100_000, 100)]
)
@pytest.mark.parametrize("architecture", ["gpt2", "gemma3_sliding"])
def test_chunks_do_not_change_results(case, architecture, tokens, together):
    """Prompts, sets that read the prompts together, and sets that are decoded together."""
    shared = case(architecture)
    few = {"tokens": shared.tokens[:5], "answers": shared.answers[:5]}
    expected = shared.plain("mean")
    per_prompt = cached_bytes_per_token(shared.anatomy) * (POSITIONS + NEW)
    chunk = Chunk.of(shared.anatomy, tokens, max_memory=2**30)
    chunk = replace(chunk, kept=per_prompt * len(few["tokens"]) * (together + 1))
    measured = shared.decode("mean", chunk, **few)
    np.testing.assert_array_equal(measured.tokens, expected.tokens[:, :5])
    np.testing.assert_allclose(
        measured.answer_logprobs, expected.answer_logprobs[:, :5], rtol=1e-6, atol=1e-5
    )


@pytest.mark.parametrize("sets_at_once", [1, 2, 5])
def test_caches_stay_within_what_may_be_kept(case, sets_at_once):
    """Rows that are decoded together, the prompts' shared blocks beside them."""
    shared = case("llama_grouped")
    per_token = 2 * LAYERS * (HEADS // 2) * (WIDTH // HEADS) * 4
    assert cached_bytes_per_token(shared.anatomy) == per_token
    kept = per_token * (POSITIONS + NEW) * SAMPLES * (sets_at_once + 1)
    chunk = replace(Chunk.of(shared.anatomy, 100_000, max_memory=2**30), kept=kept)
    rows: set[int] = set()

    def watch(_module: Any, _args: Any, given: dict[str, Any]) -> None:
        if given["input_ids"].shape[1] == 1:
            rows.add(len(given["input_ids"]))

    handle = shared.anatomy.model.register_forward_pre_hook(watch, with_kwargs=True)
    try:
        shared.decode(chunk=chunk)
    finally:
        handle.remove()
    probe = 2
    assert max(rows - {probe}) == sets_at_once * SAMPLES


def test_a_budget_without_room_for_one_prompt_says_so(case):
    shared = case("gpt2")
    with pytest.raises(CircuitScalingError, match="max_memory .* too small"):
        shared.decode(chunk=Chunk.of(shared.anatomy, 200, max_memory=2**12))


def test_of_a_prompt_nothing_is_run_twice_that_no_ablation_changes(case):
    """Decoding steps, the first of which reads a prompt's last token, run all blocks."""
    shared = case("llama_grouped")
    sets = [[(2, 0)], [(1, 1), (2, 2)], [(2, 1)], [(1, 0)], []]
    few = {"tokens": shared.tokens[:4], "answers": shared.answers[:4]}
    started, finished = [0] * LAYERS, [0] * LAYERS
    handles = []
    for layer, block in enumerate(shared.anatomy.blocks):

        def start(_module: Any, args: Any, at: int = layer) -> None:
            started[at] += len(args[0]) * (args[0].shape[1] == POSITIONS - 1)

        def finish(_module: Any, _args: Any, output: Any, at: int = layer) -> None:
            finished[at] += len(output) * (output.shape[1] == POSITIONS - 1)

        # Where a block only answers with what it is known to give, its parts are not called.
        handles.append(block.self_attn.q_proj.register_forward_pre_hook(start))
        handles.append(block.mlp.register_forward_hook(finish))
    try:
        shared.decode(chunk=Chunk.of(shared.anatomy, 20, max_memory=2**30), sets=sets, **few)
    finally:
        for handle in handles:
            handle.remove()
    # The prompts; in block 1 again when they go on. Where the two sets begin, heads look where they
    # looked. The last block's own heads change nothing that is kept; of it sets need the keys.
    assert started == [4, 2 * 4, 4 + 2 * 4]
    assert finished == [4, 4 + 2 * 4, 4]


@pytest.mark.parametrize("length", [1, 2])
def test_prompts_may_be_short_and_answers_of_one_token(case, length):
    """What is read before the last token is then nothing, or one token."""
    shared = case("llama_grouped")
    tokens, answers = shared.tokens[:, :length], [[int(t)] for t in shared.tokens[:, -1]]
    decoded = shared.decode(tokens=tokens, answers=answers)
    for place, heads in enumerate(SETS):
        expected = shared.oracle.generated(tokens, heads, None, NEW, [EOS])
        assert rows_of(decoded, place) == expected
        logprobs = shared.oracle.answer_logprobs(tokens, answers, heads, None)
        np.testing.assert_allclose(decoded.answer_logprobs[place], logprobs, atol=TOLERANCE)


def test_sixteen_bits(case):
    """Other rounding may decide close calls; the first tokens and the log-probabilities hold."""
    shared = case("llama_grouped")
    exact = shared.plain("mean")
    anatomy = anatomy_of(copy.deepcopy(shared.oracle.model).to(torch.bfloat16))
    given = (shared.tokens, SETS, NEW, shared.answers, shared.means)
    rounded = decode_sets(anatomy, *given, chunk=Chunk.of(anatomy, 200, max_memory=2**30))
    assert (rounded.tokens[..., 0] == exact.tokens[..., 0]).mean() > 0.9
    apart = np.abs(rounded.answer_logprobs - exact.answer_logprobs)
    assert np.nanmax(apart) < 0.5 and np.nanmean(apart) < 0.1


def _head(layer: int, head: int) -> dict[str, Any]:
    return {"sets": [[], [(0, 0), (layer, head)]]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (_head(LAYERS, 0), f"Head L{LAYERS}H0 is outside the model's shape"),
        (_head(0, HEADS), f"Head L0H{HEADS} is outside"),
        (_head(-1, 0), "Head L-1H0 is outside"),
        ({"sets": []}, "at least one set"),
        ({"max_new_tokens": 0}, "ask for 1 or more"),
        ({"max_new_tokens": CONTEXT - POSITIONS + 2}, f"context is {CONTEXT}"),
        ({"answers": [[1] * (CONTEXT - POSITIONS + 2)] * SAMPLES}, f"context is {CONTEXT}"),
        ({"answers": [[1]] * 3}, "3 rows of 'answers'"),
        ({"answers": [[VOCAB]] * SAMPLES}, f"Token {VOCAB} in 'answers'"),
        ({"tokens": np.full((SAMPLES, POSITIONS), VOCAB)}, f"Token {VOCAB} in 'tokens'"),
        ({"tokens": np.empty((0, POSITIONS), np.int64), "answers": []}, "no prompts"),
        ({"means": np.zeros((LAYERS, HEADS), np.float32)}, "shape"),
    ],
)
def test_what_does_not_fit_is_one_clear_error(case, changes, message):
    with pytest.raises(CircuitScalingError, match=message):
        case("gpt2").decode(**changes)


def test_the_context_may_be_filled_to_its_last_token(case):
    shared = case("gpt2")
    new = CONTEXT - POSITIONS + 1  # the last is not read
    decoded = shared.decode(sets=[[]], max_new_tokens=new)
    expected = shared.oracle.generated(shared.tokens, [], None, new, [EOS])
    assert rows_of(decoded, 0) == expected
    assert max(map(len, expected)) == new


@pytest.mark.parametrize(
    "spoil",
    [
        lambda given: given | {"past_key_values": None},
        lambda given: given | {"position_ids": torch.zeros_like(given["input_ids"])},
    ],
    ids=["the cache is ignored", "positions begin anew"],
)
def test_a_model_that_does_not_go_on_from_its_cache_is_refused(spoil):
    anatomy = anatomy_of(decoding_model("llama_grouped"))

    def spoiling(_module: Any, args: Any, given: dict[str, Any]) -> Any:
        return args, spoil(given) if given["use_cache"] else given

    anatomy.model.register_forward_pre_hook(spoiling, with_kwargs=True)
    with pytest.raises(CircuitScalingError, match="LlamaForCausalLM: .*cache"):
        decode_sets(anatomy, np.ones((1, 3), np.int64), [[]], 2, [[1]])
