"""One model's heroes: where each looks, what it does itself, and where it writes to."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from circuit_scaling.figures.style import (
    CATEGORIES,
    INK,
    QUIET,
    RULE,
    new_figure,
    nothing_to_draw,
    require_columns,
    styled,
    task_looks,
)

# Roles of a prompt's positions: label and colour; what is not about names is grey.
_ROLES = {
    "first_name": ("first name", "#7fb2d9"),
    "second_name": ("second name", "#1f5f99"),
    "repeated_name": ("repeated name", "#c8553d"),
    "first_token": ("first token", "#d9d9d9"),
    "rest": ("the rest", "#a6a6a6"),
}
_HEAD = ["family", "model", "category", "layer", "head"]
_COLUMNS = (*_HEAD, "task", "verdict", "side", "name", "colour", "value", "low", "high")
_STRONGEST = 3  # writes that are drawn per hero and task
_LINEAR = 0.1  # logits: beyond, the axis is logarithmic, so that weak paths are seen beside strong
_INCHES = 0.86  # of the row of a hero
_LETTERS = 32  # of a line of its verdicts
_SHORT = {"ioi": "IOI", "anti_names": "anti"}


def reads_writes_of(
    model: str, causal_summary: pd.DataFrame, head_reads: pd.DataFrame, head_writes: pd.DataFrame
) -> pd.DataFrame:
    """What the figure of ``model`` shows, a row per bar.

    ``side`` is ``reads`` (``name`` a role, ``value`` the attention to it from the last position) or
    ``writes`` (``name`` the logits or an input of a later head, ``value`` the effect of the path
    alone in logits), the strongest by absolute effect of each hero and task; ``colour`` is the role
    or the category of the receiver.
    """
    heroes = causal_summary[causal_summary["model"] == model]
    heroes = heroes.assign(verdict=[_verdict(*names) for names in _verdicts(heroes)])
    key = [*_HEAD, "task"]
    about = heroes[[*key, "verdict"]]
    reads = about.merge(head_reads, on=key, validate="one_to_one")
    frames = [
        reads[[*key, "verdict"]].assign(
            side="reads",
            name=label,
            colour=role,
            value=reads[role],
            low=reads[f"{role}_low"],
            high=reads[f"{role}_high"],
        )
        for role, (label, _) in _ROLES.items()
    ]
    paths = head_writes[head_writes["destination"] != "category"]
    writes = about.merge(paths, on=key, validate="one_to_many")
    writes = writes.assign(size=writes["effect"].abs()).sort_values(
        "size", ascending=False, kind="stable"
    )
    writes = writes.groupby(key, sort=False).head(_STRONGEST)
    receivers = zip(
        *(writes[n] for n in ("destination", "receiver_layer", "receiver_head", "channel")),
        strict=True,
    )
    frames.append(
        writes[[*key, "verdict", "low", "high"]].assign(
            side="writes",
            name=[_destination(*names) for names in receivers],
            colour=writes["receiver_category"].where(writes["destination"] == "head", "logits"),
            value=writes["effect"],
        )
    )
    order = {hero: place for place, hero in enumerate(heroes[key].itertuples(index=False))}
    shown = pd.concat([frame[list(_COLUMNS)] for frame in frames], ignore_index=True)
    places = [order[hero] for hero in shown[key].itertuples(index=False)]
    return shown.assign(_place=places).sort_values("_place", kind="stable").drop(columns="_place")


@styled
def reads_writes(shown: pd.DataFrame) -> Figure:
    """A row per hero: its attention by role on the left, its verdicts, its strongest writes.

    ``shown`` is what :func:`reads_writes_of` gives. Writes are effects on the clean run: to the
    left of 0, the path carries the task. Lines are 95 % intervals.

    Raises:
        ValueError: a column is missing.
    """
    require_columns(shown, _COLUMNS, "reads_writes")
    if shown.empty:
        return nothing_to_draw("the model has no hero heads")
    heroes = [rows for _, rows in shown.groupby(_HEAD, sort=False)]
    figure = new_figure(_INCHES * len(heroes) + 1.2)
    # One pair of axes for all heroes: a pair for each takes several times as long to draw.
    left, middle, right = figure.subplots(1, 3, width_ratios=(1.0, 1.05, 0.95))
    _reads_panel(left, heroes)
    _middle(middle, heroes)
    _writes_panel(right, heroes)
    for axes in (left, middle, right):
        axes.set_ylim(len(heroes), 0)
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        for edge in range(1, len(heroes)):
            axes.axhline(edge, color=RULE, linewidth=0.4, zorder=0.5)
    left.set_title(str(shown["model"].iloc[0]), loc="left")
    left.set_xlabel("reads: share of attention\nfrom the last position")
    right.set_title("writes: strongest paths", loc="left")
    right.set_xlabel(f"change of m by the path alone\n(logits, linear within ±{_LINEAR:g})")
    handles = [Patch(color=colour, label=label) for label, colour in _ROLES.values()]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))
    figure.legend(handles=_receiver_handles(), loc="outside lower right", ncols=5)
    return figure


def _verdicts(heroes: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(heroes["verdict"], heroes["routes_into"], strict=True))


def _verdict(what: str, into: str) -> str:
    names = ", ".join(CATEGORIES[name].label for name in into.split(", ") if name)
    if what == "routes":
        return f"routes into {names} heads"
    return f"{what}: itself, and {names} heads" if what == "mixed" else what


def _destination(destination: str, layer: float, head: float, channel: str) -> str:
    return "logits" if destination == "logits" else f"L{layer:.0f}H{head:.0f} {channel}"


def _reads_panel(axes: Axes, heroes: list[pd.DataFrame]) -> None:
    """Two bars in each row, a task each, in which attention to the roles is stacked."""
    places, labels, bars = [], [], []
    for row, of_hero in enumerate(heroes):
        reads = of_hero[of_hero["side"] == "reads"]
        by_task = reads.groupby("task", sort=False)
        for place, (task, of_task) in zip((0.3, 0.7), by_task, strict=False):
            places.append(row + place)
            labels.append(_SHORT[str(task)])
            bars.append(of_task.set_index("colour")["value"].reindex(list(_ROLES)).to_numpy())
    values = np.array(bars, dtype=np.float64).reshape(len(bars), len(_ROLES))
    starts = np.nan_to_num(values).cumsum(axis=1) - np.nan_to_num(values)
    for (_, colour), start, value in zip(_ROLES.values(), starts.T, values.T, strict=True):
        there = np.isfinite(value)
        at = np.array(places)[there]
        axes.barh(at, value[there], left=start[there], color=colour, height=0.27)
    for bar in axes.patches:
        bar.set_gid("reads")
    axes.set_yticks(places, labels)
    axes.set_xlim(0, 1)


def _middle(axes: Axes, heroes: list[pd.DataFrame]) -> None:
    """Name and category of each hero, and its verdicts, in the letters that fit into its row."""
    axes.set_axis_off()
    for row, of_hero in enumerate(heroes):
        first = of_hero.iloc[0]
        look = CATEGORIES[first["category"]]
        name = f"L{first['layer']}H{first['head']}"
        top: dict[str, Any] = {"va": "top", "fontsize": 6.5}
        axes.text(
            0, row + 0.06, name, **top | {"fontsize": 7.5}, fontweight="bold", color=look.colour
        )
        axes.text(1, row + 0.07, look.label, ha="right", color=QUIET, **top)
        lines = []
        for task, verdict in of_hero.groupby("task", sort=False)["verdict"].first().items():
            label = next(iter(task_looks([str(task)]).values())).label.split(",")[0]
            lines += textwrap.wrap(
                f"{label}: {verdict}", _LETTERS, subsequent_indent="  ", break_on_hyphens=False
            )
        axes.text(0, row + 0.25, "\n".join(lines), linespacing=1.1, **top)
    axes.set_xlim(0, 1)


def _writes_panel(axes: Axes, heroes: list[pd.DataFrame]) -> None:
    """Up to six bars in each row, the strongest paths of both tasks."""
    axes.set_xscale("symlog", linthresh=_LINEAR)
    writes = [rows[rows["side"] == "writes"].assign(row=row) for row, rows in enumerate(heroes)]
    every = pd.concat(writes, ignore_index=True)
    at = every["row"] + (every.groupby("row").cumcount() + 0.9) / (2 * _STRONGEST + 0.8)
    looks = [CATEGORIES.get(colour) for colour in every["colour"]]
    axes.barh(
        at,
        every["value"],
        color=[INK if look is None else look.colour for look in looks],
        edgecolor=QUIET,
        linewidth=0.3,
        height=0.1,
    )
    for bar in axes.patches:
        bar.set_gid("writes")
    axes.hlines(at, every["low"], every["high"], color=QUIET, linewidth=0.8, gid="interval")
    axes.axvline(0, color=QUIET, linewidth=0.7)
    names = [
        f"{_SHORT[task]} → {name}" for task, name in zip(every["task"], every["name"], strict=True)
    ]
    axes.set_yticks(at, names, fontsize=5.5)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))


def _receiver_handles() -> list[Patch]:
    handles = [Patch(color=INK, label="logits")]
    handles += [Patch(color=look.colour, label=look.label) for look in CATEGORIES.values()]
    return handles
