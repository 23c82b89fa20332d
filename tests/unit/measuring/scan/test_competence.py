"""When a model is said to do a task: a contrast above 0 is not enough."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from circuit_scaling.measuring.scan.measurement import Measurement
from circuit_scaling.prompts.shipped import shipped_tasks
from tests.helpers.small_scans import SETTINGS, prompts

N_CLUSTERS = 40


def competence(
    metric: NDArray[np.float64], task: str = "ioi", n_clusters: int = N_CLUSTERS
) -> dict[str, Any]:
    """Of a model whose clean metric on two prompts a cluster is given."""
    rows = prompts(task, {f"c{i:02d}": 2 for i in range(n_clusters)})
    rows["candidates"] = [list(range(96))] * len(rows)
    nothing = cast("Any", None)
    spec = shipped_tasks().root[task]
    measurement = Measurement(nothing, task, spec, SETTINGS, rows, nothing)
    clean = {spec.readout: metric.astype(np.float32), "candidates": metric > 0}
    measurement.__dict__["clean"] = clean  # as if the model had been run
    return measurement.competence()


def answers(right: float, size: float = 1.0, n_clusters: int = N_CLUSTERS) -> NDArray[np.float64]:
    """Contrasts of which a share is right, a little stronger than the wrong ones."""
    n = 2 * n_clusters
    signs = np.where(np.random.default_rng(0).permutation(n) < round(right * n), 1.2, -0.8)
    return size * signs


def test_right_on_most_prompts_is_competent() -> None:
    found = competence(answers(0.8))
    assert found["competent"] is True
    assert found["accuracy"] == pytest.approx(0.8)
    assert 0.5 < found["accuracy_low"] < 0.8 < found["accuracy_high"] <= 1


def test_a_contrast_that_is_told_from_0_is_not_enough() -> None:
    """Half right, with a contrast of 0.02 whose interval lies above 0."""
    contrast = np.where(np.arange(80) % 2 == 0, 0.05, -0.01)
    found = competence(contrast)
    assert found["low"] > 0
    assert found["accuracy"] == 0.5
    assert found["competent"] is False


def test_above_chance_by_less_than_the_margin_is_not_competent() -> None:
    n = 4000
    found = competence(answers(0.57, n_clusters=n), n_clusters=n)
    assert found["accuracy_low"] > 0.5
    assert found["low"] > 0
    assert found["competent"] is False


def test_few_clusters_leave_it_open() -> None:
    found = competence(answers(1.0, n_clusters=9), n_clusters=9)
    assert found["competent"] is None
    assert np.isnan([found["low"], found["accuracy_low"]]).all()


def test_a_control_has_nothing_to_fail() -> None:
    found = competence(answers(1.0), task="ioi_abc")
    assert found["competent"] is None
    assert np.isnan(found["accuracy"])


def test_names_limit_the_clusters_and_other_words_do_not() -> None:
    assert competence(answers(1.0))["most_clusters"] == 48  # pairs of 96 names
    assert competence(answers(1.0), task="ioi_abc")["most_clusters"] == 32  # three names each
    assert np.isnan(competence(answers(1.0), task="induction")["most_clusters"])
