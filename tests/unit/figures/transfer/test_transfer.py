"""Figures of transfer: ranks base by target, pairs in order, fates."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from circuit_scaling import figures
from tests.helpers import synthetic_tables as tables
from tests.helpers.drawn import MODELS, ORDER


class TestTransfer:
    @pytest.fixture(scope="class")
    def transfer(self) -> dict[str, pd.DataFrame]:
        return tables.transfer(MODELS)

    def test_cells_are_mean_ranks_base_by_target(self, transfer: dict[str, pd.DataFrame]) -> None:
        frame = transfer["transfer_summary"]
        figure = figures.ioi_transfer_summary(frame)
        rows = frame[frame["task"] == "ioi"].set_index(["base_model", "tgt_model"])
        panels = [axes for axes in figure.axes if axes.images]
        models = [label.get_text() for label in panels[-1].get_xticklabels()]
        assert sorted(models) == sorted(ORDER)
        names = ("mean_frac_rank", "depth_frac_rank", "matched_frac_rank")
        for axes, name in zip(panels, names, strict=True):
            shown = np.asarray(axes.images[0].get_array().filled(np.nan), dtype=float)
            assert [label.get_text() for label in axes.get_yticklabels()] == models
            for (i, base), (j, target) in itertools.product(enumerate(models), repeat=2):
                value = np.nan if base == target else rows.loc[(base, target), name]
                np.testing.assert_equal(shown[i, j], value)

    def test_marks_are_where_p_is_small(self, transfer: dict[str, pd.DataFrame]) -> None:
        frame = transfer["transfer_summary"].copy()
        frame[["p", "p_same_layer"]] = 0.5
        rows = frame[frame["task"] == "ioi"].index
        frame.loc[rows[:3], "p"] = 0.01
        frame.loc[rows[:1], "p_same_layer"] = 0.01
        axes = figures.ioi_transfer_summary(frame).axes[0]
        drawn = {c.get_gid(): len(np.asarray(c.get_offsets())) for c in axes.collections}
        assert (drawn["ring"], drawn["disc"]) == (2, 1)

    def test_pairs_stand_in_order_with_their_intervals(
        self, transfer: dict[str, pd.DataFrame]
    ) -> None:
        frame = transfer["transfer_summary"]
        axes = next(a for a in figures.ioi_transfer_summary(frame).axes if not a.images)
        rows = frame[frame["task"] == "ioi"].sort_values("mean_frac_rank", kind="stable")
        marks = [line for line in axes.lines if line.get_gid() == "pairs"]
        drawn = {y: x for line in marks for x, y in zip(*line.get_data(), strict=True)}
        np.testing.assert_array_equal([drawn[y] for y in sorted(drawn)], rows["mean_frac_rank"])
        (null,) = [c for c in axes.collections if c.get_gid() == "null"]
        ends = np.array([segment[:, 0] for segment in null.get_segments()])
        np.testing.assert_array_equal(ends, rows[["null_low", "null_high"]])

    def test_targets_that_are_not_competent_are_hollow(
        self, transfer: dict[str, pd.DataFrame]
    ) -> None:
        frame = transfer["transfer_summary"]
        axes = next(a for a in figures.ioi_transfer_summary(frame).axes if not a.images)
        hollow = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
        ioi = frame[frame["task"] == "ioi"]
        assert sum(len(line.get_xdata()) for line in hollow) == (~ioi["tgt_competent"]).sum()

    def test_fates_are_shares_of_the_ioi_like_heads(
        self, transfer: dict[str, pd.DataFrame]
    ) -> None:
        frame = transfer["head_divergence"]
        axes = figures.ioi_divergence(frame).axes[0]
        bases = [label.get_text() for label in axes.get_yticklabels()]
        for fate in ("conserved", "inverted", "lost", "missing"):
            bars = [bar for bar in axes.patches if bar.get_gid() == f"share-{fate}"]
            for base, bar in zip(bases, bars, strict=True):
                found = frame.loc[frame["base_model"] == base, "divergence"]
                assert bar.get_width() == pytest.approx((found == fate).mean(), abs=1e-12)
        for kind in ("share", "chance"):
            bars = [bar for bar in axes.patches if str(bar.get_gid()).startswith(kind)]
            assert sum(bar.get_width() for bar in bars) == pytest.approx(len(bases))
