"""Rankings and accuracies measured elsewhere become tables, or the run stops and writes nothing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from circuit_scaling.errors import CircuitScalingError
from tests.helpers.command_line import kedro_run
from tests.helpers.files import files
from tests.helpers.given_retrieval import ablations, rankings

TABLES = ("head_rankings", "ablation_results", "joint_scores", "joint_answers")
CHECKS = "import_retrieval_checks"


@pytest.fixture
def given(tmp_path: Path):
    """Write tables and return the parameters that import them."""

    def _given(on_suspect: str = "stop", **tables: pd.DataFrame) -> dict:
        settings = {"on_suspect": on_suspect}
        for name, table in tables.items():
            settings[name] = str(tmp_path / f"{name}.parquet")
            table.to_parquet(settings[name])
        return {"import": settings}

    return _given


def suspect() -> pd.DataFrame:
    """Rankings in which one head comes twice, and one length was read otherwise."""
    changed = rankings().where(rankings()["token_length"] < 400, rankings(seed=5))
    return pd.concat([changed, changed.head(1)], ignore_index=True)


def test_one_file_alone_is_enough(elsewhere, run, catalog, given):
    run("import_retrieval", params=given(ablation_results=ablations()))
    there = catalog()
    sizes = {name: len(there.load(name)) for name in TABLES}
    assert sizes == dict.fromkeys(TABLES, 0) | {"ablation_results": len(ablations())}
    exported = pd.read_csv(elsewhere / "08_reporting" / "tables" / f"{CHECKS}.csv")
    assert set(exported["outcome"]) == {"passed", "not possible"}
    assert len(exported) == len(there.load(CHECKS))


def test_suspect_tables_stop_and_nothing_is_written_unless_they_are_kept(
    elsewhere, run, catalog, given
):
    both = {"head_rankings": suspect(), "ablation_results": ablations()}
    with pytest.raises(CircuitScalingError) as caught:
        run("import_retrieval", params=given(**both))
    for words in (
        "duplicate heads (head_rankings). Likely cause:",
        "attention computed differently at some lengths (head_rankings). Likely cause:",
        "Nothing was written",
        "--pipelines import_retrieval,retrieval_compare",
        "import.on_suspect=keep",
    ):
        assert words in caught.value.message
    assert files(elsewhere) == set()
    run("import_retrieval", "report", params=given("keep", **both))
    there = catalog()
    sizes = {name: len(there.load(name)) for name in TABLES[:2]}
    assert sizes == {"head_rankings": len(rankings()), "ablation_results": len(ablations())}
    found = there.load(CHECKS).query("outcome == 'suspect'")
    assert "duplicate heads" in set(found["check"])
    page = (elsewhere / "08_reporting" / "report.html").read_text()
    assert "These rankings were measured elsewhere" in page


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--pipelines", "import_retrieval"], "Which tables are to be imported?"),
        (["--pipelines", "import_retrieval,retrieval_mask"], "never both in one run"),
    ],
)
def test_what_cannot_be_imported_is_one_line(elsewhere, arguments, words):
    status, printed = kedro_run(*arguments, env="test")
    assert status != 0
    assert words in " ".join(printed.split())
    assert "Traceback" not in printed
    assert files(elsewhere) == set()
