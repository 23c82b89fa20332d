"""A set of figures on disk: names, patterns for one figure per model, and what is left behind."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

import pandas as pd
import pytest
import yaml
from matplotlib.figure import Figure

from circuit_scaling.datasets import FiguresDataset
from circuit_scaling.figures.style import file_name
from tests.conftest import PROJECT

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
    figure = dataset.load()["overview"]
    assert figure.svg.startswith("<?xml") and figure.pixels == (96, 96)
    assert figure._repr_png_() == (tmp_path / "overview.png").read_bytes()


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


USUAL = ["mini_gpt2_s", "gpt2-xl", "pythia-1.4b", "pythia_160m_step1000", "x", "7"]
ODD = [
    *(
        "a/b",
        "a:b",
        "a\\b",
        "a b",
        "A_b",
        "A_B",
        "a_b.",
        "a_b ",
        "..",
        ".",
        "$",
        "$$",
        "é",
        "e\u0301",
    ),
    *("EleutherAI/pythia-1.4b", "eleutherai-pythia-1.4b", "a" * 300, "a" * 301, ".hidden", "-x"),
    *("x_reads_writes", "layer_hist", "layer_hist_x", "delta_scatter", "x_delta_scatter"),
    *("hero_vs_random_ablation", "X_hero_vs_random_ablation"),
    *("x_layer_hist_taus", "delta_scatter_taus"),
]


@pytest.mark.parametrize("model", USUAL)
def test_usual_names_of_models_are_names_of_files(model: str) -> None:
    assert file_name(model) == model


def test_different_names_never_share_a_file_on_any_disk() -> None:
    models = [*USUAL, *ODD, "a_b", "a-b"]
    models += [file_name(model) for model in ODD if file_name(model) != model]
    files = {file_name(model).casefold() for model in models}
    assert len(files) == len(models)
    for file in files:
        assert file.isascii() and len(file) <= 100
        assert not set(file) & set('/\\:*?"<>| ') and not file.startswith(".")


@pytest.mark.parametrize("model", [*USUAL, *ODD])
def test_a_figure_of_a_model_fits_its_own_pattern_only(model: str) -> None:
    """Sets of figures lie in one folder, and each removes what fits its patterns."""
    catalogue = yaml.safe_load((PROJECT / "conf/base/catalog_08_reporting.yml").read_text())
    names = [n for entry in catalogue.values() for n in entry.get("names", [])]
    patterns = [name for name in names if "*" in name]
    assert len(patterns) > 3
    for pattern in patterns:
        file = pattern.replace("*", file_name(model))
        assert [other for other in names if fnmatchcase(file, other)] == [pattern]


def test_figures_of_one_set_survive_the_others(tmp_path: Path) -> None:
    model = file_name("x_reads_writes")
    FiguresDataset(str(tmp_path), NAMES).save(drawn("overview", f"layer_hist_{model}"))
    FiguresDataset(str(tmp_path), ["*_reads_writes"]).save(drawn("other_reads_writes"))
    assert (tmp_path / f"layer_hist_{model}.png").is_file()
