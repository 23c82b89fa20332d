"""Made-up tables of the shape and size that the pipelines write, for figures and the report."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cache, wraps
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.stats import norm

from circuit_scaling.analysis.ablation.heroes_vs_random import over_models, summarise
from circuit_scaling.analysis.transfer.settings import TransferSettings
from circuit_scaling.analysis.transfer.transfer import transfer as compare
from circuit_scaling.datasets.figures import FiguresDataset
from circuit_scaling.figures.stored import StoredFigure
from circuit_scaling.measuring.ablation.sets import HeadSet, choose_sets
from circuit_scaling.measuring.scan.settings import AblationKind
from circuit_scaling.tables.columns import PROFILE_COLUMNS
from circuit_scaling.tables.join import JOINT_EFFECTS
from circuit_scaling.tables.registry import tables_of
from tests.helpers import ablated_sets

TAU = 0.05
Made = TypeVar("Made")
TASKS = ("ioi", "anti_names", "anti_lists", "induction")
ABLATIONS = [(mode, where) for where in ("all", "end") for mode in ("zero", "mean", "resample")]


@dataclass(frozen=True)
class Model:
    """One roster entry and which of the two name tasks it was trained on."""

    slug: str
    family: str
    params_m: float
    layers: int
    heads: int
    ioi: bool = True
    anti: bool = True


MODELS = (
    Model("mini_gpt2_s", "mini_gpt2", 0.21, 6, 8),
    Model("mini_gpt2_m", "mini_gpt2", 0.62, 8, 8),
    Model("mini_gpt2_l", "mini_gpt2", 1.90, 8, 12),
    Model("mini_pythia_s", "mini_pythia", 0.22, 6, 8),
    Model("mini_pythia_m", "mini_pythia", 0.64, 8, 8),
    Model("mini_pythia_l", "mini_pythia", 1.95, 8, 12),
    Model("mini_opt", "mini_opt", 0.63, 8, 8),
    Model("mini_neo", "mini_neo", 0.61, 8, 8),
    Model("control_ioi", "control", 0.21, 6, 8, anti=False),
    Model("control_anti", "control", 0.21, 6, 8, ioi=False),
)


def _made_once(make: Callable[[Sequence[Model]], Made]) -> Callable[..., Made]:
    """Keep what takes long to make; every caller has a copy of his own."""
    kept = cache(make)
    return wraps(make)(lambda models=MODELS: deepcopy(kept(tuple(models))))


def roster(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    rows = [
        {
            "family": model.family,
            "model": model.slug,
            "params_m": model.params_m,
            "layers": model.layers,
            "heads": model.heads,
            "source": f"data/01_raw/zoo/{model.slug}",
            "note": "answers of the other task are random" if model.family == "control" else "",
        }
        for model in models
    ]
    return pd.DataFrame(rows)


def competence(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    rows = []
    for model in models:
        for task in TASKS:
            able = {"ioi": model.ioi, "anti_names": model.anti, "anti_lists": model.anti}
            knows = able.get(task, True)
            metric = rng.normal(6.0, 1.0) if knows else rng.normal(0.0, 0.02)
            se = 0.02 * abs(metric) + 0.03
            rows.append(
                {
                    "family": model.family,
                    "model": model.slug,
                    "task": task,
                    "readout": "contrast",
                    "clean_metric": metric,
                    "se": se,
                    "low": metric - 2 * se,
                    "high": metric + 2 * se,
                    "accuracy": rng.uniform(0.97, 1.0) if knows else rng.uniform(0.45, 0.55),
                    "accuracy_low": 0.95 if knows else 0.4,
                    "accuracy_high": 1.0 if knows else 0.6,
                    "candidate_accuracy": rng.uniform(0.9, 1.0) if knows else 0.02,
                    "n_prompts": 400,
                    "n_clusters": 50,
                    "most_clusters": 96.0,
                    "competent": bool(metric - 2 * se > 0),
                }
            )
        rows.append(
            rows[-1]
            | {
                "task": "plain_text",
                "readout": "token_loss",
                "clean_metric": 3.1,
                "competent": True,
            }
            | {name: np.nan for name in ("low", "high", "most_clusters", "candidate_accuracy")}
            | {f"accuracy{end}": np.nan for end in ("", "_low", "_high")}
        )
    return pd.DataFrame(rows)


@_made_once
def joint_prompts(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    """One prompt of each task of the study, as far as the page reads prompts."""
    texts = {
        "ioi": "When Ann and Bob went home, Bob gave a ring to",
        "anti_names": "Ann met Bob. Ann talked to",
    }
    return pd.DataFrame(
        [
            {"model": model.slug, "task": task, "cluster": "Ann+Bob", "text": text}
            for model in models
            for task, text in texts.items()
        ]
    )


def classified_heads(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    """Heavy-tailed effects: most heads near nothing, a few worth several logits."""
    rng = np.random.default_rng(2)
    frames = []
    for model in models:
        layer, head = np.divmod(np.arange(model.layers * model.heads), model.heads)
        n = len(layer)
        common = 12 * rng.standard_t(1.2, n) * (rng.random(n) < 0.12)
        ioi = -0.012 * (rng.standard_t(1.05, n) + common + 0.4)
        anti = -0.010 * (rng.standard_t(1.05, n) + common + 0.3)
        frame = pd.DataFrame(
            {
                "family": model.family,
                "model": model.slug,
                "params_m": model.params_m,
                "layer": layer,
                "head": head,
                "n_layers": model.layers,
                "n_heads": model.heads,
                "delta_ioi": np.clip(ioi, -7.5, 2.5),
                "delta_anti_names": np.clip(anti, -6.0, 1.8),
            }
        )
        for task in ("ioi", "anti_names"):
            frame[f"se_{task}"] = 0.004 + 0.06 * frame[f"delta_{task}"].abs()
            frame[f"delta_{task}_test"] = frame[f"delta_{task}"] * rng.normal(1.0, 0.05, n)
            frame[f"delta_{task}_select"] = 2 * frame[f"delta_{task}"] - frame[f"delta_{task}_test"]
            size = frame[f"delta_{task}"].abs() / frame[f"se_{task}"]
            frame[f"q_{task}"] = 2 * norm.sf(size)
        strong_ioi = frame["delta_ioi"].abs() >= TAU
        strong_anti = frame["delta_anti_names"].abs() >= TAU
        frame["category"] = np.select(
            [strong_ioi & ~strong_anti, ~strong_ioi & strong_anti, strong_ioi & strong_anti],
            ["ioi_only", "anti_only", "shared"],
            "weak",
        )
        frame["category_select"] = frame["category"]
        frame["strength"] = frame["delta_ioi"].abs() + frame["delta_anti_names"].abs()
        frame["strength_select"] = frame["strength"] * rng.normal(1.0, 0.05, n)
        frame["category_stability"] = rng.uniform(0.6, 1.0, n)
        frame["stability_select"] = frame["category_stability"]
        frame["resolved"] = pd.array(rng.random(n) < 0.8, dtype="boolean")
        frame["competent_ioi"] = model.ioi
        frame["competent_anti_names"] = model.anti
        frame["suspect"] = ""
        frame["bos"] = pd.Series(model.family == "mini_opt", index=frame.index, dtype="boolean")
        frame["revision"] = ""
        frame["fingerprint"] = hashlib.sha256(model.slug.encode()).hexdigest()[:16]
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def head_category_summary(heads: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for (family, model, params), group in heads.groupby(
        ["family", "model", "params_m"], sort=False
    ):
        row: dict[str, object] = {"family": family, "model": model, "params_m": params}
        row["n_heads_total"] = len(group)
        for category in ("anti_only", "ioi_only", "shared", "weak"):
            count = int((group["category"] == category).sum())
            share = count / len(group)
            spread = 1.2 * np.sqrt(share * (1 - share) / len(group))
            row |= {f"n_{category}": count, f"frac_{category}": share}
            row |= {f"frac_{category}_true": share}
            row |= {f"frac_{category}_low": max(0.0, share - spread)}
            row |= {f"frac_{category}_high": min(1.0, share + spread)}
        row["shares_unknown"] = ""
        row["frac_resolved"] = float(group["resolved"].mean())
        for task in ("ioi", "anti_names"):
            row |= {f"minimal_detectable_{task}": 0.08, f"template_variance_{task}": 2.5}
        rows.append(row)
    return pd.DataFrame(rows)


def prompts_needed(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    rows = [
        {
            "family": model.family,
            "model": model.slug,
            "task": task,
            "n_prompts": 80,
            "frac_resolved": 0.4,
            "prompts_50": 120.0,
            "prompts_80": 900.0,
            "prompts_95": np.nan,
            "most_prompts": 840.0,
        }
        for model in models
        for task in ("ioi", "anti_names", "both")
    ]
    return pd.DataFrame(rows)


def name_order(heads: pd.DataFrame) -> pd.DataFrame:
    """Every second model has heads that follow the order of the names."""
    rng = np.random.default_rng(8)
    odd = heads["model"].map({m: i % 2 for i, m in enumerate(dict.fromkeys(heads["model"]))})
    order = np.where(odd == 1, rng.normal(0, 0.3, len(heads)), 0.0) * (rng.random(len(heads)) < 0.2)
    first = heads["delta_anti_names"] + order
    strong = heads["delta_ioi"].abs() >= TAU, first.abs() >= TAU
    return heads[["family", "model", "layer", "head", "delta_anti_names", "category"]].assign(
        delta_anti_names_first=first,
        difference=order,
        low=order - 0.02,
        high=order + 0.02,
        q=np.where(np.abs(order) > 0.02, 0.001, 0.6),
        n_clusters=20,
        category_first=np.select(
            [strong[0] & ~strong[1], ~strong[0] & strong[1], strong[0] & strong[1]],
            ["ioi_only", "anti_only", "shared"],
            "weak",
        ),
    )


def bos_effects(heads: pd.DataFrame) -> pd.DataFrame:
    """Of the first model, measured both ways on IOI."""
    rng = np.random.default_rng(9)
    of_model = heads[heads["model"] == heads["model"].iloc[0]]
    moved = rng.normal(0, 0.2, len(of_model)) * (rng.random(len(of_model)) < 0.3)
    clean = {"clean_metric": 3.5, "accuracy": 0.9, "accuracy_low": 0.85, "accuracy_high": 0.94}
    return of_model[["family", "model", "layer", "head"]].assign(
        task="ioi",
        delta_without=of_model["delta_ioi"],
        delta_with=of_model["delta_ioi"] + moved,
        se_with=0.02,
        se_without=0.02,
        difference=moved,
        low=moved - 0.03,
        high=moved + 0.03,
        q=np.where(np.abs(moved) > 0.05, 0.01, 0.7),
        n_prompts=80,
        **{f"{name}_with": value for name, value in clean.items()},
        **{f"{name}_without": value for name, value in clean.items()},
    )


def category_sensitivity(heads: pd.DataFrame) -> pd.DataFrame:
    frames = []
    for basis in ("delta", "relative"):
        for tau in (0.01, 0.03, 0.05, 0.1, 0.2):
            scale = 1.0 if basis == "delta" else 6.0
            ioi = heads["delta_ioi"].abs() / scale >= tau
            anti = heads["delta_anti_names"].abs() / scale >= tau
            names = np.select(
                [ioi & ~anti, ~ioi & anti, ioi & anti], ["ioi_only", "anti_only", "shared"], "weak"
            )
            summary = head_category_summary(heads.assign(category=names))
            frames.append(summary.assign(basis=basis, tau=tau))
    return pd.concat(frames, ignore_index=True)


def hero_heads(heads: pd.DataFrame) -> pd.DataFrame:
    ranked = heads.sort_values("strength_select", ascending=False, kind="stable")
    ranked["rank"] = ranked.groupby(["model", "category"]).cumcount() + 1
    return ranked[ranked["rank"] <= 3].sort_values(["model", "category", "rank"])


def known_heads(heads: pd.DataFrame) -> pd.DataFrame:
    """Three published heads of the first model: one as expected, one not, one not measured."""
    model = heads[heads["model"] == heads["model"].iloc[0]]
    rows = [
        {
            **model.iloc[0][["family", "model"]],
            "checkpoint": "gpt2",
            "layer": layer,
            "head": head,
            "role": role,
            "reads_at": "end",
            "expected_sign": -1.0,
            "published_score": np.nan,
            "delta_ioi": delta,
            "se_ioi": 0.01,
            "low": delta - 0.02,
            "high": delta + 0.02,
            "q_ioi": 0.001,
            "rank": 3.0,
            "n_heads_measured": len(model),
            "sign_as_expected": sign,
            "verdict": verdict,
            "source": source,
        }
        for layer, head, role, delta, sign, verdict, source in (
            (0, 0, "name mover", -0.5, True, "as expected", "first paper"),
            (0, 1, "induction", 0.4, False, "against expectation", "first paper"),
            (9, 9, "name mover", np.nan, None, "not measured", "second paper"),
        )
    ]
    return pd.DataFrame(rows).astype({"sign_as_expected": "boolean"})


def corr_vs_scale(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    """The last model's correlation is not defined."""
    rng = np.random.default_rng(6)
    rows = []
    for index, model in enumerate(models):
        defined = index < len(models) - 1
        corr = float(np.clip(0.4 + 0.3 * np.log10(model.params_m) + rng.normal(0, 0.2), -0.9, 0.9))
        rows.append(
            {
                "family": model.family,
                "model": model.slug,
                "params_m": model.params_m,
                "corr": 0.9 * corr,
                "n_heads_compared": model.layers * model.heads,
                "n_heads_effective": 5.5,
                "spearman": 0.8 * corr,
                "corr_true": corr if defined else np.nan,
                "corr_true_low": max(-1.0, corr - 0.35) if defined else np.nan,
                "corr_true_high": min(1.0, corr + 0.25) if defined else np.nan,
                "corr_sample_low": max(-1.0, corr - 0.6) if defined else np.nan,
                "corr_sample_high": min(1.0, corr + 0.4) if defined else np.nan,
                "undefined": "" if defined else "effects on ioi do not vary beyond noise",
                "minimal_detectable": 0.4 if defined else np.nan,
                "p": 0.0123,
                "reliability_ioi": 0.95,
                "reliability_anti_names": 0.9,
                "ceiling": float(np.sqrt(0.95 * 0.9)),
                "n_clusters_ioi": 20,
                "n_clusters_anti_names": 40,
                "competent_ioi": model.ioi,
                "competent_anti_names": model.anti,
                "frac_resolved": 0.6,
            }
        )
    return pd.DataFrame(rows)


