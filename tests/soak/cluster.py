"""The whole study on many workers, in a loop over models and in parallel: bit for bit the same.

``python -m tests.soak.cluster --kills 5`` kills workers while the study is on a cluster, and lets
new ones join; ``--embedded`` takes all embedded models in place of those of the tests.
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.helpers.configured import ROSTERS
from tests.helpers.machines import environment, machines, units_of
from tests.soak.kills import PROJECT, Study, compare, embedded


def on_a_cluster(study: Study, folder: Path, kills: int, seed: int) -> int:
    """Run the study on two workers, and kill as many on the way; how many were killed.

    Raises:
        AssertionError: the command failed.
    """
    rng = random.Random(seed)
    variables = {"CIRCUIT_SCALING_TEST_DATA": str(study.root), **study.environment}
    options = [word for word in study.options if word not in ("--runner", "ParallelRunner")]
    killed = 0
    with machines(folder, 2, **variables) as there, (folder / "command.log").open("w+") as said:
        command = subprocess.Popen(
            [sys.executable, "-m", "kedro", "cluster", "--scheduler", there.address, *options],
            cwd=PROJECT,
            env=environment(**variables),
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        while command.poll() is None:
            time.sleep(rng.uniform(5, 20))
            at_work = [worker for worker in there.workers if worker.poll() is None]
            at_work = [worker for worker in at_work if units_of(worker)]
            if killed < kills and at_work:
                rng.choice(at_work).kill()
                there.add()
                killed += 1
        said.seek(0)
        assert command.returncode == 0, said.read()[-3000:]
    return killed


def in_a_loop(study: Study, models: Sequence[str]) -> None:
    """Scan one model after the other, each in a process of its own, and then run the rest."""
    for model in models:
        Study(
            study.root, (*study.options, "--namespaces", f"scan.{model}"), study.environment
        ).finish()
    study.finish()


def main() -> None:
    """Each way once; a line for every one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--embedded", action="store_true", help="all embedded models")
    given = parser.parse_args()
    models = tuple(ROSTERS.root["zoo" if given.embedded else "test"].root)
    with tempfile.TemporaryDirectory() as folder:

        def new(name: str, *options: str) -> Study:
            root = Path(folder) / name
            study = embedded(root) if given.embedded else Study(root)
            threads = {"OMP_NUM_THREADS": "1"}
            return Study(root, (*study.options, *options), study.environment | threads)

        started = time.perf_counter()
        undisturbed = new("undisturbed")
        undisturbed.finish()
        expected = undisturbed.tables()
        print(f"undisturbed: {time.perf_counter() - started:.0f} s, {len(expected)} tables")
        for name in ("cluster", "loop", "parallel"):
            started = time.perf_counter()
            study = new(name, *(("--runner", "ParallelRunner") if name == "parallel" else ()))
            study.root.mkdir(exist_ok=True)
            told = name
            if name == "cluster":
                killed = on_a_cluster(study, study.root, given.kills, given.seed)
                told = f"cluster with {killed} workers killed"
            elif name == "loop":
                in_a_loop(study, models)
            else:
                study.finish()
            compare(study, expected)
            shutil.rmtree(study.root)
            print(f"{told}: {time.perf_counter() - started:.0f} s, same", flush=True)


if __name__ == "__main__":
    main()
