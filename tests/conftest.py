"""One run of the whole study in the test environment, shared by all tests that look at it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from hypothesis.configuration import set_hypothesis_home_dir
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project
from kedro.io import DataCatalog
from xdist.scheduler import LoadScopeScheduling

from circuit_scaling.resume import run_status

PROJECT = Path(__file__).parents[1]

set_hypothesis_home_dir(Path(tempfile.gettempdir()) / "circuit_scaling_hypothesis")


_ON_THE_STUDY = ("tests/pipelines/", "tests/end_to_end/")


class OneStudy(LoadScopeScheduling):
    """With several workers, a file goes to one of them; so do all that use the study or a browser.

    What they share, such as the run of the study, is then made once.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith(_ON_THE_STUDY):
            return "study"
        return "browser" if nodeid.startswith("tests/browser/") else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> OneStudy:
    """Share the tests out in this way, whatever ``--dist`` says."""
    return OneStudy(config, log)


@pytest.fixture(scope="session", autouse=True)
def _own_cores() -> None:
    """Workers that run side by side share the cores: threads that wait for one another spin."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    if workers > 1:
        torch.set_num_threads(max(1, torch.get_num_threads() // workers))


@pytest.fixture(scope="session", autouse=True)
def _own_viz(tmp_path_factory: pytest.TempPathFactory) -> None:
    """kedro-viz does not show the runs of tests: what is written for it is not in the checkout."""
    run_status.FOLDER = Path(os.path.relpath(tmp_path_factory.mktemp("viz"), PROJECT))


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is measured here is not kept for the user, and what the user has is not used here."""
    os.environ["CIRCUIT_SCALING_CACHE"] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def _own_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that a test is told do not begin as the run of another test did."""
    for name in ("CIRCUIT_SCALING_COMMAND", "CIRCUIT_SCALING_PARAMS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def test_data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The data root of the test environment; everything in this process uses it."""
    root = tmp_path_factory.mktemp("data")
    before = {name: os.environ.get(name) for name in ("CIRCUIT_SCALING_TEST_DATA", "KEDRO_ENV")}
    os.environ.update({"CIRCUIT_SCALING_TEST_DATA": str(root), "KEDRO_ENV": "test"})
    os.chdir(PROJECT)
    bootstrap_project(PROJECT)
    yield root
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture(scope="session")
def run(test_data: Path):
    """Run pipelines in the test environment: ``run("scan", "join", params={...}, ...)``."""

    # The same bits are promised for the same number of threads; other tests may change it.
    threads = torch.get_num_threads()

    def _run(*names: str, params: dict | None = None, **filters):
        torch.set_num_threads(threads)
        with KedroSession.create(PROJECT, env="test", runtime_params=params) as session:
            return session.run(pipeline_names=list(names) or None, **filters)

    return _run


@pytest.fixture(scope="session")
def catalog(test_data: Path):
    """The catalogue of the test environment, new on every call (versions are cached)."""

    def _catalog() -> DataCatalog:
        with KedroSession.create(PROJECT, env="test") as session:
            return session.load_context().catalog

    return _catalog


@pytest.fixture(scope="session")
def study(run, catalog) -> DataCatalog:
    """The catalogue after one run of the whole study."""
    run()
    return catalog()
