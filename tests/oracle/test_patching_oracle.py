"""The oracle of patching agrees with itself: identities that hold for every right answer."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from circuit_scaling.interventions.replay.pairs import Pairs
from tests.helpers.other_models import OTHER_FAMILIES, other_model
from tests.helpers.patching_oracle import CHANNELS, PatchingOracle, frozen_norm, put_z
from tests.helpers.tiny_models import ARCHITECTURES, HEADS, LAYERS

ROUNDING = 2e-5


@pytest.fixture(params=ARCHITECTURES)
def shared(request, study):
    return study(request.param)


def z_names(channels="z"):
    return [f"blocks.1.attn.hook_{channel}" for channel in channels]


def test_queries_keys_and_values_of_a_run_make_its_z(shared):
    """Put into another run, whatever that run does: the hooks of all three really work."""
    oracle, pairs = shared.patching, shared.pairs
    _, source = oracle.run(pairs.corrupt, read=z_names("qkvz"))
    hooks = [(name, lambda _, hook, new=source[name]: new) for name in z_names("qkv")]
    _, found = oracle.run(pairs.clean, hooks, read=z_names())
    torch.testing.assert_close(found[z_names()[0]], source[z_names()[0]])
    for channel in CHANNELS:
        alone = [hook for hook in hooks if hook[0].endswith(channel)]
        _, found = oracle.run(pairs.clean, alone, read=z_names())
        assert (found[z_names()[0]] - source[z_names()[0]]).abs().max() > 1e-3


def test_attention_times_values_is_z(shared):
    name, value = "blocks.1.attn.hook_pattern", "blocks.1.attn.hook_v"
    _, found = shared.patching.run(shared.pairs.clean, read=[name, value, *z_names()])
    z = found[z_names()[0]]
    values = found[value].reshape(*z.shape[:2], -1, z.shape[-1])
    values = values.repeat_interleave(HEADS // values.shape[2], dim=2)
    torch.testing.assert_close(torch.einsum("bhqk,bkhd->bqhd", found[name], values), z)


def test_a_run_patched_with_itself_is_unchanged(shared):
    oracle = shared.patching
    pairs = replace(shared.pairs, corrupt=shared.pairs.clean)
    for part in ("z", "v"):
        assert np.abs(oracle.total(pairs, [(1, 2)], "denoising", part)).max() < ROUNDING
    effects, logits = oracle.paths(pairs, (0, 1))
    assert np.abs([*effects.values(), logits]).max() < ROUNDING


def test_all_heads_together_make_the_other_run(shared):
    """Where the last token is the same, heads bring all that differs to the last position."""
    oracle, pairs = shared.patching, shared.pairs
    same = pairs.clean[:, -1] == pairs.corrupt[:, -1]
    clean, corrupt = (oracle.contrast(pairs, run, ()) for run in (pairs.clean, pairs.corrupt))
    total = oracle.total(pairs, oracle.every_head(), "denoising")
    np.testing.assert_allclose(total[same], (clean - corrupt)[same], rtol=0, atol=ROUNDING)
    assert np.abs(clean - corrupt)[same].max() > 0.1


def test_values_alone_are_not_the_whole_output(shared):
    """Attention differs between the runs as well; in the pair of equal prompts nothing does."""
    oracle, pairs = shared.patching, shared.pairs
    z, v = (oracle.total(pairs, [(0, 1)], "noising", part) for part in ("z", "v"))
    assert np.abs(z - v).max() > 1e-3
    assert np.abs([z[-1], v[-1]]).max() < ROUNDING


@pytest.mark.parametrize("architecture", [name for name in ARCHITECTURES if "grouped" not in name])
def test_a_receiver_changed_in_the_run_itself(study, architecture):
    """Where each head has its own key and value, one run says the same as two."""
    shared = study(architecture)
    oracle, pairs, sender = shared.patching, shared.pairs, (0, 1)
    effects, _ = oracle.paths(pairs, sender)
    new_z = oracle.new_z(pairs, sender, "noising", "z")
    names = [f"blocks.{layer}.attn.hook_z" for layer in range(LAYERS)]
    frozen = oracle.run(pairs.clean, read=names)[1]
    frozen[names[0]][:, :, 1] = new_z
    hooks = [(name, lambda _, hook, new=z: new) for name, z in frozen.items()]
    clean = oracle.contrast(pairs, pairs.clean, ())
    for receiver, effect in effects.items():
        name = f"blocks.{receiver.layer}.attn.hook_{receiver.channel}"
        received = oracle.run(pairs.clean, hooks, read=[name])[1][name]

        def put(value, hook, head=receiver.head, received=received):
            value = value.clone()
            value[:, :, head] = received[:, :, head]
            return value

        patched = oracle.contrast(pairs, pairs.clean, [(name, put)])
        np.testing.assert_allclose(patched - clean, effect, rtol=0, atol=ROUNDING)


def test_estimates_are_the_slope_along_each_path(study, tokenizer):
    """In float64: a small share of the receiver's change has that share of the estimate."""
    model, pairs = copy.deepcopy(study("llama_grouped").model).double(), study("gpt2").pairs
    oracle, sender, step = PatchingOracle(model, tokenizer), (0, 1), 1e-3
    clean = oracle.hooked.z(pairs.clean)
    estimates = oracle.estimates(pairs, sender)
    for receiver, new in oracle.received(pairs, sender)[0].items():
        here = clean[receiver.layer][:, :, receiver.head]
        ahead, behind = (
            oracle.contrast(
                pairs,
                pairs.clean,
                put_z({(receiver.layer, receiver.head): here + share * (new - here)}),
            )
            for share in (step, -step)
        )
        slope = (ahead - behind) / (2 * step)
        np.testing.assert_allclose(estimates[receiver], slope, rtol=1e-3, atol=1e-3)
    assert np.abs(list(estimates.values())).max() > 0.1


def test_paths_of_the_last_layer_are_its_total(shared):
    oracle = shared.patching
    effects, logits = oracle.paths(shared.pairs, (LAYERS - 1, 0))
    assert not effects
    total = oracle.total(shared.pairs, [(LAYERS - 1, 0)], "noising")
    np.testing.assert_allclose(logits, total, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("architecture", [*ARCHITECTURES, *OTHER_FAMILIES])
def test_a_frozen_norm_of_the_residual_itself_is_the_norm(request, tokenizer, architecture):
    """Its scale, gain and centring are those of the norm of each family."""
    if architecture in ARCHITECTURES:
        oracle = request.getfixturevalue("study")(architecture).patching
    elif architecture == "ctrl_unknown_to_the_bridge":
        pytest.skip("TransformerLens does not know it")
    else:
        oracle = PatchingOracle(other_model(architecture), tokenizer)
    if not hasattr(oracle.hooked.bridge, "ln_final"):
        pytest.skip("no norm at the end")
    tokens = np.arange(1, 19).reshape(2, 9)
    names = ["ln_final.hook_in", "ln_final.hook_out"]
    residual, normed = (oracle.run(tokens, read=names)[1][name].double() for name in names)
    bias = getattr(oracle.norm, "bias", None)
    linear = normed - (0.0 if bias is None else bias)
    torch.testing.assert_close(
        frozen_norm(oracle.norm, residual, residual), linear, rtol=1e-5, atol=1e-5
    )


def test_pairs_of_the_tiny_models_are_what_the_tests_rely_on(shared):
    pairs: Pairs = shared.pairs
    differs = pairs.clean != pairs.corrupt
    assert differs.sum(axis=1).tolist() == [2, 2, 2, 2, 0]
    assert differs[:, -1].sum() == 1
