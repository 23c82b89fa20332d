"""A table measured elsewhere goes through the ordinary pipelines, or stops and writes nothing."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from kedro.framework.session import KedroSession

from circuit_scaling.errors import CircuitScalingError
from tests.conftest import PROJECT
from tests.helpers.command_line import kedro_run
from tests.helpers.files import files
from tests.helpers.given_tables import clean, defective, truncated

ALL = ("import_tables", "classify", "scaling", "transfer", "audit", "report")


@pytest.fixture
def given(tmp_path):
    """Write a table and return the parameters that import it."""

    def _given(table: pd.DataFrame, **settings) -> dict:
        path = tmp_path / "joint.csv"
        table.to_csv(path, index=False)
        return {"import": {"joint_table": str(path), **settings}}

    return _given


def test_a_full_scan_comes_back_as_it_was(study, test_data, elsewhere, run, catalog):
    path = test_data / "08_reporting" / "tables" / "joint_ioi_anti_repeat_all.csv"
    run(*ALL, params={"import": {"joint_table": str(path)}})
    there = catalog()
    assert set(there.load("import_findings")["outcome"]) == {"passed"}
    for table, columns in {
        "joint_heads": ["delta_ioi", "delta_anti_names", "params_m", "n_layers", "n_heads"],
        "classified_heads": ["category", "strength"],
    }.items():
        keys = ["family", "model", "layer", "head"]
        pd.testing.assert_frame_equal(
            there.load(table)[[*keys, *columns]],
            study.load(table)[[*keys, *columns]],
            check_exact=True,
        )
    classified = there.load("classified_heads")
    unknown = ["se_ioi", "category_stability", "resolved", "competent_ioi", "competent_anti_names"]
    assert classified[unknown].isna().all(axis=None)
    assert there.load("head_category_summary").filter(regex="_low|_high|detect").isna().all(None)
    exported = elsewhere / "08_reporting" / "tables" / "joint_ioi_anti_repeat_all.csv"
    original = test_data / "08_reporting" / "tables" / "joint_ioi_anti_repeat_all.csv"
    assert exported.read_bytes() == original.read_bytes()
    keys = ["task", "base_model", "tgt_model"]
    compared = ["n_base_heads", "mean_frac_rank", "frac_missing", "expected"]  # p is drawn
    pd.testing.assert_frame_equal(
        there.load("transfer_summary")[[*keys, *compared]],
        study.load("transfer_summary")[[*keys, *compared]],
        check_exact=True,
    )
    page = (elsewhere / "08_reporting" / "report.html").read_text()
    assert "The table passed every check." in page
    assert "not run:" not in page
    assert "was removed" not in page
    shown = page.split("<script>")[0].lower()
    assert not any(f"{before}nan" in shown for before in "> ")


def test_a_parquet_table_gives_the_heads_of_the_csv(study, elsewhere, run, catalog):
    measured = study.load("joint_heads")
    path = elsewhere.parent / "joint.parquet"
    measured.rename(columns={"delta_anti_names": "delta_anti"}).to_parquet(path)
    run("import_tables", params={"import": {"joint_table": str(path)}})
    shared = ["family", "model", "layer", "head", "delta_ioi", "delta_anti_names"]
    shared += ["params_m", "n_layers", "n_heads"]
    pd.testing.assert_frame_equal(
        catalog().load("joint_heads")[shared], measured[shared], check_exact=True
    )


def test_another_layout_gives_the_heads_of_the_table(run, catalog, elsewhere, tmp_path):
    """A file per model, a row per head and task, heads as one column, counted from 1."""
    files = []
    for model, rows in clean().groupby("model", sort=False):
        long = rows.melt(["layer", "head"], ["delta_ioi", "delta_anti"], "task", "effect")
        names = [
            f"L{at + 1}H{head + 1}" for at, head in zip(long["layer"], long["head"], strict=True)
        ]
        path = tmp_path / f"{model}.csv"
        long.drop(columns=["layer", "head"]).assign(unit=names).to_csv(path, index=False)
        files.append({"file": str(path), "model": model})
    called = {name: name for name in ("delta_ioi", "delta_anti")}
    called |= {"head": "unit", "delta": "effect"}
    run(
        "import_tables",
        params={"import": {"joint_table": files, "columns": called, "count_from": 1}},
    )
    found = catalog().load("joint_heads").rename(columns={"delta_anti_names": "delta_anti"})
    pd.testing.assert_frame_equal(
        found[list(clean())], clean(), check_exact=True, check_dtype=False
    )


def test_a_suspect_table_stops_and_nothing_is_written(elsewhere, run_undrawn, given):
    table = pd.concat([defective("exact zeros"), clean().head(1)])
    with pytest.raises(CircuitScalingError) as caught:
        run_undrawn(*ALL, params=given(table))
    for words in (
        "duplicate heads. Likely cause:",
        "gpt2: 2 rows in place of 1",
        "exact zeros. Likely cause:",
        "pythia-70m, delta_ioi: 10 of 48",
        "Nothing was written",
        "import.on_suspect=keep",
    ):
        assert words in caught.value.message
    assert files(elsewhere) == set()


def test_a_suspect_table_that_is_kept_carries_its_findings(elsewhere, run_undrawn, given, catalog):
    run_undrawn(*ALL, params=given(defective("exact zeros"), on_suspect="keep"))
    heads = catalog().load("classified_heads")
    assert set(heads.loc[heads["delta_ioi"] == 0, "suspect"]) == {"exact zeros (delta_ioi)"}
    assert set(heads.loc[heads["delta_ioi"] != 0, "suspect"]) == {""}
    found = pd.read_csv(elsewhere / "08_reporting" / "tables" / "import_findings.csv")
    assert found.query("outcome == 'suspect'")["model"].tolist() == ["pythia-70m"]
    page = (elsewhere / "08_reporting" / "report.html").read_text()
    assert "cannot be right as it is: 1 finding in 1 model." in page
    assert "10 of 48 effects are exactly 0 where delta_anti is not" in page
    assert page.index('id="imported"') < page.index('id="phase-space"')
    assert 'pythia-70m<span class="flag">suspect</span>' in page
    assert "suspect</span>" in page[page.index('id="transfer"') : page.index('id="provenance"')]


def test_heads_outside_the_shape_and_unknown_models_go_all_the_way(
    elsewhere, run_undrawn, given, catalog
):
    table = defective("outside the shape").replace({"model": {"gpt2": "mine"}})
    run_undrawn(*ALL, params=given(table, on_suspect="keep"))
    heads = catalog().load("classified_heads")
    assert len(heads) == len(table)
    assert heads.loc[heads["model"] == "mine", ["params_m", "n_layers"]].isna().all(axis=None)
    page = (elsewhere / "08_reporting" / "report.html").read_text()
    assert "In no roster: mine." in page


def test_rows_without_effects_and_zeros_of_unknown_models_invent_no_numbers(
    elsewhere, run_undrawn, given, catalog
):
    table = truncated(clean()).replace({"model": {"gpt2": "mine", "pythia-1b": "yours"}})
    table.loc[table.index[:3], "delta_ioi"] = float("nan")
    run_undrawn(*ALL, params=given(table, on_suspect="keep"))
    there = catalog()
    correlations = there.load("corr_vs_scale").set_index("model")
    assert correlations.loc["mine", "n_heads_compared"] == sum(table["model"] == "mine") - 3
    unknown = ["params_m", "corr_true", "corr_true_low", "minimal_detectable", "frac_resolved"]
    assert correlations.loc[["mine", "yours"], unknown].isna().all(axis=None)
    strong = there.load("strong_head_scaling")
    assert strong.filter(regex="_low|_high").isna().all(axis=None)
    assert there.load("layer_profile")["model"].unique().tolist() == ["pythia-70m"]
    heads = there.load("transfer_heads")
    of_unknown = heads[heads["tgt_model"].isin(["mine", "yours"])]
    assert set(of_unknown["in_target"]) <= {"present", "unknown_shape"}
    absent = of_unknown["in_target"] != "present"
    assert absent.any()
    assert of_unknown.loc[absent, ["tgt_abs_delta", "tgt_frac_rank"]].isna().all(axis=None)
    page = (elsewhere / "08_reporting" / "report.html").read_text()
    shown = page.split("<script>")[0].lower()
    assert not any(f"{before}nan" in shown for before in "> ")
    scaling = page[page.index('id="scaling"') : page.index('id="transfer"')]
    assert 'mine<span class="flag">suspect</span>' in scaling


def test_published_heads_of_an_imported_table_are_looked_up(elsewhere, run_undrawn, given):
    table = clean()
    negative = table["model"].eq("gpt2") & table["layer"].eq(10) & table["head"].eq(7)
    table.loc[negative, "delta_ioi"] = 1.25
    run_undrawn("import_tables", "classify", params=given(table))
    found = pd.read_csv(elsewhere / "08_reporting" / "tables" / "known_heads.csv")
    assert set(found["model"]) == {"gpt2"}
    row = found[(found["layer"] == 10) & (found["head"] == 7)].iloc[0]
    assert row["delta_ioi"] == 1.25
    assert row["sign_as_expected"]
    assert set(found["verdict"]) == {"not resolved", "no expectation"}
    assert found[["low", "high", "se_ioi"]].isna().all(axis=None)


def test_a_second_table_does_not_stand_beside_chapters_of_the_first(
    elsewhere, run_undrawn, given, left_behind_is_read
):
    run_undrawn(*ALL, params=given(clean()))
    page = elsewhere / "08_reporting" / "report.html"
    assert "made from other heads" not in page.read_text()
    second = clean(seed=1)  # the same models, other effects
    with pytest.raises(CircuitScalingError, match="made from another file"):
        run_undrawn("import_tables", "classify", "report", params=given(second))
    left_behind_is_read()
    run_undrawn("import_tables", "classify", "report", params=given(second))
    for chapter in ("scaling", "transfer"):
        text = page.read_text()
        text = text[text.index(f'<details class="chapter" id="{chapter}"') :]
        text = text[: text.index("</details>")]
        assert "made from other heads than those of this page" in text
        assert re.search(f"kedro run --env test .*--pipelines {chapter}<", text)
        assert "<table" not in text
    run_undrawn("scaling", "transfer", "audit", "report", params=given(second))
    assert "made from other heads" not in page.read_text()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"joint_table": None}, "Which table is to be imported?"),
        ({"joint_table": "no/such.csv"}, "There is no file 'no/such.csv'"),
        ({"joint_table": "README.md"}, "neither a .csv nor a .parquet"),
        ({"on_suspect": "kep"}, "kep"),
        ({"joint_tabel": "x.csv"}, "joint_tabel"),
    ],
)
def test_an_import_that_cannot_be_run(elsewhere, run_undrawn, settings, words):
    with pytest.raises(CircuitScalingError, match=words):
        run_undrawn(*ALL, params={"import": settings})
    assert files(elsewhere) == set()


def test_a_file_in_the_place_of_a_table_is_named(elsewhere, run, given):
    path = elsewhere / "04_feature" / "joint_heads.parquet"
    path.parent.mkdir(parents=True)
    path.write_text("copied to here")
    for params, pipeline in ((None, "classify"), (given(clean()), "import_tables")):
        with pytest.raises(CircuitScalingError) as caught:  # one loads it, the other saves it
            run(pipeline, params=params)
        assert caught.value.message.startswith(f"'{path}' is a file, and a folder should be there")
    assert path.read_text() == "copied to here"


def test_a_missing_table_names_both_ways_to_it(elsewhere, run):
    with pytest.raises(CircuitScalingError, match=r"--pipelines join \(or import_tables\)"):
        run("classify")


def test_the_report_of_scans_ignores_an_import_that_is_no_longer_there(
    study, test_data, run, catalog
):
    table = test_data / "08_reporting" / "tables" / "joint_ioi_anti_repeat_all.csv"
    run("import_tables", params={"import": {"joint_table": str(table)}})
    with pytest.raises(CircuitScalingError, match="made from another joint_heads"):
        run("report")
    status, said = kedro_run("--resume", env="test")
    assert status == 0, said
    assert len(catalog().load("import_findings"))
    page = (test_data / "08_reporting" / "report.html").read_text()
    assert 'id="imported"' not in page
    assert 'id="disagreement"' in page


def test_the_environment_has_a_place_of_its_own(test_data):
    with KedroSession.create(PROJECT, env="external") as session:
        context = session.load_context()
        place = context.catalog["joint_heads"]._describe()["filepath"]
        assert "data/external/" in str(place)
        known = context.params["rosters"].root
        assert {"study", "zoo"} <= set(known)


def test_the_environment_runs_what_a_table_needs_and_scans_nothing():
    before = files(PROJECT / "data" / "external")
    status, printed = kedro_run(env="external")
    assert status != 0
    assert "Which table is to be imported?" in " ".join(printed.split())
    assert "import_table(" in printed
    assert "scan" not in printed.replace("circuit_scaling", "").replace("circuit-scaling", "")
    assert "Traceback" not in printed
    assert files(PROJECT / "data" / "external") == before


def test_the_command_line_prints_the_findings_and_no_traceback(tmp_path):
    path = tmp_path / "joint.csv"
    defective("missing heads").to_csv(path, index=False)
    before = files(PROJECT / "data" / "external")
    arguments = ("--pipelines", "import_tables,classify", "--params", f"import.joint_table={path}")
    status, printed = kedro_run(*arguments, env="external")
    assert status != 0
    assert "- pythia-70m: 5 of its 48 heads have no row (L1H2, L1H3, L1H4 and 2 more)" in printed
    assert "Traceback" not in printed
    assert files(PROJECT / "data" / "external") == before
