"""The join, against sums that can be done by hand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from circuit_scaling.analysis.join.agreement import ablation_agreement
from circuit_scaling.analysis.join.heads import join_model
from circuit_scaling.measuring.scan.settings import ScanSettings
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.tables.columns import HEAD_KEYS, PROFILE_COLUMNS
from circuit_scaling.tables.join import ABLATION_AGREEMENT, JOINT_EFFECTS, JOINT_HEADS
from circuit_scaling.tables.scan import HEAD_EFFECTS, HEAD_PROFILES, PROMPTS
from circuit_scaling.tables.table import TableError
from tests.helpers.small_scans import (
    MEAN,
    N_HEADS,
    SETTINGS,
    effects,
    entry,
    profiles,
    prompts,
)

TAU = 0.05
# Clusters of one to three prompts: the mean over prompts is not the mean over clusters.
SIZES = {f"pair {i:02d}": 1 + i % 3 for i in range(12)}
OTHER_SIZES = {f"couple {i:02d}": 2 for i in range(12)}
BASE = {
    "ioi": np.array([-2.0, -1.0, 0.06, 0.02, 0.0, -0.5]),
    "anti_names": np.array([-1.0, 0.01, 0.0, 0.5, 0.02, -0.05]),
}
TABLES = {
    "joint_heads": JOINT_HEADS,
    "joint_effects": JOINT_EFFECTS,
    "ablation_agreement": ABLATION_AGREEMENT,
}


def values(base: NDArray[np.float64], frame: pd.DataFrame) -> NDArray[np.float64]:
    """A head's effect, plus its cluster's number / 64, plus 1/4 on the test side."""
    cluster = frame["cluster"].str[-2:].astype(int).to_numpy() / 64
    return base[:, None] + cluster + np.where(frame["split"] == "test", 0.25, 0.0)


PROMPTS_BY_TASK = {"ioi": prompts("ioi", SIZES), "anti_names": prompts("anti_names", OTHER_SIZES)}
VALUES = {task: values(BASE[task], frame) for task, frame in PROMPTS_BY_TASK.items()}
ALL_PROMPTS = pd.concat(PROMPTS_BY_TASK.values(), ignore_index=True)
# Under mean ablation the effects on IOI are turned around, on anti_names they are the base ones.
MEAN_DELTA = {"ioi": np.array([2.0, 1.0, -0.06, -0.08, 0.0, 0.5]), "anti_names": BASE["anti_names"]}


def scan(model: str = "mini_s", family: str = "mini") -> pd.DataFrame:
    parts = [effects(task, VALUES[task], model, family) for task in VALUES]
    parts += [
        effects(task, VALUES[task], model, family, MEAN).assign(delta=MEAN_DELTA[task], q=np.nan)
        for task in VALUES
    ]
    return pd.concat(parts, ignore_index=True)


def join(
    of: RosterEntry,
    settings: ScanSettings,
    rows: pd.DataFrame,
    found: pd.DataFrame,
    scores: pd.DataFrame,
) -> SimpleNamespace:
    tables = join_model(of.params_m, settings, rows, found, scores)
    agreement = ablation_agreement(found, settings, TAU)
    return SimpleNamespace(**vars(tables), ablation_agreement=agreement)


def joined(of: pd.DataFrame | None = None, settings: ScanSettings = SETTINGS) -> SimpleNamespace:
    found = scan() if of is None else of
    return join(entry(), settings, ALL_PROMPTS, found, profiles())


def test_the_hand_made_inputs_are_valid_tables() -> None:
    PROMPTS.validate(ALL_PROMPTS)
    HEAD_EFFECTS.validate(scan())
    HEAD_PROFILES.validate(profiles())


@pytest.mark.parametrize("name", TABLES)
def test_the_result_fits_its_schema(name: str) -> None:
    assert set(vars(joined())) == set(TABLES)
    TABLES[name].validate(getattr(joined(), name))


@pytest.mark.parametrize("task", VALUES)
def test_deltas_on_all_select_and_test_prompts(task: str) -> None:
    heads = joined().joint_heads
    split = PROMPTS_BY_TASK[task]["split"].to_numpy()
    np.testing.assert_array_equal(heads[f"delta_{task}"], VALUES[task].mean(axis=1))
    for side in ("select", "test"):
        of_side = VALUES[task][:, split == side].astype(np.float32).astype(float)
        np.testing.assert_allclose(heads[f"delta_{task}_{side}"], of_side.mean(axis=1), atol=1e-12)
    # By hand, head 0 on IOI: clusters 0, 2, .., 10 with 1, 3, 2, 1, 3, 2 prompts are `select`.
    if task == "ioi":
        by_hand = -2.0 + (0 + 2 * 3 + 4 * 2 + 6 * 1 + 8 * 3 + 10 * 2) / 64 / 12
        assert heads.at[0, "delta_ioi_select"] == pytest.approx(by_hand)


def test_only_the_primary_ablation_is_joined() -> None:
    zero_only = scan()[lambda t: t["ablation"] == "zero"].reset_index(drop=True)
    quiet = SETTINGS.model_copy(update={"ablations": ("zero",), "agreement_tasks": ("ioi",)})
    expected = join(entry(), quiet, ALL_PROMPTS, zero_only, profiles()).joint_heads
    pd.testing.assert_frame_equal(joined().joint_heads, expected)


def test_uncertainty_profiles_and_shape_are_carried_over() -> None:
    heads = joined().joint_heads
    of_task = {task: effects(task, VALUES[task]) for task in VALUES}
    for task, rows in of_task.items():
        for column in ("se", "q", "low", "high"):
            np.testing.assert_array_equal(heads[f"{column}_{task}"], rows[column])
    pd.testing.assert_frame_equal(heads[list(PROFILE_COLUMNS)], profiles()[list(PROFILE_COLUMNS)])
    assert heads["params_m"].tolist() == [0.5] * N_HEADS
    assert set(heads["n_layers"]) == {2.0}
    assert set(heads["n_heads"]) == {3.0}
    assert set(heads["suspect"]) == {""}
    assert set(heads["fingerprint"]) == {"bb"}


def test_q_is_given_for_the_two_tested_tasks_only() -> None:
    lists = prompts("anti_lists", SIZES)
    more = pd.concat([scan(), effects("anti_lists", VALUES["ioi"])], ignore_index=True)
    every = pd.concat([ALL_PROMPTS, lists], ignore_index=True)
    heads = join(entry(), SETTINGS, every, more, profiles()).joint_heads
    JOINT_HEADS.validate(heads)
    assert {"delta_anti_lists", "se_anti_lists", "delta_anti_lists_test"} <= set(heads)


def test_cluster_means_by_hand() -> None:
    rows = joined().joint_effects
    assert len(rows) == N_HEADS * (len(SIZES) + len(OTHER_SIZES))
    found = rows.set_index(["task", "layer", "head", "cluster"])
    # Cluster 5 holds three prompts of the test side: base + 5/64 + 1/4, the mean of three equals.
    row = found.loc[("ioi", 1, 2, "pair 05")]
    assert (row["split"], row["n_prompts"]) == ("test", 3)
    assert row["effect"] == pytest.approx(-0.5 + 5 / 64 + 0.25)
    for task, frame in PROMPTS_BY_TASK.items():
        wide = found.loc[task]["effect"].unstack("cluster")
        for cluster, own in frame.groupby("cluster"):
            by_hand = VALUES[task][:, own.index].mean(axis=1)
            np.testing.assert_allclose(wide[cluster], by_hand, atol=1e-7)
            sides = found.loc[task].xs(cluster, level="cluster")
            assert set(sides["split"]) == set(own["split"])
            assert set(sides["n_prompts"]) == {len(own)}


def test_effects_of_unequal_prompts_in_a_cluster_are_averaged() -> None:
    changed = VALUES["ioi"].copy()
    changed[0, :] += np.arange(changed.shape[1])
    found = pd.concat(
        [effects("ioi", changed), effects("anti_names", VALUES["anti_names"])], ignore_index=True
    )
    only_primary = SETTINGS.model_copy(update={"ablations": ("zero",)})
    rows = join(entry(), only_primary, ALL_PROMPTS, found, profiles()).joint_effects
    cell = rows.query("task == 'ioi' and layer == 0 and head == 0 and cluster == 'pair 02'")
    # Prompts 3, 4 and 5 are those of cluster 2 (after clusters of one and two prompts).
    assert cell["effect"].item() == pytest.approx(-2.0 + 2 / 64 + (3 + 4 + 5) / 3)


def test_the_order_of_rows_does_not_matter() -> None:
    shuffled = scan().sample(frac=1, random_state=3).reset_index(drop=True)
    mixed = profiles().sample(frac=1, random_state=4).reset_index(drop=True)
    again = join(entry(), SETTINGS, ALL_PROMPTS, shuffled, mixed)
    for name, table in TABLES.items():
        keys = list(table.keys)
        here, there = (
            getattr(tables, name).sort_values(keys).reset_index(drop=True)
            for tables in (joined(), again)
        )
        pd.testing.assert_frame_equal(here, there[list(here)])


def test_stored_tables_join_to_the_same(tmp_path: Path) -> None:
    inputs = {"prompts": ALL_PROMPTS, "effects": scan(), "profiles": profiles()}
    for name, frame in inputs.items():
        frame.to_parquet(tmp_path / name)
    back = [pd.read_parquet(tmp_path / name) for name in inputs]
    again = join(entry(), SETTINGS, *back)
    for name in TABLES:
        pd.testing.assert_frame_equal(getattr(joined(), name), getattr(again, name))


def test_a_head_that_was_not_measured_is_missing_and_refused() -> None:
    lacking = scan()[lambda t: ~((t["layer"] == 1) & (t["head"] == 0))].reset_index(drop=True)
    with pytest.raises(TableError, match="rows of mini mini_s ioi zero all: 5 of the model's 6"):
        HEAD_EFFECTS.validate(lacking)
    heads = joined(lacking).joint_heads
    assert np.isnan(heads.at[3, "delta_ioi"])
    with pytest.raises(TableError, match=r"delta_ioi: missing value in row 3 \(mini mini_s 1 0\)"):
        JOINT_HEADS.validate(heads)


def rank_correlation(found: pd.DataFrame, task: str) -> float:
    """Pearson's r of the ranks, by definition."""
    of_task = found[found["task"] == task]
    ranks = [rows["delta"].rank() for _, rows in of_task.groupby("ablation")]
    return float(np.corrcoef(ranks)[0, 1])


