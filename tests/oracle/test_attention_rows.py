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
from circuit_scaling.interventions.operations.attention_rows import attention_rows
from circuit_scaling.interventions.operations.reading import Reading
from circuit_scaling.measuring.retrieval.scores import Samples, score_samples
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
def test_reading_on_behind_a_cache_gives_the_same_rows(case, name):
    """A beginning, one ending and back, another ending, and then what the model says itself."""
    shared = case(name)
    seen: list[Any] = []
    reading = Reading(shared.anatomy)
    reading.read(shared.tokens[:, :12])
    one_ending = np.array([[5, 9, 2, 7], [3, 3, 8, 1]])
    reading.look(one_ending, lambda _, rows: seen.append(rows))
    whole = np.concatenate([shared.tokens[:, :12], one_ending], axis=1)
    assert_equal(np.stack(seen), shared.patterns(whole)[:, :, :, 12:])
    reading.back(12)
    so_far, newest = shared.tokens[:, :12], shared.tokens[:, 12:]
    for _ in range(5):
        seen.clear()
        following = reading.look(newest, lambda _, rows: seen.append(rows))
        so_far = np.concatenate([so_far, newest], axis=1)
        assert reading.positions == so_far.shape[1]
        assert_equal(np.stack(seen), shared.patterns(so_far)[:, :, :, -newest.shape[1] :])
        assert following.tolist() == [shared.next_token(prompt) for prompt in so_far]
        newest = following[:, None]


def test_reading_past_the_context_is_refused(case):
    shared = case("llama_grouped")
    reading = Reading(shared.anatomy)
    reading.read(shared.tokens)
    with pytest.raises(CircuitScalingError, match="21 tokens and 12 are to follow.*context is 32"):
        reading.look(shared.tokens[:, :12], lambda *_: None)
    reading.look(shared.tokens[:, :11], lambda *_: None)


def test_attention_that_is_not_finite_is_named(case, monkeypatch):
    taken = Attended.rows

    def overflowing(attended: Attended, anatomy: Any, queries: Any) -> Any:
        attended.output.fill_(torch.inf)
        return taken(attended, anatomy, queries)

    monkeypatch.setattr(Attended, "rows", overflowing)
    with pytest.raises(CircuitScalingError, match="layer 0 is not finite.*float32"):
        rows_of(case("llama_grouped"))


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
        Reading(anatomy).read(tokens)
    anatomy.model(torch.as_tensor(tokens))  # and runs as before


BAD: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "query outside": (lambda a, t: attention_rows(a, t, [2, POSITIONS]), "position 21"),
    "query before": (lambda a, t: attention_rows(a, t, [-1]), "position -1"),
    "no query": (lambda a, t: attention_rows(a, t, []), "at least one"),
    "no prompt": (lambda a, t: attention_rows(a, t[:0], [2]), "no prompts"),
    "unknown token": (lambda a, t: attention_rows(a, t + VOCAB, [2]), "vocabulary"),
    "too long": (lambda a, t: attention_rows(a, np.tile(t, 2), [2]), "context is 32"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_does_not_fit_is_named(case, what):
    shared = case("llama_grouped")
    ask, message = BAD[what]
    with pytest.raises(CircuitScalingError, match=message):
        next(ask(shared.anatomy, shared.tokens))


# A sample through the model, against whole patterns and loops.

QUERY = range(14, POSITIONS)
NEEDLES = [slice(4, 9), slice(2, 14)]


def asked(tokens, needles=NEEDLES):
    null = np.array([[7, 2, 9]] * len(tokens))
    return Samples(tokens[:, : QUERY.start], tokens[:, QUERY.start :], null, needles)


@pytest.mark.parametrize("name", ["llama_grouped", "gemma3_sliding_window"])
def test_scores_of_prompts(case, name):
    shared = case(name)
    together = asked(shared.tokens)
    found = score_samples(shared.anatomy, together, 1, lambda _: False)
    for place, needle in enumerate(NEEDLES):
        without_question = np.concatenate([together.context[place], together.null[place]])
        pattern = shared.patterns(shared.tokens[[place]])[:, 0]
        without = shared.patterns(without_question[None])[:, 0]
        of_needle = range(needle.start, needle.stop)
        for layer in range(LAYERS):
            for head in range(HEADS):
                a, b = pattern[layer, head], without[layer, head]
                summed = sum(a[POSITIONS - 1, j] for j in of_needle)
                c = [
                    np.mean([a[i, j] for i in QUERY]) - np.mean([b[i, j] for i in range(14, 17)])
                    for j in of_needle
                ]
                low = np.mean(c) - 2 * np.std(c, ddof=1)
                at = place, layer, head
                assert found.summed_attention[at] == pytest.approx(summed, abs=1e-5)
                assert found.qrhead[at] == pytest.approx(sum(x for x in c if x > low), abs=1e-5)


def test_a_needle_that_is_off_by_one_is_told_apart(case):
    shared = case("llama_grouped")
    needle = NEEDLES[0]
    right = shared.patterns(shared.tokens)[:, 0, :, -1, needle].sum(axis=-1)
    for start, differs in ((4, False), (5, True), (3, True)):
        moved = [slice(start, start + 5), NEEDLES[1]]
        found = score_samples(shared.anatomy, asked(shared.tokens, moved), 1, lambda _: False)
        assert bool(np.abs(found.summed_attention[0] - right).max() > FAR) == differs


def test_scores_of_decoding(case):
    """Each head scores for a token if its strongest key is that token in the needle.

    Prompts that are decoded together stop each for itself.
    """
    shared = case("llama_grouped")
    tokens = np.random.default_rng(0).integers(1, VOCAB, (20, POSITIONS))  # copies by accident only
    needles = [slice(2, 13 - n % 2) for n in range(20)]
    found = score_samples(
        shared.anatomy, asked(tokens, needles), 4, lambda said: len(said) == 3 or said[0] % 2 == 0
    )
    scored, lengths = 0, set()
    for prompt, needle, answer in zip(tokens, needles, found.answers, strict=True):
        so_far = list(prompt)
        n = 1 if answer.tokens[0] % 2 == 0 else 3
        assert answer.copied.shape == (n, LAYERS, HEADS)
        lengths.add(n)
        for step, token in enumerate(answer.tokens):
            assert token == shared.next_token(so_far)
            rows = shared.patterns([so_far])[:, 0, :, -1]
            for layer in range(LAYERS):
                for head in range(HEADS):
                    place = int(rows[layer, head].argmax())
                    copies = needle.start <= place < needle.stop and so_far[place] == token
                    of_one = np.float32(1 / (needle.stop - needle.start))
                    assert answer.copied[step, layer, head] == (of_one if copies else 0)
                    scored += copies
            so_far.append(token)
    assert scored > 0
    assert lengths == {1, 3}
