"""A set of figures on disk: names, patterns for one figure per model, and what is left behind."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from circuit_scaling.datasets import FiguresDataset
from circuit_scaling.figures.style import file_name

NAMES = ["overview", "layer_hist_*"]


def drawn(*names: str) -> dict[str, tuple[Figure, pd.DataFrame]]:
    return {name: (Figure(figsize=(1, 1)), pd.DataFrame({"x": [1]})) for name in names}


def test_one_figure_per_model(tmp_path: Path) -> None:
    dataset = FiguresDataset(str(tmp_path), NAMES)
    assert not dataset.exists()
    dataset.save(drawn("overview", "layer_hist_a", "layer_hist_pythia-1.4b"))
    assert dataset.exists()
    assert list(dataset.load()) == ["overview", "layer_hist_a", "layer_hist_pythia-1.4b"]
    suffixes = {path.name for path in tmp_path.iterdir()}
    assert {f"layer_hist_pythia-1.4b.{end}" for end in ("png", "svg", "csv")} <= suffixes
    assert str(dataset.preview()).startswith("iVBOR")


def test_figures_of_models_that_are_gone_are_removed_and_others_kept(tmp_path: Path) -> None:
    (tmp_path / "competence.png").write_bytes(b"")
    dataset = FiguresDataset(str(tmp_path), NAMES)
    dataset.save(drawn("overview", "layer_hist_a", "layer_hist_b"))
    dataset.save(drawn("overview", "layer_hist_b"))
    assert sorted(path.stem for path in tmp_path.glob("*.png")) == [
        "competence",
        "layer_hist_b",
        "overview",
    ]


@pytest.mark.parametrize("names", [("overview",), ("layer_hist_a",), (*NAMES, "other")])
def test_other_figures_than_promised_are_refused(tmp_path: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(Exception, match="expected the figures"):
        FiguresDataset(str(tmp_path), NAMES).save(drawn(*names))


@pytest.mark.parametrize(
    ("model", "name"),
    [("gpt2-xl", "gpt2-xl"), ("EleutherAI/pythia-1.4b", "EleutherAI_pythia-1.4b"), ("a b", "a_b")],
)
def test_names_of_models_are_names_of_files(model: str, name: str) -> None:
    assert file_name(model) == name
