"""The figures and the chapter on heroes against random heads say what the table says."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from circuit_scaling.figures import ablation_overview, hero_vs_random_ablation
from circuit_scaling.figures.ablation.heroes_vs_random import of_all_heroes
from circuit_scaling.report.blocks import Missing, Section, Table
from circuit_scaling.report.chapters import ablation
from circuit_scaling.report.context import ReportContext
from tests.helpers import synthetic_tables as tables

MODELS = tuple(tables.MODELS[index] for index in (0, 8))  # mini_gpt2_s, control_ioi


@pytest.fixture(scope="module")
def summary() -> pd.DataFrame:
    return tables.ablation_summary(MODELS)


def chapter(summary: pd.DataFrame | None) -> Section:
    return ablation.CHAPTER.section(ReportContext().with_tables(ablation_summary=summary))


def line(axes: Axes, gid: str) -> np.ndarray:
    (found,) = [drawn for drawn in axes.lines if drawn.get_gid() == gid]
    return np.asarray(found.get_xydata(), dtype=np.float64)


class TestFigures:
    def test_lines_are_the_contrast_that_is_left(self, summary: pd.DataFrame) -> None:
        rows = summary[summary["model"] == "mini_gpt2_s"]
        figure = hero_vs_random_ablation(rows)
        shown = of_all_heroes(rows)
        ioi = shown[shown["task"] == "ioi"]
        contrast, _, accuracy, _ = figure.axes
        expected = np.column_stack([ioi["k"], ioi["clean_metric"] + ioi["mean_diff"]])
        np.testing.assert_allclose(line(contrast, "heroes")[1:], expected)
        assert line(contrast, "heroes")[0].tolist() == [0, 4.0]
        expected = np.column_stack([ioi["k"], ioi["matched_accuracy"]])
        np.testing.assert_allclose(line(accuracy, "matched")[1:], expected)
        assert ioi["ablation"].unique().tolist() == ["zero"]

    def test_a_model_that_cannot_do_the_task_says_so(self, summary: pd.DataFrame) -> None:
        figure = hero_vs_random_ablation(summary[summary["model"] == "control_ioi"])
        assert [a.get_title(loc="left") for a in figure.axes[:2]] == [
            "IOI",
            "anti-repetition, names (not competent)",
        ]

    def test_every_model_once_per_task_with_its_most_heroes(self, summary: pd.DataFrame) -> None:
        figure = ablation_overview(summary)
        for axes in figure.axes:
            marks = [drawn for drawn in axes.lines if drawn.get_gid() == "model"]
            assert len(marks) == len(MODELS)
            assert all(text.get_text().startswith("k 4, p ") for text in axes.texts)

    @pytest.mark.parametrize("draw", [ablation_overview, hero_vs_random_ablation])
    def test_without_heroes_it_says_so(self, draw, summary: pd.DataFrame) -> None:
        (text,) = draw(summary.head(0)).texts
        assert text.get_text().startswith("Nothing to draw: ")

    def test_a_missing_column_is_named(self, summary: pd.DataFrame) -> None:
        with pytest.raises(ValueError, match="has no column matched_from"):
            hero_vs_random_ablation(summary.drop(columns="matched_from"))


class TestChapter:
    def test_heroes_beat_random_where_the_model_is_competent(self, summary: pd.DataFrame) -> None:
        text = " ".join(chapter(summary).sentences)
        assert (
            "On IOI, of 2 models that can do the task, heroes beat random heads in 2 of 2" in text
        )
        assert "(p < 0.05; 0.1 expected by chance) and in none after correction (q < 0.05)" in text
        assert re.search(r"names, of 1 model that can do the task, heroes beat .* in 1 of 1", text)
        assert "Of 1 model that cannot do it, none shows heroes that beat random heads" in text
        assert "with 20 of them it cannot fall below 0.048" in text

    def test_a_failing_model_whose_heroes_win_is_named(self, summary: pd.DataFrame) -> None:
        fails = ~summary["competent"].fillna(True).astype(bool)
        text = " ".join(
            chapter(summary.assign(matched_p=summary["matched_p"].mask(fails, 0.01))).sentences
        )
        assert "1 shows heroes that beat random heads: control_ioi" in text

    def test_what_could_not_be_drawn_is_told(self, summary: pd.DataFrame) -> None:
        lacking = summary.assign(matched_p=np.nan, matched_reason="1 other heads")
        text = " ".join(chapter(lacking).sentences)
        assert "No random heads of the same layers as all heroes: mini_gpt2_s (1 other" in text
        assert "beat random heads in" not in text

    def test_tables_have_every_model_and_ablation(self, summary: pd.DataFrame) -> None:
        blocks = [block for block in chapter(summary).blocks if isinstance(block, Table)]
        first = [row[0].text for row in blocks[0].rows]
        assert first == ["mini_gpt2_s"] * 2 + ["control_ioi"] * 2
        assert [row[0].flag for row in blocks[0].rows][-1] == "not competent"
        ablations = {row[2].text for row in blocks[-1].rows}
        assert ablations == {"zero, all", "mean, all"}

    def test_not_run_and_no_heroes(self, summary: pd.DataFrame) -> None:
        (block,) = chapter(None).blocks
        assert block == Missing(("ablation_summary",))
        assert chapter(summary.head(0)).sentences == ("No model has hero heads to ablate.",)
