"""What does not fit together is refused with one clear error, never turned into numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.replay.ablation import Ablation
from tests.helpers.engine_scan import engine_effects
from tests.helpers.tiny_models import CONTEXT, VOCAB

ZERO, MEAN, RESAMPLE = Ablation("zero"), Ablation("mean"), Ablation("resample")


def scan(study, ablation=ZERO, readout="contrast", chunk=3, **changes):
    shared = study("gpt2")
    prompts = replace(shared.prompts, **changes)
    return engine_effects(shared.anatomy, prompts, ablation, [readout], chunk)[readout]


@pytest.mark.parametrize("ablation", [MEAN, RESAMPLE], ids=lambda ablation: ablation.mode)
def test_references_that_do_not_serve(study, ablation):
    references = study("gpt2").prompts.reference_tokens
    with pytest.raises(CircuitScalingError, match="reference set"):
        scan(study, ablation, reference_tokens=None, reference_groups=None)
    with pytest.raises(CircuitScalingError, match="group 1"):
        scan(study, ablation, reference_groups=np.zeros(len(references), dtype=np.int64))
    with pytest.raises(CircuitScalingError):
        scan(study, ablation, reference_tokens=references[:, :-1])
    with pytest.raises(CircuitScalingError):
        scan(study, ablation, reference_groups=np.array([0, 1]))


@pytest.mark.parametrize(
    "changes",
    [
        {"groups": np.array([0])},
        {"groups": np.array([0, 0, 1, 1])},
        {"answers": [[1]] * 4},
        {"distractors": [[1]] * 6},
        {"answers": [[VOCAB]] * 5},
        {"candidates": [[1, -1]] * 5},
    ],
    ids=["one group", "few groups", "few answers", "many distractors", "answer", "candidate"],
)
def test_columns_that_do_not_fit_the_prompts(study, changes):
    readout = "candidates" if "candidates" in changes else "contrast"
    with pytest.raises(CircuitScalingError):
        scan(study, MEAN, readout, **changes)


def test_tokens_outside_the_model(study):
    with pytest.raises(CircuitScalingError):
        scan(study, tokens=np.full((5, 9), VOCAB))
    with pytest.raises(CircuitScalingError):
        scan(study, tokens=np.ones((5, CONTEXT + 1), dtype=np.int64))
    with pytest.raises(CircuitScalingError):
        scan(study, tokens=np.ones((0, 9), dtype=np.int64))


@pytest.mark.parametrize(
    ("readout", "missing"),
    [
        ("contrast", "answers"),
        ("contrast", "distractors"),
        ("answer_logprob", "answers"),
        ("candidates", "answers"),
        ("candidates", "candidates"),
    ],
)
def test_a_readout_without_its_targets_is_no_number(study, readout, missing):
    """Where one prompt has no targets: refused, or NaN for it alone, never a value."""
    shared = study("gpt2")
    targets = [[], *getattr(shared.prompts, missing)[1:]]
    try:
        effects = scan(study, readout=readout, **{missing: targets})
    except CircuitScalingError:
        return
    assert np.isnan(effects[..., 0]).all()
    expected = shared.effects("zero", "all")[readout][..., 1:]
    np.testing.assert_allclose(effects[..., 1:], expected, rtol=0, atol=1e-4)


def test_words_and_numbers_that_mean_nothing(study):
    with pytest.raises(CircuitScalingError, match="contrst"):
        scan(study, readout="contrst")
    with pytest.raises(CircuitScalingError, match="medan"):
        scan(study, Ablation("medan"))
    with pytest.raises(CircuitScalingError, match="last"):
        scan(study, Ablation("zero", "last"))
    with pytest.raises(CircuitScalingError):
        scan(study, Ablation("resample", draws=0))
    with pytest.raises(CircuitScalingError):
        scan(study, chunk=0)
