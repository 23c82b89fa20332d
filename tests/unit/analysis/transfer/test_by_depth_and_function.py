"""Transfer of heads by depth and by function, and what becomes of each head."""

from __future__ import annotations

import numpy as np
import pytest

from tests.helpers.classified import classified, random_model
from tests.helpers.transferred import BASE, TARGET, known, of_task, run


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
