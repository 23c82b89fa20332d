"""Do the heads that matter in one model matter in another: by index, by depth, by function."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from circuit_scaling.analysis.cluster_effects import with_effects
from circuit_scaling.analysis.transfer.divergence import head_divergence
from circuit_scaling.analysis.transfer.matching import (
    Matching,
    match_heads,
    matching_rows,
    q_over_pairs,
)
from circuit_scaling.analysis.transfer.pairs import ModelHeads, models_of, pairs_of
from circuit_scaling.analysis.transfer.settings import TransferSettings
from circuit_scaling.analysis.transfer.target_ranks import SetScore, TargetRanks, target_ranks
from circuit_scaling.statistics.significance import q_values
from circuit_scaling.tables.transfer import (
    HEAD_DIVERGENCE,
    HEAD_MATCHING,
    TRANSFER_HEADS,
    TRANSFER_SUMMARY,
)

_Row = dict[str, Any]
# Task -> the categories of heads that do it.
_TASKS = {"ioi": ("ioi_only", "shared"), "anti_names": ("anti_only", "shared")}
_ABSENT = ("outside_shape", "not_measured", "unknown_shape")
# Each p of the summary -> its q over all pairs of a task.
_TESTS = {
    "p": "q",
    "p_same_layer": "q_same_layer",
    "depth_p": "depth_q",
    "depth_best_p": "depth_best_q",
    "matched_p": "matched_q",
    "matched_p_same_layer": "matched_q_same_layer",
}


def transfer(
    classified_heads: pd.DataFrame, joint_effects: pd.DataFrame, settings: TransferSettings
) -> dict[str, pd.DataFrame]:
    """Compare every pair of models on IOI and on anti-repetition of names.

    Of the base, the ``k`` heads with the largest |delta| among those that do the task
    (``ioi_only`` or ``shared``; ``anti_only`` or ``shared``) are looked for in the target, in
    three ways: at the same (layer, head) index; in the layer of the nearest relative depth; and
    by function, as the head that the task-free profiles match them with. ``frac_rank`` of a target
    head is its rank by |delta| over the number of target heads: near 0 the strongest, 1 the
    weakest. Of heads with equal |delta| the first by layer and head is chosen.

    Args:
        classified_heads: of two or more models; of one, every table is empty.
        joint_effects: effects per cluster; models without any get no bootstrap intervals.

    Returns:
        ``transfer_heads``, ``transfer_summary``, ``head_matching`` and ``head_divergence``.

    Raises:
        CircuitScalingError: a pair of the settings names a model that is not in the table.
    """
    models = models_of(classified_heads)
    pairs = list(pairs_of(models, settings))
    matchings = [match_heads(base, target) for base, target in pairs]
    heads: dict[tuple[int, str], list[_Row]] = {}
    summaries: dict[tuple[int, str], _Row] = {}
    of_target: dict[int, list[int]] = {}
    for i, (_, target) in enumerate(pairs):
        of_target.setdefault(id(target), []).append(i)
    # Target by target: what chance makes of a large model's ranks is too much to keep for all.
    for target, (_, effects) in zip(
        models, with_effects(classified_heads, joint_effects), strict=True
    ):
        wanted = of_target.get(id(target), [])
        for task in _TASKS if wanted else ():
            ranks = target_ranks(target, effects, task, settings)
            for i in wanted:
                found = _compare(matchings[i], task, ranks, settings.k)
                heads[i, task], summaries[i, task] = found
    order = [(i, task) for i in range(len(pairs)) for task in _TASKS]
    return {
        "transfer_heads": TRANSFER_HEADS.of(row for key in order for row in heads[key]),
        "transfer_summary": TRANSFER_SUMMARY.of(_with_q([summaries[key] for key in order])),
        "head_matching": q_over_pairs(
            HEAD_MATCHING.of(
                (row for m in matchings for row in matching_rows(m, _TASKS, settings)),
            )
        ),
        "head_divergence": HEAD_DIVERGENCE.of(head_divergence(pairs)),
    }


class _Sought(NamedTuple):
    """The chosen heads of the base, and where in the target each of them is looked for.

    Attributes:
        chosen: numbers of the heads in the base, the strongest first.
        same_index: numbers of the target's heads at that layer and head; None where there is none.
        missing: ``present``, or why there is none.
        depth: layers of the target at the same relative depth; NaN where that is not known.
        partners: numbers of the target's heads that they are matched with; None where of none.
    """

    chosen: list[int]
    same_index: list[int | None]
    missing: list[str]
    depth: list[float]
    partners: list[int | None]

    @classmethod
    def of(cls, matching: Matching, task: str, k: int) -> _Sought:
        """The ``k`` strongest heads of the base that do the task."""
        base, target = matching.base, matching.target
        chosen = _strongest(base, task, k)
        keys = [base.keys[i] for i in chosen]
        index = [target.places.get(key) for key in keys]
        return cls(
            chosen,
            index,
            [_why_missing(key, place, target) for key, place in zip(keys, index, strict=True)],
            [_layer_at_depth(layer, base, target) for layer, _ in keys],
            [matching.partners.get(i) for i in chosen],
        )


def _compare(matching: Matching, task: str, ranks: TargetRanks, k: int) -> tuple[list[_Row], _Row]:
    """The rows of ``transfer_heads`` and the row of ``transfer_summary`` of a pair and a task."""
    base, target = matching.base, matching.target
    sought = _Sought.of(matching, task, k)
    n_layers = target.shape[0] if target.shape else 0
    means, bests = (
        {layer: value for layer, value in of_layer.items() if layer < n_layers}
        for of_layer in (ranks.layer_means(), ranks.layer_bests())
    )
    pair = {**base.named("base"), **target.named("tgt"), "task": task}
    rows = [
        {
            **pair,
            "base_rank": rank,
            "layer": base.keys[i][0],
            "head": base.keys[i][1],
            "base_category": base.heads["category"][i],
            "base_abs_delta": base.sizes[task][i],
            "tgt_abs_delta": _at(target.sizes[task], place),
            "tgt_frac_rank": _at(ranks.ranks, place),
            "in_target": missing,
            "depth_layer": layer,
            "depth_frac_rank": means.get(layer, nan),
            "depth_best_frac_rank": bests.get(layer, nan),
            "matched_layer": _at(target.layers, partner),
            "matched_head": _at(target.heads["head"].to_numpy(), partner),
            "matched_frac_rank": _at(ranks.ranks, partner),
        }
        for rank, (i, place, missing, layer, partner) in enumerate(zip(*sought, strict=True), 1)
    ]
    return rows, {**pair, **_summary(sought, matching, task, ranks, (means, bests))}


def _summary(
    sought: _Sought,
    matching: Matching,
    task: str,
    ranks: TargetRanks,
    of_layers: tuple[dict[float, float], dict[float, float]],
) -> _Row:
    """How well the chosen heads do in the target together, by index, by depth and by function.

    Args:
        of_layers: mean and best fractional rank of each layer that the target has.
    """
    by_index, by_match = (
        ranks.score([place for place in places if place is not None])
        for places in (sought.same_index, sought.partners)
    )
    at_depth = [layer for layer in sought.depth if layer in of_layers[0]]
    mean_depth, best_depth = (ranks.score_layers(values, at_depth) for values in of_layers)
    missing = sought.missing
    return {
        "n_base_heads": len(sought.chosen),
        "n_present": missing.count("present"),
        "n_target_heads": len(matching.target.heads),
        **_scored(by_index, ""),
        "frac_missing": _share(missing, *_ABSENT),
        **{f"frac_{reason}": _share(missing, reason) for reason in _ABSENT},
        "n_at_depth": len(at_depth),
        "depth_frac_rank": mean_depth.mean,
        "depth_expected": mean_depth.null.expected,
        "depth_p": mean_depth.null.p,
        "depth_best_frac_rank": best_depth.mean,
        "depth_best_expected": best_depth.null.expected,
        "depth_best_p": best_depth.null.p,
        "n_matched": sum(place is not None for place in sought.partners),
        **_scored(by_match, "matched_"),
        "base_competent": _competent(matching.base, task),
        "tgt_competent": _competent(matching.target, task),
    }


def _strongest(base: ModelHeads, task: str, k: int) -> list[int]:
    """Numbers of the k heads that do the task with the largest |delta|, the largest first."""
    does = np.flatnonzero(base.heads["category"].isin(_TASKS[task]))
    return [int(i) for i in does[np.argsort(-base.sizes[task][does], kind="stable")][:k]]


def _why_missing(key: tuple[int, int], place: int | None, target: ModelHeads) -> str:
    if place is not None:
        return "present"
    if target.shape is None:
        return "unknown_shape"
    inside = all(at < size for at, size in zip(key, target.shape, strict=True))
    return "not_measured" if inside else "outside_shape"


def _layer_at_depth(layer: int, base: ModelHeads, target: ModelHeads) -> float:
    """The target's layer nearest to relative depth layer / (L - 1), the lower of two as near.

    NaN where a shape is unknown, and for a layer that the base does not have, in a table that was
    kept. A model of one layer has depth 0.
    """
    if base.shape is None or target.shape is None or layer >= base.shape[0]:
        return nan
    span, reach = max(base.shape[0] - 1, 1), target.shape[0] - 1
    # ceil(layer * reach / span - 1/2), in whole numbers.
    return -((span - 2 * layer * reach) // (2 * span))


def _scored(score: SetScore, prefix: str) -> dict[str, float]:
    return {
        f"{prefix or 'mean_'}frac_rank": score.mean,
        f"{prefix}low": score.low,
        f"{prefix}high": score.high,
        f"{prefix}expected": score.anywhere.expected,
        f"{prefix}null_low": score.anywhere.low,
        f"{prefix}null_high": score.anywhere.high,
        f"{prefix}p": score.anywhere.p,
        f"{prefix}expected_same_layer": score.same_layer.expected,
        f"{prefix}p_same_layer": score.same_layer.p,
    }


def _at(values: np.ndarray[tuple[int, ...], np.dtype[np.generic]], place: int | None) -> float:
    return nan if place is None else float(values[place])


def _share(missing: Sequence[str], *reasons: str) -> float:
    return sum(missing.count(reason) for reason in reasons) / len(missing) if missing else nan


def _competent(model: ModelHeads, task: str) -> object:
    return model.heads[f"competent_{task}"][0]


def _with_q(rows: list[_Row]) -> list[_Row]:
    """The rows of ``transfer_summary`` with q over all pairs of a task, for each kind of p."""
    for task in _TASKS:
        of_task = [row for row in rows if row["task"] == task]
        for name, q_name in _TESTS.items():
            for row, q in zip(of_task, q_values([row[name] for row in of_task]), strict=True):
                row[q_name] = q
    return rows
