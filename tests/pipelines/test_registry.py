"""The pipelines build without torch, and all that they read and write is in the catalogue."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import yaml
from kedro.framework.project import pipelines

from circuit_scaling.configuration import RETRIEVAL_MODELS, present_slugs
from circuit_scaling.datasets import TableDataset
from circuit_scaling.makers import makers_of, what_to_run
from circuit_scaling.report.notes import tables_of_the_notes
from circuit_scaling.report.reading_order import CHAPTERS, figures_of_the_page, tables_of_the_page
from circuit_scaling.tables.registry import ALL_TABLES, tables_of
from tests.conftest import PROJECT

NAMES = [
    "__default__",
    "ablation",
    "audit",
    "causal",
    "classify",
    "import_retrieval",
    "import_tables",
    "join",
    "overview",
    "report",
    "retrieval_compare",
    "retrieval_detect",
    "retrieval_mask",
    "scaling",
    "scan",
    "transfer",
    "zoo",
]


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


def test_what_to_run_is_read_from_the_pipelines(catalog):
    catalog()
    makers = what_to_run()
    assert makers["joint_heads"] == makers["competence"] == ["scan", "join"]
    assert makers["classified_heads"] == ["classify"]
    assert makers["ablation_trials__mini_gpt2_s"] == makers["ablation_figures"] == ["ablation"]
    assert makers["import_findings"] == ["import_tables"]
    assert makers["head_rankings"] == makers["known_retrieval_heads"] == ["retrieval_detect"]
    assert makers["masking_summary"] == ["retrieval_mask"]
    assert makers_of("joint_heads") == ["join", "import_tables"]
    for table, names in makers.items():
        assert table in pipelines[names[-1]].all_outputs(), table


def test_the_report_reads_every_part_that_a_chapter_or_a_note_declares(catalog):
    catalog()
    parts = {name for name in pipelines["report"].inputs() if not name.startswith("params:")}
    assert parts == {*tables_of_the_page(), *figures_of_the_page(), *tables_of_the_notes()}
    assert parts <= set(what_to_run())
    sets = yaml.safe_load((PROJECT / "conf/base/catalog_08_reporting.yml").read_text())
    for chapter in CHAPTERS:
        if chapter.figures:
            assert set(chapter.figures) <= set(sets[f"{chapter.pipeline}_figures"]["names"])


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
    asked = {node.namespace for node in pipelines["retrieval_detect"].nodes}
    assert asked == {"retrieval_detect"} | {
        f"retrieval_detect.{slug}" for slug in present_slugs(RETRIEVAL_MODELS)
    }


def test_default_is_the_whole_study_without_the_zoo(catalog):
    catalog()
    stages = {
        (node.namespace or node.name).split(".")[0] for node in pipelines["__default__"].nodes
    }
    # Eleven boxes are what a person takes in; the join lies in the box of the scan.
    study = {"scan", "classify", "scaling", "transfer", "causal", "ablation", "audit", "report"}
    assert stages == study | {"retrieval_detect", "retrieval_mask", "retrieval_compare"}


def test_every_table_is_named_on_the_page_of_its_pipeline(catalog):
    known = catalog()
    pages = PROJECT / "src/circuit_scaling/pipelines"
    tables = {
        (stages[-1], name.partition("__")[0])
        for name, stages in what_to_run().items()
        if name in known and isinstance(known.get(name), TableDataset)
    }
    unnamed = [
        (pipeline, table)
        for pipeline, table in tables
        if f"`{table}" not in (pages / pipeline / "README.md").read_text()
    ]
    assert not unnamed
