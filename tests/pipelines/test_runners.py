"""Kedro's other runners give the tables of the sequential one."""

from __future__ import annotations

import pandas as pd
import torch
from kedro.framework.session import KedroSession
from kedro.runner import ThreadRunner

from tests.conftest import PROJECT


def test_threads_give_the_same_tables(study, monkeypatch, tmp_path):
    monkeypatch.setenv("CIRCUIT_SCALING_TEST_DATA", str(tmp_path))
    names = ("joint_heads", "joint_effects", "competence", "ablation_agreement")
    expected = {name: study.load(name) for name in names}
    with KedroSession.create(PROJECT, env="test") as session:
        session.run(
            pipeline_names=["scan", "join"],
            to_outputs=list(names),
            runner=ThreadRunner(max_workers=2),
        )
    with KedroSession.create(PROJECT, env="test") as session:
        catalog = session.load_context().catalog
    assert str(tmp_path) in str(catalog["joint_heads"]._filepath)
    for name in names:
        # Numbers of threads may differ in worker threads, and with them the last bits.
        pd.testing.assert_frame_equal(catalog.load(name), expected[name], rtol=0, atol=1e-5)
    assert torch.get_default_dtype() == torch.float32
