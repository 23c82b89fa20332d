"""What prompts share is computed once, and every number is that of the hook loop."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.utils.flop_counter import FlopCounterMode

from circuit_scaling.interventions.model.shared_prefixes import SharedPrefixes
from circuit_scaling.interventions.operations.ablate_heads import scan_layers
from circuit_scaling.interventions.operations.ablate_sets import ablate_sets
from circuit_scaling.interventions.replay import roads
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.chunk import Chunk, bytes_per_token
from circuit_scaling.interventions.replay.clean import CleanRun
from circuit_scaling.interventions.replay.roads import Everywhere, OncePerPrefix, Road
from circuit_scaling.models.architecture import anatomy_of
from tests.helpers.branching_prompts import POSITIONS, branching_prompts, n_prefixes
from tests.helpers.engine_scan import anatomy_of_copy, batch_of, engine_effects
from tests.helpers.hook_oracle import READOUTS, HookOracle, Prompts
from tests.helpers.other_models import OTHER_FAMILIES, PROMPT_SEEDS, REFUSED, other_model
from tests.helpers.patching_oracle import put_z
from tests.helpers.tiny_models import ARCHITECTURES, HEADS, VOCAB

TOLERANCE = 1e-4
MODES = ("zero", "mean")
# Tokens, for 7 prompts of 9: some prompts at a time, three heads, everything.
CHUNKS = (30, 189, 100_000)
SETS = [[], [(0, 1), (0, 2)], [(0, 3), (2, 0)], [(1, 1), (1, 2), (2, 3)], [(2, 2)]]


@pytest.fixture(scope="module", autouse=True)
def _worth_it() -> Iterator[None]:
    """The models of these tests are so narrow that sharing would not pay."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(roads, "_SPREADING", 0.0)
        yield


@pytest.fixture(scope="module")
def branching(study):
    """`branching(architecture)`: its model's prompts that begin alike."""
    return cache(lambda architecture: branching_prompts(study(architecture).model))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_head_equals_the_hook_loop(study, branching, architecture, mode):
    shared, prompts = study(architecture), branching(architecture)
    assert shared.anatomy.shares_prefixes
    expected = shared.oracle.effects(prompts, mode, "all")
    for chunk in CHUNKS:
        for readouts in (READOUTS, READOUTS[:3]):  # with and without the loss at every position
            measured = engine_effects(shared.anatomy, prompts, Ablation(mode), readouts, chunk)
            for name in readouts:
                np.testing.assert_allclose(
                    measured[name], expected[name], rtol=0, atol=TOLERANCE, err_msg=name
                )
    assert np.abs(expected["contrast"]).max(axis=-1).min() > 10 * TOLERANCE


