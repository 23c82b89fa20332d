"""What counts as a head in models that were not taught a task."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from circuit_scaling.analysis.scaling.controls import control_models
from circuit_scaling.tables.scaling import (
    CONTROL_MODELS,
)
from tests.helpers.scaled_heads import NOTHING, model
from tests.helpers.small_scans import competence


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
