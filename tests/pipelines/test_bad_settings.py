"""Whatever a user gives wrongly: one message that names it, no traceback, and nothing written."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from kedro.framework.session import KedroSession
from kedro.pipeline import Pipeline
from kedro.runner import AbstractRunner

from circuit_scaling.checks.every import check_before_run
from circuit_scaling.configuration import ProjectConfigLoader
from tests.conftest import PROJECT
from tests.helpers.command_line import kedro_run
from tests.helpers.files import contents_of, files
from tests.pipelines.bad_inputs.case import Case
from tests.pipelines.bad_inputs.files import FILES
from tests.pipelines.bad_inputs.settings import SETTINGS


def must_not_run(*_of: object, **_options: object) -> None:
    """In place of a run: what is not refused must not write to the places that a case names."""
    raise AssertionError("nothing was refused, and the run began")


@pytest.fixture
def refused(test_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Do what a case says in a copy of the configuration; what is printed, in one line."""
    monkeypatch.setenv("CIRCUIT_SCALING_TEST_DATA", str(tmp_path / "data"))

    def _refused(case: Case) -> str:
        conf = tmp_path / "conf"
        shutil.copytree(PROJECT / "conf", conf)
        for name, old, new in case.edits:
            text = (conf / name).read_text()
            assert old in text, f"{name} has no '{old}'"
            (conf / name).write_text(text.replace(old, new, 1) if old else text + new)
        if case.prepare is not None:
            case.prepare(tmp_path)
        if not case.begins:
            monkeypatch.setattr(AbstractRunner, "run", must_not_run)
        given = ",".join(case.params).replace("TMP", str(tmp_path))
        before, viz = contents_of(tmp_path), files(PROJECT / ".viz")
        status, printed = kedro_run(
            *("--conf-source", str(conf), "--pipelines", case.pipelines),
            *(("--params", given) if given else ()),
            *case.options,
            env="test",
        )
        assert status != 0
        assert contents_of(tmp_path) == before
        assert not (tmp_path / "data").exists()
        assert files(PROJECT / ".viz") == viz
        assert "Traceback" not in printed
        assert printed.count("Error: ") == 1
        return " ".join(printed.partition("Error: ")[2].split())

    return _refused


def test_the_cases_are_many_and_each_has_a_name_of_its_own():
    names = [case.name for case in (*SETTINGS, *FILES)]
    assert len(names) >= 60
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", (*SETTINGS, *FILES), ids=lambda case: case.name)
def test_bad_input(refused, case: Case):
    said = refused(case)
    for word in case.words:
        assert word in said


def test_everything_that_is_wrong_is_in_one_list(refused):
    said = refused(
        Case(
            "many at once",
            (),
            params=(
                *("foo=1", "classify.tau=-1", "scan.drawz=2", "prompts.n_prompts=40000000"),
                *("models.mini_gpt2_s.n_layers=5", "models.mini_pythia_s.family=''"),
                *("scan.bos_task=null", "ablation.tasks=3", "join.ioi=nothing"),
            ),
            edits=(
                ("test/globals.yml", "n_train: 6", "n_train: 6\nn_trian: 6"),
                ("test/globals.yml", "filings/short", "filings/no_such"),
            ),
            pipelines="scan,retrieval_detect",
        )
    )
    assert said.startswith("12 things are wrong; nothing was run:")
    for word in (
        *("- globals.yml: n_trian:", "- foo:", "- classify.tau:", "- scan.drawz:"),
        "- scan.settle.tau:",  # it is taken from the other
        *("- prompts.n_prompts:", "- models.mini_pythia_s.family:", "- ablation.tasks:", "- join:"),
        *("- Model 'mini_gpt2_s': the roster says 5 layers", "- globals.yml: filings_root:"),
    ):
        assert word in said


@pytest.mark.parametrize(
    "env", [None, *sorted(path.name for path in (PROJECT / "conf").iterdir() if path.is_dir())]
)
def test_nothing_is_wrong_with_what_is_shipped(test_data: Path, env: str | None):
    with KedroSession.create(PROJECT, env=env) as session:
        context = session.load_context()
        loader = context.config_loader
        assert isinstance(loader, ProjectConfigLoader)
        check_before_run(loader, PROJECT, lambda: Pipeline([]))


def test_a_run_that_reads_no_model_does_not_ask_for_its_checkpoint(refused):
    gone = Case(
        *("no checkpoint", ()),
        params=("models.mini_gpt2_s.folder=no/such",),
        pipelines="classify",
    )
    assert refused(gone).startswith("There is no competence, joint_effects, joint_heads yet.")


def test_a_run_that_keeps_going_starts_without_one_model(refused):
    gone = Case(
        *("no checkpoint", ()),
        params=("models.mini_gpt2_s.folder=no/such",),
        options=("--keep-going", "--nodes", "scan.mini_gpt2_s.make_prompts"),
        begins=True,
    )
    assert "kedro run" in refused(gone).partition("--keep-going")[0]


def test_faults_in_two_files_are_told_together(refused):
    said = refused(
        Case(
            "two files",
            (),
            edits=(
                ("base/parameters_classify.yml", "classify:\n", "classify: [\n"),
                ("test/globals.yml", "roster: test", "roster: test\nroster: test"),
            ),
        )
    )
    assert "parameters_classify.yml, line" in said
    assert "globals.yml, line" in said
    assert "'roster' is there twice" in said
