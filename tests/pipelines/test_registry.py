"""The pipelines build without torch, and all that they read and write is in the catalogue."""

from __future__ import annotations

import subprocess
import sys

import pytest
from kedro.framework.project import pipelines

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


@pytest.mark.parametrize("name", NAMES)
def test_every_table_is_in_the_catalogue(catalog, name):
    known = catalog()
    pipeline = pipelines[name]
    in_memory = ("join.joint_heads__", "join.joint_effects__", "join.ablation_agreement__")
    in_memory += ("join.attribution_agreement__", "zoo_curves__", "zoo_accuracy__")
    in_memory += ("ablation.ablation_summary__",)
    for dataset in pipeline.datasets():
        passing = dataset.startswith(in_memory)
        assert dataset in known or passing, f"{dataset} of {name} would be lost"


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
    assert not {"zoo", "import_table"} & stages
    assert {"scan", "join", "classify_heads", "compare_models", "write_report"} <= stages
    assert {"measure_scaling", "causal", "collect_traces", "ablation"} <= stages
