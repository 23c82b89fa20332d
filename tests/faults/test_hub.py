"""A hub that takes connections and never answers: one line, and nothing is written."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tests.helpers.command_line import own_process
from tests.helpers.files import files


@pytest.fixture
def silent_hub() -> Iterator[str]:
    """The address of a server that says nothing."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_hub_that_does_not_answer_is_named(silent_hub: str, tmp_path: Path) -> None:
    params = "models.mini_gpt2_s.hub=gpt2,models.mini_gpt2_s.folder=null"
    stage = ["--pipelines", "scan", "--namespaces", "scan.mini_gpt2_s"]
    ended, said = own_process(
        ["-m", "kedro", "run", "--env", "test", *stage, "--params", params],
        PROJECT,
        HF_ENDPOINT=silent_hub,
        HF_HOME=str(tmp_path / "hub"),
        CIRCUIT_SCALING_TEST_DATA=str(tmp_path / "data"),
    )
    assert ended == 1
    assert "Traceback" not in said
    words = " ".join(said.split())
    assert (
        "Model 'mini_gpt2_s' cannot be loaded from 'gpt2@main': the hub has not answered" in words
    )
    assert not [*files(tmp_path / "data")]
