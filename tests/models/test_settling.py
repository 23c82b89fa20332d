"""Heads measured until they are settled: the same effects, honest gaps, one verdict, resumable."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import circuit_scaling
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.replay.ablation import Ablation
from circuit_scaling.interventions.replay.chunk import Chunk
from circuit_scaling.measuring.scan.kept_layers import KeptLayers
from circuit_scaling.measuring.scan.measurement import Measurement
from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings, SettleSettings
from circuit_scaling.measuring.scan.settling import MIN_CLUSTERS, Settling, settle
from circuit_scaling.measuring.shared.progress import no_progress
from circuit_scaling.measuring.shared.unlisted import Unlisted, opened_unlisted
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.statistics.categories import resolved, straddles
from tests.conftest import PROJECT

ZOO = PROJECT / "data" / "01_raw" / "zoo"
ZERO = AblationKind(ablation="zero", positions="all")
SETTLE = SettleSettings(tau=0.1, max_prompts=200)
SETTINGS = ScanSettings(
    until="resolved",
    settle=SETTLE,
    primary=ZERO,
    ablations=("zero", "mean"),
    positions=("all",),
    agreement_tasks=("ioi",),
    draws=1,
)
N_PROMPTS = 240


class Killed(BaseException):
    """What nothing on the way up handles."""


@pytest.fixture(scope="module")
def measurement() -> Iterator[Measurement]:
    """IOI on the smallest embedded model."""
    asked = Unlisted(ZOO / "mini_gpt2_s")
    with opened_unlisted(asked, shipped_tasks(), N_PROMPTS) as model:
        spec, chunk = shipped_tasks().root["ioi"], Chunk.of(model.anatomy, 2048)
        yield Measurement(model.anatomy, "ioi", spec, SETTINGS, model.prompts, chunk)


@pytest.fixture(scope="module")
def settled(measurement: Measurement) -> pd.DataFrame:
    return _table(measurement)


@pytest.fixture(scope="module")
def everything(measurement: Measurement) -> pd.DataFrame:
    """The same heads on all prompts."""
    return pd.concat(measurement.head_effects(), ignore_index=True)


def _table(measurement: Measurement, max_seconds: float | None = None) -> pd.DataFrame:
    settling = Settling(measurement)
    settle("mini", [settling], max_seconds, no_progress)
    return pd.concat(settling.rows(), ignore_index=True)


def _primary(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["ablation"] == "zero"].reset_index(drop=True)


def _effects(table: pd.DataFrame) -> np.ndarray:
    return np.stack(table["effects"].to_list())


def test_what_is_measured_is_what_a_whole_scan_measures(settled, everything):
    assert settled[["layer", "head", "ablation"]].equals(everything[["layer", "head", "ablation"]])
    found, expected = _effects(settled), _effects(everything)
    there = np.isfinite(found)
    np.testing.assert_allclose(found[there], expected[there], rtol=1e-4, atol=1e-5)
    assert there.sum(axis=1).tolist() == settled["n_prompts"].tolist()
    assert 0 < np.mean(there) < 0.7  # heads were spared


def test_estimates_are_near_those_of_all_prompts(settled, everything):
    few, all_of_it = _primary(settled), _primary(everything)
    assert (few["n_prompts"] < N_PROMPTS).all()
    apart = np.abs(few["delta"] - all_of_it["delta"]) / np.hypot(few["se"], all_of_it["se"])
    assert apart.max() < 3
    means = np.nanmean(_effects(few), axis=1)
    # Measured on a quarter of the prompts, and nearly as near as the whole scan.
    error = [np.abs(by - all_of_it["delta"]).mean() for by in (few["delta"], means)]
    assert error[0] < 0.5 * error[1]


def test_settled_heads_are_told_from_tau_and_the_others_are_not(settled):
    primary = _primary(settled)
    ends = primary["low"].to_numpy(), primary["high"].to_numpy()
    done = primary["settled"].to_numpy(dtype=bool)
    assert 0.3 < done.mean() < 1
    assert not straddles(ends[0][done], ends[1][done], SETTLE.tau).any()
    strict = resolved(*ends, *ends, SETTLE.tau).astype(bool)
    assert set(np.flatnonzero(done)) <= set(np.flatnonzero(strict))
    assert primary["p"].between(0, 1).all()


def test_other_kinds_are_measured_on_the_prompts_that_all_heads_have(measurement, settled):
    others = settled[settled["ablation"] == "mean"]
    first = Settling(measurement).batches[0]
    assert set(others["n_prompts"]) == {len(first)}
    assert others["settled"].isna().all()
    common = np.isfinite(_effects(settled)).all(axis=0)
    assert np.flatnonzero(common).tolist() == first.tolist()
    rows = measurement.rows.iloc[first]
    assert rows["split"].value_counts().nunique() == 1
    assert rows["template"].value_counts().nunique() == 1
    assert rows["cluster"].nunique() >= MIN_CLUSTERS


def test_more_prompts_than_allowed_are_never_used(measurement, settled):
    assert settled["n_prompts"].max() <= SETTLE.max_prompts
    few = SETTLE.model_copy(update={"max_prompts": 1})
    table = _table(_with(measurement, few))
    assert set(table["n_prompts"]) == {len(Settling(measurement).batches[0])}


def test_when_time_is_up_every_head_has_been_measured_once(measurement):
    table = _table(measurement, max_seconds=1e-9)
    assert set(table["n_prompts"]) == {len(Settling(measurement).batches[0])}
    assert _primary(table)["delta"].notna().all()


def test_a_stricter_promise_settles_fewer_heads_on_more_prompts(measurement, settled):
    strict = _primary(_table(_with(measurement, SETTLE.model_copy(update={"over": "model"}))))
    loose = _primary(settled)
    assert strict["settled"].sum() < loose["settled"].sum()
    assert strict["n_prompts"].sum() > loose["n_prompts"].sum()


@pytest.mark.parametrize("after", [1, 6, 13])
def test_a_scan_that_was_stopped_gives_the_same_table(
    measurement, settled, tmp_path: Path, monkeypatch, after
):
    store, kept = KeptLayers.store, [0]

    def dying(self: KeptLayers, *args: Any) -> None:
        if kept[0] == after:
            raise Killed
        kept[0] += 1
        store(self, *args)

    def keeping() -> Measurement:
        layers = KeptLayers.of(tmp_path, "aa", measurement.anatomy)
        return replace(measurement, kept=layers)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(KeptLayers, "store", dying)
        _table(keeping())
    resumed = keeping()
    assert_frame_equal(_table(resumed), settled, check_exact=True)
    assert resumed.kept.heads > 0


def test_too_few_clusters_and_tasks_without_an_answer_are_refused(measurement):
    few = measurement.prompts[measurement.prompts["data_seed"] < 1]
    with pytest.raises(CircuitScalingError, match="needs at least 16 clusters"):
        Settling(replace(measurement, prompts=few))
    spec = shipped_tasks().root["ioi_abc"]
    with pytest.raises(CircuitScalingError, match="has no answer"):
        Settling(replace(measurement, task="ioi_abc", spec=spec))


def test_some_prompts_are_measured_against_the_whole_reference_set_of_their_own(measurement):
    spec = measurement.spec.model_copy(update={"reference": "ioi"})
    mean = AblationKind(ablation="mean", positions="all")
    settings = SETTINGS.model_copy(update={"primary": mean, "agreement_tasks": ()})
    own = replace(measurement, spec=spec, settings=settings)
    kinds = {Ablation("mean", "all", 1, 0): mean}
    some, every = np.arange(0, N_PROMPTS, 7), np.arange(N_PROMPTS)
    found, expected = (own.effects_on(p, kinds)[mean, "contrast"] for p in (some, every))
    np.testing.assert_allclose(found, expected[:, some], rtol=1e-4, atol=1e-5)


def test_from_python(settled):
    found = circuit_scaling.scan(ZOO / "mini_gpt2_s", n_prompts=N_PROMPTS, method="settled")
    assert found["n_prompts"].between(64, N_PROMPTS).all()
    assert (np.isfinite(_effects(found)).sum(axis=1) == found["n_prompts"]).all()
    # At another tau other heads stop early; the prompts of the first look are the same.
    first = np.isfinite(_effects(_primary(settled))).all(axis=0)
    np.testing.assert_allclose(
        _effects(found)[:, first], _effects(_primary(settled))[:, first], rtol=1e-4, atol=1e-5
    )
    with pytest.raises(CircuitScalingError, match="of the contrast"):
        circuit_scaling.scan(ZOO / "mini_gpt2_s", "plain_text", method="settled")
    for tau in (0.0, -1.0, np.nan):
        with pytest.raises(CircuitScalingError, match="tau must be above 0"):
            circuit_scaling.scan(ZOO / "mini_gpt2_s", method="settled", tau=tau)


def _with(measurement: Measurement, settle: SettleSettings) -> Measurement:
    settings = measurement.settings.model_copy(update={"settle": settle})
    return replace(measurement, settings=settings)
