"""Of every figure at every size: words run into nothing, stay inside, and can be read."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from functools import cache

import numpy as np
import pytest
from matplotlib.figure import Figure

from circuit_scaling.datasets.figures import Drawn
from circuit_scaling.figures.style import new_figure, to_svg
from tests.helpers import every_figure
from tests.helpers.catalogue import every_pattern
from tests.helpers.drawing import drawn, outside, over_marks, overlapping

SMALLEST = 5.0  # points
LARGEST = 450_000  # letters of an SVG: a page holds two dozen of them

SIZES: dict[str, Callable[[], Drawn]] = {
    **{
        f"{n}-models": lambda size=size: every_figure.of_circuits(size)
        for n, size in every_figure.sizes().items()
    },
    **{
        f"{n}-reading": lambda size=size: every_figure.of_retrieval(size)
        for n, size in every_figure.retrieval_sizes().items()
    },
    "zoo": every_figure.of_zoo,
}
CROWDED = {
    **dict.fromkeys(["all_heads_phase_space", "family_grid", "name_order"], "17-models"),
    **dict.fromkeys(["gpt2_xl_delta_scatter", "gpt2_xl_delta_scatter_taus"], "1-models"),
}
"""Figures with thousands of marks, and where they are."""


@cache
def figures_at(size: str) -> Drawn:
    return SIZES[size]()


@pytest.mark.parametrize("size", SIZES)
def test_words_run_into_nothing_and_stay_inside(size: str) -> None:
    found = {name: _faults(figure) for name, (figure, _) in figures_at(size).items()}
    assert not {name: faults for name, faults in found.items() if faults}


def _faults(figure: Figure) -> list[object]:
    drawing = drawn(figure)
    small = [written.text for written in drawing.texts if written.points < SMALLEST]
    return [*overlapping(drawing), *outside(drawing), *over_marks(drawing), *small]


def test_every_figure_of_the_catalogue_was_looked_at() -> None:
    seen = [name for size in ("10-models", "2-reading", "zoo") for name in figures_at(size)]
    for pattern in every_pattern():
        assert any(fnmatchcase(name, pattern) for name in seen), pattern


@pytest.mark.parametrize(("size", "least"), [("1-models", 5), ("17-models", 3)])
def test_the_strongest_heads_are_named_in_a_crowd(size: str, least: int) -> None:
    figure, _ = figures_at(size)["all_heads_phase_space"]
    assert sum(written.annotates for written in drawn(figure).texts) >= least


@pytest.mark.parametrize(("name", "size"), CROWDED.items())
def test_a_crowd_of_marks_makes_no_large_file(name: str, size: str) -> None:
    figure, _ = figures_at(size)[name]
    svg = to_svg(figure)
    assert "data:image/png" in svg
    assert len(svg) < LARGEST


class TestWhatIsFound:
    """The checks see what they are meant to see, and nothing else."""

    @pytest.fixture
    def figure(self) -> Figure:
        figure = new_figure(3, 3)
        figure.subplots().set_axis_off()
        figure.set_layout_engine("none")
        return figure

    def test_words_on_words(self, figure: Figure) -> None:
        figure.text(0.5, 0.5, "one")
        figure.text(0.52, 0.51, "two")
        figure.text(0.5, 0.8, "far")
        assert overlapping(drawn(figure)) == [("one", "two")]

    def test_slanted_words_beside_each_other_are_apart(self, figure: Figure) -> None:
        for x in (0.3, 0.4):
            figure.text(x, 0.3, "a long slanted name", rotation=45, rotation_mode="anchor")
        assert not overlapping(drawn(figure))
        figure.text(0.305, 0.3, "another", rotation=45, rotation_mode="anchor")
        assert overlapping(drawn(figure)) == [("a long slanted name", "another")]

    def test_words_that_leave_the_figure(self, figure: Figure) -> None:
        figure.text(0.95, 0.5, "too long")
        figure.text(0.1, 0.5, "inside")
        assert outside(drawn(figure)) == ["too long"]

    @pytest.mark.parametrize("marker", ["plot", "scatter", "hollow"])
    def test_words_on_marks(self, figure: Figure, marker: str) -> None:
        (axes,) = figure.axes
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        if marker == "plot":
            axes.plot([0.2, 0.7], [0.5, 0.5], "o", ms=6)
        else:
            face = "none" if marker == "hollow" else "red"
            axes.scatter([0.2, 0.7], [0.5, 0.5], s=36, facecolor=face, edgecolor="red")
        axes.annotate("on it", (0.2, 0.5), ha="center", va="center")
        axes.annotate("beside", (0.2, 0.6))
        found = drawn(figure)
        assert over_marks(found) == ["on it"]
        assert len(found.marks) == 2
        np.testing.assert_allclose(found.marks[:, 3] - found.marks[:, 1], 6 * 100 / 72, rtol=0.2)
