"""A study that is killed ten times on its way is the one that nobody disturbed."""

from __future__ import annotations

import random
import re
import signal
from pathlib import Path

import pytest
import torch

from tests.soak.kills import Study, compare

# One model, and the stages up to heroes: every kind of dataset, in seconds.
_OPTIONS = ("--env", "test", "--without", "mini_pythia_s", "--pipelines", "scan,join,classify")
_KILLS = 10


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """The same bits are promised for the same number of threads."""
    return {"OMP_NUM_THREADS": str(torch.get_num_threads()), "DO_NOT_TRACK": "1"}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Study:
    """The study after one run."""
    study = Study(tmp_path_factory.mktemp("undisturbed"), _OPTIONS, environment)
    study.finish()
    return study


def test_ten_kills_lose_nothing_and_repeat_nothing(
    undisturbed: Study, environment: dict[str, str], tmp_path: Path
) -> None:
    study = Study(tmp_path, _OPTIONS, environment)
    rng = random.Random(0)
    kinds = [signal.SIGKILL] * (_KILLS - 2) + [signal.SIGTERM, signal.SIGINT]
    killed = sum(study.kill_after(rng.uniform(2, 14), kind) for kind in kinds)
    assert killed, "every run was done before it could be killed"
    study.finish()
    compare(study, undisturbed.tables())
    said = study.finish()
    assert re.search(r"All \d+ steps are up to date", said)
