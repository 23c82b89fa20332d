"""Attention rows equal what the models themselves give with `output_attentions`.

The oracle is a second copy of the model whose attention is eager and which keeps whole patterns.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from transformers import PreTrainedModel

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.model import watched_attention
from circuit_scaling.interventions.model.watched_attention import Attended, MaskRule
from circuit_scaling.interventions.operations.attention_rows import (
    attention_rows,
    decode_with_rows,
)
from circuit_scaling.measuring.retrieval.detectors.summed_attention import summed_attention
from circuit_scaling.measuring.retrieval.scores import Asked, decoded_scores, prompt_scores
from tests.helpers.engine_scan import anatomy_of_copy
from tests.helpers.gemma3 import sliding_gemma3
from tests.helpers.other_models import other_model
from tests.helpers.tiny_models import (
    HEADS,
    LAYERS,
    LOCAL_WINDOW,
    VOCAB,
    tiny_model,
)

TOLERANCE = 1e-5
POSITIONS = 21
QUERIES = [3, 20, 0, 11]  # in no order, the last one and the first one among them
FAR = 1e-2  # what a defect changes is far above the tolerance


MODELS: dict[str, Callable[[], PreTrainedModel]] = {
    "llama_grouped": lambda: tiny_model("llama_grouped"),
    "qwen2_grouped": lambda: tiny_model("qwen2_grouped"),
    "gpt_neox_parallel": lambda: tiny_model("gpt_neox_parallel"),
    "gpt2": lambda: tiny_model("gpt2"),
    "opt": lambda: tiny_model("opt"),
    "opt_350m": lambda: tiny_model("opt_350m"),
    "gemma3_sliding_window": sliding_gemma3,
    "gemma2_softcap": lambda: other_model("gemma2_softcap_and_norm_after_attention"),
    "mistral_sliding_window": lambda: other_model("mistral_sliding_window"),
    "qwen3_wide_heads": lambda: other_model("qwen3_normed_queries_and_wide_heads"),
}
GROUPED = ("llama_grouped", "qwen2_grouped", "gemma3_sliding_window")
WINDOWED = ("gemma3_sliding_window", "gemma2_softcap", "mistral_sliding_window")


class Case:
    """A model, the engine's view of a copy of it, and a plain copy that keeps its patterns."""

    def __init__(self, name: str) -> None:
        model = MODELS[name]()
        self.anatomy: Any = anatomy_of_copy(model)
        self.plain = copy.deepcopy(model)
        self.plain.set_attn_implementation("eager")
        self.tokens = np.random.default_rng(3).integers(1, VOCAB, (2, POSITIONS))

    @torch.no_grad()
    def patterns(self, tokens: Any) -> Any:
        """[layers, prompts, heads, queries, keys]."""
        output = self.plain(
            torch.as_tensor(np.asarray(tokens)), output_attentions=True, use_cache=False
        )
        return np.stack([pattern.numpy() for pattern in output.attentions])

    @torch.no_grad()
    def next_token(self, tokens: Any) -> int:
        return int(self.plain(torch.as_tensor(np.asarray(tokens))[None]).logits[0, -1].argmax())


@pytest.fixture(scope="module")
def case() -> Callable[[str], Case]:
    return cache(Case)


def rows_of(case: Case, queries=QUERIES):
    return np.stack(list(attention_rows(case.anatomy, case.tokens, queries)))


def assert_equal(found, expected):
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("name", MODELS)
def test_rows_are_those_of_the_whole_pattern(case, name):
    shared = case(name)
    before = shared.anatomy.model.config._attn_implementation
    found = rows_of(shared)
    expected = shared.patterns(shared.tokens)[:, :, :, QUERIES]
    assert found.dtype == np.float32
    assert_equal(found, expected)
    np.testing.assert_allclose(found.sum(axis=-1), 1, rtol=0, atol=1e-6)
    assert expected.std(axis=-1)[..., [0, 1, 3]].max() > FAR  # far from uniform
    assert shared.anatomy.model.config._attn_implementation == before


@pytest.mark.parametrize("name", MODELS)
def test_a_few_scores_at_a_time_are_the_same(case, name, monkeypatch):
    shared = case(name)
    whole = rows_of(shared)
    monkeypatch.setattr(watched_attention, "_SCORES", 5 * POSITIONS)
    assert_equal(rows_of(shared), whole)


@pytest.mark.parametrize("name", WINDOWED)
def test_keys_outside_the_window_get_nothing(case, name):
    """The window is shorter than the prompt, so that the mask of a layer really masks."""
    last = rows_of(case(name), [POSITIONS - 1])[:, :, :, 0]
    beyond = last[..., : POSITIONS - LOCAL_WINDOW].sum(axis=-1)
    windowed = (beyond == 0).all(axis=(1, 2))
    assert windowed.any()
    assert name == "mistral_sliding_window" or not windowed.all()  # it has a window everywhere


