"""`kedro compare` on made-up runs: one beside itself, planted changes, and what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from circuit_scaling.cli import compare
from circuit_scaling.compare.heads import compare_heads
from circuit_scaling.compare.made import differences
from circuit_scaling.compare.numbers import compare_numbers
from circuit_scaling.compare.runs import Run
from circuit_scaling.datasets.table import TableDataset
from circuit_scaling.figures.compare.two_runs import two_runs
from circuit_scaling.tables.made_with import set_made_with
from tests.helpers.filled_tables import filled
from tests.helpers.many_models import joined, many

OLD, NEW = "2026-01-01T00.00.00.000Z", "2026-02-01T00.00.00.000Z"
MOVED = ("m0000", 1, 3)
BY = 0.4


def store(root: Path, tables: dict[str, pd.DataFrame], version: str, tau: float = 0.05) -> Run:
    for name, table in tables.items():
        set_made_with(table, {"classify.tau": tau, "scan": {"draws": 1}})
        file = root / "07_model_output" / f"{name}.parquet" / version / f"{name}.parquet"
        TableDataset(filepath=str(file)).save(table)
    return Run(root.name, root)


def tables() -> dict[str, pd.DataFrame]:
    """Two models of 48 heads, with effects on clusters, categories and shares."""
    made = joined(many(2))
    heads = made["joint_heads"]
    heads["revision"] = ""
    classified = filled("classified_heads", heads.assign(category="weak", resolved=True))
    shares = filled(
        "head_category_summary",
        heads.groupby(["family", "model"], as_index=False)[["params_m"]].first(),
    )
    shares["frac_shared_true"], shares["frac_shared_low"], shares["frac_shared_high"] = (
        0.2,
        0.1,
        0.3,
    )
    return {
        "classified_heads": classified,
        "joint_effects": made["joint_effects"],
        "head_category_summary": shares,
    }


def planted() -> dict[str, pd.DataFrame]:
    """The same but for one head's effect on IOI, its category, and one share."""
    changed = tables()
    for name, column in (("classified_heads", "delta_ioi"), ("joint_effects", "effect")):
        table = changed[name]
        here = (table[["model", "layer", "head"]] == MOVED).all(axis=1)
        if name == "joint_effects":
            here &= table["task"] == "ioi"
        table.loc[here, column] += BY
        if name == "classified_heads":
            table.loc[here, "category"] = "shared"
    shares = changed["head_category_summary"]
    columns = ["frac_shared_true", "frac_shared_low", "frac_shared_high"]
    shares.loc[shares.index[0], columns] = 0.5, 0.4, 0.6
    shares.loc[shares.index[1], columns] = 0.15, 0.05, 0.25  # lower, and not told apart
    return changed


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    root = tmp_path_factory.mktemp("runs")
    return store(root / "a", tables(), OLD), store(root / "b", planted(), OLD, tau=0.1)


def said(*options: str) -> tuple[int, str]:
    done = CliRunner().invoke(compare, options)
    assert done.exception is None or isinstance(done.exception, SystemExit)
    return done.exit_code, " ".join(done.output.split())


def test_a_run_beside_itself_is_identical(runs: tuple[Run, Run]) -> None:
    status, told = said(str(runs[0].root), str(runs[0].root))
    assert status == 0
    assert "made in the same way" in told
    assert "Identical: " in told and "exactly the same" in told


def test_the_planted_head_is_found_and_no_other(runs: tuple[Run, Run]) -> None:
    found = compare_heads(*runs)
    assert found is not None and not found.identical
    moved = found.effects[found.effects["q"] < 0.05]
    assert [tuple(row) for row in moved[["model", "layer", "head"]].to_numpy()] == [MOVED]
    (row,) = moved.to_dict("records")
    assert row["task"] == "ioi" and row["paired"]
    assert row["difference"] == pytest.approx(BY)
    assert row["low"] == pytest.approx(BY) == row["high"]  # every cluster moved by as much
    (changed,) = found.categories.to_dict("records")
    assert (changed["category_a"], changed["category_b"]) == ("weak", "shared")
    by_model = found.models.set_index("model")
    assert by_model["changed"].to_dict() == {"m0000": 1, "m0001": 0}
    assert by_model["moved"].to_dict() == {"m0000": 1, "m0001": 0}


def test_paired_differences_lie_in_their_intervals_where_effects_are_of_more(
    runs: tuple[Run, Run], tmp_path: Path
) -> None:
    """Heads that were settled have effects that are not the means over the clusters of all."""
    settled = tables()
    settled["classified_heads"]["delta_ioi"] += BY
    found = compare_heads(runs[0], store(tmp_path / "settled", settled, NEW)).effects
    assert found["paired"].all()
    assert found["difference"].between(found["low"], found["high"]).all()


