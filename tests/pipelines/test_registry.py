"""The pipelines build without torch, and all that they read and write is in the catalogue."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import yaml
from kedro.framework.project import pipelines

from circuit_scaling.report import ReportContext
from circuit_scaling.report.blocks import Missing
from circuit_scaling.report.made_by import TABLES
from circuit_scaling.report.sections import all_sections
from circuit_scaling.tables.registry import ALL_TABLES, tables_of
from tests.conftest import PROJECT

NAMES = ["__default__", "ablation", "causal", "classify", "import_tables", "join", "overview"]
NAMES += ["report", "scaling", "scan", "transfer", "zoo"]


def test_registry_starts_without_torch():
    code = (
        "import sys; from pathlib import Path\n"
        "from kedro.framework.startup import bootstrap_project\n"
        "bootstrap_project(Path.cwd())\n"
        "from kedro.framework.project import pipelines; dict(pipelines)\n"
        "heavy = [m for m in ('torch', 'transformers', 'transformer_lens') if m in sys.modules]\n"
        "sys.exit(', '.join(heavy) or None)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_table_is_in_the_catalogue(catalog):
    known = catalog()
    assert sorted(pipelines) == NAMES
    in_memory = tuple(f"{table}__" for table in (*tables_of("join"), *tables_of("zoo")))
    in_memory += ("ablation_summary__",)
    for name, pipeline in pipelines.items():
        for dataset in pipeline.datasets():
            passing = dataset.startswith(in_memory)
            assert dataset in known or passing, f"{dataset} of {name} would be lost"


def test_the_report_names_the_pipelines_that_make_its_tables(catalog):
    catalog()
    page = [block for section in all_sections(ReportContext()) for block in section.blocks]
    asked = [block for block in page if isinstance(block, Missing)]
    assert asked
    for block in asked:
        *before, last = block.pipelines.split(",")
        # The last one makes the tables, and those before it what it starts from.
        made = pipelines[last].all_outputs()
        assert set(block.tables) <= made, block
        for name in before:
            assert pipelines[name].all_outputs() & pipelines[last].inputs(), block
            made |= pipelines[name].all_outputs()


def test_every_table_of_the_report_is_made_by_the_pipeline_that_it_says(catalog):
    catalog()
    for name, tables in TABLES.items():
        assert set(tables) <= pipelines[name].all_outputs(), name
    read = {name for name in pipelines["report"].inputs() if not name.startswith("params:")}
    assert read == {table for tables in TABLES.values() for table in tables}


def test_every_schema_validates_a_table_of_the_catalogue_and_every_table_has_one():
    named = {
        entry["validator"]
        for file in (PROJECT / "conf" / "base").glob("catalog*.yml")
        for entry in yaml.safe_load(file.read_text()).values()
        if "validator" in entry
    }
    found = [
        getattr(import_module(path.rpartition(".")[0]), path.rpartition(".")[2]) for path in named
    ]
    assert {table.name for table in found} == set(ALL_TABLES)
    assert all(ALL_TABLES[table.name] is table for table in found)


def test_one_node_per_model_and_namespaces_are_whole(catalog):
    catalog()
    scan = pipelines["scan"]
    assert {node.namespace for node in scan.nodes} == {"scan.mini_gpt2_s", "scan.mini_pythia_s"}
    only = scan.filter(node_namespaces=["scan.mini_gpt2_s"])
    assert {node.namespace for node in only.nodes} == {"scan.mini_gpt2_s"}
    traced = pipelines["causal"].filter(node_namespaces=["causal.mini_gpt2_s"])
    assert [node.name for node in traced.nodes] == ["causal.mini_gpt2_s.trace_heads"]


def test_default_is_the_whole_study_without_the_zoo(catalog):
    catalog()
    stages = {
        (node.namespace or node.name).split(".")[0] for node in pipelines["__default__"].nodes
    }
    # Twelve boxes are what a person takes in; the join lies in the box of the scan.
    assert stages == {"scan", "classify", "scaling", "transfer", "causal", "ablation", "report"}