@pytest.mark.parametrize("name", MODELS)
def test_the_model_is_as_before_while_rows_are_read(case, name):
    """Whoever reads a layer may use the model before asking for the next one."""
    shared = case(name)
    tokens = torch.as_tensor(shared.tokens)
    with torch.no_grad():
        before = shared.anatomy.model(tokens).logits
        for _ in attention_rows(shared.anatomy, shared.tokens, [4]):
            assert torch.equal(shared.anatomy.model(tokens).logits, before)
        next(attention_rows(shared.anatomy, shared.tokens, [4]))  # and never goes on
        assert torch.equal(shared.anatomy.model(tokens).logits, before)


@pytest.mark.parametrize("name", MODELS)
def test_decoding_gives_the_row_that_chose_each_token(case, name):
    shared = case(name)
    prompt = shared.tokens[0]
    steps = list(decode_with_rows(shared.anatomy, prompt, 5))
    assert len(steps) == 5
    so_far = list(prompt)
    for token, rows in steps:
        assert rows.shape == (shared.anatomy.n_layers, HEADS, len(so_far))
        assert_equal(rows, shared.patterns([so_far])[:, 0, :, -1])
        assert token == shared.next_token(so_far)
        so_far.append(token)


def test_decoding_stops_when_told(case):
    shared = case("llama_grouped")
    seen: list[list[int]] = []

    def third(tokens: list[int]) -> bool:
        seen.append(list(tokens))
        return len(tokens) == 3

    tokens = [token for token, _ in decode_with_rows(shared.anatomy, shared.tokens[0], 6, third)]
    assert len(tokens) == 3
    assert seen == [tokens[:1], tokens[:2], tokens]


# Defects. Each must be refused by the check of rows against the output, or be far from the oracle.


