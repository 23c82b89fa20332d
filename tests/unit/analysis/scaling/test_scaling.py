"""Scaling tables of heads whose answers are known, and of tables that lack something."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from circuit_scaling.analysis.classify.settings import ClassifySettings
from circuit_scaling.analysis.scaling.controls import control_models
from circuit_scaling.analysis.scaling.correlations import corr_vs_scale
from circuit_scaling.analysis.scaling.settings import ScalingSettings
from circuit_scaling.analysis.scaling.strong_heads import strong_heads
from circuit_scaling.analysis.scaling.trends import ALL_FAMILIES, scale_trend
from circuit_scaling.tables.join import JOINT_EFFECTS
from circuit_scaling.tables.scaling import (
    CONTROL_MODELS,
    CORR_VS_SCALE,
    LAYER_PROFILE,
    SCALE_TREND,
    STRONG_HEAD_SCALING,
)
from circuit_scaling.vocabulary import CATEGORIES
from tests.helpers.simulated_heads import Design, simulate
from tests.helpers.small_scans import competence

SETTINGS = ScalingSettings(n_boot=200, n_permutations=199, n_splits=50, depth_bins=2)
CLASSIFY = ClassifySettings(tau=0.05, taus=(0.01, 0.05, 0.5), top_k=2, n_boot=200)
NEED_CLUSTERS = ["corr_true", "corr_true_low", "corr_true_high", "minimal_detectable"]
NEED_CLUSTERS += ["reliability_ioi", "reliability_anti_names", "ceiling"]


def model(
    ioi: NDArray[np.float64], anti: NDArray[np.float64], name: str = "a", **columns: object
) -> pd.DataFrame:
    """The columns of ``classified_heads`` that scaling reads; four heads a layer."""
    layer, head = np.divmod(np.arange(len(ioi)), 4)
    frame = pd.DataFrame(
        {
            "family": "mini",
            "model": name,
            "layer": layer,
            "head": head,
            "params_m": 0.5,
            "n_layers": float(layer.max() + 1),
            "delta_ioi": ioi,
            "delta_anti_names": anti,
            "q_ioi": 0.5,
            "q_anti_names": 0.5,
            "resolved": pd.array([True] * len(ioi), dtype="boolean"),
            "competent_ioi": pd.array([True] * len(ioi), dtype="boolean"),
            "competent_anti_names": pd.array([True] * len(ioi), dtype="boolean"),
        }
    )
    return frame.assign(**columns)


def measured(
    design: Design, seed: int = 0, name: str = "a", **columns: object
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Simulated heads with their cluster effects."""
    drawn = simulate(design, np.random.default_rng(seed))
    tasks = {"ioi": drawn.first, "anti_names": drawn.second}
    heads = model(tasks["ioi"].mean, tasks["anti_names"].mean, name, **columns)
    keys = ["family", "model", "layer", "head"]
    effects = [
        heads[keys]
        .loc[heads.index.repeat(len(task.labels))]
        .assign(
            task=task_name,
            cluster=np.tile(np.array(task.labels, dtype=object), len(heads)),
            split="select",
            effect=(task.sums / task.n_prompts).ravel(),
            n_prompts=2,
        )
        for task_name, task in tasks.items()
    ]
    return heads, pd.concat(effects, ignore_index=True)


def drawn(seed: int, n: int = 24) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rng = np.random.default_rng(seed)
    ioi = rng.standard_t(2, n) / 10
    return ioi, 0.5 * ioi + rng.standard_t(2, n) / 20


NOTHING = JOINT_EFFECTS.empty()
DESIGN = Design(rho=0.5, heads=48, clusters=20, reliability=0.9)


