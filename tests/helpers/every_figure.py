"""Every figure of both studies at the sizes that people have, from made-up tables.

They are drawn by the nodes of the pipelines, under the names under which these are stored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import NamedTuple

import numpy as np
import pandas as pd

from circuit_scaling.datasets.figures import Drawn
from circuit_scaling.figures import ablation_overview, masking_overview
from circuit_scaling.pipelines.ablation.nodes import draw as draw_ablation
from circuit_scaling.pipelines.causal.nodes import draw as draw_causal
from circuit_scaling.pipelines.classify.nodes import draw as draw_classify
from circuit_scaling.pipelines.join.nodes import draw as draw_join
from circuit_scaling.pipelines.retrieval_compare.nodes import draw as draw_compare
from circuit_scaling.pipelines.retrieval_detect.nodes import draw as draw_detect
from circuit_scaling.pipelines.retrieval_mask.nodes import draw as draw_mask
from circuit_scaling.pipelines.scaling.nodes import draw as draw_scaling
from circuit_scaling.pipelines.transfer.nodes import draw as draw_transfer
from circuit_scaling.pipelines.zoo.nodes import draw as draw_zoo
from circuit_scaling.tables.causal import ROLES
from circuit_scaling.tables.made_with import set_made_with
from tests.helpers import synthetic_comparison as comparison
from tests.helpers import synthetic_retrieval as retrieval
from tests.helpers import synthetic_tables as tables
from tests.helpers.configured import ROSTERS
from tests.helpers.synthetic_tables import MODELS, TAU, Model, models_of

TAUS = (0.01, 0.03, 0.05, 0.1, 0.2)
KINDS = {
    "inc_state": "categorical",
    "inc_year": "numerical",
    "employee_count": "numerical",
    "hq_state": "categorical",
}
HERO = ["family", "model", "category", "layer", "head"]
VERDICTS = ("does it itself", "routes", "mixed", "unclear")


def study() -> tuple[Model, ...]:
    """The 17 checkpoints of the study: 48 to 1,200 heads each, 8,048 together."""
    return models_of(ROSTERS.root["study"])


class Size(NamedTuple):
    """Models that are drawn together, and those that have figures of their own."""

    models: Sequence[Model]
    alone: Sequence[Model]


def sizes() -> dict[int, Size]:
    """The model with most heads, two with few and a long name, the embedded ones, the study's."""
    every = {model.slug: model for model in study()}
    imported = replace(every["gpt2"], slug="an-organisation/its-gpt2-124M-finetuned-0")
    largest, few = (every["gpt2_xl"],), (imported, every["pythia_70m"])
    return {
        1: Size(largest, largest),
        2: Size(few, few[1:]),
        10: Size(MODELS, [model for model in MODELS if model.slug == "control_ioi"]),
        17: Size(tuple(every.values()), ()),
    }


def of_circuits(size: Size) -> Drawn:
    """The figures of the first study."""
    models, alone = size
    heads = tables.classified_heads(models)
    slugs = [model.slug for model in alone]
    of_alone = heads[heads["model"].isin(slugs)].reset_index(drop=True)
    for frame in (heads, of_alone):
        set_made_with(frame, {"classify.tau": TAU, "classify.taus": list(TAUS)})
    agreement = tables.ablation_agreement(models)
    set_made_with(agreement, {"scan.primary": {"ablation": "zero", "positions": "all"}})
    roster = {
        model.slug: {
            **{"family": model.family, "folder": "x", "params_m": model.params_m},
            **{"n_layers": model.layers, "n_heads": model.heads},
        }
        for model in alone
    }
    removed = ablation(models)
    return {
        **draw_join(
            every_task(tables.competence(models)),
            agreement,
            tables.attribution_agreement(models),
            tables.bos_effects(heads).assign(fingerprint="0f"),
            TAU,
        ),
        **draw_classify(heads, tables.head_category_summary(heads), tables.name_order(heads)),
        **draw_scaling(of_alone, tables.corr_vs_scale(models), tables.strong_head_scaling(heads)),
        **draw_transfer(*transfer(models)),
        **draw_causal(roster, *causal(heads)),
        "ablation_overview": (ablation_overview(removed), removed),
        **(draw_ablation(removed, roster) if roster else {}),
    }


def of_zoo() -> Drawn:
    """The training of the embedded models."""
    return draw_zoo(every_task(tables.zoo_curves()), every_task(tables.zoo_accuracy()))


def every_task(frame: pd.DataFrame) -> pd.DataFrame:
    """With the fifth task that is measured."""
    first = frame[frame["task"] == "anti_names"].assign(task="anti_names_first")
    return pd.concat([frame, first], ignore_index=True)


def ablation(models: Sequence[Model]) -> pd.DataFrame:
    """Two models are summarised, and all have the numbers of one of them: it takes long."""
    measured = tables.ablation_summary(MODELS[:2])
    first, second = MODELS[0].slug, MODELS[1].slug
    return pd.concat(
        [
            measured[measured["model"] == (first, second)[place % 2]].assign(
                model=model.slug, family=model.family
            )
            for place, model in enumerate(models)
        ],
        ignore_index=True,
    )


