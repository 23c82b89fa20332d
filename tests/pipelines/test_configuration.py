"""One configuration for graph, catalogue and folders, wherever and however a run is started."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import click
import pytest
from kedro.framework.context import KedroContext
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession

from circuit_scaling.configuration import LEFT_OUT
from tests.conftest import PROJECT
from tests.helpers.command_line import kedro_run, own_process
from tests.helpers.configurations import elsewhere, with_model

ONE_PROMPT_TABLE = ["--pipelines", "scan", "--to-outputs", "prompts__mini_opt"]


@pytest.fixture
def _person(test_data, monkeypatch):
    """The shell of a person, who has set nothing for Kedro."""
    monkeypatch.delenv("KEDRO_ENV")


def context_of(**given: Any) -> KedroContext:
    """The context of a new session."""
    with KedroSession.create(project_path=PROJECT, **given) as session:
        return session.load_context()


def place_of(context: KedroContext, dataset: str) -> Path:
    return Path(str(context.catalog[dataset]._describe()["filepath"]))


def models() -> list[str]:
    """The models of the pipelines of the present configuration."""
    return sorted({node.namespace.removeprefix("scan.") for node in pipelines["scan"].nodes})


def written(root: Path) -> list[str]:
    return [path.name for path in root.rglob("*.parquet") if path.is_file()]


def test_conf_source_gives_the_graph_the_data_root_and_the_checkpoint(test_data, tmp_path):
    conf = elsewhere(tmp_path)
    with_model(tmp_path)  # beside the configuration, not in the project
    before = written(PROJECT / "data" / "02_intermediate")
    status, printed = kedro_run("--conf-source", str(conf), *ONE_PROMPT_TABLE)
    assert status == 0, printed
    assert written(tmp_path / "data") == ["mini_opt.parquet"]
    assert written(PROJECT / "data" / "02_intermediate") == before


def test_the_report_of_a_roster_without_embedded_models_does_not_tell_of_their_training(
    study, test_data, tmp_path
):
    heads = Path("07_model_output", "classified_heads.parquet")
    shutil.copytree(test_data / heads, tmp_path / "data" / heads)
    (tmp_path / "zoo").mkdir()
    for name in ("training_curves.parquet", "training_accuracy.parquet"):
        shutil.copy(PROJECT / "data" / "01_raw" / "zoo" / name, tmp_path / "zoo")
    conf = elsewhere(tmp_path)
    status, printed = kedro_run("--conf-source", str(conf), "--pipelines", "report")
    assert status == 0, printed
    page = (tmp_path / "data" / "08_reporting" / "report.html").read_text()
    assert 'id="phase-space"' in page
    assert 'id="training"' not in page


def test_the_package_runs_where_there_is_no_project(tmp_path):
    site, deployed, here = (tmp_path / name for name in ("site", "deployed", "here"))
    shutil.copytree(PROJECT / "src" / "circuit_scaling", site / "circuit_scaling")
    deployed.mkdir()
    here.mkdir()
    conf = elsewhere(deployed)
    with_model(deployed)
    run = ["-m", "circuit_scaling", "--conf-source", str(conf)]
    status, printed = own_process([*run, *ONE_PROMPT_TABLE], here, site)
    assert status == 0, printed
    assert written(deployed / "data") == ["mini_opt.parquet"]
    status, printed = own_process([*run, "--pipelines", "classify"], here, site)
    assert status == 1
    again = f"python -m circuit_scaling --conf-source {conf} --pipelines join"
    assert again in " ".join(printed.split())
    status, printed = own_process(["-m", "circuit_scaling"], here, site)
    assert (status, "Traceback" in printed) == (1, False)
    assert f"There is no configuration '{here / 'conf'}'" in printed


@pytest.mark.usefixtures("_person")
def test_a_session_works_from_any_folder_and_the_project_comes_first(tmp_path, monkeypatch):
    foreign = tmp_path / "data" / "01_raw" / "zoo" / "mini_gpt2_s"
    foreign.mkdir(parents=True)  # the same relative path, no model
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CIRCUIT_SCALING_TEST_DATA", "data/test")
    context = context_of(env="test")
    folder = context.params["models"]["mini_gpt2_s"].folder
    assert folder == str(PROJECT / "data" / "01_raw" / "zoo" / "mini_gpt2_s")
    for dataset, path in (
        ("joint_heads", "04_feature/joint_heads.parquet"),
        ("report_page", "08_reporting/report.html"),
        ("classify_exports", "08_reporting/tables"),
    ):
        assert place_of(context, dataset) == PROJECT / "data" / "test" / path
    assert models() == ["mini_gpt2_s", "mini_pythia_s"]


@pytest.mark.usefixtures("_person")
def test_in_the_project_a_folder_stays_as_the_roster_has_it(monkeypatch):
    monkeypatch.chdir(PROJECT / "docs")
    entry = context_of(env="test").params["models"]["mini_gpt2_s"]
    assert entry.folder == "data/01_raw/zoo/mini_gpt2_s"


@pytest.mark.usefixtures("_person")
def test_sessions_one_after_the_other_have_the_pipelines_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setenv("CIRCUIT_SCALING_TEST_DATA", "/of_the_test")
    test = context_of(env="test")
    assert models() == ["mini_gpt2_s", "mini_pythia_s"]
    own = context_of()
    assert (len(models()), own.env) == (10, None)
    other = context_of(conf_source=str(elsewhere(tmp_path)))
    assert models() == ["mini_opt"]
    # A context that is read after others were made answers with its own values.
    for context, root in (
        (test, Path("/of_the_test")),
        (other, tmp_path / "data"),
        (own, PROJECT / "data"),
    ):
        assert place_of(context, "joint_heads").parents[1] == root


FOUND = [
    "__default__",
    "ablation",
    "audit",
    "causal",
    "classify",
    "import_retrieval",
    "import_tables",
    "join",
    "report",
    "retrieval_compare",
    "retrieval_detect",
    "retrieval_mask",
    "scaling",
    "scan",
    "transfer",
    "zoo",
]


def test_pipelines_are_found_without_arguments(tmp_path):
    code = f"""
