"""The interactive phase space: data, layout and settings for plotly.js, as plain JSON."""

from __future__ import annotations

import html
import json
import math

import numpy as np
import pandas as pd

from circuit_scaling.figures.style import (
    CATEGORIES,
    INK,
    QUIET,
    RULE,
    both_abilities,
    family_looks,
    filled,
    number,
    order_models,
)
from circuit_scaling.figures.symlog import symlog_limits, symlog_ticks
from circuit_scaling.report.blocks import ABILITY_FLAGS, as_float, column, columns, head_name

# Matplotlib's markers in plotly's words.
_SYMBOLS = {
    "o": "circle",
    "s": "square",
    "^": "triangle-up",
    "v": "triangle-down",
    "D": "diamond",
    "d": "diamond-tall",
    "p": "pentagon",
    "P": "cross",
    "X": "x",
    "*": "star",
    "h": "hexagon",
    "H": "hexagon2",
    "<": "triangle-left",
    ">": "triangle-right",
    "8": "octagon",
}
_PLACE = ("model", "layer", "head")


def phase_space_json(classified_heads: pd.DataFrame, tau: float) -> str:
    """``{"data", "layout", "config"}`` for ``Plotly.newPlot``, safe inside a script element.

    One trace per model and category; the legend switches categories, a menu chooses a model.
    plotly has no symlog axis, so positions are transformed here and the ticks carry real values.
    """
    heads = classified_heads.dropna(subset=["delta_ioi", "delta_anti_names"])
    models = order_models(heads)
    looks = family_looks(heads["family"])
    data = [_legend_trace(category) for category in CATEGORIES]
    owners = [""] * len(data)
    for category in reversed(CATEGORIES):  # weak heads lie lowest
        for model in models:
            group = heads[(heads["model"] == model) & (heads["category"] == category)]
            if len(group):
                marker = looks[str(group["family"].iloc[0])].marker
                data.append(_trace(group, category, _SYMBOLS[marker], tau))
                owners.append(model)
    spec = {
        "data": data,
        "layout": _layout(heads, tau, _menu(models, owners)),
        "config": {
            "responsive": True,
            "displaylogo": False,
            "modeBarButtonsToRemove": ["lasso2d", "select2d", "autoScale2d"],
        },
    }
    text = json.dumps(spec, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.replace("<", "\\u003c")


def _position(value: float, tau: float) -> float:
    """Linear within ±tau, then one unit per factor of ten, as in the printed figure."""
    linear = 1 / 0.9  # the length of 0..tau that matplotlib gives its linear part
    if abs(value) <= tau:
        return round(linear * value / tau, 5)
    return round(math.copysign(linear + math.log10(abs(value) / tau), value), 5)


def _legend_trace(category: str) -> dict[str, object]:
    """An empty trace that stands for its category in the legend, whichever model is shown."""
    look = CATEGORIES[category]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [None],
        "y": [None],
        "name": look.label,
        "legendgroup": category,
        "marker": {"color": look.colour, "size": 9},
    }


def _trace(group: pd.DataFrame, category: str, symbol: str, tau: float) -> dict[str, object]:
    colour = CATEGORIES[category].colour
    ability = both_abilities(group).iloc[0]
    full = ability == "able"
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [_position(float(value), tau) for value in group["delta_ioi"]],
        "y": [_position(float(value), tau) for value in group["delta_anti_names"]],
        "text": _hover_texts(group, ability),
        "customdata": [
            f"{model} {head_name(layer, head)}" for model, layer, head in columns(group, *_PLACE)
        ],
        "hovertemplate": "%{text}<extra></extra>",
        "legendgroup": category,
        "showlegend": False,
        "marker": {
            # The colour of an open mark is that of its line.
            "color": colour if ability == "unable" else filled(colour, ability),
            "symbol": f"{symbol}-open" if ability == "unable" else symbol,
            "size": 6 if category == "weak" else 9,
            "line": {"width": 0.6 if full else 1.4, "color": "#ffffff" if full else colour},
        },
    }


