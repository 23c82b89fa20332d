"""Attribution scores against TransformerLens's own tool and against finite differences."""

from __future__ import annotations

import copy
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from transformer_lens.tools.analysis.attribution_patching import (
    attribution_patch,
    cache_activation_and_gradient,
)

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.operations.attribute import attribute
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.interventions.replay.replacements import donor_indices
from circuit_scaling.models.architecture import anatomy_of
from tests.helpers.engine_scan import batch_of
from tests.helpers.hook_oracle import HookOracle, measure
from tests.helpers.tiny_models import ARCHITECTURES, HEADS, LAYERS
from tests.oracle.conftest import DRAWS, SEED

TOLERANCE = 1e-5
# Share of the change z' - z by which the finite difference moves. Not smaller: some models norm or
# attend in float32 even where the rest is float64.
STEP = 1e-3
ABLATIONS = tuple(
    Ablation(mode, positions, draws=DRAWS, seed=SEED)
    for mode in ("zero", "mean", "resample")
    for positions in ("all", "end")
)


@pytest.fixture(scope="module", params=ARCHITECTURES)
def shared(request, study):
    return study(request.param)


@pytest.fixture(scope="module")
def scores(shared):
    return attribute(shared.anatomy, batch_of(shared.prompts), ABLATIONS)


def contrast(prompts, row, logits):
    """The metric of one prompt, as TransformerLens's tool wants it."""
    last = logits[0, -1]
    return last[prompts.answers[row]].mean() - last[prompts.distractors[row]].mean()


def tool_gradients(shared):
    """dm/dz by the tool, per layer [prompts, positions, heads, d]."""
    tokens = torch.as_tensor(shared.prompts.tokens)
    caches = [
        cache_activation_and_gradient(
            shared.oracle.bridge, tokens[row : row + 1], partial(contrast, shared.prompts, row)
        )
        for row in range(len(tokens))
    ]
    return [
        torch.cat([cache.gradients[f"blocks.{layer}.attn.hook_z"] for cache in caches])
        for layer in range(LAYERS)
    ]


def new_z(oracle, prompts, ablation):
    """The z' of an ablation by its definition, the mean over draws, per layer."""
    if ablation.mode == "zero":
        return [torch.zeros_like(z) for z in oracle.z(prompts.tokens)]
    reference = oracle.z(prompts.reference_tokens)
    if ablation.mode == "mean":
        members = [torch.as_tensor(prompts.reference_groups == group) for group in prompts.groups]
        return [torch.stack([z[m].mean(0) for m in members]) for z in reference]
    donors = torch.as_tensor(donor_indices(batch_of(prompts), DRAWS, SEED))
    return [z[donors].mean(0) for z in reference]


@pytest.mark.parametrize("ablation", ABLATIONS[:4], ids=lambda a: f"{a.mode}-{a.positions}")
def test_gradient_times_change_of_the_tool(shared, scores, ablation):
    """Zero and mean: the tool's gradients, times the change of z."""
    clean = shared.oracle.z(shared.prompts.tokens)
    layers = zip(
        tool_gradients(shared), new_z(shared.oracle, shared.prompts, ablation), clean, strict=True
    )
    expected = torch.stack([(g * (new - z)).sum(-1) for g, new, z in layers])
    expected = expected[:, :, -1] if ablation.positions == "end" else expected.sum(2)
    expected = expected.permute(0, 2, 1).numpy()
    np.testing.assert_allclose(scores[ablation], expected, rtol=TOLERANCE, atol=TOLERANCE)
    assert np.abs(expected).max(axis=-1).min() > 10 * TOLERANCE


@pytest.mark.parametrize("ablation", ABLATIONS[4:], ids=lambda a: f"{a.mode}-{a.positions}")
def test_resample_is_attribution_patching(shared, scores, ablation):
    """The tool patches from its corrupt run towards its clean one: the prompt and its donor."""
    prompts = shared.prompts
    donors = prompts.reference_tokens[donor_indices(batch_of(prompts), DRAWS, SEED)]
    expected = np.zeros((LAYERS, HEADS, len(prompts.tokens)))
    for row, tokens in enumerate(prompts.tokens):
        patched = attribution_patch(
            shared.oracle.bridge,
            clean=torch.as_tensor(donors[:, row]),
            corrupt=torch.as_tensor(tokens).expand(DRAWS, -1),
            metric_fn=partial(contrast, prompts, row),
        )
        for node, score in patched.node_scores.items():
            at_end = node.position == len(tokens) - 1
            if node.kind == "attn_head_out" and (at_end or ablation.positions == "all"):
                expected[node.layer, node.head, row] += score
    np.testing.assert_allclose(scores[ablation], expected, rtol=TOLERANCE, atol=TOLERANCE)
    assert np.abs(expected).max(axis=-1).min() > 10 * TOLERANCE


