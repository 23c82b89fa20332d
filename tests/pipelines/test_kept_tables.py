"""A suspect table that is kept ends with a report, whatever is wrong with it, and with marks."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.tables.import_tables import IMPORT_CHECKS
from tests.helpers.given_tables import clean, defective

ALL = ("import_tables", "classify", "scaling", "transfer", "audit", "report")
SMALL = "pythia-70m"  # 6 layers of 8 heads


def small(table: pd.DataFrame) -> pd.Series:
    return table["model"] == SMALL


def outside_everywhere() -> pd.DataFrame:
    """Every head of the small model lies outside its shape, one of them very far."""
    table = clean()
    table.loc[small(table), "layer"] += 6
    table.loc[table.index[small(table)][-1], ["layer", "head"]] = [1999, 500]
    return table


def everything_at_once() -> pd.DataFrame:
    """Each kind of finding in the small model or between it and another."""
    table = defective("same values in two models")
    further = defective("outside the shape").query("layer >= 6 and model == @SMALL")
    twice = table[small(table)].head(2).assign(delta_ioi=0.2)
    at = table.index[small(table)]
    table.loc[at[-6:], "delta_ioi"] = [0.0, 0.0, 0.0, 0.0, np.nan, np.inf]
    return pd.concat([table.drop(at[20:24]), further, twice], ignore_index=True)


def no_effects() -> pd.DataFrame:
    """One model without a row that can be kept, one all zero, one with one effect throughout."""
    table = clean()
    for model, value in ((SMALL, np.nan), ("gpt2", 0.0), ("pythia-1b", 0.5)):
        table.loc[table["model"] == model, ["delta_ioi", "delta_anti"]] = value
    return table


def no_size() -> pd.DataFrame:
    """No model is known, and one has a single head."""
    table = outside_everywhere().replace({"model": {SMALL: "a", "gpt2": "b", "pythia-1b": "c"}})
    return pd.concat([table, table.tail(1).assign(model="mine", family="$x_$")], ignore_index=True)


def only(model: str, table: pd.DataFrame) -> pd.DataFrame:
    """One model alone."""
    return table[table["model"] == model].reset_index(drop=True)


KEPT: dict[str, Callable[[], pd.DataFrame]] = {
    "everything at once": everything_at_once,
    "no effects": no_effects,
    "no size": no_size,
    "one model, one head": lambda: only(SMALL, clean()).head(1),
}


SUSPECT = {
    **{name: set() for name in KEPT},
    "everything at once": set(IMPORT_CHECKS),
    "no effects": {"not finite"},
    "one model, one head": {"missing heads"},
}


@pytest.mark.parametrize("name", KEPT)
def test_it_ends_with_the_report_and_with_marks(
    name: str,
    test_data,
    figures_are_not_written,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run,
    catalog,
) -> None:
    monkeypatch.setenv("CIRCUIT_SCALING_TEST_DATA", str(tmp_path / "data"))
    table = KEPT[name]()
    path = tmp_path / "joint.csv"
    table.to_csv(path, index=False)
    run(*ALL, params={"import": {"joint_table": str(path), "on_suspect": "keep"}})
    there = catalog()
    heads = there.load("classified_heads")
    effects = table[["delta_ioi", "delta_anti"]]
    kept = table[np.isfinite(effects).all(axis=1)].drop_duplicates(["model", "layer", "head"])
    assert len(heads) == len(kept)
    reports = tmp_path / "data" / "08_reporting"
    page = (reports / "report.html").read_text()
    shown = page.split('<script type="application/json"')[0].lower()
    assert re.findall(r".{60}[> ]nan.{20}", shown) == []
    assert "not run: " not in page
    findings = there.load("import_findings").query("outcome == 'suspect'")
    assert set(findings["check"]) >= SUSPECT[name]
    for model in set(findings["model"]):
        marked = f'{model}<span class="flag">suspect</span>' in page
        assert marked or f"Nothing is left of {model}: no row has both effects." in page
    profile = there.load("layer_profile")
    layers = heads.dropna(subset=["n_layers"])
    inside = layers[layers["layer"] < layers["n_layers"]]
    assert set(profile["model"]) == set(inside["model"])
    assert profile["n_category"].sum() == len(inside)
    found = profile.groupby(["model", "category"])["mean_depth"].first().dropna()
    depth = ((inside["layer"] + 0.5) / inside["n_layers"]).rename("mean_depth")
    wanted = depth.groupby([inside["model"], inside["category"]]).mean()
    pd.testing.assert_series_equal(found, wanted, check_index_type=False)


def test_a_table_without_any_effect_is_refused(
    test_data, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run
) -> None:
    monkeypatch.setenv("CIRCUIT_SCALING_TEST_DATA", str(tmp_path / "data"))
    path = tmp_path / "joint.csv"
    clean().assign(delta_anti=np.nan).to_csv(path, index=False)
    with pytest.raises(CircuitScalingError, match="has both effects: there is nothing to keep"):
        run(*ALL, params={"import": {"joint_table": str(path), "on_suspect": "keep"}})
    assert not (tmp_path / "data").exists()
