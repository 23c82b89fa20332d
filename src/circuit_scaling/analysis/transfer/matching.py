"""Functional matching of two models: which heads have like profiles, and like effects as well."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from circuit_scaling.analysis.transfer.pairs import ModelHeads
from circuit_scaling.analysis.transfer.settings import TransferSettings
from circuit_scaling.statistics.matching import Matches, match_profiles, matched_agreement
from circuit_scaling.statistics.significance import q_values

_MEASURES = ("spearman", "pearson")


@dataclass(frozen=True)
class Matching:
    """The matched heads of a pair; None, and a reason, where the profiles cannot say."""

    base: ModelHeads
    target: ModelHeads
    matches: Matches | None
    reason: str = ""

    @property
    def partners(self) -> dict[int, int]:
        """Number of a base head -> number of the target head it is matched with."""
        return (
            {}
            if self.matches is None
            else dict(zip(*map(np.ndarray.tolist, self.matches), strict=True))
        )


def match_heads(base: ModelHeads, target: ModelHeads) -> Matching:
    """Match the heads of two models by their task-free profiles."""
    profiles = base.profiles, target.profiles
    if profiles[0] is None or profiles[1] is None:
        without = base if profiles[0] is None else target
        return Matching(base, target, None, f"no profiles of {without.model}")
    try:
        return Matching(base, target, match_profiles(profiles[0], profiles[1]))
    except ValueError as error:
        return Matching(base, target, None, str(error))


def q_over_pairs(matching: pd.DataFrame) -> pd.DataFrame:
    """``head_matching`` with q over the pairs of a task.

    Two models are matched in one way, whichever of them is the base: q is over every two models
    once, and missing where the same two stand before with base and target exchanged.
    """
    pairs = np.sort(matching[["base_model", "tgt_model"]].to_numpy(dtype=str), axis=1)
    again = matching.assign(a=pairs[:, 0], b=pairs[:, 1]).duplicated(["a", "b", "task"])
    of_task = matching["task"]
    return matching.assign(
        **{
            f"q_{measure}": matching[f"p_{measure}"]
            .mask(again)
            .groupby(of_task)
            .transform(lambda p: q_values(p.to_numpy()))
            for measure in _MEASURES
        }
    )


def matching_rows(
    matching: Matching, tasks: Iterable[str], settings: TransferSettings
) -> Iterator[dict[str, object]]:
    """A row of ``head_matching`` per task: do matched heads have like effects?

    Profiles come from random tokens and effects from ``test`` prompts, so that neither the
    matching nor the choice of heads has seen the numbers it is scored on. The null exchanges the
    target's effects within its layers, the narrowest bands of depth that there are.
    """
    base, target, matches = matching.base, matching.target, matching.matches
    for task in tasks:
        row: dict[str, object] = {
            **base.named("base"),
            **target.named("tgt"),
            "task": task,
            "n_base_heads": len(base.heads),
            "n_target_heads": len(target.heads),
            "n_matched": 0 if matches is None else len(matches.base),
            **dict.fromkeys(
                (f"{kind}{name}" for kind in ("", "p_", "q_") for name in _MEASURES), np.nan
            ),
        }
        reason = matching.reason
        if matches is not None:
            effects = (side.heads[f"delta_{task}_test"].to_numpy() for side in (base, target))
            left, right = (values[places] for values, places in zip(effects, matches, strict=True))
            rng = np.random.default_rng(settings.seed)
            bands = target.layers[matches.target]
            agreement = matched_agreement(left, right, bands, settings.n_null, rng)
            row |= agreement._asdict()
            reason = (
                "the effects of the matched heads are constant"
                if np.isnan(agreement.spearman)
                else ""
            )
        yield {**row, "reason": reason}
