"""Tables of heads in other layouts give the same rows, or are refused with the way out."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from circuit_scaling.analysis.import_tables.joint import import_joint_table
from circuit_scaling.analysis.import_tables.layouts import layer_and_head
from circuit_scaling.analysis.import_tables.settings import ImportSettings
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.names import family_in
from tests.helpers.given_tables import ROSTERS, clean, defective

KEYS = ["family", "model", "layer", "head"]
TABLE = clean()
ONE_MODEL = TABLE[TABLE["model"] == "gpt2"].reset_index(drop=True)
BY_TASK = TABLE.melt(KEYS, ["delta_ioi", "delta_anti"], "task", "delta")
BY_TASK["task"] = BY_TASK["task"].str.removeprefix("delta_")


@pytest.fixture
def imported(tmp_path: Path):
    """Write tables, import them as one, and give family, model, layer, head and both effects."""

    def _imported(*tables: pd.DataFrame, said: dict | None = None, **settings: Any) -> pd.DataFrame:
        files = [tmp_path / f"{place}.csv" for place, _ in enumerate(tables)]
        for path, table in zip(files, tables, strict=True):
            table.to_csv(path, index=False)
        given = [{"file": str(path), **(said or {})} for path in files]
        found = import_joint_table(ImportSettings(joint_table=given, **settings), ROSTERS)
        joint = found.joint_heads.rename(columns={"delta_anti_names": "delta_anti"})
        return joint[[*KEYS, "delta_ioi", "delta_anti"]]

    return _imported


def same(found: pd.DataFrame, table: pd.DataFrame = TABLE) -> None:
    pd.testing.assert_frame_equal(found, table, check_exact=True, check_dtype=False)


def refusal(imported, *tables: pd.DataFrame, **settings: Any) -> str:
    with pytest.raises(CircuitScalingError) as caught:
        imported(*tables, **settings)
    assert "\n" not in caught.value.message
    return caught.value.message


FORMS = [
    *("L{0}H{1}", "l{0}h{1}", "L{0}.H{1}", "a{0}.h{1}", "{0}-{1}", "{0}.{1}", "{0}:{1}", "{0}_{1}"),
    *("{0}/{1}", "({0}, {1})", "[{0} {1}]", "layer_{0}_head_{1}", "Layer {0}, Head {1}"),
]


@pytest.mark.parametrize("form", FORMS)
def test_one_column_may_name_layer_and_head(imported, form: str) -> None:
    names = [form.format(*head) for head in zip(TABLE["layer"], TABLE["head"], strict=True)]
    given = TABLE.drop(columns="layer").assign(head=names)
    same(imported(given.rename(columns={"head": "component"}), columns={"head": "component"}))


@pytest.mark.parametrize(
    "name", ["7", "H3L0", "1-2-3", "L-1H3", "3-Apr", "-1.3", "L1", "", "x0.3", "1e-3"]
)
def test_what_names_no_layer_and_head(name: str) -> None:
    assert layer_and_head(name) is None


def test_heads_that_cannot_be_told_apart_are_refused(imported, tmp_path: Path) -> None:
    numbers = TABLE.drop(columns="layer")
    assert "has no column layer" in refusal(imported, numbers)
    names = [f"{layer}.{head}" for layer, head in zip(TABLE["layer"], TABLE["head"], strict=True)]
    path = tmp_path / "numbers.parquet"
    numbers.assign(head=np.array(names, float)).to_parquet(path)  # 0.10 is 0.1
    with pytest.raises(CircuitScalingError, match="has no column layer"):
        import_joint_table(ImportSettings(joint_table=str(path)), ROSTERS)
    names[4] = "3-Apr"
    message = refusal(
        imported, numbers.assign(head=names).rename(columns={"head": "c"}), columns={"head": "c"}
    )
    assert "c names no layer and head, such as L0H3, in row 5 (3-Apr)" in message


def test_layers_and_heads_counted_from_1(imported) -> None:
    from_1 = TABLE.assign(layer=TABLE["layer"] + 1, head=TABLE["head"] + 1)
    same(imported(from_1, count_from=1))
    same(imported(from_1, said={"count_from": 1}))
    assert "gpt2 has every head of layers 1 to 12 from 1 to 12, and none of number 0" in refusal(
        imported, from_1
    )
    assert "layer is not a whole number from 1 to 2000 in row 1 (0.0)" in refusal(
        imported, TABLE, count_from=1
    )
    with pytest.raises(CircuitScalingError, match=r"counted from 1, which import\.count_from=1"):
        imported(from_1[from_1["model"] == "gpt2"].drop(index=3))


def test_a_row_per_head_and_task(imported, caplog: pytest.LogCaptureFixture) -> None:
    same(imported(BY_TASK))
    shuffled = BY_TASK.sample(frac=1, random_state=0)
    found = imported(shuffled)
    same(found.sort_values(KEYS, ignore_index=True), TABLE.sort_values(KEYS, ignore_index=True))
    called = {"task": "condition", "delta": "effect", "delta_ioi": "IOI", "delta_anti": "repeats"}
    further = BY_TASK.head(9).assign(task="colours")
    theirs = pd.concat([BY_TASK.replace({"task": {"ioi": "IOI", "anti": "repeats"}}), further])
    theirs = theirs.rename(columns={"task": "condition", "delta": "effect"})
    with caplog.at_level(logging.INFO):
        same(imported(theirs, columns=called))
    assert "that are not used: colours." in caplog.text
    del called["delta_anti"]
    assert "no row of the column condition is anti; it has IOI, repeats, colours" in refusal(
        imported, theirs, columns=called
    )
    damaged = theirs.reset_index(drop=True).astype({"effect": object})
    damaged.loc[300, "effect"] = "strong"
    assert "effect is not a number in row 301 (strong)" in refusal(
        imported, damaged, columns=called
    )


def test_the_checks_see_what_a_row_per_task_hides(imported) -> None:
    lacking = BY_TASK.drop(index=3)
    with pytest.raises(
        CircuitScalingError, match="1 of 144 effects are missing or infinite"
    ) as one:
        imported(lacking)
    assert "gpt2, delta_ioi" in one.value.message
    assert len(imported(lacking, on_suspect="keep")) == len(TABLE) - 1
    twice = pd.concat([BY_TASK, BY_TASK[BY_TASK["head"] == 3].assign(delta=9.0)])
    with pytest.raises(CircuitScalingError, match="in place of 12, with different effects"):
        imported(twice)
    same(imported(twice, on_suspect="keep"))


def test_findings_name_columns_and_tasks_as_the_files_do(imported) -> None:
    zeros = defective("exact zeros")
    wide = zeros.rename(columns={"delta_ioi": "a", "delta_anti": "b"})
    called = {"delta_ioi": "a", "delta_anti": "b"}
    by_task = wide.melt(KEYS, ["a", "b"], "task", "delta")
    for table in (wide, by_task):
        with pytest.raises(CircuitScalingError) as caught:
            imported(table, columns=called)
        assert (
            "pythia-70m, a: 10 of 48 effects are exactly 0 where b is not" in caught.value.message
        )


def test_one_task_alone_is_refused_with_the_way_out(imported) -> None:
    one = TABLE.rename(columns={"delta_anti": "effect_2"})
    message = refusal(imported, one)
    assert "has the effects of one task only, delta_ioi." in message
    assert (
        "import.columns.delta_anti=NAME (it has family, model, layer, head, delta_ioi, ef"
        in message
    )
    same(imported(one, columns={"delta_anti": "effect_2"}))
    assert "is anti; it has ioi" in refusal(imported, BY_TASK[BY_TASK["task"] == "ioi"])


def test_families_are_of_the_file_the_roster_or_the_name(
    imported, caplog: pytest.LogCaptureFixture
) -> None:
    given = TABLE.drop(columns="family").replace({"model": {"pythia-1b": "pythia-9b"}})
    with caplog.at_level(logging.INFO):
        found = imported(given)
    assert dict(found.groupby("model")["family"].first()) == {
        "gpt2": "gpt2",
        "pythia-70m": "pythia",
        "pythia-9b": "pythia",
    }
    assert "pythia-9b is of pythia" in caplog.text
    unknown = given.replace({"model": {"pythia-9b": "mine"}})
    assert "no column family, and mine is in no roster" in refusal(imported, unknown)
    assert "(gpt2, pythia). Add the column" in refusal(imported, unknown)
    assert set(imported(unknown, said={"family": "all"})["family"]) == {"all"}


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("EleutherAI/Pythia_6.9b", "pythia"),
        ("gpt-neo-20b", "gpt_neo"),
        ("gpt-neox-20b", None),
        ("gpt2", "gpt2"),
        ("my-pythia", None),
        ("mini-gpt2-x", "mini_gpt2"),
    ],
)
def test_the_family_that_a_name_begins_with(name: str, family: str | None) -> None:
    assert family_in(name, ["pythia", "gpt_neo", "gpt2", "mini_gpt2"]) == family


def test_a_file_per_model_and_what_it_does_not_say(imported, tmp_path: Path) -> None:
    nameless = ONE_MODEL.drop(columns=["family", "model"])
    same(imported(nameless, said={"model": "gpt2"}), ONE_MODEL)
    assert "import.joint_table.model=NAME" in refusal(imported, nameless)
    assert "'import' says that model is x, and it has a column model" in refusal(
        imported, ONE_MODEL, said={"model": "x"}
    )
    assert "such a table has no method" in refusal(imported, ONE_MODEL, said={"method": "x"})
    parts = [rows for _, rows in TABLE.groupby("model", sort=False)]
    same(imported(*parts))
    changed = parts[0].assign(family="x")
    assert "gpt2 is in the families gpt2, x" in refusal(imported, ONE_MODEL, changed)


def test_files_are_given_in_three_ways_and_nonsense_is_named() -> None:
    both = {"columns": {"head": "h"}, "count_from": 1}
    for given in ("a.csv", {"file": "a.csv"}, ["a.csv"], [{"file": "a.csv"}]):
        (file,) = ImportSettings(joint_table=given, **both).files("joint_table")
        assert (file.file, file.columns, file.count_from) == ("a.csv", {"head": "h"}, 1)
    own = {"file": "a.csv", "columns": {"head": "c", "model": "m"}, "count_from": 0}
    (file,) = ImportSettings(joint_table=own, **both).files("joint_table")
    assert (file.columns, file.count_from) == ({"head": "c", "model": "m"}, 0)
    assert ImportSettings(joint_table="a.csv").as_params("joint_table") == {
        "import.joint_table": "a.csv"
    }
    assert ImportSettings(joint_table=own).as_params("joint_table") == {}
    for wrong, words in (
        ({"joint_table": 5}, "give the path of a file"),
        (
            {"columns": {"delta_ioi": "x", "delta_anti": "x"}},
            "'x' cannot be delta_ioi and delta_anti",
        ),
        (
            {"columns": {"model": "h"}, "joint_table": own | {"columns": {"head": "h"}}},
            "'h' cannot",
        ),
        ({"columns": {"model": "h"}, "count_from": 2}, "count_from"),
    ):
        with pytest.raises(ValidationError, match=words):
            ImportSettings.model_validate(wrong)


def test_what_is_said_of_a_file_is_in_the_fingerprint(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    ONE_MODEL.drop(columns=["family", "model"]).to_csv(path, index=False)
    prints = {
        import_joint_table(
            ImportSettings(joint_table={"file": str(path), "model": "gpt2", **said}), ROSTERS
        ).joint_heads["fingerprint"][0]
        for said in (
            {},
            {"columns": {"delta_ioi": "delta_anti", "delta_anti": "delta_ioi"}},
            {"family": "x"},
        )
    }
    assert len(prints) == 3
