"""The whole study where there is nothing to find: random weights, and noise in place of effects."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import yaml
from numpy.typing import NDArray

from circuit_scaling.analysis.classify.categories import classify_heads
from circuit_scaling.analysis.classify.settings import ClassifySettings
from circuit_scaling.analysis.scaling.correlations import corr_vs_scale
from circuit_scaling.analysis.scaling.settings import ScalingSettings
from circuit_scaling.analysis.transfer.settings import TransferSettings
from circuit_scaling.analysis.transfer.transfer import transfer
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.models.zoo.configurations import build_model
from circuit_scaling.models.zoo.settings import Shape
from circuit_scaling.statistics.means import cluster_means
from circuit_scaling.statistics.significance import q_values
from circuit_scaling.tables.columns import PROFILE_COLUMNS
from circuit_scaling.vocabulary import ALPHA, STUDY_TASKS
from tests.conftest import PROJECT
from tests.helpers.simulated_effects import totals_of
from tests.soak.coverage.real_effects import Blocks, clusters, embedded, recentred
from tests.soak.coverage.section import SIZE, Section

N_MODELS = 24
_TOKENIZER = PROJECT / "data" / "01_raw" / "zoo" / "mini_gpt2_s"
_HEADER = ("what is asked", "found", "of", "%")
_BOUNDS = {"%": SIZE}
_Row = list[object]


def _row(what: str, found: int, of: int) -> _Row:
    return [what, found, of, 100 * found / of if of else None]


def planted_noise() -> Section:
    """Tables whose effects are noise by cluster, classified, scaled and transferred."""
    rng = np.random.default_rng(0)
    classify = ClassifySettings(tau=0.05, taus=(0.05,), top_k=3, n_boot=500)
    scaling = ScalingSettings(n_boot=200, n_permutations=999, n_splits=100, depth_bins=4)
    carried = TransferSettings(k=20, pairs="all", n_null=999, n_boot=200)
    unknown = pd.DataFrame({"model": [], "task": [], "competent": [], "most_clusters": []})
    rows: list[_Row] = []
    for exchanged in (True, False):
        heads, effects, significant = [], [], []
        for number in range(N_MODELS):
            blocks = embedded()[number % len(embedded())]
            of_model, of_clusters, p = _noise(f"noise_{number:02d}", blocks, exchanged, rng)
            heads.append(of_model)
            effects.append(of_clusters)
            significant.append(q_values(p) < ALPHA)
        joint, measured = (pd.concat(parts, ignore_index=True) for parts in (heads, effects))
        classified, _ = classify_heads(joint, measured, unknown, classify)
        moved = _transferred(transfer(classified, measured, carried))
        if not exchanged:
            rows += [[f"{what}; heads as they lie", *found] for what, *found in moved]
            continue
        every = np.concatenate(significant)
        table = corr_vs_scale(classified, measured, scaling)
        rows = [
            _row("heads and tasks with q < 0.05", int(every.sum()), len(every)),
            _row("models with any such head", sum(map(any, significant)), len(significant)),
            _row("correlations that are defined", int((table["undefined"] == "").sum()), N_MODELS),
            _row("correlations with p < 0.05", int((table["p"] < ALPHA).sum()), N_MODELS),
            *moved,
        ]
    return Section(
        "Noise in place of effects",
        f"{N_MODELS} models whose effects are noise alone: those of the embedded models' heads on"
        " 20 (IOI) and 40 (anti-repetition) blocks of prompts, moved to a mean of 0, with random"
        " profiles; through classification, scaling and transfer. Pairs of models are not"
        " independent of one another. Heads are exchanged at random. Where they are left as they"
        " lie, layers of noisier effects are layers of larger effects, in one embedded model as in"
        " the next: in models that cannot do a task, transfer by depth says no more than that.",
        _HEADER,
        rows,
        _BOUNDS,
    )


def _noise(
    name: str, blocks: Blocks, exchanged: bool, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, NDArray[np.float64]]:
    """Heads and effects by cluster of one model, and p of every head on both tasks."""
    layer = blocks.layers
    head = np.arange(len(layer)) - np.searchsorted(layer, layer)
    frame = pd.DataFrame({"family": "noise", "model": name, "layer": layer, "head": head})
    frame = frame.assign(params_m=1.0, n_layers=layer.max() + 1.0, n_heads=head.max() + 1.0)
    order = rng.permutation(len(layer)) if exchanged else np.arange(len(layer))
    effects, ps = [], []
    for task, n_clusters in zip(STUDY_TASKS, (20, 40), strict=True):
        (values,) = clusters(recentred(blocks.effects[task][order]), n_clusters, 1, rng)
        means = cluster_means(totals_of(values))
        frame[f"delta_{task}"], frame[f"se_{task}"] = means.mean, means.se
        for place, side in enumerate(("select", "test")):
            frame[f"delta_{task}_{side}"] = values[:, place::2].mean(axis=1)
        ps.append(means.p)
        labels = [f"{task}{c:02d}" for c in range(n_clusters)]
        effects.append(
            frame[["family", "model", "layer", "head"]]
            .loc[frame.index.repeat(n_clusters)]
            .assign(
                task=task,
                cluster=np.tile(labels, len(frame)),
                split=np.tile([("select", "test")[c % 2] for c in range(n_clusters)], len(frame)),
                effect=values.ravel(),
                n_prompts=4,
            )
        )
    frame[list(PROFILE_COLUMNS)] = rng.random((len(frame), len(PROFILE_COLUMNS)))
    frame["suspect"] = frame["revision"] = frame["fingerprint"] = ""
    return frame, pd.concat(effects), np.concatenate(ps)


def _transferred(moved: dict[str, pd.DataFrame]) -> list[_Row]:
    rows = []
    for what, table, column in (
        ("pairs: same layer and head, against its layer", "transfer_summary", "p_same_layer"),
        ("pairs: layer at the same relative depth", "transfer_summary", "depth_p"),
        ("pairs: like function, against its layer", "transfer_summary", "matched_p_same_layer"),
        ("pairs: effects of matched heads", "head_matching", "p_spearman"),
    ):
        p = moved[table][column].dropna()
        rows.append(_row(f"{what}, p < 0.05", int((p < ALPHA).sum()), len(p)))
    return rows


def random_weights() -> Section:
    """Models with random weights, through every pipeline: seven minutes."""
    with tempfile.TemporaryDirectory() as folder:
        tables = _study(Path(folder))
    competence = tables["competence"]
    answered = competence[competence["task"].isin(STUDY_TASKS)]
    summary = tables["ablation_summary"]
    largest = summary[summary["matched_q"].notna() & (summary["hero_set"] == "hero_joint")]
    causal = tables["causal_summary"]
    scaling = tables["corr_vs_scale"]
    ioi = tables["classified_heads"]["q_ioi"]
    rows = [
        _row(
            "models that are competent on a task", int(answered["competent"].sum()), len(answered)
        ),
        _row("heads with q < 0.05 on IOI", int((ioi < ALPHA).sum()), len(ioi)),
    ]
    rows += [
        _row(
            f"models whose heroes beat random heads on {task}, p < 0.05",
            int((of_task["matched_p"] < ALPHA).sum()),
            len(of_task),
        )
        for task, of_task in largest.groupby("task")
    ]
    rows += [
        _row(
            "correlations with p < 0.05 (heads permuted)",
            int((scaling["p"] < ALPHA).sum()),
            int(scaling["p"].notna().sum()),
        ),
        *_transferred(tables),
        _row(
            "heroes and tasks with a verdict that is not unclear",
            int((causal["verdict"] != "unclear").sum()),
            len(causal),
        ),
    ]
    return Section(
        "Random weights",
        f"{N_MODELS} models of the study's four architectures with random weights (standard"
        " deviation 0.1), scanned, traced and ablated like all others. They know no task, but their"
        " heads do move the contrast: the order of the names, which anti-repetition does not"
        " balance, reaches the logits of any model, so that heads of anti-repetition are no false"
        " discoveries, and nor is a path that carries such an effect. On IOI order is balanced.",
        _HEADER,
        rows,
        {},
    )


_SHAPES = (
    *(("gpt2", 4), ("gpt2", 6), ("gpt_neox", 4), ("gpt_neox", 5)),
    *(("opt", 4), ("gpt_neo", 4)),
)


def _study(folder: Path) -> dict[str, pd.DataFrame]:
    """Run the pipelines on models with random weights, and read their tables."""
    entries = {}
    for number, (seed, (architecture, layers)) in enumerate(product(range(4), _SHAPES)):
        slug = f"random_{number:02d}"
        entry = {
            "family": f"random_{architecture}",
            "folder": str(folder / "models" / slug),
            "params_m": 0.3 + 0.01 * number,
            "n_layers": layers,
            "n_heads": 12,
            "untrained": True,
        }
        entries[slug] = entry
        _save(RosterEntry.model_validate(entry), architecture, seed, folder / "models" / slug)
    conf = folder / "conf"
    shutil.copytree(PROJECT / "conf", conf)
    sizes = yaml.safe_load((conf / "base" / "globals.yml").read_text())
    sizes |= {"roster": "random", "data_root": str(folder / "data")}
    sizes |= {"zoo_root": str(PROJECT / "data" / "01_raw" / "zoo")}
    (conf / "base" / "globals.yml").write_text(yaml.safe_dump(sizes))
    rosters = yaml.safe_dump({"_rosters": {"random": entries}})
    (conf / "base" / "parameters_models.yml").write_text(
        yaml.safe_dump({"models": "${_rosters.${globals:roster}}", "rosters": "${_rosters}"})
        + rosters
    )
    pipelines = "scan,join,classify,scaling,transfer,causal,ablation"
    few = "scan.ablations=[],scan.agreement_tasks=[],ablation.also=[],ablation.controls=[]"
    command = [sys.executable, "-m", "kedro", "run", "--conf-source", str(conf)]
    subprocess.run(
        [*command, "--pipelines", pipelines, "--params", few],
        cwd=PROJECT,
        check=True,
        stdout=subprocess.DEVNULL,
        env=os.environ | {"CIRCUIT_SCALING_CACHE": str(folder / "cache")},
    )
    return {
        path.stem: pd.read_parquet(path)
        for layer in ("04_feature", "07_model_output")
        for path in (folder / "data" / layer).glob("*.parquet")
    }


def _save(entry: RosterEntry, architecture: str, seed: int, folder: Path) -> None:
    """A model with random weights, and the embedded models' tokenizer."""
    torch.manual_seed(seed)
    vocabulary = json.loads((_TOKENIZER / "config.json").read_text())["vocab_size"]
    model = build_model(Shape(architecture=architecture, d_head=8), entry, vocabulary)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                parameter.normal_(0.0, 0.1)
    model.save_pretrained(folder)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(_TOKENIZER / file, folder)
