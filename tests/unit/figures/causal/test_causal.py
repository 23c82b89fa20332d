"""The figures of causal tracing draw what their tables say."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.text import Text

from circuit_scaling.analysis.causal.verdicts import causal_summary
from circuit_scaling.figures.causal.influence import causal_influence, of_task
from circuit_scaling.figures.causal.reads_writes import reads_writes, reads_writes_of
from circuit_scaling.figures.style import CATEGORIES
from circuit_scaling.tables.causal import ROLES
from tests.helpers.causal_tables import (
    TASKS,
    classified_heads,
    head_traces,
    head_writes,
    hero_heads,
)


@pytest.fixture(scope="module")
def summary() -> pd.DataFrame:
    return causal_summary(hero_heads(), classified_heads(), head_traces(), head_writes(), 0.1)


@pytest.fixture(scope="module")
def reads() -> pd.DataFrame:
    """Attention of both heroes on both tasks; the late one's prompts have no first token."""
    rows = []
    for layer, task in ((0, "ioi"), (0, "anti_names"), (1, "ioi"), (1, "anti_names")):
        shares = {role: 0.2 for role in ROLES}
        if layer:
            shares = {"first_name": 0.7, "second_name": 0.1, "repeated_name": 0.1, "rest": 0.1}
            shares["first_token"] = np.nan
        ends = {f"{r}{e}": v for r, v in shares.items() for e in ("", "_low", "_high")}
        rows.append({"family": "mini", "model": "mini_s", "layer": layer, "head": layer} | ends)
        rows[-1] |= {"category": "shared", "task": task}
    return pd.DataFrame(rows)


def points(figure: Figure, direction: str) -> np.ndarray:
    marks = [line for axes in figure.axes for line in axes.lines if line.get_gid() == direction]
    return np.array([[line.get_xdata()[0], line.get_ydata()[0]] for line in marks])


class TestInfluence:
    @pytest.mark.parametrize("direction", ["denoising", "noising"])
    def test_every_hero_lies_at_its_strength_and_influence(
        self, summary: pd.DataFrame, direction: str
    ) -> None:
        rows = of_task(summary, "ioi")
        found = points(causal_influence(rows), direction)
        np.testing.assert_allclose(found[:, 1], rows[f"{direction}_normalised"])
        np.testing.assert_allclose(found[:, 0], rows["strength"], rtol=0.05)

    def test_colour_is_category_and_noising_is_hollow(self, summary: pd.DataFrame) -> None:
        figure = causal_influence(of_task(summary, "ioi"))
        for line in (x for axes in figure.axes for x in axes.lines if x.get_gid() in ("noising",)):
            assert to_rgba(line.get_markeredgecolor()) == to_rgba(CATEGORIES["shared"].colour)
            assert line.get_markerfacecolor() == "white"

    def test_heads_without_an_influence_are_counted(self, summary: pd.DataFrame) -> None:
        rows = of_task(summary, "ioi").copy()
        rows.loc[rows.index[0], ["denoising_normalised", "noising_normalised"]] = np.nan
        figure = causal_influence(rows)
        assert len(points(figure, "denoising")) == 1
        texts = [text.get_text() for axes in figure.axes for text in axes.texts]
        assert any("1 of 2 heads" in text for text in texts)
        rows[["denoising_normalised", "noising_normalised"]] = np.nan
        assert len(points(causal_influence(rows), "denoising")) == 0

    def test_no_heads_are_said_in_words(self, summary: pd.DataFrame) -> None:
        assert "no hero head" in causal_influence(summary.head(0)).texts[0].get_text()

    def test_two_tasks_and_missing_columns_are_refused(self, summary: pd.DataFrame) -> None:
        with pytest.raises(ValueError, match="more than one task"):
            causal_influence(summary)
        with pytest.raises(ValueError, match="strength"):
            causal_influence(of_task(summary, "ioi").drop(columns="strength"))


class TestReadsWrites:
    def test_bars_are_what_the_table_shows(
        self, summary: pd.DataFrame, reads: pd.DataFrame
    ) -> None:
        shown = reads_writes_of("mini_s", summary, reads, head_writes())
        figure = reads_writes(shown)
        bars = [p for axes in figure.axes for p in axes.patches]
        for row, (_, of_hero) in enumerate(shown.groupby(["layer", "head"], sort=False)):
            for side in ("reads", "writes"):
                drawn = sorted(
                    p.get_width()
                    for p in bars
                    if p.get_gid() == side
                    and row < p.get_y() < p.get_y() + p.get_height() < row + 1
                )
                expected = of_hero.loc[of_hero["side"] == side, "value"].dropna().sort_values()
                np.testing.assert_allclose(drawn, expected, atol=1e-12)

    def test_a_row_per_hero_with_its_name_and_verdicts(
        self, summary: pd.DataFrame, reads: pd.DataFrame
    ) -> None:
        figure = reads_writes(reads_writes_of("mini_s", summary, reads, head_writes()))
        assert not any("$" in text.get_text() for text in figure.findobj(Text))
        texts = [text.get_text() for axes in figure.axes for text in axes.texts]
        assert [text for text in texts if text.startswith("L")] == ["L0H0", "L1H1"]
        told = [" ".join(text.split()) for text in texts if text.startswith("IOI")]
        assert told == [
            "IOI: routes into shared heads anti-repetition: routes into shared heads",
            "IOI: does it itself anti-repetition: does it itself",
        ]

    def test_writes_are_the_strongest_without_sums_of_categories(
        self, summary: pd.DataFrame, reads: pd.DataFrame
    ) -> None:
        shown = reads_writes_of("mini_s", summary, reads, head_writes())
        writes = shown[(shown["side"] == "writes") & (shown["layer"] == 0)]
        for task in TASKS:
            of = writes[writes["task"] == task]
            assert list(of["name"]) == ["L1H1 v", "logits", "L1H0 q"]
            assert list(of["colour"]) == ["shared", "logits", "weak"]

    def test_a_model_without_heroes_is_said_in_words(
        self, summary: pd.DataFrame, reads: pd.DataFrame
    ) -> None:
        shown = reads_writes_of("other", summary, reads, head_writes())
        assert shown.empty
        assert "no hero heads" in reads_writes(shown).texts[0].get_text()
