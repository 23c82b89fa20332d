"""Recipes of CONTRIBUTING.md, followed: what they name is enough to see the result."""

from __future__ import annotations

import re
import shutil
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from kedro.framework.session import KedroSession

from circuit_scaling.analysis.classify import categories
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.tables.classify import CATEGORY_SENSITIVITY
from circuit_scaling.tables.columns import share
from tests.conftest import PROJECT
from tests.helpers.configurations import elsewhere, with_model
from tests.helpers.given_tables import clean
from tests.helpers.task_files import ioi_rows

TEXTS = [
    "Yesterday {A} and {B} met at the {place}. {S} talked to",
    "Later {A} and {B} left the {place}, and {S} gave a {object} to",
]
GREETINGS = {
    "greetings": {"build": "names", "reference": "greetings_abc", "templates": TEXTS},
    "greetings_abc": {
        **{"build": "names", "reference": "greetings_abc", "templates": TEXTS},
        **{"repeat": "none", "readout": "kl_to_clean", "scan": False},
    },
}


def test_a_task_is_an_entry_under_tasks(test_data, figures_are_not_written, tmp_path, monkeypatch):
    """Touched: a parameters file of an environment."""
    monkeypatch.delenv("KEDRO_ENV")
    conf = elsewhere(tmp_path)
    with_model(tmp_path)
    mine = conf / "local" / "parameters_scan.yml"
    mine.parent.mkdir(exist_ok=True)
    mine.write_text(yaml.safe_dump({"tasks": GREETINGS}))
    others = ("ioi_abc", "anti_lists", "induction", "plain_text")
    small = {
        "scan": {"ablations": ["zero"], "positions": ["all"], "chunk": 4096},
        "tasks": {name: {"scan": False} for name in others},
    }
    with KedroSession.create(PROJECT, conf_source=str(conf), runtime_params=small) as session:
        session.run(pipeline_names=["scan", "join"], to_outputs=["joint_heads"])
    with KedroSession.create(PROJECT, conf_source=str(conf)) as session:
        heads = session.load_context().catalog.load("joint_heads")
    assert heads["delta_greetings"].notna().all()
    assert heads["delta_greetings"].abs().max() > 0.05
    assert "delta_greetings_abc" not in heads


def test_a_task_is_a_file(test_data, figures_are_not_written, tmp_path, monkeypatch):
    """Touched: a file of prompts, and the parameters that name it, both as the page says it."""
    monkeypatch.delenv("KEDRO_ENV")
    page = (PROJECT / "docs" / "how_to" / "your_task.md").read_text()
    (example,), (entry, fed, _), (scanned, studied), (from_python,) = (
        re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)
        for language in ("text", "yaml", "bash", "python")
    )
    columns, _ = example.split("\n", 1)
    rows = ioi_rows()[columns.split(",")].to_csv(index=False, header=False)
    (tmp_path / "mine.csv").write_text(example + rows)
    conf = elsewhere(tmp_path)
    with_model(tmp_path)
    (conf / "local").mkdir(exist_ok=True)
    (conf / "local" / "parameters_scan.yml").write_text(entry)
    others = ("ioi_abc", "anti_names_first", "anti_lists", "induction", "plain_text")
    small = {
        "scan": {"ablations": ["zero"], "positions": ["all"], "chunk": 4096},
        "tasks": {name: {"scan": False} for name in others},
    }

    def follow(command: str, to: str) -> pd.DataFrame:
        names = re.search(r"--pipelines (\S+)", command)[1].split(",")
        with KedroSession.create(PROJECT, conf_source=str(conf), runtime_params=small) as session:
            session.run(pipeline_names=names, to_outputs=[to])
        with KedroSession.create(PROJECT, conf_source=str(conf)) as session:
            return session.load_context().catalog.load(to)

    heads = follow(scanned, "joint_heads")
    assert heads["delta_mine"].abs().max() > 0.05
    assert heads["se_mine"].notna().all()
    (conf / "local" / "parameters_join.yml").write_text(fed)
    classified = follow(studied, "classified_heads")
    assert classified["delta_ioi"].tolist() == heads["delta_mine"].tolist()
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(from_python.replace("data/01_raw", f"{PROJECT}/data/01_raw"), names)  # noqa: S102
    assert len(names["prompts"]) == names["heads"]["effects"].map(len).max() == len(ioi_rows()) + 1
    assert "When Mary and John went to the park, John gave a book to" in set(names["prompts"].text)


def test_a_model_is_an_entry_of_a_roster(test_data, figures_are_not_written, tmp_path, monkeypatch):
    """Touched: the rosters, and the globals that name one, both as the page says it."""
    monkeypatch.delenv("KEDRO_ENV")
    page = (PROJECT / "docs" / "how_to" / "your_model.md").read_text()
    roster, chosen = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    conf = tmp_path / "conf"
    shutil.copytree(PROJECT / "conf", conf)
    with (conf / "base" / "parameters_models.yml").open("a") as rosters:
        rosters.write(f"\n{roster}")
    (conf / "local").mkdir(exist_ok=True)
    here = chosen.replace("data/mine", str(tmp_path / "data")).replace("400", "40")
    (conf / "local" / "globals.yml").write_text(here)
    embedded = PROJECT / "data" / "01_raw" / "zoo" / "mini_opt"
    shutil.copytree(embedded, tmp_path / "models" / "my_model")
    others = ("ioi_abc", "anti_names_first", "anti_lists", "induction", "plain_text")
    small = {
        "scan": {"ablations": ["zero"], "positions": ["all"], "chunk": 4096},
        "tasks": {name: {"scan": False} for name in others},
    }
    with KedroSession.create(PROJECT, conf_source=str(conf), runtime_params=small) as session:
        session.run(pipeline_names=["scan", "join", "classify"], to_outputs=["classified_heads"])
    with KedroSession.create(PROJECT, conf_source=str(conf)) as session:
        heads = session.load_context().catalog.load("classified_heads")
    assert heads["model"].unique().tolist() == ["my_model"]
    assert heads["competent_ioi"].all()
    assert set(heads["category"]) > {"shared", "weak"}


@pytest.fixture
def imported(test_data, tmp_path, monkeypatch, run):
    """Run the classification of an imported table, as far as the sensitivity to tau."""
    monkeypatch.setenv("CIRCUIT_SCALING_TEST_DATA", str(tmp_path / "data"))
    path = tmp_path / "joint.csv"
    clean().to_csv(path, index=False)

    def _run() -> None:
        run(
            *("import_tables", "classify"),
            to_outputs=["category_sensitivity"],
            params={"import": {"joint_table": str(path)}},
        )

    return _run


def test_a_column_is_a_line_in_the_schema_and_the_function_that_computes_it(
    imported, catalog, monkeypatch
):
    """Touched: ``tables/classify.py`` and ``analysis/classify/categories.py``."""
    computed = categories.sensitivity

    def with_the_strong(*given: object) -> pd.DataFrame:
        found = computed(*given)
        return found.assign(frac_strong=1 - found["frac_weak"])

    monkeypatch.setattr(categories, "sensitivity", with_the_strong)
    with pytest.raises(CircuitScalingError, match="column frac_strong does not belong to it"):
        imported()
    monkeypatch.setitem(CATEGORY_SENSITIVITY.columns, "frac_strong", share())
    imported()
    found = catalog().load("category_sensitivity")
    np.testing.assert_allclose(found["frac_strong"], 1 - found["frac_weak"])
