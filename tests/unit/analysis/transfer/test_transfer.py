"""Transfer of heads: published quantities by hand, chance, depth, function, and odd tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from circuit_scaling.analysis.transfer.exports import transfer_for_people
from circuit_scaling.analysis.transfer.settings import TransferSettings
from circuit_scaling.analysis.transfer.transfer import transfer
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.tables.join import JOINT_EFFECTS
from circuit_scaling.tables.registry import ALL_TABLES
from tests.helpers.classified import classified, cluster_effects, random_model

SETTINGS = TransferSettings(k=20, pairs="all", n_null=199, n_boot=200)
NO_EFFECTS = JOINT_EFFECTS.empty()
# Base: three layers of four heads. IOI heads by size: 0.0, 1.3, 2.1 = 2.2, 1.1; 0.1 does the other.
BASE = {(layer, head): (0.0, 0.0) for layer in range(3) for head in range(4)} | {
    (0, 0): (-3.0, 0.0),
    (1, 3): (2.0, -1.0),
    (2, 2): (1.0, 0.01),
    (2, 1): (-1.0, 0.0),
    (1, 1): (-0.7, 0.0),
    (0, 1): (0.0, 5.0),
}
# Target: two layers of four heads, of which 1.1 was not measured. |IOI|: 4, then two ties.
TARGET = {
    (0, 0): (-0.5, 0.2),
    (0, 1): (0.5, 0.0),
    (0, 2): (4.0, 0.3),
    (0, 3): (0.02, 0.3),
    (1, 0): (0.01, 0.0),
    (1, 2): (-0.01, -0.1),
    (1, 3): (0.0, -0.6),
}


def run(
    *models: pd.DataFrame, effects: pd.DataFrame = NO_EFFECTS, **changes: object
) -> dict[str, pd.DataFrame]:
    """All tables, each checked against its schema."""
    chosen = TransferSettings.model_validate(SETTINGS.model_dump() | changes)
    tables = transfer(pd.concat(models, ignore_index=True), effects, chosen)
    assert list(tables) == [
        *("transfer_heads", "transfer_summary", "head_matching", "head_divergence")
    ]
    return {name: ALL_TABLES[name].validate(frame) for name, frame in tables.items()}


def known(**changes: object) -> dict[str, pd.DataFrame]:
    base = classified("a", BASE, (3, 4), family="left")
    target = classified("b", TARGET, (2, 4), family="right")
    return run(base, target, pairs=[["a", "b"]], **changes)


def of_task(tables: dict[str, pd.DataFrame], name: str, task: str = "ioi") -> pd.DataFrame:
    frame = tables[name]
    return frame[frame["task"] == task].reset_index(drop=True)


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


class TestByDepth:
    def test_layers_and_ranks_by_hand(self) -> None:
        heads = of_task(known(), "transfer_heads")
        # Depths 0, 1/2, 1, 1, 1/2 of three layers; halfway between two layers is the lower one.
        assert heads["depth_layer"].tolist() == [0, 0, 1, 1, 0]
        first, second = (1 + 2.5 + 2.5 + 4) / 4 / 7, (5.5 + 5.5 + 7) / 3 / 7
        np.testing.assert_allclose(
            heads["depth_frac_rank"], [first, first, second, second, first], atol=1e-9
        )
        np.testing.assert_allclose(
            heads["depth_best_frac_rank"], np.array([1, 1, 5.5, 5.5, 1]) / 7, atol=1e-9
        )
        row = of_task(known(n_null=5000), "transfer_summary").iloc[0]
        assert row["n_at_depth"] == 5
        assert row["depth_frac_rank"] == pytest.approx((3 * first + 2 * second) / 5, abs=1e-9)
        assert row["depth_expected"] == pytest.approx((first + second) / 2, abs=1e-9)
        assert row["depth_best_expected"] == pytest.approx((1 + 5.5) / 2 / 7, abs=1e-9)
        # Of two layers in two orders, the better one was hit more often.
        assert row["depth_p"] == pytest.approx(1 / 2, abs=0.03)

    def test_a_layer_that_was_not_measured_has_no_rank(self) -> None:
        target = {key: value for key, value in TARGET.items() if key[0] == 0}
        tables = run(
            classified("a", BASE, (3, 4)), classified("b", target, (2, 4)), pairs=[["a", "b"]]
        )
        heads = of_task(tables, "transfer_heads")
        assert heads["depth_layer"].tolist() == [0, 0, 1, 1, 0]
        assert heads["depth_frac_rank"].isna().tolist() == [False, False, True, True, False]
        assert of_task(tables, "transfer_summary").at[0, "n_at_depth"] == 3

    def test_models_of_one_layer(self) -> None:
        one = {(0, head): (0.1 * (head + 1), 0.0) for head in range(3)}
        tables = run(classified("a", one, (1, 3)), classified("b", BASE, (3, 4)))
        rows = of_task(tables, "transfer_heads")
        assert set(rows["depth_layer"]) == {0.0}
        summary = of_task(tables, "transfer_summary").set_index("base_model")
        assert summary.at["b", "depth_p"] == 1  # there is only one layer to fall into

    def test_an_unknown_shape_has_no_depth(self) -> None:
        base, target = classified("a", BASE, (3, 4)), classified("b", TARGET, None)
        tables = run(base, target)
        assert tables["transfer_heads"]["depth_layer"].isna().all()
        forth = of_task(tables, "transfer_summary").set_index("base_model").loc["a"]
        assert forth["frac_unknown_shape"] == forth["frac_missing"] == pytest.approx(3 / 5)
        assert forth[["depth_frac_rank", "depth_p", "depth_best_p"]].isna().all()


class TestByFunction:
    def test_a_planted_permutation_of_heads_is_followed(self) -> None:
        rng = np.random.default_rng(10)
        base = random_model("a", (4, 12), rng)
        order = rng.permutation(48)
        moved = base.iloc[order].reset_index(drop=True)
        moved[["layer", "head"]] = base[["layer", "head"]].to_numpy()
        tables = run(base, moved.assign(model="b"), n_null=999, k=5, pairs=[["a", "b"]])
        heads = of_task(tables, "transfer_heads")
        place = np.argsort(order)[(heads["layer"] * 12 + heads["head"]).to_numpy()]
        np.testing.assert_array_equal(heads["matched_layer"] * 12 + heads["matched_head"], place)
        np.testing.assert_allclose(
            heads["matched_frac_rank"].iloc[:3], np.array([1, 2, 3]) / 48, atol=1e-9
        )
        row = tables["head_matching"].iloc[0]
        assert (row["n_matched"], row["spearman"], row["pearson"]) == (48, *2 * (pytest.approx(1),))
        assert row["p_spearman"] == row["p_pearson"] == 1 / 1000
        assert row["reason"] == ""
        assert of_task(tables, "transfer_summary").at[0, "p"] > 0.01  # by index there is nothing

    def test_agreement_is_scored_on_test_prompts(self) -> None:
        rng = np.random.default_rng(11)
        base = random_model("a", (3, 6), rng)
        other = base.assign(model="b", delta_ioi_test=-base["delta_ioi_test"])
        rows = of_task(run(base, other), "head_matching")
        np.testing.assert_allclose(rows["spearman"], -1)

    def test_without_profiles_the_reason_is_given(self) -> None:
        rng = np.random.default_rng(12)
        tables = run(
            random_model("a", (3, 5), rng), random_model("imported", (3, 5), rng, profiles=False)
        )
        rows = tables["head_matching"]
        assert set(rows["reason"]) == {"no profiles of imported"}
        assert rows["n_matched"].tolist() == [0] * 4
        assert rows[["spearman", "p_spearman", "pearson", "p_pearson"]].isna().all(axis=None)
        matched = [c for c in tables["transfer_summary"] if c.startswith("matched_")]
        assert tables["transfer_summary"][matched].isna().all(axis=None)
        assert tables["transfer_heads"]["matched_layer"].isna().all()

    def test_models_of_different_size_are_matched_as_far_as_they_go(self) -> None:
        rng = np.random.default_rng(13)
        tables = run(random_model("a", (3, 5), rng), random_model("b", (4, 6), rng))
        assert set(tables["head_matching"]["n_matched"]) == {15}


class TestDivergence:
    def test_fates_by_hand(self) -> None:
        # Of the target, 0.0 is shared, 0.1 ioi_only, 0.2 shared, 0.3, 1.2, 1.3 anti_only, 1.0 weak.
        base = BASE | {(1, 0): (1.0, 0.0)}
        tables = run(classified("a", base, (3, 4)), classified("b", TARGET, (2, 4)))
        rows = tables["head_divergence"]
        rows = rows[rows["base_model"] == "a"].set_index(["layer", "head"])
        assert rows["divergence"].to_dict() == {
            (0, 0): "conserved",
            (1, 0): "lost",
            (1, 1): "missing",
            (1, 3): "inverted",
            (2, 1): "missing",
            (2, 2): "missing",
        }
        assert rows["tgt_category"].to_dict()[1, 3] == "anti_only"
        chance = rows[["chance_conserved", "chance_inverted", "chance_lost"]]
        assert chance.loc[(0, 0)].tolist() == pytest.approx([3 / 7, 3 / 7, 1 / 7])
        assert chance.loc[(2, 1)].tolist() == [0, 0, 0]

    def test_all_ioi_like_heads_count_and_not_only_the_strongest(self) -> None:
        tables = known(k=1)
        assert len(tables["head_divergence"]) == 5


class TestOddTables:
    def test_one_model_only_gives_empty_tables(self) -> None:
        tables = run(classified("a", BASE, (3, 4)))
        assert all(frame.empty for frame in tables.values())

    def test_a_model_without_ioi_heads(self) -> None:
        weak = {key: (0.0, 0.0) for key in BASE}
        tables = run(classified("a", weak, (3, 4)), classified("b", TARGET, (2, 4)))
        row = of_task(tables, "transfer_summary").set_index("base_model").loc["a"]
        assert (row["n_base_heads"], row["n_present"], row["n_at_depth"]) == (0, 0, 0)
        measured = ["mean_frac_rank", "frac_missing", "p", "q", "expected", "depth_frac_rank"]
        assert row[measured].isna().all()
        assert "a" not in set(tables["transfer_heads"]["base_model"])
        assert "a" not in set(tables["head_divergence"]["base_model"])
        # And as a target all its heads are equally strong, so that nothing stands out.
        row = of_task(tables, "transfer_summary").set_index("base_model").loc["b"]
        assert row["mean_frac_rank"] == pytest.approx(13 / 24, abs=1e-9)
        assert (row["p"], row["p_same_layer"], row["depth_p"]) == (1, 1, 1)

    def test_no_common_index_at_all(self) -> None:
        far = {(5, 7): (1.0, 0.0)}
        tables = run(classified("a", far, (6, 8)), classified("b", TARGET, (2, 4)))
        row = of_task(tables, "transfer_summary").set_index("base_model").loc["a"]
        assert (row["n_base_heads"], row["n_present"], row["frac_missing"]) == (1, 0, 1)
        assert row[["mean_frac_rank", "low", "expected", "p", "q", "p_same_layer"]].isna().all()

    @pytest.mark.parametrize("k", [5, 6, 20, 500])
    def test_a_k_above_the_number_of_heads_takes_them_all(self, k: int) -> None:
        assert of_task(known(k=k), "transfer_summary").at[0, "n_base_heads"] == 5

    def test_a_target_with_fewer_heads_than_k(self) -> None:
        few = {(0, 0): (1.0, 0.0), (0, 1): (0.5, 0.5)}
        tables = run(classified("a", BASE, (3, 4)), classified("b", few, (1, 2)))
        row = of_task(tables, "transfer_summary").set_index("base_model").loc["a"]
        assert (row["n_present"], row["mean_frac_rank"]) == (1, 0.5)

    def test_constant_effects(self) -> None:
        rng = np.random.default_rng(14)
        flat = {key: (1.0, 1.0) for key in BASE}
        profiles = rng.random((12, 6))
        tables = run(
            classified("a", flat, (3, 4), profiles=profiles), random_model("b", (3, 4), rng)
        )
        rows = of_task(tables, "transfer_summary").set_index("base_model")
        assert rows.at["b", "mean_frac_rank"] == pytest.approx(13 / 24)
        assert rows.at["b", "p"] == 1
        assert set(tables["head_matching"]["reason"]) == {
            "the effects of the matched heads are constant"
        }

    def test_profiles_that_never_differ(self) -> None:
        same = np.ones((12, 6))
        models = [classified(name, BASE, (3, 4), profiles=same) for name in "ab"]
        rows = run(*models)["head_matching"]
        assert set(rows["reason"]) == {
            "no score differs between heads: there is nothing to match by"
        }

    def test_competence_of_both_sides_is_carried(self) -> None:
        tables = run(
            classified("a", BASE, (3, 4), able=False), classified("b", TARGET, (2, 4), able=None)
        )
        rows = tables["transfer_summary"].set_index("base_model")
        assert not rows.loc["a", "base_competent"].any()
        assert rows.loc["a", "tgt_competent"].isna().all()

    def test_models_of_one_name_in_two_families_are_kept_apart(self) -> None:
        tables = run(
            classified("a", BASE, (3, 4), family="left"),
            classified("a", TARGET, (2, 4), family="right"),
        )
        assert tables["transfer_summary"]["n_target_heads"].tolist() == [7, 7, 12, 12]


class TestSettings:
    def test_an_unknown_model_is_named_with_those_there_are(self) -> None:
        with pytest.raises(CircuitScalingError, match=r"names 'c', which .* There are: a, b\."):
            run(
                *(classified("a", BASE, (3, 4)), classified("b", TARGET, (2, 4))),
                pairs=[["a", "b"], ["c", "a"]],
            )

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"pairs": [["a", "a"]]}, "compares a model with itself"),
            ({"pairs": [["a", "b"], ["a", "b"]]}, "listed twice"),
            ({"pairs": "some"}, "pairs"),
            ({"pairs": [["a", "b", "c"]]}, "pairs"),
            ({"k": 0}, "k"),
            ({"n_null": 5}, "n_null"),
            ({"top": 20}, "top"),
        ],
    )
    def test_settings_that_make_no_sense(self, changes: dict[str, object], words: str) -> None:
        with pytest.raises(ValidationError, match=words):
            TransferSettings.model_validate(SETTINGS.model_dump() | changes)


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
