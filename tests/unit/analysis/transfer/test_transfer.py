"""Transfer of heads by their index: published quantities by hand, chance, intervals, exports."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuit_scaling.analysis.transfer.exports import transfer_for_people
from circuit_scaling.tables.join import JOINT_EFFECTS
from tests.helpers.classified import cluster_effects, random_model
from tests.helpers.transferred import known, of_task, run


class TestByIndex:
    def test_heads_by_hand(self) -> None:
        heads = of_task(known(k=4), "transfer_heads")
        # The four strongest, of equal ones the first by layer and head.
        assert heads[["layer", "head"]].to_numpy().tolist() == [[0, 0], [1, 3], [2, 1], [2, 2]]
        assert heads["base_rank"].tolist() == [1, 2, 3, 4]
        assert heads["base_category"].tolist() == ["ioi_only", "shared", "ioi_only", "ioi_only"]
        assert heads["base_abs_delta"].tolist() == [3.0, 2.0, 1.0, 1.0]
        # Target ranks: 4.0 | 0.5 0.5 | 0.02 | 0.01 0.01 | 0: 0.0 shares second and third.
        np.testing.assert_allclose(heads["tgt_abs_delta"], [0.5, 0.0, np.nan, np.nan])
        np.testing.assert_allclose(
            heads["tgt_frac_rank"], [2.5 / 7, 7 / 7, np.nan, np.nan], atol=1e-9
        )
        assert heads["in_target"].tolist() == ["present", "present"] + ["outside_shape"] * 2

    def test_summary_by_hand(self) -> None:
        row = of_task(known(), "transfer_summary").iloc[0]
        # All five IOI heads: 0.0 and 1.3 present, 2.1 and 2.2 outside, 1.1 not measured.
        assert (row["n_base_heads"], row["n_present"], row["n_target_heads"]) == (5, 2, 7)
        assert row["mean_frac_rank"] == pytest.approx((2.5 / 7 + 1) / 2, abs=1e-9)
        assert row["frac_missing"] == pytest.approx(3 / 5, abs=1e-9)
        assert row["frac_outside_shape"] == pytest.approx(2 / 5, abs=1e-9)
        assert row["frac_not_measured"] == pytest.approx(1 / 5, abs=1e-9)
        assert row["frac_unknown_shape"] == 0
        assert row["expected"] == pytest.approx(8 / 14, abs=1e-9)
        # Layer 0 has the ranks 1, 2.5, 2.5, 4; layer 1 has 5.5, 5.5, 7.
        assert row["expected_same_layer"] == pytest.approx((10 / 4 + 18 / 3) / 2 / 7, abs=1e-9)

    def test_the_other_task_by_hand(self) -> None:
        tables = known(k=1)
        heads = of_task(tables, "transfer_heads", "anti_names")
        assert heads[["layer", "head", "base_category"]].to_numpy().tolist() == [
            [0, 1, "anti_only"]
        ]
        assert heads.at[0, "base_abs_delta"] == 5.0
        # |anti| of the target: 0.6 | 0.3 0.3 | 0.2 | 0.1 | 0 0.
        assert heads.at[0, "tgt_frac_rank"] == pytest.approx(6.5 / 7, abs=1e-9)
        heads = of_task(known(), "transfer_heads", "anti_names")
        assert heads[["layer", "head"]].to_numpy().tolist() == [[0, 1], [1, 3]]
        assert heads["tgt_frac_rank"].tolist() == pytest.approx([6.5 / 7, 1 / 7], abs=1e-9)

    def test_p_by_enumeration(self) -> None:
        """One head of 0.0's rank: 3 of 7 heads are as strong, and 3 of the 4 in its layer."""
        row = of_task(known(k=1, n_null=20_000), "transfer_summary").iloc[0]
        assert row["p"] == pytest.approx(3 / 7, abs=0.02)
        assert row["p_same_layer"] == pytest.approx(3 / 4, abs=0.02)
        assert (row["null_low"], row["null_high"]) == (pytest.approx(1 / 7), pytest.approx(1.0))

    def test_a_model_against_its_own_copy_transfers(self) -> None:
        rng = np.random.default_rng(0)
        first = random_model("a", (4, 12), rng)
        tables = run(first, first.assign(model="b"), n_null=999, k=5)
        for task in ("ioi", "anti_names"):
            rows = of_task(tables, "transfer_summary", task)
            np.testing.assert_allclose(rows[["p", "matched_p"]], 1 / 1000)
            assert (rows["p_same_layer"] < 0.01).all()
            np.testing.assert_allclose(rows["matched_frac_rank"], rows["mean_frac_rank"], atol=1e-9)

    @settings(deadline=None, max_examples=25)
    @given(st.integers(0, 2**32 - 1), st.integers(1, 30))
    def test_published_quantities_by_their_definitions(self, seed: int, k: int) -> None:
        """Plain Python, head by head, on tables with ties and without some heads."""
        rng = np.random.default_rng(seed)
        models = []
        for name in ("a", "b"):
            shape = tuple(rng.integers(1, 5, 2))
            frame = random_model(name, shape, rng).round({"delta_ioi": 1})
            frame["category"] = np.where(frame["delta_ioi"].abs() >= 0.1, "ioi_only", "weak")
            models.append(frame.sample(frac=rng.uniform(0.4, 1), random_state=seed % 1000))
        tables = run(*(m if len(m) else random_model("c", (1, 1), rng) for m in models), k=k)
        for base, target in (models, models[::-1]):
            if base.empty or target.empty:
                continue
            size = {(r.layer, r.head): abs(r.delta_ioi) for r in target.itertuples()}
            ordered = sorted(size.values(), reverse=True)
            does = [r for r in base.itertuples() if r.category == "ioi_only"]
            does.sort(key=lambda r: (-abs(r.delta_ioi), r.layer, r.head))
            ranks = {}
            for key, value in size.items():
                places = [i + 1 for i, other in enumerate(ordered) if other == value]
                ranks[key] = sum(places) / len(places) / len(size)
            found = [ranks.get((r.layer, r.head)) for r in does[:k]]
            rows = of_task(tables, "transfer_summary")
            row = rows[rows["base_model"] == base["model"].iloc[0]].iloc[0]
            present = [rank for rank in found if rank is not None]
            mean = sum(present) / len(present) if present else np.nan
            missing = 1 - len(present) / len(found) if found else np.nan
            assert row["n_base_heads"] == len(found)
            np.testing.assert_allclose(row["mean_frac_rank"], mean, atol=1e-9)
            np.testing.assert_allclose(row["frac_missing"], missing, atol=1e-9)
            np.testing.assert_allclose(
                row["expected"], np.nan if not present else (len(size) + 1) / 2 / len(size)
            )
            parts = row[["frac_outside_shape", "frac_not_measured", "frac_unknown_shape"]]
            np.testing.assert_allclose(parts.sum(skipna=False), missing, atol=1e-9)


