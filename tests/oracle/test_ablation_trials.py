"""Trials of an embedded model against hooked runs, and of a model that has learnt nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from circuit_scaling.analysis.ablation.heroes_vs_random import summarise
from circuit_scaling.analysis.classify.categories import classify_heads
from circuit_scaling.analysis.classify.heroes import hero_heads
from circuit_scaling.analysis.classify.settings import ClassifySettings
from circuit_scaling.analysis.join.heads import join_model
from circuit_scaling.measuring.ablation.sets import HeadSet, choose_sets
from circuit_scaling.measuring.ablation.settings import AblationSettings
from circuit_scaling.measuring.ablation.trials import plan_trials, run_trials
from circuit_scaling.measuring.scan.scan import scan_model
from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings, Tasks
from circuit_scaling.tables.ablation import ABLATION_LOG
from tests.conftest import PROJECT
from tests.helpers.hook_oracle import HookOracle

ZOO = PROJECT / "data" / "01_raw" / "zoo" / "mini_gpt2_s"
SHAPE = (4, 12)
# Of the controls nothing is asked here, so that they are not scanned.
TASKS = Tasks(
    {
        name: spec.model_copy(update={"scan": name in ("ioi", "anti_names")})
        for name, spec in shipped_tasks().root.items()
        if name in ("ioi", "ioi_abc", "anti_names", "anti_names_abc")
    }
)
ZERO = AblationKind(ablation="zero", positions="all")
SCAN = ScanSettings(
    primary=ZERO, ablations=("zero",), positions=("all",), draws=1,
    chunk=1024,
)  # fmt: skip
SETTINGS = AblationSettings(tasks=("ioi", "anti_names"), n_random=19, also=("mean",))
SETS = [
    HeadSet("clean", 0, ()),
    HeadSet("hero_joint", 3, ((0, 6), (2, 8), (3, 4))),
    HeadSet("weakest", 3, ((1, 1), (1, 5), (3, 0))),
]


def entry(folder: Path) -> RosterEntry:
    return RosterEntry(
        slug="m",
        family="mini_gpt2",
        folder=str(folder),
        params_m=0.5,
        n_layers=SHAPE[0],
        n_heads=SHAPE[1],
        untrained=True,
    )


def prompts_of(n: int) -> pd.DataFrame:
    tokenizer = AutoTokenizer.from_pretrained(ZOO)
    return build_prompts(TASKS, PromptSettings(n_prompts=n), tokenizer)[0]


@pytest.fixture(scope="module")
def hooks() -> HookOracle:
    model = AutoModelForCausalLM.from_pretrained(ZOO, dtype=torch.float32)
    return HookOracle(model, AutoTokenizer.from_pretrained(ZOO))


def hooked(oracle: HookOracle, tokens: list[int], heads: Any, means: Any) -> torch.Tensor:
    """Logits at the end of one prompt with ``heads`` replaced by ``means`` (zero without)."""

    def replace(layer: int) -> Any:
        def hook(z: torch.Tensor, hook: object) -> torch.Tensor:
            z = z.clone()
            for at, head in heads:
                if at == layer:
                    z[:, :, head] = 0.0 if means is None else means[layer][:, head]
            return z

        return f"blocks.{layer}.attn.hook_z", hook

    with torch.no_grad():
        logits = oracle.bridge.run_with_hooks(
            torch.tensor([tokens]), fwd_hooks=[replace(layer) for layer in {la for la, _ in heads}]
        )
    last: torch.Tensor = logits[0, -1]
    return last


@pytest.mark.parametrize("ablation", ["zero", "mean"])
def test_trials_equal_hooked_runs_prompt_by_prompt(hooks: HookOracle, ablation: str) -> None:
    prompts = prompts_of(40)
    planned = [
        trial
        for trial in plan_trials(TASKS, SCAN, SETTINGS, SETS)
        if (trial.task, trial.kind.ablation) == ("ioi", ablation)
    ]
    trials = run_trials(entry(ZOO), SCAN, SETTINGS, prompts, planned, "ff").ablation_trials
    asked = prompts[(prompts["task"] == "ioi") & (prompts["split"] == "test")]
    references = prompts[prompts["task"] == "ioi_abc"]
    for chosen in SETS:
        (row,) = trials[trials["set_type"] == chosen.set_type].to_dict("records")
        assert row["accuracy"] == pytest.approx(np.mean(row["correct"]))
        for place, prompt in enumerate(asked.to_dict("records")):
            means = None
            if ablation == "mean":
                donors = references[references["template"] == prompt["template"]]["tokens"]
                means = [z.mean(0) for z in hooks.z(np.array(donors.tolist()))]
            logits = [hooked(hooks, prompt["tokens"], heads, means) for heads in (chosen.heads, ())]
            ablated, clean = (
                float(last[prompt["answer"]].mean() - last[prompt["distractor"]].mean())
                for last in logits
            )
            assert row["effects"][place] == pytest.approx(ablated - clean, abs=1e-4)
            best = max(prompt["candidates"], key=lambda token: float(logits[0][token]))
            assert row["correct"][place] == (best in prompt["answer"])


def random_weights(folder: Path, seed: int) -> Path:
    """A model of the embedded shape that has learnt nothing, with heads that do something."""
    torch.manual_seed(seed)
    config = AutoConfig.from_pretrained(ZOO)
    config.initializer_range = 0.15
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(ZOO).save_pretrained(folder)
    return folder


def test_heroes_of_random_weights_do_not_beat_random_heads(tmp_path: Path) -> None:
    """They were strong on select prompts; on test prompts they are heads like all others."""
    prompts, p = prompts_of(80), []
    settings = SETTINGS.model_copy(update={"also": ()})
    for seed in range(2):
        model = entry(random_weights(tmp_path / str(seed), seed))
        scanned = scan_model(model, TASKS, SCAN, prompts)
        # Nothing is strong in a model that does nothing: tau so low that it has heroes at all.
        classify = ClassifySettings(tau=1e-3, taus=(1e-3,), top_k=3, n_boot=200)
        joined = join_model(
            model.params_m, SCAN, prompts, scanned.head_effects, scanned.head_profiles
        )
        heads, _ = classify_heads(
            joined.joint_heads, joined.joint_effects, scanned.competence, classify
        )
        heroes = hero_heads(heads, classify)
        sets = choose_sets("m", SHAPE, heroes, heads, settings)
        planned = plan_trials(TASKS, SCAN, settings, sets)
        trials, log = run_trials(model, SCAN, settings, prompts, planned, "ff")
        (line,) = ABLATION_LOG.validate(log).to_dict("records")
        assert (line["stage"], line["counted"]) == ("ablation", "sets of heads")
        n_sets = sum(len(trial.distinct) for trial in planned)
        assert line["per_second"] * line["seconds"] == pytest.approx(n_sets)
        summary = summarise(trials, prompts, scanned.competence, ZERO)
        joint = summary[
            (summary["hero_set"] == "hero_joint")
            & summary["primary"]
            & (summary["readout"] == "contrast")
        ]
        largest = joint[joint["k"] == joint["k"].max()]
        assert (largest["matched_n"] == 19).all()
        assert not largest["competent"].fillna(False).any()
        p += largest["matched_p"].tolist()
    # Four values, none of which an effect stands behind: one at the floor of 0.05 may be chance.
    assert sum(value <= 0.05 for value in p) <= 1
    assert np.mean(p) > 0.2