def _without_rotary(case: Case):
    """The attention of the first layer of a Llama from raw projections, as the study had it."""
    model = case.plain.model
    attention = model.layers[0].self_attn
    with torch.no_grad():
        hidden = model.layers[0].input_layernorm(model.embed_tokens(torch.as_tensor(case.tokens)))
        query = attention.q_proj(hidden).unflatten(-1, (HEADS, -1)).transpose(1, 2)
        key = attention.k_proj(hidden).unflatten(-1, (HEADS // 2, -1)).transpose(1, 2)
        scores = query @ key.repeat_interleave(2, dim=1).mT * attention.scaling
        unseen = torch.ones(POSITIONS, POSITIONS, dtype=torch.bool).triu(1)
        return scores.masked_fill(unseen, -torch.inf).softmax(-1)[:, :, QUERIES].numpy()


def test_attention_without_rotary_embedding_is_told_apart(case):
    shared = case("llama_grouped")
    assert np.abs(rows_of(shared)[0] - _without_rotary(shared)).max() > FAR


@pytest.mark.parametrize("name", MODELS)
def test_a_query_that_sees_later_keys_is_refused(case, name, monkeypatch):
    def everything(rule: MaskRule, queries: Any) -> Any:
        return torch.ones(rule.batch, 1, len(queries), rule.keys, dtype=torch.bool)

    shared = case(name)
    monkeypatch.setattr(MaskRule, "rows", everything)
    if name in ("gemma2_softcap", "mistral_sliding_window"):  # their answer takes these rows too
        assert (
            np.abs(rows_of(shared) - shared.patterns(shared.tokens)[:, :, :, QUERIES]).max() > FAR
        )
    else:
        with pytest.raises(CircuitScalingError, match="masked softmax"):
            rows_of(shared)


@pytest.mark.parametrize("name", WINDOWED)
def test_a_forgotten_window_is_told_apart(case, name, monkeypatch):
    def causal(rule: MaskRule, queries: Any) -> Any:
        return (torch.arange(rule.keys) <= (queries + rule.start)[:, None])[None, None]

    shared = case(name)
    monkeypatch.setattr(MaskRule, "rows", causal)
    assert np.abs(rows_of(shared) - shared.patterns(shared.tokens)[:, :, :, QUERIES]).max() > FAR


@pytest.mark.parametrize("name", GROUPED)
def test_keys_of_another_group_are_refused(case, name, monkeypatch):
    def interleaved(per_head: Any, shared: Any) -> Any:
        return per_head @ shared.repeat(1, per_head.shape[1] // shared.shape[1], 1, 1)

    monkeypatch.setattr(watched_attention, "_grouped", interleaved)
    with pytest.raises(CircuitScalingError, match="masked softmax"):
        rows_of(case(name))


def test_another_scale_is_refused(case, monkeypatch):
    taken = Attended.rows

    def scaled(attended: Attended, anatomy: Any, queries: Any) -> Any:
        object.__setattr__(attended, "scaling", 2 * attended.scaling)
        return taken(attended, anatomy, queries)

    monkeypatch.setattr(Attended, "rows", scaled)
    with pytest.raises(CircuitScalingError, match="masked softmax"):
        rows_of(case("gpt2"))


OUT_OF_REACH: dict[str, Callable[[], PreTrainedModel]] = {
    "GPTNeoForCausalLM": lambda: tiny_model("gpt_neo"),
    "GPTJForCausalLM": lambda: other_model("gptj_parallel_with_unembedding_bias"),
    "FalconForCausalLM": lambda: other_model("falcon_parallel_multi_query"),
}


@pytest.mark.parametrize("architecture", OUT_OF_REACH)
def test_a_model_whose_attention_cannot_be_reached_is_refused(architecture):
    anatomy = anatomy_of_copy(OUT_OF_REACH[architecture]())
    tokens = np.ones((1, 5), dtype=np.int64)
    with pytest.raises(CircuitScalingError, match=f"{architecture}.*exchanged"):
        next(attention_rows(anatomy, tokens, [4]))
    with pytest.raises(CircuitScalingError, match=f"{architecture}.*exchanged"):
        next(decode_with_rows(anatomy, tokens[0], 2))
    anatomy.model(torch.as_tensor(tokens))  # and runs as before


BAD: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "query outside": (lambda a, t: attention_rows(a, t, [2, POSITIONS]), "position 21"),
    "query before": (lambda a, t: attention_rows(a, t, [-1]), "position -1"),
    "no query": (lambda a, t: attention_rows(a, t, []), "at least one"),
    "no prompt": (lambda a, t: attention_rows(a, t[:0], [2]), "no prompts"),
    "unknown token": (lambda a, t: attention_rows(a, t + VOCAB, [2]), "vocabulary"),
    "too long": (lambda a, t: attention_rows(a, np.tile(t, 2), [2]), "context is 32"),
    "answer too long": (lambda a, t: decode_with_rows(a, t[0], 13), "12 are to follow"),
    "no answer": (lambda a, t: decode_with_rows(a, t[0], 0), "0 new tokens"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_does_not_fit_is_named(case, what):
    shared = case("llama_grouped")
    ask, message = BAD[what]
    with pytest.raises(CircuitScalingError, match=message):
        next(ask(shared.anatomy, shared.tokens))


# A sample through the model, against whole patterns and loops.

NEEDLE = slice(4, 9)
QUERY = range(14, POSITIONS)


@pytest.mark.parametrize("name", ["llama_grouped", "gemma3_sliding_window"])
def test_scores_of_a_prompt(case, name):
    shared = case(name)
    tokens = shared.tokens[0]
    null = np.concatenate([tokens[: QUERY.start], [7, 2, 9]])
    found = prompt_scores(shared.anatomy, Asked(tokens, QUERY), Asked(null, range(14, 17)), NEEDLE)
    pattern, without = (shared.patterns([t])[:, 0] for t in (tokens, null))
    for layer in range(LAYERS):
        for head in range(HEADS):
            a, b = pattern[layer, head], without[layer, head]
            summed = sum(a[POSITIONS - 1, j] for j in range(4, 9))
            c = [
                np.mean([a[i, j] for i in QUERY]) - np.mean([b[i, j] for i in range(14, 17)])
                for j in range(4, 9)
            ]
            low = np.mean(c) - 2 * np.std(c, ddof=1)
            assert found.summed_attention[layer, head] == pytest.approx(summed, abs=1e-5)
            assert found.qrhead[layer, head] == pytest.approx(
                sum(x for x in c if x > low), abs=1e-5
            )


def test_a_needle_that_is_off_by_one_is_told_apart(case):
    shared = case("llama_grouped")
    rows = rows_of(shared, [POSITIONS - 1])[:, 0]
    right = shared.patterns(shared.tokens)[:, 0, :, -1, NEEDLE].sum(axis=-1)
    for start, differs in ((4, False), (5, True), (3, True)):
        needle = slice(start, start + 5)
        found = np.stack([summed_attention(layer, needle) for layer in rows])
        assert bool(np.abs(found - right).max() > FAR) == differs


def test_scores_of_decoding(case):
    """Each head scores for a token if its strongest key is that token in the needle."""
    shared = case("llama_grouped")
    rng = np.random.default_rng(0)
    scored = 0
    for _ in range(20):  # random models copy by accident only
        tokens = rng.integers(1, VOCAB, POSITIONS)
        needle = slice(2, 18)
        found = decoded_scores(shared.anatomy, tokens, needle, 4, lambda t: len(t) == 3)
        so_far = list(tokens)
        assert found.copied.shape == (3, LAYERS, HEADS)
        for step, token in enumerate(found.tokens):
            rows = shared.patterns([so_far])[:, 0, :, -1]
            for layer in range(LAYERS):
                for head in range(HEADS):
                    place = int(rows[layer, head].argmax())
                    copies = 2 <= place < 18 and so_far[place] == token
                    assert found.copied[step, layer, head] == (np.float32(1 / 16) if copies else 0)
                    scored += copies
            so_far.append(token)
    assert scored > 0
