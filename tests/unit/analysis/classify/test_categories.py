"""Categories, their certainty, and summaries, for heads whose answers are known."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.classify.categories import (
    at_taus,
    classify_heads,
    sensitivity,
)
from circuit_scaling.analysis.classify.heroes import hero_heads
from circuit_scaling.tables.classify import (
    CATEGORY_SENSITIVITY,
    CLASSIFIED_HEADS,
    HEAD_CATEGORY_SUMMARY,
    HERO_HEADS,
)
from circuit_scaling.tables.join import JOINT_EFFECTS, JOINT_HEADS
from circuit_scaling.tables.scan import COMPETENCE
from circuit_scaling.tables.table import TableError
from circuit_scaling.vocabulary import CATEGORIES
from tests.helpers.joined_heads import ANTI, CATEGORY, IOI, SETTINGS, classified, joined, spread
from tests.helpers.small_scans import (
    competence,
)


def test_inputs_and_results_fit_their_schemas() -> None:
    for table, frame in zip((JOINT_HEADS, JOINT_EFFECTS), joined("a"), strict=True):
        table.validate(frame)
    COMPETENCE.validate(competence("a", ioi=4.0, anti_names=None))
    few = joined("few", n_clusters=8)  # certainty known for one model, missing for the other
    table, summary = classified(few, joined("many"), ioi=None, anti_names=2.0)
    CLASSIFIED_HEADS.validate(table)
    HEAD_CATEGORY_SUMMARY.validate(summary)
    HERO_HEADS.validate(hero_heads(table, SETTINGS))


def test_categories_and_strength_by_hand() -> None:
    table, _ = classified(joined("a"))
    assert table["category"].tolist() == CATEGORY
    np.testing.assert_allclose(table["strength"], [0.52, 0.06, 0.41, 0.5, 0.05, 0.109])
    # Here select and test are equal to all, up to the float32 of single effects.
    np.testing.assert_allclose(table["strength_select"], table["strength"], atol=1e-6)
    assert table[["layer", "head"]].to_numpy().tolist() == [
        [0, 0],
        [0, 1],
        [0, 2],
        [1, 0],
        [1, 1],
        [1, 2],
    ]


def test_strength_on_select_prompts() -> None:
    heads, found = joined("a")
    heads["delta_ioi_select"] = [0.1, -0.2, 0.0, 0.3, 0.0, 0.0]
    heads["delta_anti_names_select"] = [-1.0, 0.5, 0.0, -0.3, 0.0, 0.2]
    table, _ = classify_heads(heads, found, competence("a"), SETTINGS)
    np.testing.assert_allclose(table["strength_select"], [1.1, 0.7, 0.0, 0.6, 0.0, 0.2])
    assert table["category"].tolist() == CATEGORY  # on all prompts


def test_the_order_of_heads_and_effects_does_not_matter() -> None:
    deviations = np.arange(1, 7)[:, None] * spread(12, 0.05)
    heads, found = joined("a", deviations=deviations)
    table, _ = classify_heads(heads, found, competence("a"), SETTINGS)
    assert table["category_stability"].nunique() > 1
    mixed = heads.sample(frac=1, random_state=1), found.sample(frac=1, random_state=2)
    again, _ = classify_heads(*mixed, competence("a"), SETTINGS)
    again = again.sort_values(["layer", "head"], ignore_index=True)
    pd.testing.assert_frame_equal(again, table)


def test_effects_that_never_vary_are_certain() -> None:
    # Away from tau itself, where the float32 of single effects decides.
    table, summary = classified(joined("a", IOI + 0.003, ANTI))
    assert table["category_stability"].tolist() == [1.0] * 6
    assert table["resolved"].tolist() == [True] * 6
    row = summary.iloc[0]
    assert row["frac_resolved"] == 1.0
    for category in CATEGORIES:
        assert row[f"frac_{category}_low"] == pytest.approx(row[f"frac_{category}"])
        assert row[f"frac_{category}_high"] == pytest.approx(row[f"frac_{category}"])


def test_effects_that_vary_around_tau_are_not() -> None:
    deviations = np.zeros((6, 24))
    deviations[[0, 1]] = spread(12, 0.3)  # head 0 lies far above tau, head 1 just below
    table, summary = classified(joined("a", IOI + 0.003, ANTI, deviations=deviations))
    # Standard error about 0.3 / sqrt(12): 0.09, five times less than 0.5 and three times tau.
    stability = table["category_stability"]
    assert 0 < stability[1] < 0.9
    assert (stability[[2, 3, 4, 5]] == 1).all()
    assert table["resolved"].tolist() == [False, False, True, True, True, True]
    assert summary.at[0, "frac_resolved"] == pytest.approx(4 / 6)
    assert summary.at[0, "frac_weak_low"] < summary.at[0, "frac_weak_high"]


def test_the_counts_of_a_model() -> None:
    _, summary = classified(joined("a"), joined("b", np.zeros(6), np.zeros(6)))
    assert summary["model"].tolist() == ["a", "b"]
    assert summary["n_heads_total"].tolist() == [6, 6]
    counts = {"ioi_only": [2, 0], "anti_only": [2, 0], "shared": [1, 0], "weak": [1, 6]}
    for category, by_hand in counts.items():
        assert summary[f"n_{category}"].tolist() == by_hand
        assert summary[f"frac_{category}"].tolist() == [n / 6 for n in by_hand]
    assert summary["params_m"].tolist() == [0.5, 0.5]


def test_fewer_than_ten_clusters_leave_certainty_missing() -> None:
    table, summary = classified(joined("few", n_clusters=8), joined("many"))
    few, many = (table[table["model"] == model] for model in ("few", "many"))
    assert few["category"].tolist() == CATEGORY
    assert few["category_stability"].isna().all()
    assert few["resolved"].isna().all()
    assert many["category_stability"].notna().all()
    assert many["resolved"].notna().all()
    bounds = [f"frac_{c}_{end}" for c in CATEGORIES for end in ("low", "high")]
    assert summary.loc[0, [*bounds, "frac_resolved"]].isna().all()
    assert summary.loc[1, [*bounds, "frac_resolved"]].notna().all()


def test_models_without_cluster_effects_get_categories_only() -> None:
    heads, found = joined("imported")
    table, summary = classify_heads(heads, found.iloc[:0], competence("imported"), SETTINGS)
    CLASSIFIED_HEADS.validate(table)
    HEAD_CATEGORY_SUMMARY.validate(summary)
    assert table["category"].tolist() == CATEGORY
    assert table["category_stability"].isna().all()
    assert table["resolved"].isna().all()


def test_what_the_median_head_can_resolve() -> None:
    heads, found = joined("a")
    heads["se_ioi"] = [0.01, 0.02, 0.03, 0.05, 0.06, 0.07]  # median 0.04
    heads["se_anti_names"] = 0.02
    _, summary = classify_heads(heads, found, competence("a"), SETTINGS)
    assert summary.at[0, "minimal_detectable_ioi"] == pytest.approx(0.04 * 2.8016, rel=1e-4)
    assert summary.at[0, "minimal_detectable_anti_names"] == pytest.approx(0.02 * 2.8016, rel=1e-4)
    heads["se_ioi"] = np.nan
    _, summary = classify_heads(heads, found, competence("a"), SETTINGS)
    assert np.isnan(summary.at[0, "minimal_detectable_ioi"])


def test_the_same_seed_gives_the_same_certainty() -> None:
    deviations = np.stack([spread(12, 0.1)] * 6)
    first, second = (classified(joined("a", deviations=deviations)) for _ in range(2))
    pd.testing.assert_frame_equal(first[0], second[0])
    pd.testing.assert_frame_equal(first[1], second[1])


@pytest.mark.parametrize(
    ("ioi", "anti", "flags"),
    [
        (4.0, 2.0, [True, True]),
        (4.0, 0.0, [True, False]),
        (None, -3.0, [pd.NA, False]),
    ],
)
def test_competence_is_carried_to_every_head(
    ioi: float | None, anti: float | None, flags: list[object]
) -> None:
    table, _ = classified(joined("a"), ioi=ioi, anti_names=anti)
    for column, flag in zip(("competent_ioi", "competent_anti_names"), flags, strict=True):
        assert str(table[column].dtype) == "boolean"
        expected = pd.Series([flag] * 6, dtype="boolean", name=column)
        pd.testing.assert_series_equal(table[column], expected)


def test_competence_of_the_model_itself() -> None:
    heads = pd.concat([joined("a")[0], joined("b")[0]], ignore_index=True)
    can = pd.concat([competence("b", ioi=0.0, anti_names=3.0), competence("a", ioi=3.0)])
    table, _ = classify_heads(heads, joined("a")[1].iloc[:0], can, SETTINGS)
    flags = table.groupby("model")[["competent_ioi", "competent_anti_names"]].first()
    assert flags.loc["a", "competent_ioi"]
    assert not flags.loc["b", "competent_ioi"]
    assert table.loc[table["model"] == "a", "competent_anti_names"].isna().all()  # not measured


def test_a_head_without_an_effect_has_no_category() -> None:
    heads, found = joined("a")
    heads.loc[2, "delta_ioi"] = np.nan
    with pytest.raises(TableError, match=r"delta_ioi: missing value in row 2 \(mini a 0 2\)"):
        JOINT_HEADS.validate(heads)
    with pytest.raises(ValueError, match="delta_ioi is missing for 1 of 6 heads"):
        classify_heads(heads, found, competence("a"), SETTINGS)


def test_sensitivity_counts_over_the_taus() -> None:
    heads = joined("a")[0]
    rows = sensitivity(heads, competence("a", ioi=0.0, anti_names=3.0), SETTINGS)
    CATEGORY_SENSITIVITY.validate(rows)
    assert rows["basis"].tolist() == ["delta"] * 3  # not competent on IOI: no relative effects
    assert rows["tau"].tolist() == [0.01, 0.05, 0.5]
    by_hand = {
        "ioi_only": [1, 2, 1],  # head 4 | 0, 4 | 0 at exactly 0.5
        "anti_only": [0, 2, 0],  # - | 2, 5
        "shared": [5, 1, 0],  # all but head 4 | 3
        "weak": [0, 1, 5],
    }
    for category, counts in by_hand.items():
        assert rows[f"n_{category}"].tolist() == counts
        assert rows[f"frac_{category}"].tolist() == [n / 6 for n in counts]


def test_heads_at_every_tau_are_those_that_sensitivity_counts() -> None:
    heads = joined("a")[0]
    counted = sensitivity(heads, competence("a", ioi=0.0, anti_names=3.0), SETTINGS)
    counted = counted.set_index("tau")
    found = at_taus(heads, SETTINGS.taus)
    assert len(found) == len(SETTINGS.taus) * len(heads)
    for tau, rows in found.groupby("tau"):
        for category in CATEGORIES:
            assert (rows["category"] == category).sum() == counted.loc[tau, f"n_{category}"]


def test_relative_effects_are_shares_of_the_clean_metric() -> None:
    heads = joined("a")[0]
    rows = sensitivity(heads, competence("a", ioi=10.0, anti_names=0.5), SETTINGS)
    CATEGORY_SENSITIVITY.validate(rows)
    at_tau = rows[rows["tau"] == 0.05].set_index("basis")
    # IOI / 10: only head 0 is left, at exactly tau. Anti / 0.5: heads 1, 2, 3, 5 reach 0.05.
    assert at_tau.loc["relative", [f"n_{c}" for c in CATEGORIES]].tolist() == [1, 4, 0, 1]
    assert at_tau.loc["delta", [f"n_{c}" for c in CATEGORIES]].tolist() == [2, 2, 1, 1]


def test_relative_effects_need_competence_with_an_interval() -> None:
    heads = pd.concat([joined(model)[0] for model in ("a", "b")], ignore_index=True)
    can = pd.concat(
        [competence("a", ioi=None, anti_names=2.0), competence("b", ioi=2.0, anti_names=2.0)]
    )
    rows = sensitivity(heads, can, SETTINGS)
    assert rows.groupby("model")["basis"].unique().map(list).to_dict() == {
        "a": ["delta"],
        "b": ["delta", "relative"],
    }