def test_agreement_of_the_kinds_of_ablation() -> None:
    rows = joined().ablation_agreement.set_index("task")
    assert rows.index.tolist() == ["ioi", "anti_names"]
    assert set(rows["ablation_a"]) == {"zero"}
    assert set(rows["ablation_b"]) == {"mean"}
    assert set(rows["n_heads_compared"]) == {N_HEADS}
    assert rows["spearman"].tolist() == [
        pytest.approx(rank_correlation(scan(), "ioi")),
        pytest.approx(rank_correlation(scan(), "anti_names")),
    ]
    same = scan().assign(delta=scan()["delta"].where(scan()["ablation"] == "zero"))
    same["delta"] = same.groupby(["task", "layer", "head"])["delta"].transform("first")
    equal = joined(same).ablation_agreement
    assert equal["spearman"].tolist() == [1.0, 1.0]
    assert equal["category_changes"].tolist() == [0.0, 0.0]
    turned = same.assign(delta=same["delta"].where(same["ablation"] == "zero", -same["delta"]))
    opposite = joined(turned).ablation_agreement
    assert opposite["spearman"].tolist() == [-1.0, -1.0]
    assert opposite["category_changes"].tolist() == [0.0, 0.0]  # the sign does not matter


def test_category_changes_are_counted_over_both_tasks() -> None:
    by_hand = {
        "zero": {"ioi": [0.1, 0.1, 0.0, 0.0, 0.05, 0.04], "anti_names": [0.1, 0, 0.1, 0, 0, 0]},
        "mean": {"ioi": [0.1, 0.0, 0.0, 0.0, 0.04, 0.05], "anti_names": [0.1, 0, 0, 0.1, 0, 0]},
    }
    found = scan()
    for (ablation, task), rows in found.groupby(["ablation", "task"]):
        found.loc[rows.index, "delta"] = np.array(by_hand[ablation][task], dtype=float)
    # shared stays; ioi_only -> weak; anti_only -> weak; weak -> anti_only; ioi_only -> weak at
    # exactly tau; weak -> ioi_only at exactly tau.
    agreement = joined(found).ablation_agreement
    assert agreement["category_changes"].tolist() == [5.0, 5.0]


