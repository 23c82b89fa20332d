"""``kedro run --resume`` repeats exactly what is stale; a plain run stops where something is."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from circuit_scaling.measuring.causal import freshness as of_tracing
from circuit_scaling.measuring.scan import freshness as of_scan
from tests.helpers.command_line import kedro_run
from tests.helpers.files import contents_of

Resume = Callable[..., list[str]]
_RUNNER = "circuit_scaling.runners.study"


class _Names(logging.Handler):
    """Collects the nodes that a run completes."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.msg == "Completed node: %s":
            self.names += [str(name) for name in record.args or ()]


@pytest.fixture
def resume(copied_study: Path, figures_are_not_written: None) -> Iterator[Resume]:
    """Resume the study with some options; gives the nodes that were run."""
    found = _Names()
    logger = logging.getLogger(_RUNNER)
    logger.addHandler(found)

    def _resume(*options: str, status: int = 0) -> list[str]:
        found.names.clear()
        ended, said = kedro_run("--resume", *options, env="test")
        assert ended == status, said
        assert "Traceback" not in said
        return [*found.names]

    yield _resume
    logger.removeHandler(found)


def tables(root: Path) -> dict[str, pd.DataFrame]:
    """The newest version of every versioned table, but for what a run took."""
    newest = {file.parts[-3]: file for file in sorted(root.rglob("*.parquet/*/*.parquet"))}
    return {
        f"{file.parent.parent.parent.name}/{name}": pd.read_parquet(file)
        for name, file in newest.items()
        if "log" not in str(file)
    }


def test_nothing_is_run_and_nothing_written_where_nothing_has_changed(resume, copied_study) -> None:
    before = contents_of(copied_study)
    assert resume() == []
    assert contents_of(copied_study) == before


def test_tau_makes_again_what_depends_on_it_and_scans_nothing(resume) -> None:
    every = "scan,join,classify,scaling,transfer,causal,ablation,retrieval_detect,retrieval_mask"
    options = ("--params", "classify.tau=0.2", "--pipelines", f"{every},retrieval_compare,audit")
    made = resume(*options)
    assert not [name for name in made if name.endswith(("make_prompts", "ablate_heads"))]
    assert not [name for name in made if name.startswith("retrieval_")]
    after = ("classify.classify_heads", "transfer.compare_models", "causal.collect_traces")
    assert {*after, "audit.judge_published_findings"} <= {*made}
    assert resume(*options) == []
    ended, said = kedro_run("--pipelines", "report", env="test")
    assert ended
    assert "classify.tau = 0.2 (now 0.05)" in said


def test_one_entry_scans_one_model(resume) -> None:
    made = resume("--params", "models.mini_pythia_s.bos=true", "--pipelines", "scan,join,classify")
    scanned = [name for name in made if name.endswith("ablate_heads")]
    assert scanned == ["scan.mini_pythia_s.ablate_heads"]
    assert "scan.join.stack_joint_heads" in made
    assert "classify.classify_heads" in made


def test_what_no_result_depends_on_runs_nothing(resume) -> None:
    assert (
        resume("--params", "scan.chunk=64,scan.max_memory=1GiB,models.mini_gpt2_s.device=cpu") == []
    )


def test_a_model_that_was_left_out_is_missed_and_added(resume, copied_study) -> None:
    several = ("--pipelines", "scan,join,classify")
    made = resume("--without", "mini_pythia_s", *several)
    assert "scan.join.stack_joint_heads" in made
    assert not [name for name in made if name.endswith("ablate_heads")]
    ended, said = kedro_run("--pipelines", "classify", env="test")
    assert ended
    assert "made without mini_pythia_s" in said
    assert "kedro run --env test --resume --pipelines join,classify" in said
    # As if it had never been scanned:
    for folder in copied_study.rglob("mini_pythia_s.parquet"):
        if folder.is_dir() and folder.parent.name in ("prompts", "head_effects"):
            shutil.rmtree(folder)
    made = resume(*several)
    assert [name for name in made if name.endswith("ablate_heads")] == [
        "scan.mini_pythia_s.ablate_heads"
    ]


