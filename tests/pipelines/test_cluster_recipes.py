"""The recipes of docs/how_to/your_cluster.md do what they say, as far as one machine can tell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from kedro.framework.project import pipelines
from kedro.framework.session import KedroSession

from circuit_scaling.cluster.units import units_of
from circuit_scaling.configuration import present_slugs
from circuit_scaling.resume.ledger import Ledger
from tests.conftest import PROJECT
from tests.helpers.command_line import own_process

PAGE = (PROJECT / "docs" / "how_to" / "your_cluster.md").read_text()
MODELS = ("mini_gpt2_s", "mini_pythia_s")


def recipe(chapter: str, at: int = 0) -> str:
    """A block of code of a chapter."""
    text = PAGE.partition(f"## {chapter}\n")[2].partition("\n## ")[0]
    return re.findall(r"```(?:bash|python)\n(.*?)```", text, re.DOTALL)[at]


@pytest.fixture
def shell(tmp_path: Path):
    """Run a script where ``kedro`` notes what it is asked for, and ``sbatch`` runs all at once."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "kedro").write_text('#!/bin/bash\necho "$*" >> asked\n')
    (programs / "sbatch").write_text(
        "#!/bin/bash\n"
        "set -e\n"
        "indices=0\n"
        'for word in "$@"; do case $word in --array=*) range=${word#--array=};\n'
        '  indices=$(seq "${range%-*}" "${range#*-}");; esac; done\n'
        'while [[ $1 == --* && $1 != --wrap ]]; do echo "$1" >> handed_in; shift; done\n'
        "for at in $indices; do\n"
        '  if [[ $1 == --wrap ]]; then bash -c "$2"; else SLURM_ARRAY_TASK_ID=$at bash "$@"; fi\n'
        "done\n"
        "echo $((100 + $(wc -l < asked)))\n"
    )
    for program in programs.iterdir():
        program.chmod(0o755)

    def _shell(script: str) -> list[str]:
        subprocess.run(
            ["bash", "-euc", script],
            cwd=tmp_path,
            env=os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"},
            check=True,
        )
        return (tmp_path / "asked").read_text().splitlines()

    return _shell


def test_a_job_array_runs_every_stage_of_every_model_and_then_the_rest(shell, tmp_path: Path):
    (tmp_path / "stage.sh").write_text(recipe("Slurm, by job arrays"))
    asked = shell(recipe("Slurm, by job arrays", 1))
    models = ("gpt2", "gpt2_medium", "pythia_70m", "pythia_160m")
    begin = "run --env pretrained --resume"
    assert asked == [
        *(f"{begin} --namespaces scan.{model}" for model in models),
        f"{begin} --pipelines join,classify",
        *(f"{begin} --namespaces causal.{model}" for model in models),
        *(f"{begin} --namespaces ablation.{model}" for model in models),
        begin,
    ]
    waited = [
        line for line in (tmp_path / "handed_in").read_text().splitlines() if "depend" in line
    ]
    assert waited == [
        "--dependency=afterok:104",
        "--dependency=afterok:105",
        "--dependency=afterok:105",
        "--dependency=afterok:109:113",
    ]


def test_the_loop_runs_every_model_and_then_the_rest(shell):
    assert shell(recipe("A shell loop")) == [
        "run --env pretrained --resume --namespaces scan.gpt2",
        "run --env pretrained --resume --namespaces scan.gpt2_medium",
        "run --env pretrained --resume",
    ]


def test_the_stages_of_the_recipes_are_the_units_of_the_study(catalog):
    """A recipe that is in one stage behind the pipelines would leave work to the last step."""
    stages = {
        unit.stage
        for unit in units_of(pipelines["__default__"], Ledger(catalog()).is_stored)
        if unit.model
    }
    assert stages == {"scan", "causal", "ablation", "retrieval_detect", "retrieval_mask"}
    parts = {
        unit.name: unit for unit in units_of(pipelines["__default__"], Ledger(catalog()).is_stored)
    }
    assert parts["causal.mini_gpt2_s"].after == {"scan.join, classify"}
    assert parts["ablation.mini_gpt2_s"].after == {"scan.join, classify"}


def test_every_model_of_the_published_study_has_units_of_its_own(test_data: Path):
    with KedroSession.create(PROJECT, env="pretrained") as session:
        is_stored = Ledger(session.load_context().catalog).is_stored
        units = units_of(pipelines["__default__"], is_stored)
        models = present_slugs()
    assert len(models) == 17
    for stage in ("scan", "causal", "ablation"):
        assert {unit.model for unit in units if unit.stage == stage} == set(models)
    joined = next(unit for unit in units if unit.name.startswith("scan.join, classify"))
    assert joined.after == {f"scan.{model}" for model in models}
    last = units[-1]
    assert "report.write_report" in last.nodes


def test_a_slurm_job_of_dask_jobqueue_is_a_worker_with_a_gpu(tmp_path: Path):
    script = recipe("Slurm, by dask-jobqueue").replace("cluster.scale(jobs=4)", "")
    status, printed = own_process(
        ["-c", f"{script}\nprint(cluster.job_script())\ncluster.close()"], tmp_path
    )
    assert status == 0, printed
    assert "#SBATCH --cpus-per-task=8" in printed
    assert "#SBATCH --gres=gpu:1" in printed
    assert "#SBATCH -t 24:00:00" in printed
    assert "export OMP_NUM_THREADS=8" in printed
    worker = next(line for line in printed.splitlines() if "dask_worker" in line)
    assert "--nthreads 1" in worker
    assert "--resources GPU=1" in worker
    assert re.search(r"kedro cluster --env pretrained --scheduler tcp://\S+:\d+", printed)


def test_submitit_runs_a_stage_of_every_model(tmp_path: Path):
    script = recipe("submitit").replace("gpus_per_node=1", "gpus_per_node=0")
    said = f'"{sys.executable}", "-c", "import sys; print(sys.argv[1:])"'
    script = script.replace('"kedro"', said) + "    print(job.result())\n"
    status, printed = own_process(["-c", script], tmp_path)
    assert status == 0, printed
    for model in ("gpt2", "gpt2_medium"):
        assert f"'--resume', '--namespaces', 'scan.{model}'" in printed


@pytest.mark.parametrize("grouping", ["namespace", "memory"])
def test_airflow_gets_a_file_that_python_can_read(tmp_path: Path, grouping: str):
    command = recipe("Airflow").splitlines()[1].split()[1:]
    command[command.index("pretrained")] = "test"
    command[command.index("dags")] = str(tmp_path)
    command[command.index("namespace")] = grouping
    status, printed = own_process(["-m", "kedro", *command], PROJECT)
    assert status == 0, printed
    [file] = tmp_path.glob("*.py")
    text = file.read_text()
    compile(text, str(file), "exec")
    if grouping == "memory":
        for model in MODELS:
            assert f'node_names=["scan.{model}.ablate_heads"]' in text
        joined = next(line for line in text.splitlines() if '"scan.join.stack_joint_heads"' in line)
        assert all(f'"scan.join.{model}.join_heads"' in joined for model in MODELS)
    else:
        assert len(re.findall("@task", text)) == 11  # the stages of the study