class TestChance:
    def test_between_unrelated_models_small_p_are_rare(self) -> None:
        """Index, depth and function; P(p <= alpha) <= alpha over pairs without a common model."""
        rng = np.random.default_rng(4)
        models = [random_model(f"m{i}", (4, 6), rng) for i in range(100)]
        pairs = [[f"m{i}", f"m{i + 1}"] for i in range(0, 100, 2)]
        tables = run(*models, pairs=pairs, k=6, n_null=99)
        tests = tables["transfer_summary"], tables["head_matching"]
        names = [c for c in tests[0] if c == "p" or c.endswith("_p") or "p_same" in c]
        assert len(names) == 6
        for frame, columns in zip(tests, (names, ["p_spearman", "p_pearson"]), strict=True):
            for column in columns:
                p = frame[column].dropna()  # of both tasks, whose effects are drawn apart
                assert len(p) > 90
                for alpha in (0.01, 0.05, 0.2, 0.5):
                    limit = alpha + 3.5 * np.sqrt(alpha * (1 - alpha) / len(p))
                    assert (p <= alpha).mean() <= limit, (column, alpha)

    def test_a_pair_has_the_same_numbers_in_any_list(self) -> None:
        rng = np.random.default_rng(5)
        models = [random_model(name, (3, 5), rng) for name in "abc"]
        effects = pd.concat([cluster_effects(m, 0.1) for m in models])
        every, one = (
            run(*models, effects=effects),
            run(*models, effects=effects, pairs=[["c", "a"]]),
        )
        for name, frame in one.items():
            both = (every[name]["base_model"] == "c") & (every[name]["tgt_model"] == "a")
            shared = [c for c in frame if "q" not in c.split("_")]  # q is over the pairs of a run
            pd.testing.assert_frame_equal(
                frame[shared], every[name].loc[both, shared].reset_index(drop=True)
            )

    def test_q_is_over_the_pairs_of_a_task(self) -> None:
        rng = np.random.default_rng(6)
        rows = of_task(
            run(*(random_model(name, (3, 5), rng) for name in "abcd")), "transfer_summary"
        )
        order = rows["p"].sort_values()
        by_hand = np.minimum.accumulate((order * 12 / np.arange(1, 13))[::-1])[::-1]
        np.testing.assert_allclose(rows.loc[order.index, "q"], np.minimum(by_hand, 1))


