"""What each hero head does on each task: its influence, its direct effect and its verdict."""

from __future__ import annotations

from collections.abc import Mapping
from math import nan
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from circuit_scaling.tables.causal import CAUSAL_SUMMARY
from circuit_scaling.tables.columns import HEAD_KEYS
from circuit_scaling.vocabulary import CATEGORIES, STUDY_TASKS

_HEAD = list(HEAD_KEYS)
_ENDS = ("", "_low", "_high")
_SHARES = ("logits", *CATEGORIES)
# Column of causal_traces -> column of causal_summary, after the direction.
_TRACED = {
    "z": {
        **{"influence": "influence", "low": "influence_low", "high": "influence_high", "q": "q"},
        **{f"{n}{e}": f"{n}{e}" for n in ("normalised", "direct", "indirect") for e in _ENDS},
        "self_repair": "self_repair",
    },
    "v": {
        **{"influence": "v_influence", "low": "v_influence_low", "high": "v_influence_high"},
        "q": "v_q",
        **{f"normalised{e}": f"v_normalised{e}" for e in _ENDS},
    },
}


class Verdict(NamedTuple):
    """How a head acts on a task.

    ``verdict`` is one of ``tables.causal.VERDICTS``; ``routes_into`` names the categories of the
    heads it routes into, with commas between them.
    """

    verdict: str
    routes_into: str


def verdict(shares: Mapping[str, tuple[float, float]], min_share: float) -> Verdict:
    """What the shares of a head's total effect say.

    A path counts where its share is at least ``min_share`` and the interval of the share lies above
    0: a share below 0 works against the total effect and does not carry it. Without an interval
    nothing counts.

    Args:
        shares: the share and the lower end of its interval, of ``logits`` and of the receivers of
            each category; NaN, or not named, where there is none.
    """
    counts = {name for name, (share, low) in shares.items() if share >= min_share and low > 0}
    into = ", ".join(category for category in CATEGORIES if category in counts)
    if "logits" in counts:
        return Verdict("mixed" if into else "does it itself", into)
    return Verdict("routes" if into else "unclear", into)


def causal_summary(
    hero_heads: pd.DataFrame,
    classified_heads: pd.DataFrame,
    causal_traces: pd.DataFrame,
    head_writes: pd.DataFrame,
    min_share: float,
) -> pd.DataFrame:
    """A row per hero and task, heroes in the order of ``hero_heads``.

    ``denoising_`` and ``noising_`` columns are of the whole output z, ``denoising_v_`` and
    ``noising_v_`` of the values alone. ``share_<category>`` is summed over the measured receivers
    of that category; it is missing where there is none. Where clean and corrupt run do not differ
    on the task the verdict is ``unclear``: there is nothing that could be carried.
    """
    traced = {
        (*key, direction, part): rows.iloc[0].to_dict()
        for (*key, direction, part), rows in causal_traces[causal_traces["hero"]].groupby(
            [*_HEAD, "task", "direction", "part"], sort=False
        )
    }
    written = dict(list(head_writes.groupby([*_HEAD, "task"], sort=False)))
    competent = classified_heads.drop_duplicates(["family", "model"]).set_index("model")
    rows = [
        {
            **{name: hero[name] for name in (*_HEAD, "category", "rank", "strength")},
            "task": task,
            "delta": hero[f"delta_{task}"],
            "competent": competent.loc[hero["model"], f"competent_{task}"],
            **_told(traced, written, (*(hero[name] for name in _HEAD), task), min_share),
        }
        for hero in hero_heads[hero_heads["category"] != "weak"].to_dict("records")
        for task in STUDY_TASKS
    ]
    return CAUSAL_SUMMARY.of(rows)


def _told(
    traced: Mapping[tuple[Any, ...], Mapping[Any, Any]],
    written: Mapping[Any, pd.DataFrame],
    key: tuple[Any, ...],
    min_share: float,
) -> dict[str, Any]:
    """Influences, shares and verdict of one hero on one task."""
    influences, paths = _influences(traced, key), _paths(written[key], min_share)
    if np.isnan(influences["noising_normalised"]):
        paths |= Verdict("unclear", "")._asdict()
    return influences | paths


def _influences(
    traced: Mapping[tuple[Any, ...], Mapping[Any, Any]], key: tuple[Any, ...]
) -> dict[str, Any]:
    columns: dict[str, Any] = {
        f"{direction}_{target}": traced[*key, direction, part][source]
        for direction in ("denoising", "noising")
        for part, names in _TRACED.items()
        for source, target in names.items()
    }
    first = traced[*key, "denoising", "z"]
    same = ("n_prompts", "n_clusters", "m_clean", "m_corrupt", "fingerprint")
    return columns | {name: first[name] for name in same}


def _paths(rows: pd.DataFrame, min_share: float) -> dict[str, object]:
    ends = {
        row["receiver_category"] or "logits": tuple(row[f"share{end}"] for end in _ENDS)
        for row in rows[rows["destination"] != "head"].to_dict("records")
    }
    found = verdict({name: values[:2] for name, values in ends.items()}, min_share)
    shares = {
        f"share_{name}{end}": value
        for name in _SHARES
        for end, value in zip(_ENDS, ends.get(name, (nan, nan, nan)), strict=True)
    }
    counts = {name: rows[name].iloc[0] for name in ("n_receivers", "n_possible")}
    return {**found._asdict(), **shares, **counts}
