"""What is drawn in a figure: its marks, names and boxes, and the models that the tests draw."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from tests.helpers import synthetic_tables as tables

TAU = tables.TAU
# One model of three families, and a control that is not competent on one of the tasks.
MODELS = tuple(tables.MODELS[index] for index in (2, 0, 5, 8))
ORDER = ["mini_gpt2_s", "mini_gpt2_l", "mini_pythia_l", "control_ioi"]
ORDER_OF_COMPETENCE = ["mini_gpt2_l", "mini_gpt2_s", "mini_pythia_l", "control_ioi"]


def marks(axes: Axes) -> list[PathCollection]:
    found = [c for c in axes.collections if str(c.get_gid()).startswith("heads-")]
    assert all(isinstance(collection, PathCollection) for collection in found)
    return found  # type: ignore[return-value]


def positions(collections: list[PathCollection]) -> np.ndarray:
    stacked = np.concatenate([np.asarray(c.get_offsets()) for c in collections])
    return stacked[np.lexsort(stacked.T)]


def deltas(frame: pd.DataFrame) -> np.ndarray:
    values = frame[["delta_ioi", "delta_anti_names"]].to_numpy(dtype=float)
    return values[np.lexsort(values.T)]


def annotations(figure: Figure) -> list[Annotation]:
    return [text for text in figure.axes[0].texts if isinstance(text, Annotation)]


def box_of(text: Annotation) -> mpl.transforms.Bbox:
    """The box of the words alone, without the line that leads to them."""
    figure = text.get_figure(root=True)
    renderer = FigureCanvasAgg(figure).get_renderer()
    text.update_positions(renderer)
    return mpl.text.Text.get_window_extent(text, renderer)


def all_axes(figure: Figure) -> list[Axes]:
    return [axes for part in figure.subfigs for axes in part.axes]