class TestIntervals:
    def test_effects_that_never_vary_leave_no_doubt(self) -> None:
        rng = np.random.default_rng(7)
        models = [random_model(name, (3, 5), rng) for name in "ab"]
        effects = pd.concat([cluster_effects(m, 0.0) for m in models])
        rows = run(*models, effects=effects)["transfer_summary"]
        np.testing.assert_allclose(rows["low"], rows["mean_frac_rank"], atol=1e-9)
        np.testing.assert_allclose(rows["high"], rows["mean_frac_rank"], atol=1e-9)
        np.testing.assert_allclose(rows["matched_low"], rows["matched_frac_rank"], atol=1e-9)

    def test_effects_that_vary_do(self) -> None:
        rng = np.random.default_rng(8)
        models = [random_model(name, (3, 5), rng) for name in "ab"]
        effects = pd.concat([cluster_effects(m, 0.05) for m in models])
        rows = run(*models, effects=effects)["transfer_summary"]
        assert (rows["low"] < rows["mean_frac_rank"]).all()
        assert (rows["mean_frac_rank"] < rows["high"]).all()
        JOINT_EFFECTS.validate(effects)

    def test_noise_that_hides_the_ranks_leaves_no_interval(self) -> None:
        rng = np.random.default_rng(8)
        models = [random_model(name, (3, 5), rng) for name in "ab"]
        effects = pd.concat([cluster_effects(m, 1.0) for m in models])
        assert run(*models, effects=effects)["transfer_summary"][["low", "high"]].isna().all(None)

    def test_without_clusters_or_with_few_there_is_no_interval(self) -> None:
        rng = np.random.default_rng(9)
        models = [random_model(name, (3, 5), rng) for name in "abc"]
        effects = pd.concat(
            [cluster_effects(models[0], 0.05), cluster_effects(models[1], 0.05, n_clusters=9)]
        )
        rows = run(*models, effects=effects)["transfer_summary"].groupby("tgt_model")
        known = rows[["low", "high"]].count().to_numpy()
        assert known.tolist() == [[4, 4], [0, 0], [0, 0]]


class TestForPeople:
    def test_the_published_columns_come_first(self) -> None:
        tables = known()
        del tables["head_matching"]
        exports = transfer_for_people(**tables)
        assert list(exports["ioi_transfer_generic"])[:10] == [
            *("base_family", "base_model", "tgt_family", "tgt_model", "layer", "head"),
            *("base_abs_delta_ioi", "tgt_abs_delta_ioi", "tgt_frac_rank"),
            "missing_in_target_index",
        ]
        assert list(exports["ioi_transfer_summary"])[:5] == [
            *("base_model", "tgt_model", "n_heads", "mean_frac_rank", "frac_missing")
        ]
        assert {"expected", "p", "null_low", "null_high"} <= set(exports["ioi_transfer_summary"])
        assert list(exports["ioi_divergence"]) == [
            *("base_model", "tgt_model", "layer", "head", "base_category", "tgt_category"),
            "divergence",
        ]
        generic = exports["ioi_transfer_generic"]
        assert generic["missing_in_target_index"].tolist() == [False, False, True, True, True]
        assert exports["anti_transfer_generic"]["base_abs_delta_anti"].tolist() == [5.0, 1.0]
