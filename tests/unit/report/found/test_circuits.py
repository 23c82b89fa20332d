"""What is claimed of heads follows the intervals, and every number comes from the tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.found import found_about_circuits
from circuit_scaling.report.found.circuits import (
    function_carries_over,
    heroes_matter_together,
    index_carries_over,
    shared_heads_do_both,
    sharing_changes_with_size,
    single_heads_matter,
    tasks_share_heads,
)
from circuit_scaling.report.found.finding import more_than_chance
from tests.helpers.found_tables import ablated, correlations, told, verdicts


class TestSharing:
    def test_intervals_above_zero_make_the_claim_with_the_numbers_of_its_ends(self) -> None:
        found = told(tasks_share_heads, corr_vs_scale=correlations(-0.1, 0.1))
        assert found.shown
        assert found.claim.startswith(
            "Heads that matter for IOI matter for anti-repetition as well"
        )
        assert "above 0 in 4 of 4 models (0.2 expected by chance)" in found.numbers
        assert "0.30 [0.20, 0.40] in a, 0.60 [0.50, 0.70] in d" in found.numbers
        assert "Whether models trained again would show it cannot be told." in found.numbers

    def test_intervals_that_hold_zero_show_nothing(self) -> None:
        found = told(tasks_share_heads, corr_vs_scale=correlations(-0.7, 0.1))
        assert not found.shown
        assert found.claim.startswith("Not shown: ")
        assert "never off 0 of 4 models" in found.numbers

    def test_one_interval_of_many_is_what_chance_makes(self) -> None:
        frame = pd.concat([correlations(-0.7, 0.1)] * 10, ignore_index=True)
        frame["model"] = [f"m{index}" for index in range(len(frame))]
        frame.loc[0, "corr_true_low"] = 0.1
        assert not told(tasks_share_heads, corr_vs_scale=frame).shown

    def test_the_sign_decides_what_is_said(self) -> None:
        frame = correlations(-0.1, 0.1)
        ends = ["corr_true_low", "corr_true_high"]
        frame[ends] = -frame[ends[::-1]].to_numpy()
        assert "work against the other" in told(tasks_share_heads, corr_vs_scale=frame).claim

    def test_models_that_fail_a_task_are_not_counted(self) -> None:
        frame = correlations(-0.1, 0.1)
        frame.loc[3, "competent_ioi"] = False
        assert "of 3 models" in told(tasks_share_heads, corr_vs_scale=frame).numbers

    def test_without_intervals_nothing_is_shown_and_that_is_said(self) -> None:
        frame = correlations(-0.1, 0.1)
        frame[["corr_true_low", "corr_true_high"]] = np.nan
        found = told(tasks_share_heads, corr_vs_scale=frame)
        assert not found.shown
        assert "0.30 in a to 0.60 in d; it has no interval" in found.numbers


class TestSize:
    @staticmethod
    def trends(low: float) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "family": ["gpt2", "pythia"],
                "measure": "corr_true",
                "n_models": [3, 5],
                "slope": [0.4, 0.5],
                "low": [low, low],
                "high": [0.8, 0.9],
            }
        )

    def test_a_slope_off_zero_is_named_with_its_family(self) -> None:
        found = told(sharing_changes_with_size, scale_trend=self.trends(0.1))
        assert found.shown
        assert "changes with model size in GPT-2 and Pythia." in found.claim
        assert "0.40 [0.10, 0.80] over 3 models of GPT-2" in found.numbers

    def test_a_slope_that_may_be_zero_is_not_shown(self) -> None:
        found = told(sharing_changes_with_size, scale_trend=self.trends(-0.1))
        assert not found.shown
        assert "0.50 [−0.10, 0.90] over 5 models of Pythia" in found.numbers

    def test_no_slope_no_finding(self) -> None:
        trends = self.trends(0.1).assign(low=np.nan, high=np.nan)
        assert sharing_changes_with_size(ReportContext().with_tables(scale_trend=trends)) is None


class TestHeroes:
    def test_more_damage_than_random_heads_is_claimed_with_its_size(self) -> None:
        found = told(heroes_matter_together, ablation_summary=ablated(-0.5, 0.01))
        assert found.shown
        assert found.claim.endswith("of the same layers: IOI in 4 of 4 models.")
        assert "on IOI 2.00 (most surely 1.00 [0.50, 4.00] in a) logits more" in found.numbers
        assert "(0.2 models expected by chance at p < 0.05)" in found.numbers

    def test_intervals_that_hold_zero_show_nothing(self) -> None:
        assert not told(heroes_matter_together, ablation_summary=ablated(0.5, 0.01)).shown

    def test_where_there_are_no_intervals_p_decides(self) -> None:
        without = {"matched_difference_low": np.nan, "matched_difference_high": np.nan}
        assert told(
            heroes_matter_together, ablation_summary=ablated(0, 0.01).assign(**without)
        ).shown
        unsure = told(heroes_matter_together, ablation_summary=ablated(0, 0.2).assign(**without))
        assert not unsure.shown
        assert "There are too few names for intervals." in unsure.numbers


class TestSharedHeads:
    def test_most_of_many_is_a_claim(self) -> None:
        found = told(shared_heads_do_both, causal_summary=verdicts(18, 2, 4))
        assert found.claim == "Shared heads mostly do both jobs themselves."
        assert "Of 24 shared hero heads, 18 act on both tasks" in found.numbers
        assert "of the 20 that do the same on both, 90 % [68, 99] do it themselves" in found.numbers

    def test_routing_is_said_as_well(self) -> None:
        assert (
            "route both jobs" in told(shared_heads_do_both, causal_summary=verdicts(2, 18, 0)).claim
        )

    @pytest.mark.parametrize("counts", [(5, 4, 1), (0, 0, 7)])
    def test_what_is_open_is_not_shown(self, counts: tuple[int, int, int]) -> None:
        assert not told(shared_heads_do_both, causal_summary=verdicts(*counts)).shown


def pairs(q: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "base_model": ["a", "a", "b"],
            "tgt_model": ["b", "c", "c"],
            "task": "ioi",
            "mean_frac_rank": [0.2, 0.3, 0.4],
            "expected": 0.5,
            "expected_same_layer": 0.45,
            "null_low": 0.4,
            "null_high": 0.6,
            "p_same_layer": [0.001, 0.2, 0.3],
            "q_same_layer": [q, 0.3, 0.3],
            "base_competent": True,
            "tgt_competent": True,
        }
    )


class TestTransfer:
    def test_a_pair_after_correction_is_named(self) -> None:
        found = told(index_carries_over, transfer_summary=pairs(0.003))
        assert found.shown
        assert found.claim.endswith("a → b.")
        assert "a fractional rank of 0.30" in found.numbers
        assert "random heads of that model have 0.50 [0.40, 0.60]" in found.numbers
        assert "Random heads of the same layers have 0.45" in found.detail

    def test_before_correction_is_not_enough(self) -> None:
        assert not told(index_carries_over, transfer_summary=pairs(0.3)).shown

    def test_functions_that_correlate_beyond_chance(self) -> None:
        matching = pd.DataFrame(
            {
                "base_model": ["a", "a", "b"],
                "tgt_model": ["b", "c", "c"],
                "task": "ioi",
                "spearman": [0.2, 0.6, 0.7],
                "p_spearman": [0.3, 0.001, 0.001],
                "q_spearman": [0.3, 0.002, 0.002],
            }
        )
        found = told(function_carries_over, head_matching=matching)
        assert found.shown
        assert "correlate by 0.60 at the median of 3 pairs" in found.numbers
        assert not told(
            function_carries_over, head_matching=matching.assign(p_spearman=0.5, q_spearman=0.6)
        ).shown


def test_heads_that_change_answers_are_counted_and_the_surest_is_named() -> None:
    heads = pd.DataFrame(
        {
            "model": "a",
            "layer": [0, 1, 2],
            "head": [3, 4, 5],
            "delta_ioi": [-2.0, -1.0, 0.1],
            "se_ioi": [1.0, 0.1, 0.5],
            "q_ioi": [0.2, 0.001, 0.9],
            "q_anti_names": [0.2, 0.01, 0.02],
            "competent_ioi": True,
            "competent_anti_names": True,
        }
    )
    found = told(single_heads_matter, classified_heads=heads)
    assert "Of 3 heads of models that do both tasks, 1 change" in found.numbers
    assert "2 on anti-repetition and 1 on both" in found.numbers
    assert "a L1H4, on IOI by −1.00 ± 0.10 logits" in found.numbers
    unsure = heads.assign(q_ioi=0.5, q_anti_names=0.5)
    assert not told(single_heads_matter, classified_heads=unsure).shown


def test_more_than_chance_is_a_binomial_tail() -> None:
    assert not more_than_chance(0, 10)
    assert not more_than_chance(1, 2)  # 1 - 0.95 ** 2 = 0.098
    assert more_than_chance(1, 1)  # 0.05 is what a single test promises
    assert more_than_chance(2, 2)


def test_without_tables_nothing_is_found() -> None:
    assert found_about_circuits(ReportContext()) == []
