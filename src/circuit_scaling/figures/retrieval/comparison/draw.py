"""Every figure of the comparison, each with the frame of exactly what it shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from circuit_scaling.figures.retrieval.comparison import (
    curves,
    from_tables,
    heads,
    matrices,
    overlaps,
    ranks,
)
from circuit_scaling.figures.retrieval.comparison import drops as by_question
from circuit_scaling.figures.retrieval.comparison.looks import Looks
from circuit_scaling.figures.retrieval.comparison.rows import level_of, of_finding
from circuit_scaling.vocabulary import EVERY_QUESTION

Drawn = dict[str, tuple[Figure, pd.DataFrame]]

_OF_METHOD = 12  # heads of each method
_OF_ALL = 30  # heads of all methods together, as in the study
_INTERVAL = ["ci_low", "ci_high"]
# What two rankings differ in -> what the findings about it are called.
_CALLED = {"question": "question", "token_length": "length", "model": "model", "method": "method"}


def draw_comparison(
    retrieval_findings: pd.DataFrame,
    head_rankings: pd.DataFrame,
    ablation_results: pd.DataFrame,
    top: int,
    kinds: Mapping[str, str],
) -> Drawn:
    """All figures by name.

    Args:
        retrieval_findings: the tables of the same names.
        head_rankings, ablation_results: those from which the findings come; either may be empty.
        top: how many of a ranking count as found, in the findings.
        kinds: question -> ``numerical`` or ``categorical``, where known.

    Raises:
        ValueError: a table lacks a column.
    """
    looks = Looks.of(head_rankings, ablation_results)
    ranked = looks.sort(from_tables.ranked(head_rankings))
    return {
        **_of_masking(retrieval_findings, ablation_results, kinds, looks),
        **_of_overlaps(retrieval_findings, ranked, kinds, top, looks),
        **_of_ranks(retrieval_findings, ranked, top, looks),
        **_of_heads(retrieval_findings, ranked, top, looks),
    }


def _of_masking(
    findings: pd.DataFrame, ablation_results: pd.DataFrame, kinds: Mapping[str, str], looks: Looks
) -> Drawn:
    configurations = from_tables.drops(ablation_results)
    hero = configurations[configurations["set_type"] == "hero"]
    drops, accuracies = _drops_and_accuracies(findings, configurations)
    summary = from_tables.largest_k(drops)
    means = of_finding(findings, "q1_mean_drop")
    model_keys = ["model", "set_type", "k"]
    of_models = _with_intervals(
        from_tables.averaged(configurations, model_keys, "drop"),
        of_finding(findings, "drop_at_k_by_model").assign(set_type="hero"),
        model_keys,
    )
    of_lengths = _length_drops(findings, hero)
    of_kinds = _kind_drops(findings, hero, kinds)
    return {
        "figure8_option_a_by_question": (
            curves.figure8_option_a_by_question(accuracies, looks),
            accuracies,
        ),
        "figure8_option_b_by_method": (
            curves.figure8_option_b_by_method(accuracies, looks),
            accuracies,
        ),
        "figure8_option_c_grid": (curves.figure8_option_c_grid(accuracies, looks), accuracies),
        "accuracy_drop_summary": (by_question.accuracy_drop_summary(summary, looks), summary),
        "q1_equal_impact": (
            by_question.q1_equal_impact(hero, means, looks),
            _beside(hero, means, ["question", "k"]),
        ),
        "q3_ablation_effectiveness": (by_question.q3_ablation_effectiveness(of_kinds), of_kinds),
        "model_comparison": (curves.model_comparison(of_models, looks), of_models),
        "token_length_effect": (curves.token_length_effect(of_lengths, looks), of_lengths),
    }


def _drops_and_accuracies(
    findings: pd.DataFrame, configurations: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """By method, question, kind of set and k: what is lost, and what is left, with the floor.

    The interval of what is left is that of what is lost, taken from the accuracy with all heads.
    """
    keys = ["method", "question", "set_type", "k"]
    told = pd.concat(
        [
            of_finding(findings, "drop_at_k").assign(set_type="hero"),
            of_finding(findings, "random_drop_at_k").assign(set_type="random"),
        ]
    )
    drops = _with_intervals(from_tables.averaged(configurations, keys, "drop"), told, keys)
    left = _with_intervals(from_tables.averaged(configurations, keys, "accuracy"), told, keys)
    clean = left["baseline_accuracy"]
    accuracies = left.assign(
        ci_low=(clean - left["ci_high"]).clip(0, 1),
        ci_high=(clean - left["ci_low"]).clip(0, 1),
        floor=level_of(findings, "answer_floor", left, ["question"]),
    )
    return drops, accuracies


def _length_drops(findings: pd.DataFrame, hero: pd.DataFrame) -> pd.DataFrame:
    """By token length and k over all questions, and before these by question, if it is several."""
    keys = ["question", "token_length", "set_type", "k"]
    pooled = _with_intervals(
        from_tables.averaged(hero.assign(question=EVERY_QUESTION), keys, "drop"),
        of_finding(findings, "drop_at_k_by_length").assign(
            question=EVERY_QUESTION, set_type="hero"
        ),
        keys,
    )
    if hero["question"].nunique() <= 1:
        return pooled
    by_both = from_tables.averaged(hero, keys, "drop").assign(ci_low=np.nan, ci_high=np.nan)
    return pd.concat([by_both, pooled], ignore_index=True)


def _kind_drops(
    findings: pd.DataFrame, hero: pd.DataFrame, kinds: Mapping[str, str]
) -> pd.DataFrame:
    """By kind and k, and with k 0 over all k together."""
    known = hero.assign(kind=hero["question"].map(dict(kinds))).dropna(subset=["kind"])
    by_k = from_tables.averaged(known, ["kind", "k"], "drop").assign(ci_low=np.nan, ci_high=np.nan)
    sd = of_finding(findings, "q3_drop_sd").set_index("kind")["value"]
    pooled = of_finding(findings, "q3_drop_mean")
    pooled = pooled.assign(k=0, sd=pooled["kind"].map(sd))
    return pd.concat([by_k, pooled], ignore_index=True)


def _of_overlaps(
    findings: pd.DataFrame,
    ranked: pd.DataFrame,
    kinds: Mapping[str, str],
    top: int,
    looks: Looks,
) -> Drawn:
    of_two = ["method", "other"]
    pairs = _with_levels(findings, "method_overlap", "method_overlap_chance", of_two)
    unions = _with_levels(findings, "method_pair_jaccard_of_unions", "method_pair_chance", of_two)
    unions["ceiling"] = np.nan  # the ceiling is that of two rankings, not of their unions
    of_unions = _with_levels(
        findings, "question_union_jaccard", "question_union_chance", ["question", "other"]
    )
    of_unions = of_unions.assign(
        kind=[_kind_of(kinds, *pair) for pair in of_unions[["question", "other"]].to_numpy()]
    )
    questions = _with_levels(findings, "question_overlap", "question_overlap_chance", ["method"])
    lengths = _with_levels(findings, "length_overlap", "length_overlap_chance", ["method"])
    models = _with_levels(findings, "model_overlap", "model_overlap_chance", ["method"])
    summary = _summary(findings)
    of_kinds = _kind_overlaps(findings, ranked, kinds, top)
    return {
        "method_overlap": (overlaps.method_overlap(pairs, looks), pairs),
        "method_head_overlap": (overlaps.method_head_overlap(unions, looks), unions),
        "q2_head_overlap_questions": (
            overlaps.q2_head_overlap_questions(of_unions, looks),
            of_unions,
        ),
        "q2_numerical_vs_categorical": (overlaps.q2_numerical_vs_categorical(of_kinds), of_kinds),
        "question_overlap_heatmaps": (
            matrices.question_overlap_heatmaps(questions, looks),
            questions,
        ),
        "token_length_overlap": (matrices.token_length_overlap(lengths, looks), lengths),
        "model_overlap": (overlaps.model_overlap(models, looks), models),
        "overlap_summary": (overlaps.overlap_summary(summary), summary),
    }


def _kind_of(kinds: Mapping[str, str], one: str, other: str) -> str:
    """Of two questions: both of one kind, one of each, or not known."""
    if one not in kinds or other not in kinds:
        return ""
    return f"within_{kinds[one]}" if kinds[one] == kinds[other] else "between"


def _summary(findings: pd.DataFrame) -> pd.DataFrame:
    """Finding 7: with the mean chance and ceiling of what each of its rows averages."""
    rows = of_finding(findings, "f7_overlap_mean")
    sd = of_finding(findings, "f7_overlap_sd").set_index("axis")["value"]
    chance = {
        axis: findings.loc[findings["finding"] == f"{name}_overlap_chance", "value"].mean()
        for axis, name in _CALLED.items()
    }
    ceiling = findings.loc[findings["finding"] == "ranking_ceiling", "value"].mean()
    return rows.assign(sd=rows["axis"].map(sd), chance=rows["axis"].map(chance), ceiling=ceiling)


def _kind_overlaps(
    findings: pd.DataFrame, ranked: pd.DataFrame, kinds: Mapping[str, str], top: int
) -> pd.DataFrame:
    """The study's two definitions: unions over all methods, and the mean over single methods."""
    pooled = _with_levels(findings, "q2_jaccard_of_unions", "q2_union_chance", ["kind"])
    pooled = pooled.assign(measure="all methods together", sd=np.nan)
    by_method = from_tables.kind_overlaps(ranked, top, kinds)
    by_method = by_method.assign(chance=np.nan, ci_low=np.nan, ci_high=np.nan)
    return pd.concat([pooled, by_method], ignore_index=True).assign(ceiling=np.nan)