def transfer(models: Sequence[Model]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Every ordered pair: ranks around chance, and twenty heads of the base with their fates."""
    rng = np.random.default_rng(14)
    pairs = list(permutations(models, 2))
    n = len(pairs)
    rank = rng.beta(6, 6, n)
    ends = {"low": rank - 0.05, "high": rank + 0.05, "null_low": 0.35, "null_high": 0.65}
    values = {name: rng.beta(6, 6, n) for name in ("depth_frac_rank", "matched_frac_rank")}
    chances = ("p", "p_same_layer", "depth_p", "matched_p", "matched_p_same_layer")
    summary = pd.DataFrame(
        {
            "base_family": [base.family for base, _ in pairs],
            "base_model": [base.slug for base, _ in pairs],
            "tgt_family": [target.family for _, target in pairs],
            "tgt_model": [target.slug for _, target in pairs],
            "task": "ioi",
            "tgt_competent": pd.array([target.ioi for _, target in pairs], dtype="boolean"),
            **{"mean_frac_rank": rank, "expected": 0.5, **ends, **values},
            **{name: rng.random(n) ** 2 for name in chances},
        }
    )
    names = ["base_family", "base_model", "tgt_family", "tgt_model"]
    heads = summary.loc[summary.index.repeat(20), names].reset_index(drop=True)
    fates = np.array(["conserved", "inverted", "lost", "missing"])
    return summary, heads.assign(
        layer=heads.index % 20,
        head=0,
        divergence=fates[rng.integers(0, 4, len(heads))],
    ).pipe(_with_chance)


def _with_chance(heads: pd.DataFrame) -> pd.DataFrame:
    """Any fate by chance, of what is there."""
    there = (heads["divergence"] != "missing").astype(float)
    return heads.assign(
        **{f"chance_{fate}": there / 3 for fate in ("conserved", "inverted", "lost")}
    )


def causal(heads: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Three heroes of each traced category: summary, reads and writes, as they are drawn."""
    rng = np.random.default_rng(13)
    heroes = tables.hero_heads(heads)
    heroes = heroes[heroes["category"] != "weak"]
    about = pd.concat(
        [heroes[[*HERO, "strength"]].assign(task=task) for task in ("ioi", "anti_names")],
        ignore_index=True,
    )
    n = len(about)
    carried = np.clip(rng.gamma(0.6, 0.25, n), -0.1, 1.2)
    summary = about.assign(
        verdict=[VERDICTS[i] for i in rng.integers(0, 4, n)],
        **{
            f"{direction}_normalised{end}": carried * factor + 0.05 * sign
            for direction, factor in (("denoising", 1.0), ("noising", 0.9))
            for end, sign in (("", 0), ("_low", -1), ("_high", 1))
        },
    )
    into = {"routes": "ioi_only, anti_only, shared", "mixed": "shared, weak"}
    summary["routes_into"] = summary["verdict"].map(into).fillna("")
    shares = rng.dirichlet(np.ones(len(ROLES)), n)
    reads = about.drop(columns="strength").assign(
        **{f"{role}{end}": shares[:, i] for i, role in enumerate(ROLES) for end in ENDS}
    )
    return summary, reads, _writes(about.drop(columns="strength"), rng)


ENDS = ("", "_low", "_high")


def _writes(about: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """Each hero writes to the logits and to three later heads."""
    receivers = [("logits", "", np.nan, np.nan, "")]
    receivers += [("head", name, 30.0 + i, 24.0 - i, "qkv"[i]) for i, name in enumerate(_RECEIVERS)]
    frames = []
    for destination, category, layer, head, channel in receivers:
        effect = rng.normal(-0.4, 0.6, len(about))
        frames.append(
            about.assign(
                **{"destination": destination, "receiver_category": category},
                **{"receiver_layer": layer, "receiver_head": head, "channel": channel},
                **{"effect": effect, "low": effect - 0.2, "high": effect + 0.2},
            )
        )
    return pd.concat(frames, ignore_index=True)


_RECEIVERS = ("shared", "anti_only", "weak")


def retrieval_sizes() -> dict[int, comparison.Compared]:
    """One embedded model, two, and six of the study's size."""
    large = [f"llama3_8b{end}" for end in ("", "_instruct", "_v2", "_v2_instruct", "_v3", "_long")]
    return {
        1: comparison.Compared(models=("mini_llama",)),
        2: comparison.Compared(),
        6: comparison.Compared(
            models=large,
            lengths=(2048, 4096, 6144, 8128),
            shape=(32, 32),
            ks=(5, 10, 20, 30, 40, 50),
            random_ks=(5, 10, 20, 30, 40, 50),
        ),
    }


def of_retrieval(compared: comparison.Compared) -> Drawn:
    """The figures of the second study; those of one model for the last model alone."""
    layers, heads = compared.shape
    asked = [
        retrieval.Asked(model, "llama", layers, heads, tuple(compared.lengths), tuple(compared.ks))
        for model in compared.models
    ]
    settings, summary = comparison.SETTINGS, retrieval.masking_summary(asked)
    return {
        **draw_detect(retrieval.head_rankings(asked[-1:])),
        **draw_mask(retrieval.masking_summary(asked[-1:])),
        "masking_overview": (masking_overview(summary), summary),
        **draw_compare(
            settings,
            KINDS,
            comparison.tables(compared)["retrieval_findings"],
            comparison.head_rankings(compared),
            comparison.ablation_results(compared),
        ),
    }