class TestCorrelation:
    @settings(deadline=None, max_examples=20)
    @given(st.integers(0, 10**6))
    def test_raw_measures_are_exactly_those_of_scipy(self, seed: int) -> None:
        ioi, anti = drawn(seed)
        row = corr_vs_scale(model(ioi, anti), NOTHING, SETTINGS).iloc[0]
        assert row["corr"] == pytest.approx(scipy.stats.pearsonr(ioi, anti).statistic, abs=1e-9)
        assert row["corr"] == pytest.approx(np.corrcoef(ioi, anti)[0, 1], abs=1e-9)
        assert row["spearman"] == pytest.approx(
            scipy.stats.spearmanr(ioi, anti).statistic, abs=1e-9
        )
        assert row["n_heads_compared"] == 24

    def test_without_clusters_what_needs_them_is_missing(self) -> None:
        table = corr_vs_scale(model(*drawn(1)), NOTHING, SETTINGS)
        CORR_VS_SCALE.validate(table)
        row = table.iloc[0]
        assert row[NEED_CLUSTERS].isna().all()
        assert row["undefined"] == "no effects of clusters"
        assert row["n_clusters_ioi"] == row["n_clusters_anti_names"] == 0
        assert 0 < row["p"] <= 1

    def test_planted_correlation(self) -> None:
        heads, effects = measured(Design(0.9, 400, 30, 0.8), seed=2)
        table = corr_vs_scale(heads, effects, SETTINGS)
        CORR_VS_SCALE.validate(table)
        row = table.iloc[0]
        assert row["corr_true"] == pytest.approx(0.9, abs=0.04)
        assert row["corr_true_low"] <= 0.9 <= row["corr_true_high"]
        assert row["corr"] == pytest.approx(0.9 * 0.8, abs=0.05)
        assert row["ceiling"] == pytest.approx(0.8, abs=0.05)
        assert row["p"] == 1 / 200
        assert row["undefined"] == ""
        assert row["frac_resolved"] == 1.0

    def test_noise_in_shared_clusters_is_no_association(self) -> None:
        ps = []
        for seed in range(40):
            heads, effects = measured(Design(0.0, 48, 12, 0.3, shared=True), seed)
            ps.append(corr_vs_scale(heads, effects, SETTINGS).at[0, "p"])
        assert scipy.stats.binom.sf(int(np.sum(np.array(ps) <= 0.1)) - 1, 40, 0.1) > 0.001

    def test_fewer_than_ten_clusters(self) -> None:
        heads, effects = measured(Design(0.9, 48, 9, 0.9))
        row = corr_vs_scale(heads, effects, SETTINGS).iloc[0]
        assert row["undefined"] == "fewer than 10 clusters on ioi"
        assert row[["corr_true", "corr_true_low", "corr_true_high"]].isna().all()
        assert row["n_clusters_ioi"] == 9
        assert row["p"] <= 0.05  # permutations need no interval

    def test_one_cluster_in_common_tells_nothing(self) -> None:
        heads, effects = measured(Design(0.5, 48, 1, 0.9, shared=True))
        table = corr_vs_scale(heads, effects, SETTINGS)
        CORR_VS_SCALE.validate(table)
        assert np.isnan(table.at[0, "p"])

    def test_a_constant_column_has_no_correlation(self) -> None:
        table = corr_vs_scale(model(drawn(3)[0], np.zeros(24)), NOTHING, SETTINGS)
        CORR_VS_SCALE.validate(table)
        assert table.loc[0, ["corr", "spearman", "p", "n_heads_effective"]].isna().all()
        heads, effects = measured(DESIGN)
        effects.loc[effects["task"] == "ioi", "effect"] = 0.0
        table = corr_vs_scale(heads.assign(delta_ioi=0.0), effects, SETTINGS)
        CORR_VS_SCALE.validate(table)
        assert table.at[0, "undefined"] == "effects on ioi do not vary beyond noise"

    def test_no_models(self) -> None:
        CORR_VS_SCALE.validate(corr_vs_scale(model(*drawn(0)), NOTHING, SETTINGS))
        table = corr_vs_scale(model(*drawn(0)).iloc[:0], NOTHING, SETTINGS)
        assert len(table) == 0
        assert list(table) == list(CORR_VS_SCALE.columns)

    def test_models_keep_to_themselves(self) -> None:
        (a, of_a), (b, of_b) = measured(DESIGN, 4, "a"), measured(DESIGN, 5, "b")
        unknown = model(*drawn(6), name="c", competent_ioi=pd.NA, resolved=pd.NA, params_m=np.nan)
        heads = pd.concat([b, unknown, a], ignore_index=True)
        table = corr_vs_scale(heads, pd.concat([of_a, of_b]), SETTINGS)
        CORR_VS_SCALE.validate(table)
        assert table["model"].tolist() == ["b", "c", "a"]
        alone = corr_vs_scale(a, of_a, SETTINGS)
        pd.testing.assert_frame_equal(table.iloc[[2]].reset_index(drop=True), alone)
        assert table["competent_ioi"].isna().tolist() == [False, True, False]


