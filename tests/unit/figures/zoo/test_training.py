"""The figure of how the embedded models were trained."""

from __future__ import annotations

import numpy as np

from circuit_scaling import figures
from tests.helpers import synthetic_tables as tables
from tests.helpers.drawn import MODELS, all_axes


class TestZooTraining:
    def test_curves_are_the_losses(self) -> None:
        curves = tables.zoo_curves(MODELS[:2])
        figure = figures.zoo_training(curves, tables.zoo_accuracy(MODELS[:2]))
        panel = next(axes for axes in all_axes(figure) if axes.get_title("left") == "mini_gpt2_l")
        rows = curves[curves["model"] == "mini_gpt2_l"]
        assert len(panel.lines) == rows["task"].nunique()
        for line, task in zip(panel.lines, tables.TASKS, strict=True):
            expected = rows[rows["task"] == task]
            np.testing.assert_array_equal(line.get_xdata(), expected["step"])
            np.testing.assert_array_equal(line.get_ydata(), expected["loss"])

    def test_accuracies_are_written_with_what_the_model_was_trained_for(self) -> None:
        accuracy = tables.zoo_accuracy(MODELS[-1:])
        figure = figures.zoo_training(tables.zoo_curves(MODELS[-1:]), accuracy)
        written = [text.get_text() for text in all_axes(figure)[-1].texts]
        assert written[0] == "99.5 %"
        assert written[1] == "50.0 %  (at random)"
        assert written[2] == "50.0 %  (not trained)"

    def test_either_table_may_be_empty(self) -> None:
        curves, accuracy = tables.zoo_curves(MODELS[:1]), tables.zoo_accuracy(MODELS[:1])
        assert len(all_axes(figures.zoo_training(curves, accuracy.head(0)))) == 1
        assert len(all_axes(figures.zoo_training(curves.head(0), accuracy))) == 1