from pathlib import Path
from kedro.framework.project import find_pipelines, pipelines
from kedro.framework.startup import bootstrap_project
bootstrap_project(Path({str(PROJECT)!r}))
found = find_pipelines(raise_errors=True)
print("found", sorted(found))
print("same", all(set(found[n].nodes) == set(pipelines[n].nodes) for n in found if n[0] != "_"))
print("models", sorted({{node.namespace for node in pipelines["scan"].nodes}}))
"""
    status, printed = own_process(["-W", "ignore", "-c", code], tmp_path, KEDRO_ENV="test")
    assert status == 0, printed
    assert f"found {FOUND}" in printed
    assert "same True" in printed
    assert "models ['scan.mini_gpt2_s', 'scan.mini_pythia_s']" in printed


ROSTER = "parameters_models.yml"
NO_GRAPH = [
    ("globals.yml", "\nroster: mine", "\nroster: yours", "'_rosters.yours' not found"),
    ("globals.yml", "\nroster: mine\n", "\n", "Globals key 'roster' not found"),
    ("globals.yml", "n_boot: 200\n", "", "Globals key 'n_boot' not found"),
    ("globals.yml", "\nroster: mine", "\nroster: [", "globals.yml, line"),
    (
        *("globals.yml", "\nroster: mine", "\ndefault_pipelines: [scan, scn]\nroster: mine"),
        "'scn'. There are: scan, join, classify",
    ),
    (
        *("globals.yml", "\nroster: mine", "\ndefault_pipelines: scan\nroster: mine"),
        "no list of pipelines: 'scan'. There are: scan, join, classify",
    ),
    (ROSTER, "  mine:\n    mini_opt:\n", "  mine:\n  - mini_opt:\n", "valid dictionary"),
    (ROSTER, "mini_opt:\n", "mini-opt:\n", "'mini-opt' cannot be a slug"),
    (ROSTER, "n_heads: 12", "n_heads: 0", "mini_opt: n_heads: Input should be greater than 0"),
    (
        *(ROSTER, "models: ${_rosters.${globals:roster}", "_models: ${_rosters.${globals:roster}"),
        "'models' is missing in parameters_models.yml",
    ),
]


@pytest.mark.usefixtures("_person")
@pytest.mark.parametrize(("file", "old", "new", "words"), NO_GRAPH)
def test_a_configuration_that_gives_no_graph_is_one_line(tmp_path, file, old, new, words):
    conf = elsewhere(tmp_path)
    path = conf / "base" / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with (
        pytest.raises(click.ClickException) as caught,
        KedroSession.create(project_path=PROJECT, conf_source=str(conf)) as session,
    ):
        session.run(pipeline_names=["classify"])
    assert words in caught.value.message
    assert "\n" not in caught.value.message


def test_a_model_is_left_out_however_often_the_parameters_are_read(test_data):
    context = context_of(env="test", runtime_params={LEFT_OUT: ["mini_pythia_s"]})
    first = context.params
    assert list(first["models"]) == ["mini_gpt2_s"]
    assert context.params == first


def test_an_environment_that_is_not_there(test_data):
    status, printed = kedro_run(env="tset")
    assert (status, "Traceback" in printed) == (1, False)
    assert f"There is no environment 'tset' in '{PROJECT / 'conf'}': there are base" in printed