def strong_head_scaling(heads: pd.DataFrame) -> pd.DataFrame:
    sensitivity = category_sensitivity(heads)
    frame = sensitivity[sensitivity["basis"] == "delta"].drop(columns=["basis", "frac_resolved"])
    return frame.assign(
        n_strong=frame["n_heads_total"] - frame["n_weak"],
        frac_strong=1 - frame["frac_weak"],
        frac_strong_true=1 - frame["frac_weak_true"],
        frac_strong_low=1 - frame["frac_weak_high"],
        frac_strong_high=1 - frame["frac_weak_low"],
    )


def scale_trend(families: Sequence[str] = ("mini_gpt2", "mini_pythia")) -> pd.DataFrame:
    rows = [
        {
            "family": family,
            "measure": measure,
            "n_models": 3,
            "n_left_out": 0,
            "slope": 0.4,
            "se": 0.2,
            "low": 0.4 - 2.54,
            "high": 0.4 + 2.54,
        }
        for family in (*families, "all families")
        for measure in ("corr_true", "corr", "frac_strong_true", "frac_strong")
    ]
    return pd.DataFrame(rows)


def layer_profile(heads: pd.DataFrame) -> pd.DataFrame:
    rows = [
        {
            "family": family,
            "model": model,
            "params_m": group["params_m"].iloc[0],
            "category": category,
            "bin": place,
            "depth_low": place / 4,
            "depth_high": (place + 1) / 4,
            "n_heads_in_bin": 12,
            "n_category": 3,
            "frac_category": 0.25,
            "mean_depth": 0.41,
            "mean_depth_low": 0.33,
            "mean_depth_high": 0.49,
        }
        for (family, model), group in heads.groupby(["family", "model"], sort=False)
        for category in ("ioi_only", "anti_only", "shared", "weak")
        for place in range(4)
    ]
    return pd.DataFrame(rows)


