"""Kedro's other runners give the tables of the sequential one."""

from __future__ import annotations

import pandas as pd
import pytest
from kedro.framework.session import KedroSession
from kedro.runner import AbstractRunner, ParallelRunner, ThreadRunner

from circuit_scaling.tables.made_with import made_with
from tests.conftest import PROJECT


@pytest.mark.parametrize("runner", [ParallelRunner, ThreadRunner])
def test_they_give_the_same_tables_with_the_same_parameters(
    study, catalog, runner: type[AbstractRunner]
):
    names = ("classified_heads", "hero_heads", "transfer_summary", "corr_vs_scale")
    before = {name: (study[name].resolve_load_version(), study.load(name)) for name in names}
    with KedroSession.create(PROJECT, env="test") as session:
        session.run(
            pipeline_names=["classify", "transfer", "scaling"],
            to_outputs=list(names),
            runner=runner(max_workers=2),
        )
    again = catalog()
    for name, (version, table) in before.items():
        assert again[name].resolve_load_version() != version
        pd.testing.assert_frame_equal(table, again.load(name), check_exact=True)
        assert made_with(again.load(name)) == made_with(table)