def test_numbers_are_apart_where_intervals_exclude_each_other(runs: tuple[Run, Run]) -> None:
    numbers = compare_numbers(*runs)
    shared = numbers[numbers["number"] == "frac_shared_true"].set_index("of")
    assert shared["apart"].to_dict() == {"m0000": True, "m0001": False}
    assert shared.loc["m0000", "difference"] == pytest.approx(0.3)


def test_a_missing_interval_excludes_nothing(tmp_path: Path) -> None:
    a, b = tables(), planted()
    b["head_category_summary"]["frac_shared_low"] = np.nan
    numbers = compare_numbers(store(tmp_path / "a", a, OLD), store(tmp_path / "b", b, OLD))
    assert numbers.loc[numbers["number"] == "frac_shared_true", "apart"].isna().all()


def test_how_the_runs_were_made_is_told(runs: tuple[Run, Run]) -> None:
    (difference,) = differences(*runs)
    assert (difference.what, difference.a, difference.b) == (
        "parameter classify.tau",
        "0.05",
        "0.1",
    )


def test_other_names_are_compared_by_standard_errors(runs: tuple[Run, Run], tmp_path: Path) -> None:
    other = planted()
    other["joint_effects"]["cluster"] = "x" + other["joint_effects"]["cluster"]
    found = compare_heads(runs[0], store(tmp_path / "c", other, OLD))
    assert found is not None
    assert not found.effects["paired"].any()
    row = found.effects[found.effects["task"] == "ioi"].iloc[0]
    assert row["se"] == pytest.approx(
        np.hypot(*2 * [tables()["classified_heads"]["se_ioi"].iloc[0]])
    )


def test_without_errors_nothing_is_called_moved(tmp_path: Path) -> None:
    made = [tables(), planted()]
    for table in made:
        del table["joint_effects"]
        table["classified_heads"][["se_ioi", "se_anti_names"]] = np.nan
    found = compare_heads(*(store(tmp_path / n, t, OLD) for n, t in zip("ab", made, strict=True)))
    assert found is not None
    assert found.effects[["low", "high", "q"]].isna().all(axis=None)
    assert found.models["moved"].isna().all() and found.models["expected"].isna().all()
    assert len(found.categories) == 1


def test_a_run_as_it_was_before_a_version(tmp_path: Path) -> None:
    store(tmp_path, tables(), OLD)
    store(tmp_path, planted(), NEW)
    status, told = said(str(tmp_path), "--before", NEW)
    assert status == 0
    assert "L1H3" in told and "+0.400" in told
    status, told = said(str(tmp_path), "--before", OLD)
    assert status == 1
    assert f"has no tables of heads before {OLD}" in told


def test_what_is_written(runs: tuple[Run, Run], tmp_path: Path) -> None:
    status, _ = said(*(str(run.root) for run in runs), "--out", str(tmp_path / "out"))
    assert status == 0
    names = {file.name for file in (tmp_path / "out").iterdir()}
    assert {"made.csv", "models.csv", "effects.csv", "categories.csv", "numbers.csv"} <= names
    drawn = {f"effects_{model}.{kind}" for model in ("m0000", "m0001") for kind in ("png", "svg")}
    assert drawn == {name for name in names if name.startswith("effects_")}
    effects = pd.read_csv(tmp_path / "out" / "effects.csv")
    assert len(effects) == len(compare_heads(*runs).effects)  # type: ignore[union-attr]


def test_the_figure_of_a_model_counts_what_moved_on_each_task(runs: tuple[Run, Run]) -> None:
    found = compare_heads(*runs)
    assert found is not None
    heads = found.effects[found.effects["model"] == MOVED[0]]
    n = len(heads) // 2
    panels = two_runs(heads, 0.05).axes
    assert [(panel.get_title("left").strip(), panel.get_title("right")) for panel in panels] == [
        ("IOI", f"1 of {n}"),
        ("anti-repetition, names", f"0 of {n}"),
    ]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("base",), "Name two runs"),
        (("base", "test", "--before", OLD), "Name two runs"),
        (("base", "nowhere"), "'nowhere' is neither a folder of data nor an environment"),
    ],
)
def test_what_cannot_be_compared_is_one_line(options: tuple[str, ...], told: str) -> None:
    status, printed = said(*options)
    assert status == 1
    assert told in printed


def test_a_damaged_table_is_named(tmp_path: Path, runs: tuple[Run, Run]) -> None:
    store(tmp_path, tables(), OLD)
    (file,) = tmp_path.glob("*/classified_heads.parquet/*/*.parquet")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    status, printed = said(str(tmp_path), str(runs[0].root))
    assert status == 1
    assert "is damaged" in printed