def test_scores_are_the_slope_of_the_effect(shared, tokenizer):
    """In float64: a small share of the change gives that share of the score, head by head."""
    model = copy.deepcopy(shared.model).double()
    if model.config.model_type == "opt":
        for block in model.model.decoder.layers:
            block.activation_fn = torch.nn.GELU()  # the kinks of a ReLU have no slope
    oracle, prompts = HookOracle(model, tokenizer), shared.prompts
    measured = attribute(anatomy_of(model), batch_of(prompts), ABLATIONS)
    z = oracle.z(prompts.tokens)
    assert z[0].dtype == torch.float64
    logits = oracle.logits(prompts.tokens)
    for ablation, scored in measured.items():
        change = [new - old for new, old in zip(new_z(oracle, prompts, ablation), z, strict=True)]
        for layer, head in np.ndindex(LAYERS, HEADS):
            ahead, behind = (
                measure(
                    prompts,
                    oracle.ablated_logits(
                        prompts.tokens,
                        layer,
                        head,
                        (z[layer] + step * change[layer])[:, :, head],
                        ablation.positions,
                    ),
                    logits,
                )["contrast"]
                for step in (STEP, -STEP)
            )
            slope = (ahead - behind) / (2 * STEP)
            np.testing.assert_allclose(scored[layer, head], slope, rtol=2e-3, atol=1e-3)


def test_the_mean_over_every_donor_is_the_score_of_the_mean(shared):
    """The score is linear in z'; exact effects are not."""
    prompts = replace(
        shared.prompts,
        groups=np.zeros_like(shared.prompts.groups),
        reference_tokens=shared.prompts.reference_tokens[4:],
        reference_groups=np.zeros_like(shared.prompts.reference_groups[4:]),
    )
    mean, every = Ablation("mean"), Ablation("resample", draws=len(prompts.reference_tokens))
    scored = attribute(shared.anatomy, batch_of(prompts), [mean, every])
    np.testing.assert_allclose(scored[every], scored[mean], rtol=0, atol=TOLERANCE)


def test_slices_of_prompts_do_not_matter(shared, scores):
    positions = shared.prompts.tokens.shape[1]
    two = replace(Chunk.of(shared.anatomy), limit=2 * positions * shared.anatomy.n_layers)
    sliced = attribute(shared.anatomy, batch_of(shared.prompts), ABLATIONS, two)
    for ablation, values in scores.items():
        assert values.dtype == np.float32
        np.testing.assert_allclose(sliced[ablation], values, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("trainable", [True, False])
def test_the_model_is_left_as_it_was(shared, scores, trainable):
    model = copy.deepcopy(shared.model).requires_grad_(trainable)
    tokens = torch.as_tensor(shared.prompts.tokens)
    anatomy = anatomy_of(model)
    with torch.no_grad():
        before = model(tokens).logits
        again = attribute(anatomy, batch_of(shared.prompts), ABLATIONS)
        assert torch.equal(model(tokens).logits, before)
    for ablation, values in scores.items():
        np.testing.assert_allclose(again[ablation], values, rtol=0, atol=TOLERANCE)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert all(parameter.requires_grad == trainable for parameter in model.parameters())


def test_what_it_cannot_score_is_refused(study):
    shared = study("gpt2")
    prompts = shared.prompts
    unanswered = replace(prompts, distractors=[[], *prompts.distractors[1:]])
    with pytest.raises(CircuitScalingError, match="every prompt needs an answer"):
        attribute(shared.anatomy, batch_of(unanswered), [Ablation("zero")])
    alone = replace(prompts, reference_tokens=None, reference_groups=None)
    with pytest.raises(CircuitScalingError, match="reference set"):
        attribute(shared.anatomy, batch_of(alone), [Ablation("mean")])
