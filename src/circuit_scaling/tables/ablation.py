"""The schemas of the comparison of hero heads and random heads."""

from __future__ import annotations

from dataclasses import replace

from pandera.pandas import Column

from circuit_scaling.tables import scan
from circuit_scaling.tables.columns import MODEL, count, flag, number, numbers, share, text
from circuit_scaling.tables.table import Table
from circuit_scaling.vocabulary import ABLATION_MODES, POSITIONS

HERO_SETS = ("hero_joint", "hero_ioi_only", "hero_anti_only", "hero_shared")
RANDOM_SETS = ("matched", "unmatched")
_MEASURED = {
    "task": text(),
    "readout": text("contrast", "kl_to_clean", "token_loss"),
    "ablation": text(*ABLATION_MODES),
    "positions": text(*POSITIONS),
}


def _level(prefix: str) -> dict[str, Column]:
    """The mean effect and the accuracy under one kind of set, with intervals over prompts."""
    return {
        **{f"{prefix}{name}": number(nullable=True) for name in ("mean_diff", "low", "high")},
        f"{prefix}accuracy": share(nullable=True),
        # Where accuracies hardly vary, a bound of an interval may be off by rounding.
        f"{prefix}accuracy_low": number(nullable=True),
        f"{prefix}accuracy_high": number(nullable=True),
    }


def _compared(prefix: str) -> dict[str, Column]:
    """Heroes minus another kind of set, with the interval over prompts; why there is none."""
    names = ("difference", "difference_low", "difference_high")
    return {
        **{f"{prefix}{name}": number(nullable=True) for name in names},
        f"{prefix}reason": text(),
    }


def _random(prefix: str) -> dict[str, Column]:
    """The spread of random sets, and where the heroes lie in it."""
    return {
        f"{prefix}n": count(),
        f"{prefix}p_floor": share(nullable=True),
        f"{prefix}sd": number(nullable=True, at_least=0),
        **{
            f"{prefix}{name}": number(nullable=True)
            for name in ("from", "to", "accuracy_from", "accuracy_to", "effect_size")
        },
        f"{prefix}p": share(nullable=True),
        f"{prefix}note": text(),
        f"{prefix}q": share(nullable=True),
        f"{prefix}p_accuracy": share(nullable=True),
    }


ABLATION_TRIALS = Table(
    "ablation_trials",
    {
        **MODEL,
        **_MEASURED,
        "split": text("test"),
        "set_type": text("clean", *HERO_SETS, *RANDOM_SETS, "weakest"),
        "matched_to": text("", *HERO_SETS),
        "k": count(),
        "draw": count(),
        "layers": numbers(),
        "heads": numbers(),
        "mean_metric": number(nullable=True),
        "clean_metric": number(),
        "mean_diff": number(nullable=True),
        "accuracy": share(nullable=True),
        "n_prompts": count(),
        "n_clusters": count(),
        "effects": numbers(),
        "correct": numbers(),
        "reason": text(),
        "n_layers": count(),
        "n_heads": count(),
        "seed": count(),
        "fingerprint": text(),
    },
    keys=(
        *("family", "model", "task", "ablation", "positions"),
        *("set_type", "matched_to", "k", "draw"),
    ),
    may_be_empty=True,
    lengths={"effects": "n_prompts"},
)
ABLATION_SUMMARY = Table(
    "ablation_summary",
    {
        **MODEL,
        **_MEASURED,
        "primary": flag(),
        "hero_set": text(*HERO_SETS),
        "k": count(),
        "n_prompts": count(),
        "n_clusters": count(),
        "competent": flag(nullable=True),
        "clean_metric": number(),
        "clean_accuracy": share(nullable=True),
        "clean_accuracy_low": number(nullable=True),
        "clean_accuracy_high": number(nullable=True),
        **_level(""),
        "reason": text(),
        **{
            name: column
            for kind in RANDOM_SETS
            for part in (_level, _compared, _random)
            for name, column in part(f"{kind}_").items()
        },
        **_level("weakest_"),
        **_compared("weakest_"),
        "fingerprint": text(),
    },
    keys=("family", "model", "task", "ablation", "positions", "hero_set", "k"),
    may_be_empty=True,
)
ABLATION_LOG = replace(scan.RUN_LOG, name="ablation_log")