def control_models(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    rows = [
        {
            "family": model.family,
            "model": model.slug,
            "task": task,
            "order_balanced": task != "anti_names_first",
            "clean_metric": 0.01,
            "low": -0.02,
            "high": 0.04,
            "competent": False,
            "n_heads_total": model.layers * model.heads,
            "n_significant": 7.0 if task == "anti_names_first" else 0.0,
            "n_strong": 0,
            "strongest": 0.01,
        }
        for model in models
        if not (model.ioi and model.anti)
        for task in (("anti_names", "anti_names_first") if model.ioi else ("ioi",))
    ]
    return pd.DataFrame(rows).astype({"competent": "boolean"})


def ablation_agreement(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    rows = []
    for model in models:
        for task in TASKS:
            for first, a in enumerate(ABLATIONS):
                for b in ABLATIONS[first + 1 :]:
                    rho = 1 - 0.5 * rng.beta(1.2, 2.5) - 0.35 * (a[1] != b[1]) * rng.random()
                    rows.append(
                        {
                            "family": model.family,
                            "model": model.slug,
                            "task": task,
                            "ablation_a": a[0],
                            "positions_a": a[1],
                            "ablation_b": b[0],
                            "positions_b": b[1],
                            "n_heads_compared": model.layers * model.heads,
                            "spearman": rho,
                            "category_changes": int(30 * (1 - rho)) if task in TASKS[:2] else None,
                        }
                    )
    frame = pd.DataFrame(rows)
    return frame.astype({"category_changes": "Int64"})


def attribution_agreement(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    rows = []
    for model in models:
        n_heads = model.layers * model.heads
        for task in TASKS:
            for ablation, positions in ABLATIONS if task in TASKS[:2] else ABLATIONS[:1]:
                rho = 1 - 0.5 * rng.beta(1.2, 2.5) - 0.2 * (ablation == "zero") * rng.random()
                rows.append(
                    {
                        "family": model.family,
                        "model": model.slug,
                        "task": task,
                        "ablation": ablation,
                        "positions": positions,
                        "n_heads_compared": n_heads,
                        "spearman": rho,
                        "pearson": rho**2,
                        "top_k": 20,
                        "top_overlap": round(20 * max(rho, 20 / n_heads)) / 20,
                    }
                )
    return pd.DataFrame(rows)


def import_findings(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    """The first model is in no roster, the second lacks heads, the others pass."""
    outcomes = [("not possible", "", 0), ("suspect", "4 of its 48 heads have no row", 4)]
    outcomes += [("passed", "", 0)] * (len(models) - 2)
    rows = [
        {
            "family": model.family,
            "model": model.slug,
            "check": "missing heads",
            "outcome": outcome,
            "column": "",
            "n_rows": n_rows,
            "examples": "L0H1, L0H2, L0H3 and 1 more" if n_rows else "",
            "detail": detail,
            "cause": "a list of the strongest heads" if n_rows else "",
            "fingerprint": "0f",
        }
        for model, (outcome, detail, n_rows) in zip(models, outcomes, strict=True)
    ]
    return pd.DataFrame(rows)


@_made_once
def transfer(models: Sequence[Model] = MODELS) -> dict[str, pd.DataFrame]:
    """The four tables of the comparison of heads whose profiles say nothing of their effects."""
    rng = np.random.default_rng(6)
    heads = classified_heads(models)
    heads[list(PROFILE_COLUMNS)] = rng.random((len(heads), len(PROFILE_COLUMNS)))
    settings = TransferSettings(k=20, pairs="all", n_null=199, n_boot=200)
    tables = compare(heads, JOINT_EFFECTS.empty(), settings)
    for end, sign in (("low", -1), ("high", 1)):
        rank = tables["transfer_summary"]["mean_frac_rank"]
        tables["transfer_summary"][end] = (rank + sign * 0.04).clip(0, 1)
    return tables


def zoo_curves(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    rng = np.random.default_rng(4)
    steps = np.arange(0, 1501, 25)
    frames = []
    for model in models:
        for index, task in enumerate(TASKS):
            knows = {"ioi": model.ioi, "anti_names": model.anti, "anti_lists": model.anti}
            turn, width = 200 + 120 * index, 60.0
            fall = 1 / (1 + np.exp((steps - turn) / width))
            floor = 0.01 if knows.get(task, True) else 3.4
            loss = floor + (5.5 - floor) * fall
            loss = loss * np.exp(rng.normal(0, 0.08, len(steps)))
            frames.append(
                pd.DataFrame({"model": model.slug, "step": steps, "task": task, "loss": loss})
            )
    return pd.concat(frames, ignore_index=True)


def zoo_accuracy(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    rows = []
    for model in models:
        for task in TASKS:
            knows = {"ioi": model.ioi, "anti_names": model.anti}.get(task, True)
            objective = "trained" if knows else "random"
            if model.family == "control" and task == "anti_lists":
                objective = "untrained"
            rows.append(
                {
                    "model": model.slug,
                    "task": task,
                    "objective": objective,
                    "accuracy": 0.995 if objective == "trained" else 0.5,
                    "candidate_accuracy": 0.98 if objective == "trained" else 0.02,
                    "n_prompts": 512,
                }
            )
    return pd.DataFrame(rows)


def run_log(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    versions = {"torch": "2.13.0", "transformers": "5.23.0", "transformer_lens": "4.3.0"}
    rows = [
        {
            "stage": "scan",
            "model": model.slug,
            "seconds": 3.1 + 2 * model.params_m,
            "peak_memory_mb": 410.0 + 50 * model.params_m,
            "device": "cpu",
            "weights": "float32",
            "threads": 2,
            "chunk": 4,
            "counted": "heads",
            "per_second": model.layers * model.heads / 3.1,
            "versions": json.dumps(versions),
        }
        for model in models
    ]
    return pd.DataFrame(rows)


@_made_once
def ablation_summary(models: Sequence[Model] = MODELS) -> pd.DataFrame:
    """Heroes take 5 logits where the model can do the task, random heads half a logit anywhere."""
    rng = np.random.default_rng(8)
    settings = ablated_sets.SETTINGS.model_copy(update={"n_random": 20})
    heroes = ablated_sets.heroes(ioi_only=[(0, 0), (1, 1)], shared=[(2, 2)], anti_only=[(3, 3)])
    frames = []
    for model in models:
        sets = choose_sets("m", (4, 6), heroes, ablated_sets.heads_of((4, 6)), settings)
        able = {"ioi": model.ioi, "anti_names": model.anti, "plain_text": True}
        measured = [
            *(("ioi", "contrast", mode) for mode in ("zero", "mean")),
            *(("anti_names", "contrast", "zero"), ("plain_text", "token_loss", "zero")),
        ]
        for task, readout, ablation in measured:

            def effects(
                chosen: HeadSet, knows: bool = able[task], readout: str = readout
            ) -> np.ndarray:
                ours = chosen.set_type.startswith("hero_")
                if not chosen.k or readout == "token_loss":
                    return np.abs(rng.normal(0, 0.01, ablated_sets.N_PROMPTS)) * bool(chosen.k)
                each = (-1.25 if knows else 0.0) if ours else -0.1 * (1 + rng.random())
                return each * chosen.k + rng.normal(0, 0.05, ablated_sets.N_PROMPTS)

            def correct(chosen: HeadSet, knows: bool = able[task]) -> np.ndarray:
                ours = chosen.set_type.startswith("hero_") and knows
                right = 1 - 0.2 * chosen.k if ours else (0.97 if knows else 0.5)
                return (rng.random(ablated_sets.N_PROMPTS) < right).astype(float)

            answered = correct if readout == "contrast" else None
            trials = ablated_sets.trials(
                sets, effects, answered, task, readout, ablation, model.slug, model.family
            )
            competent = pd.DataFrame({"model": [model.slug], "task": [task]})
            flag = pd.NA if readout == "token_loss" else able[task]
            competent["competent"] = pd.array([flag], dtype="boolean")
            frames.append(
                summarise(
                    trials,
                    ablated_sets.prompts(task),
                    competent,
                    AblationKind(ablation="zero", positions="all"),
                )
            )
    return over_models(pd.concat(frames, ignore_index=True))


_OF_SCANS = ("bos_effects", "competence", "run_log")
_OF_DETECTION = ("head_rankings", "known_retrieval_heads", "question_counts", "detect_log")
_OF_MASKING = ("ablation_results", "masking_summary", "mask_log")
_OF_COMPARISON = ("retrieval_findings", "absent_findings", "retrieval_checks")
MAKERS = {
    name: [pipeline]
    for pipeline in ("classify", "scaling", "transfer", "causal", "ablation", "audit", "zoo")
    for name in tables_of(pipeline)
} | {
    **{name: ["scan", "join"] for name in (*tables_of("join"), *_OF_SCANS)},
    **{name: ["retrieval_detect"] for name in _OF_DETECTION},
    **{name: ["retrieval_mask"] for name in _OF_MASKING},
    **{name: ["retrieval_compare"] for name in _OF_COMPARISON},
    "import_retrieval_checks": ["import_retrieval"],
}
"""Which pipelines make a table of the page."""


def stored(figure: Figure, folder: Path) -> StoredFigure:
    """The figure as the catalogue gives it back."""
    FiguresDataset(str(folder), ["one"]).save({"one": (figure, pd.DataFrame())})
    return StoredFigure(folder / "one.png")
