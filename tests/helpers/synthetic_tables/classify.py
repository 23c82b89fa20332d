"""Made-up heads with their categories, and what follows from these."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import norm

from tests.helpers.synthetic_tables.models import MODELS, TAU, Model


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
