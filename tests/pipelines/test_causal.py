"""Causal tracing in the study: one model alone, no heroes, stale tables, what people get."""

from __future__ import annotations

import logging

import pandas as pd
import pytest

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.measuring.shared.columns import JoinSettings
from circuit_scaling.pipelines.causal.nodes import PER_MODEL, collect, draw, export
from circuit_scaling.tables.registry import ALL_TABLES
from tests.helpers.causal_tables import SETTINGS

MODELS = ("mini_gpt2_s", "mini_pythia_s")


def test_every_hero_has_a_row_for_both_tasks(study, test_data):
    heroes = study.load("hero_heads")
    heroes = heroes[heroes["category"] != "weak"]
    summary = study.load("causal_summary")
    key = ["model", "layer", "head"]
    for task in ("ioi", "anti_names"):
        rows = summary[summary["task"] == task]
        assert rows[key].values.tolist() == heroes[key].values.tolist()
    for name in ("head_reads", "head_writes", "hero_pairs", "hero_similarity"):
        ALL_TABLES[name].validate(study.load(name))
    table = pd.read_csv(test_data / "08_reporting" / "tables" / "hero_head_causal_summary.csv")
    assert len(table) == len(heroes)
    assert "Do the heroes do it themselves?" in (
        test_data / "08_reporting" / "report.html"
    ).read_text().replace("\u00a0", " ")


def test_figures_of_every_model_come_with_their_data(study, test_data):
    folder = test_data / "08_reporting" / "figures"
    for name in ("causal_ioi", "causal_anti", *(f"{model}_reads_writes" for model in MODELS)):
        for suffix in (".png", ".svg", ".csv"):
            assert (folder / f"{name}{suffix}").stat().st_size > 100, name


def test_one_model_runs_alone_and_gives_the_same_table(study, run, catalog):
    run("causal", namespaces=["causal.mini_gpt2_s"])
    for name in ("causal_traces", "head_reads", "head_writes", "hero_pairs"):
        before, after = (c.load(f"{name}__mini_gpt2_s") for c in (study, catalog()))
        pd.testing.assert_frame_equal(before, after, check_exact=True)


def test_a_scan_that_does_not_fit_stops_with_the_command(study, run):
    with pytest.raises(
        CircuitScalingError, match="prompts.seed = 0.*--pipelines scan,join,classify,causal"
    ):
        run("causal", params={"prompts": {"seed": 7}}, namespaces=["causal.mini_gpt2_s"])


def test_traces_of_other_settings_are_not_put_together(study, run):
    with pytest.raises(CircuitScalingError, match="causal_traces__.* --resume --pipelines causal"):
        run("causal", params={"causal": {"max_prompts": 7}}, node_names=["causal.collect_traces"])


def test_a_typo_in_a_parameter_is_named(study, run):
    with pytest.raises(CircuitScalingError, match="heds"):
        run("causal", params={"causal": {"heds": "all"}})


def test_without_heroes_everything_is_empty_and_drawn_in_words(study):
    context = {name: study.load(name) for name in ("classified_heads", "hero_heads")}
    none = context["hero_heads"].head(0)
    models = study.load("params:models")
    empty = [ALL_TABLES[name].empty() for name in PER_MODEL for _ in MODELS]
    heads = context["classified_heads"]
    found = collect(models, JoinSettings(), SETTINGS, heads, none, *empty)
    for name, table in found.items():
        assert ALL_TABLES[name].validate(table).empty
    assert export(found["causal_summary"])["hero_head_causal_summary"].empty
    drawn = draw(models, *(found[name] for name in ("causal_summary", "head_reads", "head_writes")))
    assert set(drawn) == {"causal_ioi", "causal_anti", *(f"{m}_reads_writes" for m in MODELS)}


def test_a_model_without_heroes_says_so(study, caplog):
    from circuit_scaling.pipelines.causal.nodes import trace_heads

    load = study.load
    caplog.set_level(logging.WARNING)
    tables = trace_heads(
        load("params:models")["mini_gpt2_s"],
        *(load(f"params:{name}") for name in ("tasks", "prompts", "scan", "join", "causal")),
        **{name: load(name) for name in ("joint_prompts", "classified_heads")},
        hero_heads=load("hero_heads").head(0),
    )
    assert all(ALL_TABLES[name].validate(table).empty for name, table in tables.items())
    assert "mini_gpt2_s: no hero heads" in caplog.text