def test_a_third_task_has_no_category_to_change() -> None:
    settings = SETTINGS.model_copy(update={"agreement_tasks": ("ioi", "anti_names", "anti_lists")})
    lists = [effects("anti_lists", VALUES["ioi"], kind=k) for k in (SETTINGS.primary, MEAN)]
    every = pd.concat([ALL_PROMPTS, prompts("anti_lists", SIZES)], ignore_index=True)
    found = pd.concat([scan(), *lists], ignore_index=True)
    rows = join(entry(), settings, every, found, profiles()).ablation_agreement
    ABLATION_AGREEMENT.validate(rows)
    changes = rows.set_index("task")["category_changes"]
    assert np.isnan(changes["anti_lists"])
    assert changes[["ioi", "anti_names"]].notna().all()


def test_agreement_of_one_task_alone_has_no_categories() -> None:
    settings = SETTINGS.model_copy(update={"agreement_tasks": ("ioi",)})
    found = scan()[lambda t: (t["ablation"] == "zero") | (t["task"] == "ioi")]
    rows = joined(found.reset_index(drop=True), settings).ablation_agreement
    assert rows["task"].tolist() == ["ioi"]
    assert rows["category_changes"].isna().all()


def test_a_constant_effect_has_no_rank_correlation() -> None:
    flat = scan()
    flat.loc[(flat["ablation"] == "mean") & (flat["task"] == "ioi"), "delta"] = 0.0
    rows = joined(flat).ablation_agreement.set_index("task")
    assert np.isnan(rows.at["ioi", "spearman"])
    ABLATION_AGREEMENT.validate(rows.reset_index())


def test_two_models_go_into_one_table() -> None:
    other = join(
        entry("more", 2.5),
        SETTINGS,
        ALL_PROMPTS,
        scan("more_l", "more"),
        profiles("more_l", "more"),
    )
    for name, table in TABLES.items():
        both = pd.concat([getattr(joined(), name), getattr(other, name)], ignore_index=True)
        table.validate(both)
        assert both["model"].unique().tolist() == ["mini_s", "more_l"]
    assert JOINT_HEADS.keys == HEAD_KEYS