def _of_ranks(findings: pd.DataFrame, ranked: pd.DataFrame, top: int, looks: Looks) -> Drawn:
    means = of_finding(findings, "f1_mean_rank")
    agreed = of_finding(findings, "f1_consensus").set_index("head")["value"]
    consensus = ranks.agreed(means)
    consensus = consensus.assign(consensus=consensus["head"].map(agreed) == 1)
    disagreed = ranks.disagreed(means)
    special = ranks.specialists(of_finding(findings, "f3_specialist_rank"), top)
    changes = ranks.changed_most(of_finding(findings, "f4_rank_change"))
    volatile = ranks.most_volatile(_spread(findings, means))
    gaps, of_gaps = from_tables.gaps(ranked), of_finding(findings, "f6_gap")
    return {
        "consensus_heads": (ranks.consensus_heads(consensus, looks), consensus),
        "method_disagreement": (ranks.method_disagreement(disagreed, looks), disagreed),
        "question_specialists": (ranks.question_specialists(special, looks), special),
        "instruct_vs_base_differences": (
            ranks.instruct_vs_base_differences(changes, looks),
            changes,
        ),
        "head_volatility": (ranks.head_volatility(volatile, looks), volatile),
        "score_dominance": (
            heads.score_dominance(gaps, of_gaps, looks),
            _beside(gaps, of_gaps, ["method"]),
        ),
    }


