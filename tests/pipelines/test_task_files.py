"""A task from a file on its whole road: the shipped prompts from a file, up to the report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from kedro.framework.project import pipelines
from kedro.io import DataCatalog

from circuit_scaling.models.loading import load_any
from tests.conftest import PROJECT
from tests.helpers.task_files import IOI, N_PROMPTS, ioi_rows

MODEL = "mini_gpt2_s"
STUDY = ("scan", "join", "classify", "causal", "report")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where the file and the data lie."""
    return tmp_path_factory.mktemp("file")


@pytest.fixture(scope="module")
def traced(test_data, run, catalog, folder) -> Iterator[DataCatalog]:
    """The catalogue after a run of one model in which the file feeds the column of IOI."""
    ioi_rows().to_csv(folder / "mine.csv", index=False)
    others = ("anti_names_first", "anti_lists", "induction", "plain_text")
    params = {
        "left_out": ["mini_pythia_s"],
        "prompts": {"n_prompts": N_PROMPTS},
        "tasks": {
            **{name: {"scan": False} for name in others},
            **IOI,
            "mine": {"build": "file", "file": str(folder / "mine.csv")},
        },
        "scan": {"agreement_tasks": ["ioi", "mine"], "positions": ["all"], "chunk": 4096},
        "join": {"ioi": "mine"},
        "causal": {"pairs": False, "max_receivers": 2},
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CIRCUIT_SCALING_TEST_DATA", str(folder / "data"))
        nodes = [node.name for name in STUDY for node in pipelines[name].nodes]
        kept = [name for name in nodes if "draw_" not in name and "mini_pythia_s" not in name]
        run(*STUDY, params=params, node_names=kept)
        yield catalog()


@pytest.mark.parametrize("kind", ["zero", "mean", "resample"])
def test_prompts_from_a_file_have_the_effects_of_the_shipped_ones(traced, kind):
    effects = traced.load(f"head_effects__{MODEL}")
    key = ["layer", "head"]
    shipped, mine = (
        effects[(effects["task"] == task) & (effects["ablation"] == kind)].sort_values(key)
        for task in ("ioi", "mine")
    )
    assert len(shipped) == len(mine) == 48
    both = (np.stack(rows["effects"].tolist()) for rows in (shipped, mine))
    np.testing.assert_array_equal(*both)


def test_the_file_feeds_the_column(traced):
    heads, scanned = traced.load("joint_heads"), traced.load(f"head_effects__{MODEL}")
    scanned = scanned[(scanned["task"] == "mine") & (scanned["ablation"] == "zero")]
    found = heads.merge(scanned, on=["layer", "head"])
    np.testing.assert_array_equal(found["delta_ioi"], found["delta"])
    assert "delta_mine" not in heads
    assert set(traced.load("classified_heads")["category"]) > {"shared", "weak"}


def test_tracing_patches_between_the_texts_of_the_file(traced):
    """m of both runs is that of the plain model on the texts as they stand in the file."""
    summary = traced.load("causal_summary")
    loaded = load_any(str(PROJECT / "data" / "01_raw" / "zoo" / MODEL))
    encode = loaded.reads.tokenizer.encode

    def contrast(text: str, answer: str, distractor: str) -> float:
        right, wrong = (
            encode(f"the {word}", add_special_tokens=False)[1] for word in (answer, distractor)
        )
        with torch.no_grad():
            tokens = torch.tensor([encode(text, add_special_tokens=False)])
            logits = loaded.anatomy.model(tokens).logits[0, -1]
        return float(logits[right] - logits[wrong])

    rows = ioi_rows()
    means = {
        f"m_{run}": np.mean(list(map(contrast, rows[run], rows["answer"], rows["distractor"])))
        for run in ("clean", "corrupt")
    }
    of_file = summary[summary["task"] == "ioi"]
    assert len(of_file)
    for name, value in means.items():
        np.testing.assert_allclose(of_file[name], value, atol=1e-4)
    assert means["m_clean"] > means["m_corrupt"] + 1


def test_the_page_says_whose_texts_were_traced(traced, folder):
    page = (folder / "data" / "08_reporting" / "report.html").read_text()
    assert "is here the task mine, whose prompts came with corrupt texts of their own" in page
