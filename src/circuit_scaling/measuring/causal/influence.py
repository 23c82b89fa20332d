"""What a head carries: its output of one run put into the other, in both directions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.interventions.operations.patch import patch_heads
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.interventions.replay.pairs import Direction, Head, Part, head_names
from circuit_scaling.measuring.causal.traced_task import TracedTask, Values
from circuit_scaling.measuring.shared.finite import check_finite
from circuit_scaling.measuring.shared.progress import Progress
from circuit_scaling.statistics.means import ClusterMeans
from circuit_scaling.statistics.ratio import Ratios

DIRECTIONS: tuple[Direction, ...] = get_args(Direction)
PARTS: tuple[Part, ...] = get_args(Part)


def head_influences(
    traced: TracedTask, heads: Sequence[Head], progress: Progress
) -> Iterator[pd.DataFrame]:
    """A row per head, one frame for each direction and part.

    ``influence`` is the mean of m(patched) - m(base) in logits: of a head that carries the task,
    positive in denoising and negative in noising. ``normalised`` is its share of what the two runs
    differ by, mean m(clean) - mean m(corrupt), with the sign turned in noising, so that it is
    positive in both for such a head. It is missing where the corrupt run is not worse than the
    clean one: then there is nothing that a head could carry.

    Source: activation patching in both directions, Zhang and Nanda 2024, arXiv 2309.16042.
    """
    for direction in DIRECTIONS:
        for part in PARTS:
            measured = _patched(traced, heads, direction, part, progress)
            yield _table(traced, heads, measured, direction).assign(direction=direction, part=part)


def self_repair(direct: ClusterMeans, indirect: ClusterMeans) -> NDArray[np.float64]:
    """Share [heads] of each direct effect that the layers after it undo: -indirect / direct.

    Only where both intervals exclude 0, the signs differ and the indirect effect is no larger than
    the direct one; else NaN. What is not there is not repaired, what adds to the direct effect does
    not repair it, and a head whose effect through later heads is the larger one works through them:
    its direct effect, which may be next to nothing, is no measure of that. Self-repair: Rushing and
    Nanda 2024, arXiv 2402.15390.
    """
    seen = excludes_zero(direct) & excludes_zero(indirect)
    opposite = np.sign(direct.mean) == -np.sign(indirect.mean)
    opposite &= np.abs(indirect.mean) <= np.abs(direct.mean)
    repaired = np.full(direct.mean.shape, np.nan)
    np.divide(-indirect.mean, direct.mean, out=repaired, where=seen & opposite)
    return repaired


def excludes_zero(means: ClusterMeans) -> NDArray[np.bool_]:
    """Whether each interval [items] lies on one side of 0; a missing one does not."""
    return (means.low > 0) | (means.high < 0)


def _patched(
    traced: TracedTask,
    heads: Sequence[Head],
    direction: Direction,
    part: Part,
    progress: Progress,
) -> dict[str, Values]:
    def patch(batch: Batch) -> dict[str, Values]:
        patched = patch_heads(
            traced.anatomy, traced.pairs(batch), heads, direction, part, traced.chunk
        )
        progress(f"{traced.task}, {direction}", len(heads) * len(batch.tokens) / traced.n_asked)
        found = {"total": patched.total, "base": patched.base, "source": patched.source}
        return found if patched.direct is None else found | {"direct": patched.direct}

    measured = traced.measure(patch)
    whole = {name: measured[name] for name in ("base", "source", "total")}
    check_finite(traced.task, f"patching ({direction}, {part})", whole, head_names(heads))
    return measured


def _table(
    traced: TracedTask, heads: Sequence[Head], measured: dict[str, Values], direction: Direction
) -> pd.DataFrame:
    total = measured["total"]
    clean, corrupt = measured["source"], measured["base"]
    if direction == "noising":
        clean, corrupt = corrupt, clean
    effects = traced.means(total)
    between = measured["source"] - measured["base"]  # its sign turns with the direction
    share = traced.ratios(total, between)
    if clean.mean(dtype=np.float64) <= corrupt.mean(dtype=np.float64):
        share = Ratios(*np.full((3, len(heads)), np.nan))
    layers, numbers = zip(*heads, strict=True)
    return pd.DataFrame(
        {
            "layer": layers,
            "head": numbers,
            "task": traced.task,
            **traced.counts(),
            "m_clean": float(np.mean(clean, dtype=np.float64)),
            "m_corrupt": float(np.mean(corrupt, dtype=np.float64)),
            "influence": effects.mean,
            "se": effects.se,
            "low": effects.low,
            "high": effects.high,
            "p": effects.p,
            "normalised": share.value,
            "normalised_low": share.low,
            "normalised_high": share.high,
            **_direct_columns(traced, total, measured.get("direct")),
            "influences": list(total),
        }
    )


def _direct_columns(
    traced: TracedTask, total: Values, direct: Values | None
) -> dict[str, NDArray[np.float64]]:
    """Direct and indirect effect and self-repair; missing where heads have no direct path."""
    missing = np.full(len(total), np.nan)
    columns = {f"{n}{e}": missing for n in ("direct", "indirect") for e in ("", "_low", "_high")}
    if direct is None:
        return columns | {"self_repair": missing}
    means = {"direct": traced.means(direct), "indirect": traced.means(total - direct)}
    for name, found in means.items():
        columns |= {name: found.mean, f"{name}_low": found.low, f"{name}_high": found.high}
    return columns | {"self_repair": self_repair(means["direct"], means["indirect"])}