def test_a_renamed_family_is_no_stale_table_beside_new_ones(resume, copied_study) -> None:
    renamed = ("--params", "models.mini_pythia_s.family=pythias")
    ended, said = kedro_run("--pipelines", "causal", *renamed, env="test")
    assert ended
    assert "Make what is left behind again: kedro run --env test --resume --pipelines scan," in said
    made = resume(*renamed, "--pipelines", "scan,join,classify")
    assert "scan.mini_pythia_s.ablate_heads" in made
    assert "scan.mini_gpt2_s.ablate_heads" not in made
    found = tables(copied_study)["04_feature/joint_heads.parquet"]
    assert set(found["family"]) == {"mini_gpt2", "pythias"}


def test_another_engine_measures_everything_again(resume, monkeypatch) -> None:
    for room in (of_scan, of_tracing):
        monkeypatch.setattr(room, "ENGINE_VERSION", "next")
    ended, said = kedro_run("--pipelines", "report", env="test")
    assert ended
    assert "another engine" in said
    assert "scan.mini_gpt2_s.make_prompts" in resume("--pipelines", "scan")


@pytest.mark.parametrize("fault", ["deleted", "cut", "changed"])
def test_what_was_lost_is_made_again_as_it_was(resume, copied_study, fault: str) -> None:
    before = tables(copied_study)
    (file,) = (copied_study / "07_model_output/classified_heads.parquet").glob("*/*.parquet")
    if fault == "deleted":
        shutil.rmtree(file.parent)
    elif fault == "cut":
        file.write_bytes(file.read_bytes()[:-100])
    else:
        pd.read_parquet(file).assign(strength=0.0).to_parquet(file)
    assert resume("--pipelines", "classify")[0] == "classify.classify_heads"
    after = tables(copied_study)
    assert before.keys() == after.keys()
    for name, table in before.items():
        pd.testing.assert_frame_equal(after[name], table, check_exact=True, obj=name)


def test_a_deleted_figure_is_drawn_again_and_nothing_else(resume, copied_study) -> None:
    (copied_study / "08_reporting/figures/category_counts.png").unlink()
    assert "classify.draw_classify_figures" in (made := resume("--pipelines", "classify"))
    assert made == ["classify.draw_classify_figures"]


def test_one_model_that_fails_does_not_end_the_others(resume, copied_study, tmp_path) -> None:
    lost = ("--params", f"models.mini_pythia_s.folder={tmp_path / 'nowhere'},prompts.n_prompts=80")
    stages = ("--pipelines", "scan,join")
    ended, said = kedro_run("--resume", "--keep-going", *stages, *lost, env="test")
    assert ended == 1
    assert "Traceback" not in said
    assert "There is no checkpoint folder" in said
    assert "1 step failed" in said
    assert "kedro run --env test --resume --keep-going --namespaces scan.mini_pythia_s" in said
    assert "--without mini_pythia_s --resume" in said
    # The other was scanned, and nothing was joined without the one that failed.
    assert len([*(copied_study / "03_primary/head_effects/mini_gpt2_s.parquet").iterdir()]) == 2
    assert len([*(copied_study / "04_feature/joint_heads.parquet").iterdir()]) == 1
    made = resume("--without", "mini_pythia_s", *stages, "--params", "prompts.n_prompts=80")
    assert [name for name in made if not name.startswith("scan.join")] == []
    assert set(tables(copied_study)["04_feature/joint_heads.parquet"]["model"]) == {"mini_gpt2_s"}


def test_options_that_do_not_go_together_are_told(copied_study) -> None:
    for options, words in (
        (("--resume", "--only-missing-outputs"), "give one of them"),
        (("--resume", "--runner", "some.where.Runner"), "go with --runner SequentialRunner"),
        (("--without", "gtp2"), "There is no model gtp2 to leave out"),
        (("--without", "mini_gpt2_s,mini_pythia_s"), "the roster is empty"),
    ):
        ended, said = kedro_run(*options, env="test")
        assert ended
        assert words in " ".join(said.split())
        assert "Traceback" not in said
