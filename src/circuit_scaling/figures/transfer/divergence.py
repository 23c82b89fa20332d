"""What became of the IOI-like heads of each model at the same index of the others."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from circuit_scaling.figures.style import (
    CATEGORIES,
    QUIET,
    Look,
    new_figure,
    nothing_to_draw,
    order_models,
    require_columns,
    short_names,
    styled,
)

# The colour of what the head is in the target.
FATES: dict[str, Look] = {
    "conserved": Look("conserved: IOI-like", CATEGORIES["ioi_only"].colour),
    "inverted": Look("inverted: anti-repetition only", CATEGORIES["anti_only"].colour),
    "lost": Look("lost: weak", CATEGORIES["weak"].colour),
    "missing": Look("missing: not there", "white"),
}
_COLUMNS = (
    *("base_family", "base_model", "tgt_model", "divergence"),
    *("chance_conserved", "chance_inverted", "chance_lost"),
)
_THICK, _THIN = 0.44, 0.2


@styled
def ioi_divergence(head_divergence: pd.DataFrame) -> Figure:
    """Stacked shares of the fates of each base's IOI-like heads, over all its targets.

    ``head_divergence`` has one row per IOI-like head of a base and target. The thin bar below each
    is what random heads of the targets would give.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(head_divergence, _COLUMNS, "ioi_divergence")
    if head_divergence.empty:
        return nothing_to_draw("no IOI-like head was compared between two models")
    shares = divergence_shares(head_divergence)
    bases = list(dict.fromkeys(shares["base_model"]))
    figure = new_figure(0.34 * len(bases) + 1.15)
    axes = figure.subplots()
    at = np.arange(len(bases), dtype=np.float64)
    _stack(axes, shares, "share", at - 0.12, _THICK)
    _stack(axes, shares, "chance", at + 0.26, _THIN)
    counts = shares.drop_duplicates("base_model")
    for row, (heads, targets) in enumerate(
        zip(counts["n_heads"], counts["n_targets"], strict=True)
    ):
        axes.text(
            1.015,
            row,
            f"{heads} × {targets}",
            ha="left",
            va="center",
            fontsize=7,
            color=QUIET,
            transform=axes.get_yaxis_transform(),
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(len(bases) - 0.45, -0.6)
    axes.set_yticks(at, list(short_names(bases).values()))
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(
        "share of the IOI-like heads × targets (numbers on the right); thin: at random indices"
    )
    handles = [
        Patch(facecolor=look.colour, edgecolor=QUIET, linewidth=0.5, label=look.label)
        for look in FATES.values()
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))
    return figure


def divergence_shares(head_divergence: pd.DataFrame) -> pd.DataFrame:
    """Base by fate: share of its IOI-like heads over all targets, and the share by chance.

    Chance takes a random head of the target in place of the one with the same index; what is
    missing is missing there too.
    """
    rows = []
    by_model = dict(tuple(head_divergence.groupby("base_model", sort=False)))
    names = head_divergence.rename(columns={"base_family": "family", "base_model": "model"})
    for base in order_models(names) if len(names) else []:
        found = by_model[base]
        heads = len(found.drop_duplicates(["layer", "head"]))
        for fate in FATES:
            share = float((found["divergence"] == fate).mean())
            rows.append(
                {
                    "base_model": base,
                    "n_heads": heads,
                    "n_targets": found["tgt_model"].nunique(),
                    "divergence": fate,
                    "share": share,
                    "chance": share if fate == "missing" else float(found[f"chance_{fate}"].mean()),
                }
            )
    columns = ["base_model", "n_heads", "n_targets", "divergence", "share", "chance"]
    return pd.DataFrame(rows, columns=columns)


def _stack(axes: Axes, shares: pd.DataFrame, column: str, at: np.ndarray, height: float) -> None:
    left = np.zeros(len(at))
    for fate, look in FATES.items():
        width = shares.loc[shares["divergence"] == fate, column].to_numpy(dtype=np.float64)
        bars = axes.barh(
            at,
            width,
            left=left,
            height=height,
            color=look.colour,
            edgecolor=QUIET,
            linewidth=0.4,
            clip_on=False,
        )
        for bar in bars:
            bar.set_gid(f"{column}-{fate}")
        left = left + width
