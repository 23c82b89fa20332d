"""Rankings and accuracies measured elsewhere become tables, or the run stops and writes nothing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from circuit_scaling.errors import CircuitScalingError
from tests.helpers.command_line import kedro_run
from tests.helpers.files import files
from tests.helpers.given_retrieval import AXES, METHODS, ablations, rankings

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
    assert "The rankings and accuracies of retrieval heads on this page were measured" in page
    assert 'id="masking"' not in page


def test_findings_of_other_rankings_are_left_out(
    elsewhere, run_undrawn, given, left_behind_is_read
):
    """Findings of an earlier import are not shown beside the rankings of a later one."""
    page = elsewhere / "08_reporting" / "report.html"
    run_undrawn(
        "import_retrieval", "retrieval_compare", "report", params=given(head_rankings=rankings())
    )
    assert "made from other heads" not in page.read_text()
    others = given(head_rankings=rankings(seed=1))
    with pytest.raises(CircuitScalingError, match="made from another file"):
        run_undrawn("import_retrieval", "report", params=others)
    left_behind_is_read()
    run_undrawn("import_retrieval", "report", params=others)
    text = page.read_text()
    comparison = text[text.index('class="chapter" id="comparison"') :]
    assert "made from other heads than those of this page" in comparison
    assert "--pipelines retrieval_compare" in comparison


def test_findings_of_tables_measured_elsewhere(elsewhere, run, given):
    """By the definitions in words, in one configuration after the other."""
    ranked, masked = rankings(), ablations()
    run(
        "import_retrieval",
        "retrieval_compare",
        params=given(head_rankings=ranked, ablation_results=masked) | {"comparison": {"top": 5}},
        to_outputs=["retrieval_compare_exports"],
    )
    tables = elsewhere / "08_reporting" / "tables"
    found = pd.read_csv(tables / "retrieval_findings.csv")
    assert list(found) == ["finding", "group", "value", "ci_low", "ci_high", "n"]
    # Nothing is known of single samples; the range of chance is that of random heads.
    assert found.loc[found["ci_low"].notna(), "finding"].str.endswith("_chance").all()
    value = found.set_index(["finding", "group"])["value"]
    n = found.set_index(["finding", "group"])["n"]

    cells = ranked[ranked["rank"] <= 5].groupby(AXES)
    best = {cell: set(zip(rows["layer"], rows["head"], strict=True)) for cell, rows in cells}
    one, other = (set().union(*(best[c] for c in best if c[0] == m)) for m in METHODS)
    alike = value["method_pair_jaccard_of_unions", "|".join(METHODS)]
    assert alike == pytest.approx(len(one & other) / len(one | other), abs=1e-12)

    heroes = masked[(masked["set_type"] == "hero") & (masked["n_heads"] == 4)]
    drops = heroes["baseline_accuracy"] - heroes["accuracy"]
    for method in METHODS:
        of_method = drops[heroes["method"] == method]
        assert value["drop_at_k_by_method", f"{method}|4"] == pytest.approx(of_method.mean())
        assert n["drop_at_k_by_method", f"{method}|4"] == len(of_method)
    change = ranked[(ranked["method"] == METHODS[0]) & (ranked["layer"] == 1)]
    change = change[change["head"] == 3].groupby("model")["rank"].mean()
    moved = value["f4_rank_change", f"{METHODS[0]}|L1H3"]
    assert moved == pytest.approx(change["tiny_instruct"] - change["tiny_base"])
    absent = pd.read_csv(tables / "absent_findings.csv").set_index("finding")["reason"]
    assert "question_kinds" in absent["q3_drop_mean"]


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
