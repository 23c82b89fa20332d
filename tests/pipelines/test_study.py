"""The whole study on two embedded models: complete tables, nothing filled, the same twice."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.tables.registry import ALL_TABLES
from circuit_scaling.vocabulary import CATEGORIES

HEADS = {"mini_gpt2_s": (4, 12), "mini_pythia_s": (4, 12)}


def test_every_head_of_every_model_is_in_joint_heads(study):
    heads = study.load("joint_heads")
    assert len(heads) == sum(layers * n for layers, n in HEADS.values())
    for model, (n_layers, n_heads) in HEADS.items():
        rows = heads[heads["model"] == model]
        assert set(zip(rows["layer"], rows["head"], strict=True)) == {
            (layer, head) for layer in range(n_layers) for head in range(n_heads)
        }
    measured = [c for c in heads if c.startswith("delta_")]
    assert {"delta_ioi", "delta_anti_names", "delta_anti_lists", "delta_induction"} <= set(measured)
    assert heads[measured].notna().all(axis=None)
    # An exact zero would be a head that was filled in, not measured.
    assert (heads[["delta_ioi", "delta_anti_names"]] != 0).all(axis=None)


def test_every_stored_table_passes_its_schema(study):
    stored = {name: name for name in ALL_TABLES if not name.startswith(("zoo", "prompts", "head_"))}
    stored |= {
        f"{name}__mini_gpt2_s": name
        for name in ("prompts", "head_effects", "head_attributions", "head_profiles")
    }
    for dataset, schema in stored.items():
        if study.exists(dataset):  # nothing was imported
            ALL_TABLES[schema].validate(study.load(dataset))


def test_joined_deltas_are_the_means_of_the_stored_effects(study):
    effects = study.load("head_effects__mini_gpt2_s")
    prompts = study.load("prompts__mini_gpt2_s")
    heads = study.load("joint_heads").set_index(["model", "layer", "head"])
    primary = effects[
        (effects["task"] == "ioi")
        & (effects["ablation"] == "zero")
        & (effects["positions"] == "all")
    ]
    split = prompts.loc[prompts["task"] == "ioi", "split"].to_numpy()
    for _, row in primary.iterrows():
        joined = heads.loc[("mini_gpt2_s", row["layer"], row["head"])]
        values = np.asarray(row["effects"], dtype=float)
        assert joined["delta_ioi"] == pytest.approx(values.mean(), abs=1e-6)
        assert joined["delta_ioi_test"] == pytest.approx(values[split == "test"].mean(), abs=1e-6)


def test_attribution_covers_every_contrast_task_as_the_exact_scan_does(study):
    names = ["task", "ablation", "positions", "layer", "head"]
    effects = study.load("head_effects__mini_gpt2_s")
    exact = effects[effects["readout"] == "contrast"]
    estimated = study.load("head_attributions__mini_gpt2_s")
    assert set(exact[names].itertuples(index=False, name=None)) == set(
        estimated[names].itertuples(index=False, name=None)
    )
    assert set(estimated["fingerprint"]) == set(effects["fingerprint"])
    agreement = study.load("attribution_agreement")
    assert set(agreement["model"]) == set(HEADS)
    # A sign or a head mixed up would leave nothing of this.
    assert (agreement["spearman"] > 0.3).all()


def test_competent_models_are_found_competent(study):
    competence = study.load("competence").set_index(["model", "task"])
    for model in HEADS:
        for task in ("ioi", "anti_names"):
            assert competence.loc[(model, task), "competent"]
            assert competence.loc[(model, task), "accuracy"] >= 0.95


def test_exports_have_the_published_columns(study, test_data):
    folder = test_data / "08_reporting" / "tables"
    joint = pd.read_csv(folder / "joint_ioi_anti_repeat_all.csv")
    assert list(joint) == ["family", "model", "layer", "head", "delta_ioi", "delta_anti"]
    summary = pd.read_csv(folder / "head_category_summary.csv")
    assert summary[[f"n_{c}" for c in CATEGORIES]].sum(axis=1).tolist() == [48, 48]
    heroes = pd.read_csv(folder / "hero_heads_for_paper.csv")
    assert heroes.groupby(["model", "category"]).size().max() <= 3
    transfer = pd.read_csv(folder / "ioi_transfer_summary.csv")
    assert list(transfer)[:5] == [
        *("base_model", "tgt_model", "n_heads", "mean_frac_rank", "frac_missing")
    ]
    assert len(transfer) == 2
    assert transfer["frac_missing"].eq(0).all()  # models of one shape
    divergence = pd.read_csv(folder / "ioi_divergence.csv")
    assert set(divergence["divergence"]) <= {"conserved", "inverted", "lost"}


def test_figures_come_with_their_data(study, test_data):
    folder = test_data / "08_reporting" / "figures"
    scaling = ("corr_vs_scale_cross_family", "strong_head_scaling")
    names = ("all_heads_phase_space", "family_grid", "category_counts", "competence")
    names += ("ablation_agreement", "attribution_agreement")
    for name in (*names, *scaling, "ioi_transfer_summary", "ioi_divergence"):
        for suffix in (".png", ".svg", ".csv"):
            assert (folder / f"{name}{suffix}").stat().st_size > 100, name


def test_scaling_has_a_row_per_model_and_agrees_with_the_heads(study, test_data):
    correlations = study.load("corr_vs_scale").set_index("model")
    assert list(correlations.index) == list(HEADS)
    heads = study.load("classified_heads")
    strong = study.load("strong_head_scaling")
    summary = study.load("head_category_summary").set_index("model")
    for model, (n_layers, n_heads) in HEADS.items():
        rows = heads[heads["model"] == model]
        row = correlations.loc[model]
        pearson = np.corrcoef(rows["delta_ioi"], rows["delta_anti_names"])[0, 1]
        assert row["corr"] == pytest.approx(pearson, abs=1e-9)
        assert row["n_heads_compared"] == n_layers * n_heads
        assert row["n_clusters_ioi"] >= 10
        # An estimate without noise may lie beyond 1, its interval may not.
        assert row["corr_true_low"] <= min(row["corr_true"], 1.0) <= row["corr_true_high"]
        assert row["frac_resolved"] == summary.loc[model, "frac_resolved"]
        at_tau = strong[(strong["model"] == model) & (strong["tau"] == 0.05)].iloc[0]
        for category in CATEGORIES:
            assert at_tau[f"n_{category}"] == summary.loc[model, f"n_{category}"]
    trend = study.load("scale_trend")
    assert trend["slope"].isna().all()  # two models, one of each family
    table = pd.read_csv(test_data / "08_reporting" / "tables" / "corr_vs_scale_cross_family.csv")
    assert list(table)[:4] == ["family", "model", "params_m", "corr"]


def test_every_model_has_its_own_figures(study, test_data):
    folder = test_data / "08_reporting" / "figures"
    for model, shape in HEADS.items():
        by_layer = pd.read_csv(folder / f"layer_hist_{model}.csv")
        assert by_layer[[f"n_{c}" for c in CATEGORIES]].sum(axis=1).tolist() == [shape[1]] * 4
        assert len(pd.read_csv(folder / f"{model}_delta_scatter.csv")) == shape[0] * shape[1]
        at_taus = pd.read_csv(folder / f"{model}_delta_scatter_taus.csv")
        assert at_taus.groupby("tau").size().tolist() == [shape[0] * shape[1]] * 5
        counts = pd.read_csv(folder / f"{model}_layer_hist_taus.csv")
        of_tau = counts[counts["tau"] == 0.05].drop(columns="tau")
        np.testing.assert_array_equal(of_tau, by_layer)


def test_notes_are_written_from_the_tables_of_the_run(study, test_data):
    notes = study.load("report_notes")
    folder = test_data / "08_reporting"
    assert {path.name for path in (folder / "notes").glob("*.md")} == set(notes)
    assert not any("Not run" in text for text in notes.values())
    heads = study.load("classified_heads")
    shared = int((heads["category"] == "shared").sum())
    assert (
        f"  - shared: {shared} ({100 * shared / len(heads):.1f} %)"
        in notes["high_level_findings.md"]
    )
    for model in heads["model"].unique():
        assert f"\n## {model}" in notes["hero_heads.md"]
    for text in notes.values():
        for link in re.findall(r"\]\(\.\./([^)]*)\)", text):
            assert (folder / link).is_file(), link


def test_report_names_every_model(study, test_data):
    page = (test_data / "08_reporting" / "report.html").read_text()
    assert all(model in page for model in HEADS)
    # Its figure is shipped with the checkpoints, because nothing is trained here.
    assert "Loss by task, and the accuracy reached on held-out prompts." in page


def test_two_runs_give_identical_tables(study, run, catalog):
    tables = ("joint_heads", "joint_effects", "classified_heads", "hero_heads", "competence")
    tables += ("transfer_heads", "transfer_summary", "head_matching", "head_divergence")
    tables += ("corr_vs_scale", "strong_head_scaling", "layer_profile")
    per_model = ("prompts", "head_effects", "head_attributions", "head_profiles")
    names = [*tables, *(f"{t}__mini_gpt2_s" for t in per_model)]
    before = {name: (study[name].resolve_load_version(), study.load(name)) for name in names}
    run("scan", namespaces=["scan.mini_gpt2_s"])
    run("join", "classify", "scaling", "transfer", to_outputs=list(tables))
    again = catalog()
    for name, (version, table) in before.items():
        assert again[name].resolve_load_version() != version
        pd.testing.assert_frame_equal(table, again.load(name), check_exact=True)