@pytest.mark.parametrize("family", sorted(set(OTHER_FAMILIES) - set(REFUSED)))
def test_other_families(tokenizer, family):
    model = other_model(family)
    anatomy = anatomy_of_copy(model)
    prompts = branching_prompts(model, PROMPT_SEEDS.get(family, 1))
    assert anatomy.shares_prefixes
    expected = HookOracle(model, tokenizer).effects(prompts, "mean", "all")["contrast"]
    measured = engine_effects(anatomy, prompts, Ablation("mean"), ("contrast",), 100_000)
    np.testing.assert_allclose(measured["contrast"], expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_sets_equal_hooked_runs(study, branching, architecture, mode):
    shared, prompts = study(architecture), branching(architecture)
    (new_z,) = shared.oracle.replacements(prompts, mode, None)
    expected = []
    for heads in SETS:
        new = {(layer, head): new_z[layer][:, :, head] for layer, head in heads}
        with torch.no_grad():
            hooked = shared.oracle.bridge.run_with_hooks(
                torch.as_tensor(prompts.tokens), fwd_hooks=put_z(new)
            )
        expected.append(_contrast(prompts, hooked))
    for chunk in CHUNKS:
        found = ablate_sets(
            *(shared.anatomy, batch_of(prompts), SETS, Ablation(mode)),
            ("contrast", "token_loss") if chunk == CHUNKS[1] else ("contrast",),
            Chunk.of(shared.anatomy, chunk, max_memory=2**30),
        )
        np.testing.assert_allclose(found["contrast"], expected, rtol=0, atol=TOLERANCE)


def _contrast(prompts: Prompts, logits: torch.Tensor) -> list[float]:
    return [
        float(row[answers].mean() - row[distractors].mean())
        for row, answers, distractors in zip(
            logits[:, -1].double(), prompts.answers, prompts.distractors, strict=True
        )
    ]


@pytest.mark.parametrize(("mode", "once"), [("zero", True), ("mean", True), ("resample", False)])
def test_norms_and_mlp_see_each_prefix_once(study, branching, mode, once):
    shared, prompts = study("gpt2"), branching("gpt2")
    groups = prompts.groups if mode == "mean" else np.zeros_like(prompts.groups)
    n_positions = prompts.tokens.size
    expected = n_prefixes(prompts.tokens, groups) if once else n_positions
    assert not once or expected < 0.8 * n_positions
    seen: set[int] = set()
    chunk = Chunk.of(shared.anatomy, HEADS * expected, max_memory=2**30)
    middle = shared.anatomy.blocks[1]
    handles = [
        module.register_forward_hook(lambda _m, _a, out: seen.add(out.shape[:-1].numel()))
        for module in (middle.ln_1, middle.attn.c_proj, middle.mlp.c_fc)
    ]
    try:
        for _ in scan_layers(
            *(shared.anatomy, batch_of(prompts), Ablation(mode), ("contrast",)), chunk
        ):
            pass
    finally:
        for handle in handles:
            handle.remove()
    assert max(seen) == HEADS * expected  # the heads of one layer; clean runs are smaller


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_products_fall_by_what_is_shared(study, branching, architecture):
    """Those of the attention as well, whose inputs and outputs are at all positions."""
    anatomy, tokens = study(architecture).anatomy, branching(architecture).tokens
    clean = CleanRun.of(anatomy, torch.as_tensor(tokens))
    alone = np.zeros(len(tokens), dtype=np.int64)
    prefixes = SharedPrefixes.of(tokens, alone, torch.device("cpu"))
    everywhere, once = Everywhere(clean, True), OncePerPrefix(clean, True, prefixes)
    assert _products(once, prefixes.once(clean.first)) == pytest.approx(
        prefixes.share * _products(everywhere, clean.first)
    )


@torch.no_grad()
def _products(road: Road, residual: torch.Tensor) -> int:
    """Operations of the linear maps of the second block."""
    with FlopCounterMode(display=False) as counter:
        road.run(1, residual)
    counted = counter.get_flop_counts()["Global"]
    return sum(counted.get(product, 0) for product in (torch.ops.aten.addmm, torch.ops.aten.mm))


def test_what_is_in_flight_fits_at_all_positions(study, branching):
    """Attention spreads prefixes, so that a budget counts positions and not prefixes."""
    anatomy, batch = study("gpt2").anatomy, batch_of(branching("gpt2"))
    zero, budget = Ablation("zero"), 2 * 130 * bytes_per_token(anatomy)
    clean = CleanRun.of(anatomy, torch.as_tensor(batch.tokens))
    prefixes = roads.prefixes_of(anatomy, batch, slice(0, 7), (zero,))
    road = roads.road_of(zero, clean, prefixes, last_only=True)
    assert isinstance(road, OncePerPrefix)
    chunk = Chunk.of(anatomy, 100_000, max_memory=budget)
    assert road.capacity(chunk) == 130 // batch.tokens.size < 130 // len(road.prefixes)


def test_where_nothing_is_shared_every_bit_is_as_without(study):
    shared = study("llama_grouped")
    alone = replace(shared.anatomy, shares_prefixes=False)
    for chunk in CHUNKS:
        found, expected = (
            engine_effects(anatomy, shared.prompts, Ablation("zero"), READOUTS, chunk)
            for anatomy in (shared.anatomy, alone)
        )
        for name in READOUTS:
            np.testing.assert_array_equal(found[name], expected[name])


def test_a_narrow_model_shares_only_what_pays(study, branching, monkeypatch):
    shared, batch = study("gpt2"), batch_of(branching("gpt2"))
    rows, zero = slice(0, 7), (Ablation("zero"),)
    share = n_prefixes(batch.tokens, np.zeros(7, np.int64)) / batch.tokens.size
    for cost, pays in ((0.9 - share, True), (1.0 - share, False)):
        monkeypatch.setattr(roads, "_SPREADING", cost * shared.anatomy.d_model)
        assert (roads.prefixes_of(shared.anatomy, batch, rows, zero) is not None) == pays


def test_all_prompts_are_one(study, branching):
    """Different questions about one text: it is replayed once, and each has its own effect."""
    shared, prompts = study("gpt_neox_parallel"), branching("gpt_neox_parallel")
    same = replace(prompts, tokens=np.repeat(prompts.tokens[:1], 7, axis=0))
    expected = shared.oracle.effects(same, "zero", "all")["contrast"]
    measured = engine_effects(shared.anatomy, same, Ablation("zero"), ("contrast",), 189)
    np.testing.assert_allclose(measured["contrast"], expected, rtol=0, atol=TOLERANCE)
    assert np.ptp(expected, axis=-1).max() > 1e-2


@st.composite
def trees(draw: Any, shortest: int) -> tuple[np.ndarray, np.ndarray]:
    """Tokens [prompts, pos] of few letters, so that many begin alike, and groups [prompts]."""
    shape = draw(st.tuples(st.integers(1, 7), st.integers(shortest, POSITIONS)))
    rows = st.lists(st.integers(1, 3), min_size=shape[1], max_size=shape[1])
    tokens = draw(st.lists(rows, min_size=shape[0], max_size=shape[0]))
    groups = draw(st.lists(st.integers(0, 1), min_size=shape[0], max_size=shape[0]))
    return np.array(tokens), np.array(groups)


@settings(deadline=None)
@given(trees(1))
def test_prefixes_are_the_beginnings(tree):
    tokens, groups = tree
    prefixes = SharedPrefixes.of(tokens, groups, torch.device("cpu"))
    assert len(prefixes) == n_prefixes(tokens, groups)
    assert prefixes.share == len(prefixes) / tokens.size
    # A number that says the whole prefix and its group, in two runs.
    powers = VOCAB ** np.arange(1, tokens.shape[1] + 1)
    said = torch.from_numpy(np.cumsum(tokens * powers, axis=1) + groups[:, None])[..., None]
    runs = torch.cat([said, -said])
    once = prefixes.once(runs)
    assert once.shape == (2, len(prefixes), 1)
    assert len(once[0].unique()) == len(prefixes)
    assert torch.equal(prefixes.everywhere(once), runs)
    assert torch.equal(prefixes.at_end(once), runs[:, -1:])


@settings(max_examples=12, deadline=None)
@given(trees(2), st.sampled_from(CHUNKS), st.sampled_from(["gpt_neo", "opt_350m"]))
def test_random_trees_equal_the_hook_loop(study, tree, chunk, architecture):
    shared, (tokens, groups) = study(architecture), tree
    nothing: list[list[int]] = [[] for _ in tokens]  # random texts have no answer
    prompts = replace(
        shared.prompts,
        tokens=tokens,
        answers=nothing,
        distractors=nothing,
        candidates=nothing,
        groups=groups,
        reference_tokens=np.arange(1, 2 * tokens.shape[1] + 1).reshape(2, -1),
        reference_groups=np.array([0, 1]),
    )
    readouts = prompts.readouts
    expected = shared.oracle.effects(prompts, "mean", "all")
    measured = engine_effects(shared.anatomy, prompts, Ablation("mean"), readouts, chunk)
    for name in readouts:
        np.testing.assert_allclose(measured[name], expected[name], rtol=0, atol=TOLERANCE)


def test_a_block_that_knows_its_positions_is_run_at_all_of_them(study, branching):
    """What a block does outside of its attention may depend on where a token stands."""
    prompts = branching("gpt2")
    model = copy.deepcopy(study("gpt2").model)
    for block in model.transformer.h:
        block.mlp.register_forward_hook(_counted_on)
    anatomy = anatomy_of(model)
    assert not anatomy.shares_prefixes
    measured = engine_effects(anatomy, prompts, Ablation("zero"), ("contrast",), 189)
    tokens = torch.as_tensor(prompts.tokens)

    def without(_module: object, args: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        return (args[0].index_fill(-1, torch.arange(8, 16), 0.0),)  # head 1 of 4

    with torch.no_grad():
        clean = _contrast(prompts, model(tokens).logits)
        model.transformer.h[0].attn.c_proj.register_forward_pre_hook(without)
        expected = np.subtract(_contrast(prompts, model(tokens).logits), clean)
    np.testing.assert_allclose(measured["contrast"][0, 1], expected, rtol=0, atol=TOLERANCE)
    assert np.abs(expected).max() > 1e-2


def _counted_on(_module: object, _args: object, output: torch.Tensor) -> torch.Tensor:
    return output + 0.1 * torch.arange(output.shape[1])[:, None]
