"""What is stale, on a toy study with tables in files: made by hand, judged by stamps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.framework.hooks.manager import _create_hook_manager
from kedro.io import DataCatalog, MemoryDataset
from kedro.io.core import Version
from kedro.pipeline import Node, Pipeline
from kedro.runner import SequentialRunner

from circuit_scaling.datasets import NotesDataset, TableDataset
from circuit_scaling.marks import MEASURES, marked_by
from circuit_scaling.provenance import MadeWith, Stamping
from circuit_scaling.resume import judge, ledger
from circuit_scaling.resume.judge import outdated_before, why_make
from circuit_scaling.resume.ledger import Ledger

Study = Callable[..., DataCatalog]


def _entry_mark(entry: dict[str, Any]) -> str:
    return str(entry["weights"])


@marked_by(_entry_mark)
def scan(entry: dict[str, Any]) -> pd.DataFrame:
    """Effects of a model with these weights."""
    return pd.DataFrame({"delta": [entry["weights"] * 0.1, 0.2]})


def join(effects: pd.DataFrame) -> pd.DataFrame:
    """One model's rows."""
    return effects.assign(joined=True)


def stack(*tables: pd.DataFrame) -> pd.DataFrame:
    """All rows."""
    return pd.concat(tables, ignore_index=True)


def classify(joint: pd.DataFrame, tau: float) -> pd.DataFrame:
    """Strong or weak."""
    return joint.assign(strong=joint["delta"] >= tau)


def report(heads: pd.DataFrame) -> dict[str, str]:
    """In words."""
    return {"note.md": f"{int(heads['strong'].sum())} strong heads"}


def study_of(*models: str) -> Pipeline:
    """Scan, join in memory, stack, classify, report."""
    nodes = []
    for slug in models:
        nodes += [
            Node(scan, f"params:models.{slug}", f"effects__{slug}", name=f"scan.{slug}"),
            Node(join, f"effects__{slug}", f"joined__{slug}", name=f"join.{slug}"),
        ]
        nodes[-2] = nodes[-2].tag(MEASURES)
    return Pipeline(
        [
            *nodes,
            Node(stack, [f"joined__{slug}" for slug in models], "joint", name="stack"),
            Node(classify, ["joint", "params:tau"], "heads", name="classify"),
            Node(report, "heads", "notes", name="report"),
        ]
    )