class TestStrongHeads:
    # Category at tau 0.05 of heads in three layers of four (depths 1/6, 1/2, 5/6).
    IOI = np.array([0.5, 0.05, 0.049, 0.0, -0.3, 0.2, 0.0, 0.0, 0.02, 0.0, 0.0, -0.6])
    ANTI = np.array([0.0, 0.0, 0.0, -0.2, 0.3, 0.0, 0.0, 0.0, -0.02, 0.0, 0.07, 0.5])

    def test_counts_and_shares_by_hand(self) -> None:
        strong, _ = strong_heads(model(self.IOI, self.ANTI), NOTHING, SETTINGS, CLASSIFY)
        STRONG_HEAD_SCALING.validate(strong)
        assert strong["tau"].tolist() == [0.01, 0.05, 0.5]
        by_hand = {
            "ioi_only": [4, 3, 1],
            "anti_only": [2, 2, 0],
            "shared": [3, 2, 1],
            "weak": [3, 5, 10],
            "strong": [9, 7, 2],
        }
        for name, counts in by_hand.items():
            assert strong[f"n_{name}"].tolist() == counts
            np.testing.assert_allclose(strong[f"frac_{name}"], np.array(counts) / 12, atol=1e-9)
            unknown = [f"frac_{name}_{part}" for part in ("true", "low", "high")]
            assert strong[unknown].isna().all(axis=None)

    def test_tau_of_the_study_is_always_there(self) -> None:
        other = CLASSIFY.model_copy(update={"tau": 0.07})
        strong, _ = strong_heads(model(self.IOI, self.ANTI), NOTHING, SETTINGS, other)
        assert strong["tau"].tolist() == [0.01, 0.05, 0.07, 0.5]

    def test_profile_by_hand(self) -> None:
        _, profile = strong_heads(model(self.IOI, self.ANTI), NOTHING, SETTINGS, CLASSIFY)
        LAYER_PROFILE.validate(profile)
        rows = profile.set_index(["category", "bin"])
        # The middle layer lies in the middle, at 1/2, which is where the second bin begins.
        assert rows.loc["weak", "n_heads_in_bin"].tolist() == [4, 8]
        assert rows.loc["ioi_only", "n_category"].tolist() == [2, 1]
        assert rows.loc["anti_only", "n_category"].tolist() == [1, 1]
        assert rows.loc["shared", "n_category"].tolist() == [0, 2]
        np.testing.assert_allclose(rows.loc["weak", "frac_category"], [1 / 4, 4 / 8], atol=1e-9)
        means = {"ioi_only": (1 / 6 + 1 / 6 + 1 / 2) / 3, "anti_only": 1 / 2, "shared": 2 / 3}
        for category, mean in means.items():
            assert rows.loc[(category, 0), "mean_depth"] == pytest.approx(mean, abs=1e-9)

    def test_intervals_where_there_are_clusters(self) -> None:
        heads, effects = measured(Design(0.5, 48, 20, 0.9))
        heads[["delta_ioi", "delta_anti_names"]] *= 0.05
        effects["effect"] *= 0.05
        strong, profile = strong_heads(heads, effects, SETTINGS, CLASSIFY)
        STRONG_HEAD_SCALING.validate(strong)
        LAYER_PROFILE.validate(profile)
        row = strong.set_index("tau").loc[0.05]
        assert row["frac_strong_low"] < row["frac_strong_true"] < row["frac_strong_high"]
        assert row["frac_strong_true"] < row["frac_strong"]  # noise pushed heads over tau
        assert row["frac_strong_low"] == pytest.approx(1 - row["frac_weak_high"])
        weak = profile[profile["category"] == "weak"].iloc[0]
        assert weak["mean_depth_low"] < weak["mean_depth"] < weak["mean_depth_high"]
        # At tau = 0.01 the noise is larger than tau / 2, and nothing can be said.
        assert np.isnan(strong.set_index("tau").loc[0.01, "frac_strong_low"])

    def test_a_model_of_unknown_depth_has_no_profile(self) -> None:
        heads = model(self.IOI, self.ANTI, n_layers=np.nan)
        strong, profile = strong_heads(heads, NOTHING, SETTINGS, CLASSIFY)
        assert len(strong) == 3
        assert len(LAYER_PROFILE.validate(profile)) == 0

    def test_an_empty_bin_has_no_share(self) -> None:
        heads = model(self.IOI, self.ANTI)
        _, profile = strong_heads(heads[heads["layer"] == 0], NOTHING, SETTINGS, CLASSIFY)
        LAYER_PROFILE.validate(profile)
        second = profile[profile["bin"] == 1]
        assert second["n_heads_in_bin"].tolist() == [0] * 4
        assert second["frac_category"].isna().all()
        missing = profile[(profile["category"] == "shared") & (profile["bin"] == 0)]
        assert missing["mean_depth"].isna().all()

    @settings(deadline=None, max_examples=20)
    @given(st.integers(0, 10**6))
    def test_categories_make_up_the_whole(self, seed: int) -> None:
        strong, profile = strong_heads(model(*drawn(seed)), NOTHING, SETTINGS, CLASSIFY)
        assert (strong[[f"n_{c}" for c in CATEGORIES]].sum(axis=1) == 24).all()
        assert (strong["n_strong"] + strong["n_weak"] == 24).all()
        assert strong["n_strong"].is_monotonic_decreasing
        assert profile["n_category"].sum() == 24


