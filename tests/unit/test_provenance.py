"""Tables carry the parameters they were made with, those of their inputs among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog, MemoryDataset
from kedro.pipeline import Node, Pipeline

from circuit_scaling import provenance
from circuit_scaling.analysis.classify.settings import ClassifySettings
from circuit_scaling.datasets import CsvExportDataset, TableDataset
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.provenance import MEASURES, MadeWith
from circuit_scaling.tables.made_with import made_with, parameter, set_made_with
from circuit_scaling.tables.table import TableError

ENTRY = RosterEntry(slug="gpt2", family="gpt2", hub="gpt2", params_m=1, n_layers=1, n_heads=1)
SETTINGS = ClassifySettings(tau=0.05, taus=(0.05, 0.1), top_k=3, n_boot=200)


def table(**parameters: Any) -> pd.DataFrame:
    made = pd.DataFrame({"value": [1.0]})
    set_made_with(made, parameters)
    return made


def after(inputs: dict[str, Any], outputs: dict[str, Any], tags: str | None = None) -> None:
    node = Node(lambda *_: None, inputs=list(inputs), outputs=list(outputs), name="n", tags=tags)
    MadeWith().after_node_run(node=node, inputs=inputs, outputs=outputs)


def test_a_table_carries_the_parameters_of_its_node_and_of_its_inputs() -> None:
    out = pd.DataFrame({"value": [2.0]})
    inputs = {
        "joint_heads": table(**{"scan.primary": {"ablation": "zero", "positions": "all"}}),
        "params:classify": SETTINGS,
        "params:transfer.k": 20,
        "params:models": {"gpt2": {}},
        "params:models.gpt2": ENTRY,
        "params:tasks": {"plain_text": {}, "ioi": {}},
    }
    after(inputs, {"classified_heads": out})
    assert made_with(out) == {
        "classify.n_boot": 200,
        "classify.seed": 0,
        "classify.tau": 0.05,
        "classify.taus": [0.05, 0.1],
        "classify.top_k": 3,
        "scan.primary": {"ablation": "zero", "positions": "all"},
        "tasks": ["ioi", "plain_text"],
        "transfer.k": 20,
    }
    assert parameter(out, "classify.tau", "classified_heads") == 0.05


def test_tables_inside_exports_and_beside_figures_carry_them_too() -> None:
    exported, shown = pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})
    outputs = {"exports": {"one": exported}, "figures": {"two": (object(), shown)}}
    after({"params:classify.tau": 0.1}, outputs)
    assert made_with(exported) == made_with(shown) == {"classify.tau": 0.1}


def test_what_a_measurement_depends_on_is_in_its_fingerprint() -> None:
    out = pd.DataFrame({"value": [2.0]})
    after({"params:classify": SETTINGS}, {"head_effects": out}, tags=MEASURES)
    assert made_with(out) == {}


def test_other_metadata_stays() -> None:
    out = pd.DataFrame({"value": [2.0]})
    out.attrs = {"made_from": "abc", "made_with": {"classify.tau": 9.0}}
    after({"params:classify.tau": 0.1}, {"table": out})
    assert out.attrs == {"made_from": "abc", "made_with": {"classify.tau": 0.1}}


def test_it_comes_back_from_a_file_without_the_rows(tmp_path: Path) -> None:
    dataset = TableDataset(filepath=str(tmp_path / "t.parquet"))
    dataset.save(table(**{"classify.taus": [0.1, 0.2]}))
    assert dataset.attributes()["made_with"] == {"classify.taus": [0.1, 0.2]}
    assert made_with(dataset.load()) == {"classify.taus": [0.1, 0.2]}


def test_a_damaged_file_carries_nothing(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_bytes(b"")
    assert TableDataset(filepath=str(tmp_path / "t.parquet")).attributes() == {}


def test_an_export_has_it_beside_itself(tmp_path: Path) -> None:
    CsvExportDataset(str(tmp_path), ["one"]).save({"one": table(**{"classify.tau": 0.1})})
    assert '"classify.tau": 0.1' in (tmp_path / "one.json").read_text()


def test_an_older_table_is_named() -> None:
    with pytest.raises(TableError, match="'classified_heads' does not say with which classify.tau"):
        parameter(table(), "classify.tau", "classified_heads")


def compare_with_stored(folder: Path, now: dict[str, object]) -> None:
    stored = TableDataset(filepath=str(folder / "table.parquet"))
    stored.save(table(**{"retrieval.asks": {"lengths": [96], "min_haystack": 0}}))
    catalog = DataCatalog({"stored": stored, "params:retrieval": MemoryDataset({"asks": now})})
    reading = Pipeline([Node(lambda read: read, inputs="stored", outputs="read", name="read")])
    MadeWith().before_pipeline_run({}, reading, catalog)


def test_defaults_that_are_not_filled_in_are_no_difference(tmp_path: Path) -> None:
    compare_with_stored(tmp_path, {"lengths": [96]})


def test_another_value_in_the_inner_block_is_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provenance, "pipelines", {})
    monkeypatch.setattr(provenance, "makers_of", lambda _table: [])
    with pytest.raises(CircuitScalingError, match="made with retrieval.asks = "):
        compare_with_stored(tmp_path, {"lengths": [128]})