def _hover_texts(group: pd.DataFrame, ability: str) -> list[str]:
    names = ("model", "layer", "head", "delta_ioi", "se_ioi", "delta_anti_names", "se_anti_names")
    columns = [column(group, name) for name in (*names, "category", "category_stability")]
    texts = []
    for model, layer, head, ioi, se_ioi, anti, se_anti, category, stability in zip(
        *columns, strict=True
    ):
        label = CATEGORIES[str(category)].label
        known = "" if pd.isna(stability) else f", stability {number(as_float(stability), 2)}"
        lines = [
            f"<b>{html.escape(str(model))} {head_name(layer, head)}</b>",
            f"Δ_ioi {_effect(ioi, se_ioi)}",
            f"Δ_anti {_effect(anti, se_anti)}",
            f"{label}{known}",
        ]
        texts.append("<br>".join(filter(None, [*lines, ABILITY_FLAGS[ability]])))
    return texts


def _effect(value: object, se: object) -> str:
    error = "" if pd.isna(as_float(se)) else f" ± {number(as_float(se), 3)}"
    return number(as_float(value), 3) + error


def _menu(models: list[str], owners: list[str]) -> dict[str, object]:
    """A list of models; traces without an owner belong to the legend and stay."""

    def button(label: str, model: str | None) -> dict[str, object]:
        shown = [not owner or model in (None, owner) for owner in owners]
        return {"label": label, "method": "restyle", "args": [{"visible": shown}]}

    buttons = [button("all models", None)]
    buttons += [button(html.escape(model), model) for model in models]
    return {
        "buttons": buttons,
        "x": 0,
        "xanchor": "left",
        "y": 1.02,
        "yanchor": "bottom",
        "bgcolor": "#ffffff",
        "bordercolor": RULE,
        "font": {"size": 12},
        "pad": {"b": 4},
    }


def _layout(heads: pd.DataFrame, tau: float, menu: dict[str, object]) -> dict[str, object]:
    shared = {"color": RULE, "width": 1, "dash": "dash"}
    lines: list[dict[str, object]] = []
    for sign in (-1, 1):
        at = _position(sign * tau, tau)
        lines.append({"type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at})
        lines[-1] |= {"y0": 0, "y1": 1, "line": shared, "layer": "below"}
        lines.append({"type": "line", "xref": "paper", "yref": "y", "y0": at, "y1": at})
        lines[-1] |= {"x0": 0, "x1": 1, "line": shared, "layer": "below"}
    return {
        "xaxis": _axis(heads["delta_ioi"], tau, "Δ_ioi (ablated − clean)"),
        "yaxis": _axis(heads["delta_anti_names"], tau, "Δ_anti (ablated − clean)"),
        "shapes": lines,
        "updatemenus": [menu],
        "legend": {"orientation": "h", "x": 0, "y": -0.16, "yanchor": "top"},
        "margin": {"l": 60, "r": 12, "t": 48, "b": 60},
        "hovermode": "closest",
        "hoverlabel": {
            "align": "left",
            "bgcolor": "#ffffff",
            "bordercolor": QUIET,
            "font": {"color": INK},
        },
        "plot_bgcolor": "#ffffff",
        "paper_bgcolor": "#ffffff",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": INK},
    }


def _axis(values: pd.Series, tau: float, title: str) -> dict[str, object]:
    # Fixed limits, so that one model can be compared with the next.
    limits = symlog_limits(values.to_numpy(dtype=np.float64), tau)
    ticks = symlog_ticks(tau, max(map(abs, limits)), spacing=8.0)
    return {
        "range": [_position(limit, tau) for limit in limits],
        "title": {"text": title, "standoff": 12},
        "tickvals": [_position(tick, tau) for tick in ticks],
        "ticktext": [f"{tick:g}".replace("-", "−") for tick in ticks],
        "ticks": "outside",
        "automargin": True,
        "showgrid": False,
        "zeroline": True,
        "zerolinecolor": RULE,
        "zerolinewidth": 0.6,
        "linecolor": QUIET,
    }