def _spread(findings: pd.DataFrame, means: pd.DataFrame) -> pd.DataFrame:
    """Finding 5 and mean ranks, one row per method and head: low, high, sd, value."""
    keys = ["method", "head"]
    parts = {"f5_rank_sd": "sd", "f5_rank_min": "low", "f5_rank_max": "high"}
    rows = means[[*keys, "value"]]
    for finding, name in parts.items():
        part = of_finding(findings, finding)[[*keys, "value"]].rename(columns={"value": name})
        rows = rows.merge(part, on=keys)
    return rows


def _of_heads(findings: pd.DataFrame, ranked: pd.DataFrame, top: int, looks: Looks) -> Drawn:
    every = from_tables.share_in_top(ranked, top).head(_OF_ALL)
    by_layer = of_finding(findings, "f2_layer_share")
    of_all = by_layer.groupby("layer")["value"].sum().reset_index()
    of_all["value"] /= max(by_layer["method"].nunique(), 1)
    shares = of_finding(findings, "universal_share")
    shares = shares.sort_values("value", ascending=False, kind="stable")
    shares = shares[shares["value"] > 0].groupby("method", sort=False).head(_OF_METHOD)
    chance = level_of(findings, "universal_share_chance", shares, ["method"])
    shares = shares.assign(chance=chance)
    patterns = of_finding(findings, "q4_head_frequency")
    unions = from_tables.unions(ranked, top)
    pairs = from_tables.shared_between_pairs(ranked, top)
    return {
        "universal_heads": (
            heads.universal_heads(every, of_all),
            pd.concat([every, of_all], ignore_index=True),
        ),
        "universal_heads_by_method": (heads.universal_heads_by_method(shares, looks), shares),
        "layer_distribution_by_method": (
            heads.layer_distribution_by_method(by_layer, looks),
            by_layer,
        ),
        "q4_head_patterns": (heads.q4_head_patterns(patterns, looks), patterns),
        "method_unique_heads": (heads.method_unique_heads(unions, looks), unions),
        "method_pair_heads": (heads.method_pair_heads(pairs, looks), pairs),
    }


def _with_intervals(rows: pd.DataFrame, told: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Rows with the intervals that findings have for the same keys; NaN where there are none."""
    return rows.merge(told[[*keys, *_INTERVAL]], on=list(keys), how="left")


def _beside(rows: pd.DataFrame, means: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Single values with the ``mean`` that is drawn over them, and its interval."""
    named = means.rename(columns={"value": "mean"})[[*keys, "mean", *_INTERVAL]]
    return rows.merge(named, on=list(keys), how="left")


def _with_levels(
    findings: pd.DataFrame, finding: str, chance: str, keys: Sequence[str]
) -> pd.DataFrame:
    """Rows of an overlap with its chance level and its ceiling, NaN where they are not known.

    Args:
        keys: of the chance level. The ceiling is that of each ``method`` among them, and of two
            methods, which are two noisy measurements, the geometric mean.
    """
    rows = of_finding(findings, finding)
    parts = ["method", *(["other"] if "other" in keys else [])] if "method" in keys else []
    ceilings = [level_of(findings, "ranking_ceiling", rows, [part]) for part in parts]
    return rows.assign(
        chance=level_of(findings, chance, rows, keys),
        ceiling=np.prod(ceilings, axis=0) ** (1 / len(parts)) if parts else np.nan,
    )
