"""Runs that are killed at random moments and resumed: nothing is lost, and nothing made twice.

``python -m tests.soak.kills --each 50`` begins anew for every kill, ``--chain 50`` kills one
study fifty times on its way; ``--embedded`` takes all embedded models in place of those of the
tests. Either way the tables are compared with those of a run that nobody disturbed, bit for bit.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

PROJECT = Path(__file__).parents[2]
_NOT_COMPARED = "log"  # what a run took is never the same
_LAST_OF_SCAN = "run_log"  # written when everything else of a scan is


@dataclass
class Study:
    """A study in a data root of its own, run by ``kedro run --resume`` in a process of its own.

    Attributes:
        options: of ``kedro run``, such as the environment.
        environment: variables beside those of this process.
    """

    root: Path
    options: Sequence[str] = ("--env", "test")
    environment: dict[str, str] = field(default_factory=dict)

    def started(self) -> subprocess.Popen[str]:
        """The run under way, in a group of processes of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "kedro", "run", "--resume", *self.options],
            cwd=PROJECT,
            env=os.environ
            | {"CIRCUIT_SCALING_TEST_DATA": str(self.root), "COLUMNS": "200"}
            | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def finish(self) -> str:
        """Run to the end; what it said.

        Raises:
            AssertionError: it failed.
        """
        run = self.started()
        said, _ = run.communicate()
        assert run.returncode == 0, said[-3000:]
        return said

    def kill_after(self, seconds: float, how: signal.Signals = signal.SIGKILL) -> bool:
        """Begin, and end it after so long; False where it was done by then."""
        run = self.started()
        try:
            run.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.kill(run.pid, how)  # the run itself: what it has started must end by itself
            run.communicate()
            return True
        return False

    def tables(self) -> dict[str, pd.DataFrame]:
        """The newest version of every table, but for what a run took."""
        files = sorted(self.root.rglob("*.parquet/*/*.parquet"))
        newest = {file.parent.parent.relative_to(self.root): file for file in files}
        # Suggested commands name the configuration, which lies in the study's own folder.
        here = str(self.root)
        return {
            str(name): pd.read_parquet(file).map(
                lambda value: value.replace(here, "HERE") if isinstance(value, str) else value
            )
            for name, file in newest.items()
            if _NOT_COMPARED not in str(name)
        }

    def scans(self) -> dict[str, int]:
        """Model -> how often its scan was finished."""
        logs = self.root.glob(f"03_primary/{_LAST_OF_SCAN}/*.parquet")
        return {log.stem: len([*log.glob("*/*.parquet")]) for log in logs}


def embedded(root: Path) -> Study:
    """The study of all embedded models, as ``make run`` runs it, in another place."""
    conf = root / "conf"
    shutil.copytree(PROJECT / "conf", conf)
    for file in conf.glob("*/globals.yml"):
        told = re.sub(r"^data_root: .*", f"data_root: {root}", file.read_text(), flags=re.M)
        file.write_text(told)
    options = ("--conf-source", str(conf), "--runner", "ParallelRunner")
    return Study(root, options, {"OMP_NUM_THREADS": "1"})


def compare(found: Study, undisturbed: dict[str, pd.DataFrame]) -> None:
    """Every table is there, and bit for bit what it would have been.

    Raises:
        AssertionError: one is not, or a finished scan was made again.
    """
    tables = found.tables()
    assert tables.keys() == undisturbed.keys(), tables.keys() ^ undisturbed.keys()
    for name, table in undisturbed.items():
        pd.testing.assert_frame_equal(tables[name], table, check_exact=True, obj=name)
    again = {model: times for model, times in found.scans().items() if times != 1}
    assert not again, f"scanned more than once: {again}"


def moments(n: int, seconds: float, seed: int) -> Iterator[float]:
    """``n`` random moments of a run that takes so long."""
    rng = random.Random(seed)
    return (rng.uniform(0, seconds) for _ in range(n))


def main() -> None:
    """Kill and resume; a line for every kill."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=0)
    parser.add_argument("--chain", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--embedded", action="store_true", help="all embedded models")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:

        def new(name: str) -> Study:
            root = Path(folder) / name
            return embedded(root) if given.embedded else Study(root)

        started = time.perf_counter()
        undisturbed = new("undisturbed")
        undisturbed.finish()
        seconds = time.perf_counter() - started
        expected = undisturbed.tables()
        print(f"undisturbed: {seconds:.0f} s, {len(expected)} tables", flush=True)
        for place, moment in enumerate(moments(given.each, seconds, given.seed), 1):
            study = new("each")
            killed = study.kill_after(moment)
            study.finish()
            compare(study, expected)
            shutil.rmtree(study.root)
            print(f"{place}: {'killed' if killed else 'done'} at {moment:.1f} s: same", flush=True)
        if given.chain:
            study = new("chain")
            rng = random.Random(given.seed)
            # Long enough to get somewhere, and short enough to be killed again and again.
            lives = (rng.uniform(seconds / 20, seconds / 5) for _ in range(given.chain))
            kills = sum(map(study.kill_after, lives))
            study.finish()
            compare(study, expected)
            print(f"chain of {kills} kills: same", flush=True)


if __name__ == "__main__":
    main()