def models_table(sizes: list[float], corrs: list[float], family: str = "mini") -> pd.DataFrame:
    heads = pd.concat(
        [
            model(*drawn(i), name=f"{family}{i}", params_m=size, family=family)
            for i, size in enumerate(sizes)
        ],
        ignore_index=True,
    )
    table = corr_vs_scale(heads, NOTHING, SETTINGS)
    strong, _ = strong_heads(heads, NOTHING, SETTINGS, CLASSIFY)
    assert len(table) == len(sizes)
    return table.assign(corr=corrs, corr_true=corrs), strong  # type: ignore[return-value]


class TestTrend:
    def test_slope_per_tenfold_size_by_hand(self) -> None:
        table, strong = models_table([1, 10, 100], [0.0, 0.5, 0.4])
        trend = scale_trend(table, strong, 0.05)
        SCALE_TREND.validate(trend)
        row = trend.set_index(["family", "measure"]).loc[("mini", "corr")]
        assert row["slope"] == pytest.approx(0.2, abs=1e-9)
        expected = scipy.stats.linregress([0, 1, 2], [0, 0.5, 0.4])
        half = scipy.stats.t.ppf(0.975, 1) * expected.stderr
        assert row["se"] == pytest.approx(expected.stderr, abs=1e-9)
        assert row["high"] == pytest.approx(0.2 + half, abs=1e-9)
        assert row["high"] - row["low"] > 3  # one degree of freedom: wide, and shown so
        shares = strong.loc[strong["tau"] == 0.05, "frac_strong"]
        row = trend.set_index(["family", "measure"]).loc[(ALL_FAMILIES, "frac_strong")]
        assert row["slope"] == pytest.approx(np.polyfit([0, 1, 2], shares, 1)[0], abs=1e-9)

    @pytest.mark.parametrize("n", [1, 2])
    def test_one_or_two_models_have_no_slope(self, n: int) -> None:
        table, strong = models_table([1.0, 10.0][:n], [0.1, 0.2][:n])
        trend = scale_trend(table, strong, 0.05)
        SCALE_TREND.validate(trend)
        known = trend["measure"] != "frac_strong_true"  # which needs effects of clusters
        assert trend["n_models"].tolist() == np.where(known, n, 0).tolist()
        assert len(trend) == 8
        assert trend[["slope", "se", "low", "high"]].isna().all(axis=None)

    def test_models_that_cannot_be_placed_are_left_out_and_counted(self) -> None:
        table, strong = models_table([1, 10, 100, 5, 5, 5], [0.1, 0.2, 0.3, 9, 9, np.nan])
        table["competent_anti_names"] = pd.array(
            [True, pd.NA, True, False, True, True], dtype="boolean"
        )
        table.loc[4, "params_m"] = np.nan
        trend = scale_trend(table, strong, 0.05).set_index(["family", "measure"])
        row = trend.loc[("mini", "corr")]
        assert (row["n_models"], row["n_left_out"]) == (3, 3)
        assert row["slope"] == pytest.approx(0.1, abs=1e-9)

    def test_families_apart_and_together(self) -> None:
        parts = [
            models_table([1, 10, 100], [0.0, 0.1, 0.2], "mini"),
            models_table([1, 10, 100], [0.4, 0.3, 0.2], "maxi"),
        ]
        table, strong = (pd.concat(both, ignore_index=True) for both in zip(*parts, strict=True))
        trend = scale_trend(table, strong, 0.05).set_index(["family", "measure"])["slope"]
        np.testing.assert_allclose(
            [trend[name, "corr"] for name in ("mini", "maxi", ALL_FAMILIES)],
            [0.1, -0.1, 0.0],
            atol=1e-9,
        )

    def test_no_models(self) -> None:
        table, strong = models_table([1.0], [0.1])
        assert len(scale_trend(table.iloc[:0], strong.iloc[:0], 0.05)) == 0


