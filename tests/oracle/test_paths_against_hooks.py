"""Path patching equals the hook loop: every sender, receiver and channel, and the logits."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.operations.path_patching import (
    Receiver,
    path_effects,
    path_estimates,
)
from circuit_scaling.interventions.replay.chunk import Chunk
from tests.helpers.patching_oracle import CHANNELS
from tests.helpers.tiny_models import ARCHITECTURES, HEADS, LAYERS

TOLERANCE = 1e-4
VISIBLE = 1e-3
CHUNKS = (1, 135, 100_000)
SENDERS = [(0, 0), (0, 3), (1, 1), (2, 2)]


@pytest.fixture(scope="module")
def expected(study):
    """`expected(architecture, sender)`: effects by receiver, logits and total of the oracle."""

    @cache
    def paths(architecture, sender):
        shared = study(architecture)
        total = shared.patching.total(shared.pairs, [sender], "noising")
        return *shared.patching.paths(shared.pairs, sender), total

    return paths


def assert_equal(measured, reference, message=""):
    assert measured.dtype == np.float32
    np.testing.assert_allclose(measured, reference, rtol=0, atol=TOLERANCE, err_msg=message)


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_path(study, expected, architecture, chunk):
    shared = study(architecture)
    found = path_effects(
        shared.anatomy, shared.pairs, SENDERS, chunk=Chunk.of(shared.anatomy, chunk)
    )
    assert [effects.sender for effects in found] == SENDERS
    for effects in found:
        receivers, logits, total = expected(architecture, effects.sender)
        assert len(effects.receivers) == (LAYERS - 1 - effects.sender[0]) * HEADS * len(CHANNELS)
        assert set(effects.receivers) == set(receivers)
        assert effects.effects.shape == (len(receivers), len(shared.pairs))
        for receiver, effect in zip(effects.receivers, effects.effects, strict=True):
            assert_equal(effect, receivers[receiver], str(receiver))
        assert_equal(effects.logits, logits)
        assert_equal(effects.total, total)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_mistakes_would_be_seen(expected, architecture):
    """Every channel, receiver and sender has an effect of its own, far above the tolerance."""
    effects, logits, total = expected(architecture, (0, 0))
    for channel in CHANNELS:
        sizes = [np.abs(effects[r]).max() for r in effects if r.channel == channel]
        assert max(sizes) > VISIBLE
    receivers = list(effects)
    strong = [receiver for receiver in receivers if np.abs(effects[receiver]).max() > VISIBLE]
    assert len(strong) > len(receivers) / 2
    for index, one in enumerate(strong):
        for other in strong[:index]:
            assert np.abs(effects[one] - effects[other]).max() > TOLERANCE
    assert np.abs(logits).max() > VISIBLE
    assert np.abs(total - logits).max() > VISIBLE  # not everything goes straight to the logits
    other, _, _ = expected(architecture, (0, 3))
    assert max(np.abs(effects[r] - other[r]).max() for r in receivers) > VISIBLE


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_receivers_asked_for(study, expected, architecture):
    """In the order asked for; a sender may have none."""
    shared = study(architecture)
    asked = {
        (0, 3): [Receiver(2, 1, "v"), Receiver(1, 0, "q"), Receiver(2, 1, "k")],
        (1, 1): [],
        (0, 0): [Receiver(1, 2, "k")],
    }
    found = path_effects(shared.anatomy, shared.pairs, list(asked), asked)
    assert [effects.sender for effects in found] == list(asked)
    for effects in found:
        receivers, logits, total = expected(architecture, effects.sender)
        assert list(effects.receivers) == asked[effects.sender]
        assert effects.effects.shape == (len(effects.receivers), len(shared.pairs))
        for receiver, effect in zip(effects.receivers, effects.effects, strict=True):
            assert_equal(effect, receivers[receiver], str(receiver))
        assert_equal(effects.logits, logits)
        assert_equal(effects.total, total)


@pytest.mark.parametrize("chunk", CHUNKS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_estimates_are_gradient_times_change(study, architecture, chunk):
    shared = study(architecture)
    anatomy, pairs = shared.anatomy, shared.pairs
    estimates = path_estimates(anatomy, pairs, SENDERS, Chunk.of(anatomy, chunk))
    reference = np.full((len(SENDERS), LAYERS, HEADS, len(CHANNELS), len(pairs)), np.nan)
    for row, sender in zip(reference, SENDERS, strict=True):
        for receiver, estimate in shared.patching.estimates(pairs, sender).items():
            row[receiver.layer, receiver.head, CHANNELS.index(receiver.channel)] = estimate
    assert_equal(estimates, reference)  # NaN up to the sender's layer in both
    sizes = np.nanmax(np.abs(reference[:2, 1:]), axis=(0, 1, 2, 4))  # of each channel
    assert sizes.min() > VISIBLE


@pytest.mark.parametrize("receiver", [Receiver(1, 0, "q"), Receiver(0, 2, "v")])
def test_receivers_up_to_the_sender_are_refused(study, receiver):
    shared = study("gpt2")
    with pytest.raises(CircuitScalingError, match=rf"{receiver.layer}\D*{receiver.head}"):
        path_effects(shared.anatomy, shared.pairs, [(1, 1)], {(1, 1): [receiver]})


@pytest.mark.parametrize("receiver", [Receiver(LAYERS, 1, "q"), Receiver(2, HEADS, "k")])
def test_receivers_outside_the_model_are_refused(study, receiver):
    shared = study("gpt2")
    with pytest.raises(CircuitScalingError, match=rf"{receiver.layer}\D*{receiver.head}"):
        path_effects(shared.anatomy, shared.pairs, [(1, 1)], {(1, 1): [receiver]})
