"""Each defect of an imported table is caught by the check meant for it, and a clean one passes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.import_tables.checks import all_findings
from circuit_scaling.analysis.import_tables.findings import (
    Finding,
    as_table,
    as_text,
    marks,
    suspects,
)
from circuit_scaling.tables.import_tables import IMPORT_CHECKS, IMPORT_FINDINGS
from tests.helpers.given_tables import ROSTERS, SHAPES, clean, defective, truncated


def findings(table: pd.DataFrame) -> list[Finding]:
    found = {model: ROSTERS.find(model) for model in table["model"].unique()}
    return all_findings(table, {m: e for m, e in found.items() if e is not None})


def suspect(table: pd.DataFrame) -> dict[str, list[Finding]]:
    by_check: dict[str, list[Finding]] = {}
    for finding in suspects(findings(table)):
        by_check.setdefault(finding.check, []).append(finding)
    return by_check


@pytest.mark.parametrize("decimals", [None, 4, 3, 2])
@pytest.mark.parametrize("seed", range(5))
def test_a_clean_table_passes_rounded_or_not(seed: int, decimals: int | None) -> None:
    table = clean(seed)
    assert suspect(table if decimals is None else table.round(decimals)) == {}


@pytest.mark.parametrize("check", IMPORT_CHECKS)
def test_each_defect_is_caught_by_its_check_and_by_no_other(check: str) -> None:
    found = suspect(defective(check))
    assert list(found) == [check]
    concerned = {finding.model for finding in found[check]}
    copied = {"pythia-70m", "pythia-1b"}
    assert concerned == (copied if check.startswith("same values") else {"pythia-70m"})


@pytest.mark.parametrize(
    ("check", "column", "n_heads", "detail"),
    [
        ("outside the shape", "", 3, "3 of 51 rows; it has 6 layers of 8 heads"),
        ("duplicate heads", "", 4, "4 rows in place of 2, with different effects"),
        ("same values in two models", "delta_anti", 40, "40 effects equal those of pythia-1b"),
        (
            "exact zeros",
            "delta_ioi",
            10,
            "10 of 48 effects are exactly 0 where delta_anti is not",
        ),
        ("missing heads", "", 5, "5 of its 48 heads have no row"),
        ("not finite", "delta_anti", 2, "2 of 48 effects are missing or infinite"),
    ],
)
def test_a_finding_counts_and_names(check: str, column: str, n_heads: int, detail: str) -> None:
    finding = next(f for f in suspect(defective(check))[check] if f.model == "pythia-70m")
    assert (finding.column, len(finding.heads), finding.detail) == (column, n_heads, detail)
    assert finding.cause
    assert finding.examples.startswith("L")


def test_rows_given_twice_with_the_same_effects_are_duplicates_too() -> None:
    table = clean()
    found = suspect(pd.concat([table, table.head(4)]))
    assert list(found) == ["duplicate heads"]
    assert "with the same effects" in found["duplicate heads"][0].detail


@pytest.mark.parametrize("decimals", [None, 4, 3])
def test_truncated_lists_filled_with_zeros(decimals: int | None) -> None:
    table = truncated(clean())
    found = suspect(table if decimals is None else table.round(decimals))
    assert set(found) == {"exact zeros", "missing heads"}
    assert {f.model for f in found["exact zeros"]} >= {"gpt2", "pythia-1b"}


def test_one_column_for_four_models_of_which_the_zero_rows_differ() -> None:
    table = truncated(clean())
    source = table[(table["model"] == "pythia-1b") & (table["delta_anti"] != 0)]
    frames = [table]
    for model in ("pythia-160m", "pythia-410m"):
        others = table[table["model"] == "gpt2"].assign(family="pythia", model=model, delta_anti=0)
        both = pd.concat([source.assign(model=model, delta_ioi=0.0), others])
        frames.append(both.drop_duplicates(["layer", "head"]))
    found = suspect(pd.concat(frames, ignore_index=True))["same values in two models"]
    of_anti = {f.model: f for f in found if f.column == "delta_anti"}
    assert set(of_anti) == {"pythia-1b", "pythia-160m", "pythia-410m"}
    assert {len(finding.heads) for finding in of_anti.values()} == {40}
    assert of_anti["pythia-1b"].detail.endswith("of pythia-160m, pythia-410m")


def test_a_few_equal_effects_or_zeros_are_no_finding() -> None:
    table = clean()
    at = table.index[(table["model"] == "pythia-70m")][:2]
    table.loc[at, "delta_anti"] = 0.0
    both = table.index[table["model"] == "gpt2"][:20]
    table.loc[both, ["delta_ioi", "delta_anti"]] = 0.0  # heads that do nothing at all
    assert suspect(table) == {}


def test_a_whole_column_of_zeros() -> None:
    table = clean()
    table.loc[table["model"] == "gpt2", "delta_anti"] = 0.0
    assert list(suspect(table)) == ["exact zeros"]


def test_the_shape_of_an_unknown_model_is_not_possible_to_check() -> None:
    table = clean().replace({"model": {"gpt2": "mine"}})
    table = table[(table["model"] != "mine") | (table["layer"] > 3)]
    given = findings(table)
    assert suspects(given) == []
    assert {(f.model, f.check, f.outcome) for f in given} == {
        ("mine", check, "not possible") for check in ("outside the shape", "missing heads")
    }


@pytest.mark.parametrize("name", ["pythia-70m", "pythia_70m", "Pythia-70M"])
def test_models_are_found_by_slug_or_alias_in_any_case(name: str) -> None:
    found = ROSTERS.find(name)
    assert found is not None
    assert (found.n_layers, found.n_heads, found.params_m) == (6, 8, 70)
    assert ROSTERS.find("pythia") is None


def test_the_message_lists_everything_once() -> None:
    table = pd.concat([defective("exact zeros"), clean().head(1)], ignore_index=True)
    assert as_text(findings(table), {}) == (
        "duplicate heads. Likely cause: two tables, one appended to the other\n"
        "  - gpt2: 2 rows in place of 1, with the same effects (L0H0)\n"
        "exact zeros. Likely cause: a list of the strongest heads, filled up with zeros\n"
        "  - pythia-70m, delta_ioi: 10 of 48 effects are exactly 0 where delta_anti is not "
        "(L0H0, L0H1, L0H2 and 7 more)"
    )


def test_every_check_of_every_model_is_in_the_table() -> None:
    table = defective("missing heads")
    families = {model: family for model, (family, _, _) in SHAPES.items()}
    written = IMPORT_FINDINGS.validate(
        as_table(findings(table), families, dict.fromkeys(SHAPES, "0f"))
    )
    assert len(written) == len(SHAPES) * len(IMPORT_CHECKS)
    assert set(written["outcome"]) == {"passed", "suspect"}
    found = written[written["outcome"] == "suspect"].iloc[0]
    assert (found["model"], found["check"], found["n_rows"]) == ("pythia-70m", "missing heads", 5)


def test_marks_are_on_the_rows_concerned_or_on_the_whole_model() -> None:
    zeros = defective("exact zeros")
    marked = np.array(marks(findings(zeros), zeros))
    assert set(marked[zeros["delta_ioi"] == 0]) == {"exact zeros (delta_ioi)"}
    assert set(marked[zeros["delta_ioi"] != 0]) == {""}
    fewer = defective("missing heads")
    marked = np.array(marks(findings(fewer), fewer))
    assert set(marked[fewer["model"] == "pythia-70m"]) == {"missing heads"}
    assert set(marked[fewer["model"] != "pythia-70m"]) == {""}