class TestControls:
    """Twelve heads that answer at random: some follow the order of names, one knows the job."""

    def tables(
        self, job: float, order: float, clusters: int = 30
    ) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
        """Head 0 moves the contrast by ``job``, heads 1 and 2 towards the second name."""
        rng = np.random.default_rng(5)
        known = np.zeros((12, clusters))
        known[0] = job
        second = np.zeros((12, clusters))
        second[1:3] = order
        noise = rng.normal(0, 0.01, (2, 12, clusters))
        by_task = {
            "anti_names": known + noise[0],
            "anti_names_first": known + second + noise[1],
        }
        mean = {f"delta_{task}": values.mean(axis=1) for task, values in by_task.items()}
        heads = model(np.ones(12), mean.pop("delta_anti_names"), **mean)
        keys = ["family", "model", "layer", "head"]
        effects = [
            heads[keys]
            .loc[heads.index.repeat(clusters)]
            .assign(
                task=task,
                cluster=np.tile([f"c{n:02d}" for n in range(clusters)], 12),
                split="select",
                effect=values.ravel(),
                n_prompts=2,
            )
            for task, values in by_task.items()
        ]
        clean = competence("a", ioi=4.0, anti_names=0.0, anti_names_first=0.0)
        return heads, pd.concat(effects, ignore_index=True), clean

    def found(self, job: float, order: float) -> pd.DataFrame:
        untaught = [("a", "anti_names"), ("b", "ioi")]
        table = control_models(*self.tables(job, order), untaught, 0.05)
        return CONTROL_MODELS.validate(table).set_index("task")

    def test_heads_that_follow_the_order_of_names_are_no_heads_of_the_job(self) -> None:
        table = self.found(job=0.0, order=0.3)
        assert table.index.tolist() == ["anti_names", "anti_names_first"]
        assert table["order_balanced"].tolist() == [True, False]
        assert table["n_significant"].tolist() == [0, 2]
        assert table["n_strong"].tolist() == [0, 2]
        assert table.loc["anti_names_first", "strongest"] == pytest.approx(0.3, abs=0.02)
        assert not table["competent"].any()

    def test_a_head_of_the_job_shows_on_both(self) -> None:
        table = self.found(job=-0.3, order=0.0)
        assert table["n_significant"].tolist() == [1, 1]

    def test_where_nothing_is_known_of_clusters_nothing_is_counted(self) -> None:
        heads, _, clean = self.tables(0.0, 0.3)
        table = control_models(heads, NOTHING, clean, [("a", "anti_names")], 0.05)
        CONTROL_MODELS.validate(table)
        assert table["n_significant"].isna().all()

    def test_a_task_that_was_not_measured_has_no_row(self) -> None:
        heads, effects, clean = self.tables(0.0, 0.3)
        heads = heads.drop(columns="delta_anti_names_first")
        table = control_models(heads, effects, clean, [("a", "anti_names")], 0.05)
        assert table["task"].tolist() == ["anti_names"]

    def test_noise_alone_is_called_a_head_in_no_more_than_one_of_twenty(self) -> None:
        rng = np.random.default_rng(0)
        heads = model(np.ones(12), np.zeros(12))
        keys = ["family", "model", "layer", "head"]
        clean = competence("a", ioi=4.0, anti_names=0.0)
        frame = (
            heads[keys]
            .loc[heads.index.repeat(16)]
            .assign(
                task="anti_names",
                cluster=np.tile([f"c{n:02d}" for n in range(16)], 12),
                split="select",
                n_prompts=2,
            )
        )
        any_found = [
            control_models(
                heads,
                frame.assign(effect=rng.standard_t(3, 12 * 16)),
                clean,
                [("a", "anti_names")],
                0.05,
            )
            .set_index("task")
            .loc["anti_names", "n_significant"]
            > 0
            for _ in range(200)
        ]
        assert scipy.stats.binomtest(sum(any_found), 200, 0.05, "greater").pvalue > 1e-3

    def test_fewer_than_ten_clusters_count_nothing(self) -> None:
        tables = self.tables(0.0, 0.5, clusters=9)
        found = control_models(*tables, [("a", "anti_names")], 0.05)
        assert found["n_significant"].isna().all()

    def test_no_controls(self) -> None:
        table = control_models(*self.tables(0.0, 0.0), [], 0.05)
        assert len(CONTROL_MODELS.validate(table)) == 0


@pytest.mark.parametrize(
    "change",
    [{"n_boot": 10}, {"n_permutations": 0}, {"n_splits": 0}, {"depth_bins": 0}, {"bins": 4}],
    ids=str,
)
def test_a_wrong_setting_is_named(change: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match=next(iter(change))):
        ScalingSettings.model_validate({**SETTINGS.model_dump(), **change})
