"""The pipeline `ablation` on the two models of the test environment."""

from __future__ import annotations

import logging

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.tables.ablation import ABLATION_SUMMARY, ABLATION_TRIALS, HERO_SETS

MODELS = ["mini_gpt2_s", "mini_pythia_s"]


def heads_of(row: pd.Series) -> set[tuple[int, int]]:
    return set(zip(row["layers"], row["heads"], strict=True))


def test_tables_fit_their_schemas_and_all_models_are_there(study):
    summary = ABLATION_SUMMARY.validate(study.load("ablation_summary"))
    assert summary["model"].unique().tolist() == MODELS
    for model in MODELS:
        trials = ABLATION_TRIALS.validate(study.load(f"ablation_trials__{model}"))
        assert set(trials["task"]) == {"ioi", "anti_names", "ioi_abc", "plain_text"}
        assert set(trials.loc[trials["ablation"] != "zero", "k"]) == {0, trials["k"].max()}


def test_only_test_prompts_are_used(study):
    prompts = study.load("prompts__mini_gpt2_s")
    trials = study.load("ablation_trials__mini_gpt2_s")
    test = prompts[prompts["split"] == "test"].groupby("task").size()
    for task, rows in trials[trials["reason"] == ""].groupby("task"):
        assert set(rows["n_prompts"]) == {test[task]}


@pytest.mark.parametrize("task", ["ioi", "anti_names"])
def test_one_hero_alone_is_what_the_scan_measured(study, task):
    """The scan's road to the same number: all heads one by one, on all prompts."""
    prompts = study.load("prompts__mini_gpt2_s")
    of_task = prompts[prompts["task"] == task]
    test = (of_task["split"] == "test").to_numpy()
    effects = study.load("head_effects__mini_gpt2_s").set_index(
        ["task", "ablation", "positions", "layer", "head"]
    )["effects"]
    trials = study.load("ablation_trials__mini_gpt2_s")
    single = trials[(trials["task"] == task) & (trials["k"] == 1) & (trials["ablation"] == "zero")]
    assert len(single) > 4
    for _, row in single.iterrows():
        ((layer, head),) = heads_of(row)
        scanned = np.asarray(effects.loc[(task, "zero", "all", layer, head)])[test]
        np.testing.assert_allclose(row["effects"], scanned, atol=1e-4)


def test_heroes_are_the_classified_ones_and_no_other_set_is_theirs(study):
    heroes = study.load("hero_heads")
    trials = study.load("ablation_trials__mini_pythia_s")
    ours = heroes[(heroes["model"] == "mini_pythia_s") & (heroes["category"] != "weak")]
    keys = set(zip(ours["layer"], ours["head"], strict=True))
    joint = trials[trials["set_type"] == "hero_joint"]
    assert heads_of(joint.loc[joint["k"].idxmax()]) == keys
    own = {s: heads_of(row) for s, row in joint.groupby("k").first().iterrows()}
    for _, row in trials[trials["matched_to"] == "hero_joint"].iterrows():
        assert heads_of(row) != own[row["k"]]
    for _, row in trials[trials["set_type"] == "weakest"].iterrows():
        assert not heads_of(row) & keys


def test_the_export_and_a_figure_per_model(study, test_data):
    table = pd.read_csv(
        test_data / "08_reporting" / "tables" / "hero_vs_random_ablation_summary.csv"
    )
    assert list(table)[:4] == ["family", "model", "k", "set_type"]
    clean = table[table["k"] == 0]
    assert clean["model"].tolist() == MODELS
    assert (clean["acc_ioi"] > 0.9).all()
    assert set(table["set_type"]) > {"clean", "matched", "unmatched", "weakest", "hero_joint"}
    figures = test_data / "08_reporting" / "figures"
    for name in ("ablation_overview", *(f"{m}_hero_vs_random_ablation" for m in MODELS)):
        for suffix in (".png", ".svg", ".csv"):
            assert (figures / f"{name}{suffix}").stat().st_size > 100, name
    assert (
        "Do heroes beat random heads?" in (test_data / "08_reporting" / "report.html").read_text()
    )


def test_trained_heroes_do_more_than_random_heads(study):
    summary = study.load("ablation_summary")
    rows = summary[
        # The heroes of all categories together hold heads whose removal raises the metric.
        (summary["task"] == "ioi") & (summary["hero_set"] == "hero_shared") & summary["primary"]
    ]
    for _, group in rows.groupby("model"):
        most = group.loc[group["k"].idxmax()]
        assert most["matched_p"] == most["matched_p_floor"] == pytest.approx(1 / 6)
        assert most["matched_difference"] < -1


def test_one_model_alone_from_stored_tables_gives_the_same(study, run, catalog):
    before = study.load("ablation_trials__mini_gpt2_s")
    run("ablation", namespaces=["ablation.mini_gpt2_s"])
    after = catalog().load("ablation_trials__mini_gpt2_s")
    pd.testing.assert_frame_equal(before, after, check_exact=True)


def test_other_parameters_of_the_scan_stop_with_the_command(study, run):
    with pytest.raises(CircuitScalingError, match="--resume --pipelines scan,join,classify"):
        run("ablation", params={"scan": {"seed": 7}})


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"tasks": ["ioy"]}, "'ioy', which is not configured"),
        ({"tasks": ["plain_text"]}, "no answer: put it under ablation.controls"),
        ({"n_random": 0}, "n_random"),
    ],
)
def test_configuration_that_cannot_be_run(study, run, changes, words):
    with pytest.raises(CircuitScalingError, match=words):
        run("ablation", params={"ablation": changes})


def test_a_model_without_heroes_has_empty_tables_and_one_line(copied_study, run, catalog, caplog):
    data = catalog()
    heroes = data.load("hero_heads")
    data.save("hero_heads", heroes[heroes["model"] != "mini_gpt2_s"])
    caplog.set_level(logging.INFO)
    run("ablation", to_outputs=["ablation_summary"])
    again = catalog()
    assert again.load("ablation_trials__mini_gpt2_s").empty
    summary = again.load("ablation_summary")
    assert summary["model"].unique().tolist() == ["mini_pythia_s"]
    lines = [r.getMessage() for r in caplog.records if "no hero heads" in r.getMessage()]
    assert lines == ["mini_gpt2_s: no hero heads, so that there is nothing to ablate"]
    assert set(HERO_SETS) >= set(summary["hero_set"])
