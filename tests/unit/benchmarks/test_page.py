"""What the benchmarks do around the engine: collecting its pieces, and writing the page."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from benchmarks import engine
from benchmarks.page import write_page

FOLDER = Path(__file__).parents[3] / "benchmarks"
EFFECTS = np.arange(2 * 3 * 5, dtype=np.float32).reshape(2, 3, 5)


@dataclass
class Piece:
    """What the engine yields for a layer and some of the prompts."""

    layer: int
    rows: slice
    effects: dict[str, NDArray[np.float32]]


def _pieces(*_: Any, **__: Any) -> Iterator[Piece]:
    for rows in (slice(0, 2), slice(2, 5)):
        for layer in (0, 1):
            yield Piece(layer, rows, {"contrast": EFFECTS[layer][:, rows]})


def test_pieces_become_whole_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "scan_layers", _pieces)
    anatomy: Any = SimpleNamespace(n_layers=2, n_heads=3, device=torch.device("cpu"))
    batch = engine.random_batch(vocabulary=9, prompts=5, positions=4)
    chunk: Any = None  # the pieces come as they come
    layers = [timed.layer for timed in engine.timed_layers(anatomy, batch, chunk)]
    assert layers == [0, 1]
    assert (engine.engine_effects(anatomy, batch, chunk) == EFFECTS).all()


def test_answers_and_distractors_differ() -> None:
    batch = engine.random_batch(vocabulary=3, prompts=50, positions=2)
    assert all(a != d for a, d in zip(batch.answers, batch.distractors, strict=True))


def test_a_page_without_results_says_so(tmp_path: Path) -> None:
    write_page(tmp_path / "benchmarks", tmp_path)
    page = (tmp_path / "benchmarks.md").read_text()
    assert "The CPU part has not been measured" in page
    assert "The GPU part has not been measured" in page


def test_the_latest_result_of_a_measurement_counts(tmp_path: Path) -> None:
    machine = dict.fromkeys(
        ("device", "cores", "threads", "torch", "transformers", "transformer_lens", "date"), "x"
    )
    lines = [
        {
            "benchmark": "precision",
            "shape": "gpt2",
            "precision": "float32",
            "largest": largest,
            "root_mean_square": 1e-8,
            "largest_of_head_means": 1e-8,
            "typical_effect": 1e-2,
            "machine": machine | {"kind": "cpu"},
        }
        for largest in (3e-3, 4e-7)
    ]
    (tmp_path / "cpu.jsonl").write_text("\n".join(map(json.dumps, lines)))
    write_page(tmp_path, tmp_path)
    page = (tmp_path / "benchmarks.md").read_text()
    assert "4e-07" in page
    assert "3e-03" not in page


def memory(reading: float) -> dict:
    return {"peak_gb": {"reading": reading, "rows": reading}}


def test_lengths_at_which_eager_attention_does_not_fit_are_named(tmp_path: Path) -> None:
    machine = dict.fromkeys(
        ("device", "cores", "threads", "torch", "transformers", "transformer_lens", "date"), "x"
    )
    both = {"ratio": 6.74, "peak_ratio": 9.1, "largest_difference": 2e-8}
    line = {
        "benchmark": "long_context",
        "shape": "llama_8b",
        "layers": 2,
        "heads": 64,
        "queries": 24,
        "repeats": 3,
        "precision": "float32",
        "points": [
            {"positions": 1024, "seconds": {"reading": 1.5, "rows": 1.6}} | memory(0.25) | both,
            {"positions": 8192, "seconds": {"reading": 12.0, "rows": 11.0}} | memory(2.0),
        ],
        "machine": machine | {"kind": "cpu"},
    }
    (tmp_path / "cpu.jsonl").write_text(json.dumps(line))
    write_page(tmp_path, tmp_path)
    page = (tmp_path / "benchmarks.md").read_text()
    assert "| 1024 | 1.50 | 1.60 | 6.7 | 0.25 | 9.1 | 2e-08 |" in page
    assert "| 8192 | 12.00 | 11.00 | eager does not fit | 2.00 |  |  |" in page


def _listed() -> dict[str, str]:
    """Script -> how it is tried quickly, from the table of the README."""
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^\| `(\w+)\.py` \|[^|]+\| (.*)\|$", text, re.MULTILINE))


def test_the_readme_lists_what_runs_alone_and_nothing_else() -> None:
    alone = {path.stem for path in FOLDER.glob("[!_]*.py") if "__main__" in path.read_text()}
    assert set(_listed()) == alone


@pytest.mark.parametrize("name", _listed())
def test_a_listed_script_has_help_and_takes_what_the_readme_says(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", [name, "--help"])
    with pytest.raises(SystemExit) as ended:
        import_module(f"benchmarks.{name}").main()
    assert not ended.value.code
    said = capsys.readouterr().out
    for option in re.findall(r"--[\w-]+", _listed()[name]):
        assert option in said
    assert ("--shape tiny" in _listed()[name]) == ("or tiny" in said)