class Toy:
    """The toy study in a folder, run with stamps."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self._patch = root, monkeypatch
        self.models: dict[str, Any] = {"a": {"weights": 1}, "b": {"weights": 2}}
        self.tau = 0.15
        self._runs = 0

    @property
    def pipeline(self) -> Pipeline:
        """Of the models that there are now."""
        pipeline = study_of(*self.models)
        self._patch.setattr(ledger, "pipelines", {"study": pipeline})
        return pipeline

    def catalog(self) -> DataCatalog:
        """A new one, as in a new process."""
        self._runs += 1
        names = ["joint", "heads", *(f"effects__{slug}" for slug in self.models)]
        version = Version(None, f"2026-01-01T00.00.{self._runs:02d}.000Z")
        return DataCatalog(
            {
                **{
                    name: TableDataset(filepath=f"{self.root / name}.parquet", version=version)
                    for name in names
                },
                "notes": NotesDataset(filepath=str(self.root), names=["note.md"]),
                "params:tau": MemoryDataset(self.tau),
                **{f"params:models.{slug}": MemoryDataset(e) for slug, e in self.models.items()},
            }
        )

    def run(self, *nodes: str) -> None:
        """Run all nodes, or some of them, as Kedro does."""
        hooks = _create_hook_manager()
        for hook in (Stamping(), MadeWith()):
            hooks.register(hook)
        pipeline = self.pipeline
        chosen = pipeline.filter(node_names=list(nodes)) if nodes else pipeline
        SequentialRunner().run(chosen, self.catalog(), hooks)

    def stale(self) -> dict[str, str]:
        """Node -> why it has to run, each judged alone."""
        pipeline, found = self.pipeline, Ledger(self.catalog())
        reasons = {node.name: why_make(node, found) for node in pipeline.nodes}
        return {name: reason for name, reason in reasons.items() if reason}

    def outdated(self, name: str) -> dict[str, str]:
        """The nodes that have to run before ``name`` may be read."""
        assert self.pipeline
        before = outdated_before([name], Ledger(self.catalog()))
        return {node.name: str(difference or "") for node, difference in before.items()}


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Toy:
    """The toy study after one run."""
    made = Toy(tmp_path, monkeypatch)
    made.run()
    return made


def test_nothing_is_stale_after_a_run(toy: Toy) -> None:
    assert toy.stale() == {}
    assert toy.outdated("notes") == {}


def test_a_parameter_makes_stale_what_takes_it_and_nothing_before(toy: Toy) -> None:
    toy.tau = 0.3
    assert toy.stale() == {"classify": "heads was made with tau = 0.15 (now 0.3)"}
    assert toy.outdated("heads") == {"classify": "heads was made with tau = 0.15 (now 0.3)"}
    assert toy.outdated("joint") == {}
    assert [*toy.outdated("notes")] == ["classify", "report"]


def test_other_weights_make_stale_one_model_alone(toy: Toy) -> None:
    toy.models["b"] = {"weights": 3}
    assert [*toy.stale()] == ["scan.b"]
    assert [*toy.outdated("joint")] == ["scan.b", "join.b", "stack"]


def test_what_no_result_depends_on_makes_nothing_stale(toy: Toy) -> None:
    toy.models["b"] = {"weights": 2, "device": "cuda"}
    assert toy.stale() == {}


def test_a_further_model_is_missing_in_what_needs_all(toy: Toy) -> None:
    toy.models["c"] = {"weights": 5}
    stale = toy.stale()
    assert stale["scan.c"] == "there is no effects__c"
    toy.run("scan.c")
    assert toy.stale() == {"stack": "joint was made without c"}
    toy.run("join.a", "join.b", "join.c", "stack")
    assert [*toy.stale()] == ["classify"]
    assert "from another joint" in toy.stale()["classify"]


def test_a_model_less_is_too_much_in_what_needs_all(toy: Toy) -> None:
    del toy.models["b"]
    assert toy.stale() == {"stack": "joint was made with b, which is not asked for now"}


def test_the_same_content_ends_what_has_to_run(toy: Toy) -> None:
    toy.run("scan.a")  # another version of the table, of the same content
    assert toy.stale() == {}


def test_another_content_goes_on_to_what_reads_it(toy: Toy) -> None:
    catalog = toy.catalog()
    table = catalog.load("effects__a")
    catalog.save("effects__a", table.assign(delta=table["delta"] + 1e-7))
    stale = toy.stale()
    assert stale["scan.a"] == "effects__a does not say what it was made from"
    assert stale["stack"] == "joint was made from another joined__a"
    toy.run("scan.a")
    assert toy.stale() == {}


def test_what_was_changed_by_hand_does_not_pass_for_what_it_was(toy: Toy) -> None:
    catalog = toy.catalog()
    heads = catalog.load("heads")
    catalog.save("heads", heads.assign(strong=True))
    assert "heads does not say" in toy.stale()["classify"]
    # It may be the user's own, so that it may be read.
    assert toy.outdated("heads") == {}


@pytest.mark.parametrize("fault", ["gone", "cut", "empty"])
def test_a_lost_or_damaged_table_is_made_again(toy: Toy, fault: str) -> None:
    (file,) = (toy.root / "joint.parquet").glob("*/joint.parquet")
    whole = file.read_bytes()
    if fault == "gone":
        file.unlink()
    else:
        file.write_bytes(whole[: len(whole) // 2] if fault == "cut" else b"")
    words = "there is no joint" if fault == "gone" else "joint is damaged"
    assert toy.stale()["stack"] == words
    toy.run("join.a", "join.b", "stack")
    assert toy.stale() == {}


def test_notes_that_are_half_written_are_made_again(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OSError("no space")

    with monkeypatch.context() as patch:
        patch.setattr(NotesDataset, "save", fails)
        with pytest.raises(OSError, match="no space"):
            toy.run("report")
    assert toy.stale() == {"report": "notes does not say what it was made from"}
    (toy.root / "note.md").unlink()
    assert toy.stale() == {"report": "there is no notes"}


def test_another_engine_measures_again_and_other_code_works_again(
    toy: Toy, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "ENGINE_VERSION", "next")
        assert sorted(toy.stale()) == ["scan.a", "scan.b"]
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "code_of_analysis", lambda: "next")
        assert sorted(toy.stale()) == ["classify", "report", "stack"]
        assert toy.outdated("notes") == {}  # older code is not wrong


def test_a_long_list_is_cut() -> None:
    assert judge._listed(list("abcde")) == "a, b, c and 2 more"
