"""One model's heroes: where each looks, what it does itself, and where it writes to."""

from __future__ import annotations

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
    left of 0, the path carries the task. Lines are 95 % intervals. Raises ValueError if a column is
    missing.
    """
    require_columns(shown, _COLUMNS, "reads_writes")
    if shown.empty:
        return nothing_to_draw("the model has no hero heads")
    heroes = list(shown.groupby(_HEAD, sort=False))
    figure = new_figure(0.86 * len(heroes) + 1.0)
    panels = figure.subplots(
        len(heroes), 3, sharex="col", squeeze=False, width_ratios=(1.0, 0.72, 1.0)
    )
    for (left, middle, right), (_, rows) in zip(panels, heroes, strict=True):
        _reads_panel(left, rows[rows["side"] == "reads"])
        _middle(middle, rows)
        _writes_panel(right, rows[rows["side"] == "writes"])
    panels[0, 0].set_title("reads: attention from the end", loc="left")
    panels[0, 1].set_title(str(shown["model"].iloc[0]), loc="left")
    panels[0, 2].set_title("writes: strongest paths", loc="left")
    panels[-1, 0].set_xlim(0, 1)
    panels[-1, 0].set_xlabel("share of attention")
    panels[-1, 2].set_xscale("symlog", linthresh=_LINEAR)
    panels[-1, 2].xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−"))
    )
    panels[-1, 2].set_xlabel(f"change of m by the path alone\n(logits, linear within ±{_LINEAR:g})")
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


def _reads_panel(axes: Axes, rows: pd.DataFrame) -> None:
    tasks = list(rows["task"].unique())
    for place, task in enumerate(tasks):
        start = 0.0
        of_task = rows[(rows["task"] == task) & rows["value"].notna()]
        for role, value in zip(of_task["colour"], of_task["value"], strict=True):
            colour = _ROLES[role][1]
            axes.barh(place, value, left=start, color=colour, height=0.66, gid="reads")
            start += value
    axes.set_yticks(range(len(tasks)), [_SHORT[task] for task in tasks])
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(tasks) - 0.4, -0.6)


def _middle(axes: Axes, rows: pd.DataFrame) -> None:
    axes.set_axis_off()
    first = rows.iloc[0]
    look = CATEGORIES[first["category"]]
    name = f"L{first['layer']}H{first['head']}"
    axes.text(0, 0.9, name, fontweight="bold", color=look.colour, va="center")
    axes.text(0.98, 0.9, look.label, color=QUIET, va="center", ha="right", fontsize=6.5)
    for place, (task, verdict) in enumerate(
        rows.groupby("task", sort=False)["verdict"].first().items()
    ):
        label = next(iter(task_looks([str(task)]).values())).label.split(",")[0]
        axes.text(0, 0.72 - 0.45 * place, f"{label}:\n{verdict}", va="top", fontsize=6.5, wrap=True)


def _writes_panel(axes: Axes, rows: pd.DataFrame) -> None:
    axes.axvline(0, color=QUIET, linewidth=0.7)
    labels = []
    for place, row in enumerate(rows.to_dict("records")):
        look = CATEGORIES.get(row["colour"])
        axes.barh(
            place,
            row["value"],
            color=INK if look is None else look.colour,
            edgecolor=QUIET,
            linewidth=0.3,
            height=0.7,
            gid="writes",
        )
        axes.hlines(place, row["low"], row["high"], color=QUIET, linewidth=0.8, gid="interval")
        labels.append(f"{_SHORT[row['task']]} → {row['name']}")
    axes.set_yticks(range(len(labels)), labels, fontsize=5.5)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.spines["left"].set_color(RULE)


def _receiver_handles() -> list[Patch]:
    handles = [Patch(color=INK, label="logits")]
    handles += [Patch(color=look.colour, label=look.label) for look in CATEGORIES.values()]
    return handles
