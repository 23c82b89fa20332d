"""The notebooks run on the tables of a run, from top to bottom, and say what the tables say."""

from __future__ import annotations

import re
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from benchmarks.notebooks import MOST_BYTES, executed, normalise, notebooks
from tests.conftest import PROJECT

NAMES = [path.stem for path in notebooks()]


@pytest.fixture(scope="module")
def shown(study) -> dict[str, NotebookNode]:
    """Every notebook, executed on the tables of the study."""
    return dict(zip(NAMES, executed(notebooks()), strict=True))


def outputs(notebook: NotebookNode, kind: str) -> list[Any]:
    """What its cells show of a kind, such as ``image/png``, or what they have printed."""
    every = [o for cell in notebook.cells for o in cell.get("outputs", ())]
    if kind == "printed":
        return [output["text"] for output in every if output.get("name") == "stdout"]
    return [output["data"][kind] for output in every if kind in output.get("data", {})]


def words(notebook: NotebookNode) -> str:
    return "\n".join(outputs(notebook, "text/markdown"))


def cells_of_table(notebook: NotebookNode) -> list[str]:
    """The cells of all tables that it shows, as text."""
    tables = "".join(outputs(notebook, "text/html"))
    return [cell.strip() for cell in re.findall(r"<t[dh][^>]*>([^<]*)<", tables)]


@pytest.mark.parametrize(
    ("name", "pictures"),
    [
        ("external_table", 1),
        ("heads", 4),
        ("published_numbers", 4),
        ("two_models", 3),
        ("your_model", 3),
    ],
)
def test_every_idea_has_its_picture(shown, name, pictures):
    assert len(outputs(shown[name], "image/png")) == pictures
    assert not [o for c in shown[name].cells for o in c.get("outputs", ()) if "WARNING" in str(o)]


def test_heads_are_those_of_the_table(shown, study):
    heads = study.load("classified_heads")
    assert f"**{len(heads)} heads of 2 models.**" in words(shown["heads"])
    able = heads[heads["competent_ioi"] & heads["competent_anti_names"] & heads["resolved"]]
    one = able.nlargest(1, "strength").iloc[0]
    told = f"**{one['model']} L{one['layer']}H{one['head']}** on IOI: {one['delta_ioi']:.2f} logits"
    assert told in words(shown["heads"])
    assert "**Category at τ = 0.05**" in words(shown["heads"])


def test_the_categories_of_a_model_are_those_of_all_its_heads(shown):
    said = words(shown["your_model"])
    heads, *by_category = map(int, re.search(
        r"has (\d+) heads: (\d+) matter .*?, (\d+) for .*?, (\d+) for both, (\d+) for", said
    ).groups())  # fmt: skip
    assert heads == sum(by_category) == 48


def test_two_models_are_compared_as_the_table_does(shown, study):
    row = study.load("transfer_summary").query(
        "base_model == 'mini_gpt2_s' and tgt_model == 'mini_pythia_s' and task == 'ioi'"
    ).iloc[0]  # fmt: skip
    cells = cells_of_table(shown["two_models"])
    for name in ("mean_frac_rank", "depth_frac_rank", "matched_frac_rank", "matched_p"):
        assert f"{row[name]:.3f}" in cells


def test_each_defect_of_a_table_is_found_and_the_honest_one_is_taken(shown):
    printed = "".join(outputs(shown["external_table"], "printed"))
    found = dict(re.findall(r"== ([\w ]+)\n([\w ]+)\. Likely cause", printed))
    assert found == {
        "cut": "missing heads",
        "zeros": "exact zeros",
        "one column": "same values in two models",
        "exchanged": "outside the shape",
    }
    assert "100% of the categories are those of the scan" in words(shown["external_table"])


def test_the_audit_is_that_of_the_run_and_defects_make_findings(shown, study):
    notebook = shown["published_numbers"]
    counts = study.load("published_audit").groupby("study")["outcome"].value_counts()
    cells = cells_of_table(notebook)
    assert {str(n) for n in counts} <= set(cells)
    # Nothing is to be found in the rebuilt table; bands of specialists are, because of its zeros.
    assert "There is a band of ioi_only heads, on the side where heads help." in cells
    assert "suspect: attention computed differently at some lengths" in words(notebook)
    wrong = re.search(r"Where the truth is 0.3, (\d+)% of the lists", words(notebook))
    assert int(wrong[1]) > 50


@pytest.mark.parametrize("path", notebooks(), ids=NAMES)
def test_what_is_stored_is_small_whole_and_of_no_machine(path):
    stored = nbformat.read(path, as_version=4)
    code = [cell for cell in stored.cells if cell.cell_type == "code"]
    assert code[0].source.startswith("%matplotlib inline")
    assert [cell.execution_count for cell in code] == [*range(1, len(code) + 1)]
    assert len(path.read_bytes()) < MOST_BYTES
    assert str(PROJECT) not in path.read_text()
    pictures = outputs(stored, "image/png")
    normalise(stored)
    assert outputs(stored, "image/png") == pictures


def test_a_folder_of_the_machine_is_not_stored():
    cell = nbformat.v4.new_code_cell("1")
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=f"{PROJECT}/data")]
    with pytest.raises(ValueError, match="cell-0 shows the folder"):
        normalise(nbformat.v4.new_notebook(cells=[cell]))
