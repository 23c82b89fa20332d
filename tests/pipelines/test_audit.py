"""The audit in the pipelines: it reads what is there, and never what was made of other heads."""

from __future__ import annotations

import pandas as pd
import pytest

from circuit_scaling.analysis.audit.published import published_findings
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.tables.audit import CANNOT_BE_RIGHT, NOT_RUN
from tests.helpers.given_tables import clean
from tests.helpers.published_tables import truncated_study

PUBLISHED = [finding.id for finding in published_findings()]
IMPORT = ("import_tables", "classify", "scaling", "audit", "report")


def given(folder, table: pd.DataFrame) -> dict:
    path = folder / "joint.csv"
    table.to_csv(path, index=False)
    return {"import": {"joint_table": str(path), "on_suspect": "keep"}}


def test_the_study_of_the_embedded_models_runs_none_of_the_published_ones(study, test_data):
    audit = study.load("published_audit")
    assert audit["id"].tolist() == PUBLISHED
    of_models = audit[audit["checkpoints"] != "any"]
    measured = of_models[of_models["measure"] != "not_measurable"]
    assert set(measured["outcome"]) == {NOT_RUN}
    assert set(measured["command"]) == {
        "kedro run --env pretrained",
        "kedro run --env retrieval",
    }
    judged = audit[(audit["models"] != "") & (audit["checkpoints"] == "any")]
    assert len(judged) > 15
    assert judged["reason"].str.contains("none of them from the studies").all()
    assert not audit["reason"].str.contains("no retrieval_findings").any()
    assert audit.attrs["made_from"]
    exported = pd.read_csv(test_data / "08_reporting" / "tables" / "published_audit.csv")
    assert exported["id"].tolist() == PUBLISHED
    page = (test_data / "08_reporting" / "report.html").read_text()
    assert 'id="audit"' in page


def test_with_nothing_there_nothing_was_run(elsewhere, run, catalog):
    run("audit")
    audit = catalog().load("published_audit")
    measured = audit[audit["measure"] != "not_measurable"]
    assert set(measured["outcome"]) == {NOT_RUN}
    assert (measured["command"] != "").all()


def test_an_imported_table_is_judged_line_by_line(elsewhere, run_undrawn, catalog, tmp_path):
    run_undrawn(*IMPORT, params=given(tmp_path, truncated_study()))
    audit = catalog().load("published_audit").set_index("id")
    assert audit.loc["corr_pythia_410m", "outcome"] == CANNOT_BE_RIGHT
    assert "same values in two models" in audit.loc["corr_pythia_410m", "reason"]
    row = audit.loc["transfer_70m_160m"]  # was not compared
    assert row["outcome"] == NOT_RUN
    assert " --pipelines transfer,audit,report " in row["command"]
    page = (elsewhere / "08_reporting" / "report.html").read_text()
    assert "follow from the imported tables, and a check says" in page
    assert "same values in two models (pythia-410m, delta_anti:" in page


def test_tables_of_other_heads_are_not_used(
    elsewhere, run_undrawn, catalog, tmp_path, left_behind_is_read
):
    run_undrawn(*IMPORT, params=given(tmp_path, clean()))
    before = catalog().load("published_audit").set_index("id")
    assert before.loc["corr_gpt2", "measured"] == before.loc["corr_gpt2", "measured"]
    others = given(tmp_path, clean(seed=1))
    with pytest.raises(CircuitScalingError, match="made from another file"):
        run_undrawn("import_tables", "classify", "audit", params=others)
    left_behind_is_read()
    run_undrawn("import_tables", "classify", "audit", params=others)
    row = catalog().load("published_audit").set_index("id").loc["corr_gpt2"]
    assert (row["outcome"], row["reason"]) == (NOT_RUN, "there is no corr_vs_scale")
    assert "--pipelines scaling,audit,report" in row["command"]
