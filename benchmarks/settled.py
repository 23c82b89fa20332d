"""What it costs to settle heads, beside designs with equally many prompts: ``docs/settling.md``.

Played on stored effects of all heads (``settled_effects.py``), which are measured first where they
are not there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import matplotlib

matplotlib.use("Agg")  # before pyplot: there may be no screen
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from benchmarks.markdown import table
from benchmarks.settled_effects import PER_CLUSTER, PROJECT, Effects, every_model
from benchmarks.settled_scan import played, totals
from circuit_scaling.measuring.scan.settings import SettleSettings
from circuit_scaling.prompts.rounds import ends_of_looks
from circuit_scaling.statistics.categories import straddles
from circuit_scaling.statistics.estimates import Estimates
from circuit_scaling.statistics.means import mean_estimates
from circuit_scaling.statistics.settling import Looks
from circuit_scaling.statistics.two_phase import two_phase_means
from circuit_scaling.vocabulary import STUDY_TASKS

_SETTINGS = SettleSettings()
_ERROR = _SETTINGS.error_of_task(1)
_MOST = 400
_FIRST_CLUSTERS = 10  # of a fixed design that gives intervals
_FIXED, _CORRECTED, _SETTLED = "#8a8a8a", "#c98a2b", "#3b6ea5"
_COLUMNS = 3

Floats = NDArray[np.float64]


def main() -> None:
    """Draw the figure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--embedded-only", action="store_true", help="leave SmolLM2 out")
    models = list(every_model(real=not parser.parse_args().embedded_only))
    curves = {
        model.model: (_settled(model), _fixed(model), _fixed(model, True)) for model in models
    }
    _draw(curves, PROJECT / "docs" / "images" / "settling.png")
    rows = [_row(model, *curves[model.model][:2]) for model in models]
    page = PROJECT / "docs" / "settling.md"
    page.write_text(_PAGE.format(table=table(_HEADER, rows), most=_MOST), encoding="utf-8")


def _settled(model: Effects) -> Floats:
    """Prompts a head and task up to each look, and the share settled on both: [looks, 2]."""
    sizes = [_sizes(model.rounds[task]) for task in STUDY_TASKS]
    found = [
        played(
            model.effects[task],
            model.scores[task],
            Looks(of_task, _SETTINGS.tau, _ERROR),
            PER_CLUSTER,
        )
        for task, of_task in zip(STUDY_TASKS, sizes, strict=True)
    ]
    points = []
    for look in range(max(map(len, sizes))):
        up_to = [of_task[min(look, len(of_task) - 1)] for of_task in sizes]
        cost = [np.minimum(one.n_prompts, n).mean() for one, n in zip(found, up_to, strict=True)]
        done = [one.settled & (one.n_prompts <= n) for one, n in zip(found, up_to, strict=True)]
        points.append((np.mean(cost), np.mean(done[0] & done[1])))
    return np.array(points)


def _sizes(rounds: NDArray[np.int64]) -> tuple[int, ...]:
    """Prompts at the looks, the first after the first round."""
    sizes = (PER_CLUSTER * np.cumsum(rounds)).tolist()
    return tuple(sizes[end] for end in ends_of_looks(sizes, 0, _MOST))


def _fixed(model: Effects, corrected: bool = False) -> Floats:
    """The same where every head is ablated on the same prompts, for all numbers of clusters.

    Args:
        corrected: whether effects are corrected by the attribution scores, as for settling.
    """
    n_clusters = min(values.shape[1] for values in model.effects.values())
    points = []
    for n in range(_FIRST_CLUSTERS, n_clusters + 1):
        unclear = [
            straddles(*_estimates(model, task, n, corrected).interval(_ERROR), _SETTINGS.tau)
            for task in STUDY_TASKS
        ]
        points.append((n * PER_CLUSTER, 1 - np.mean(unclear[0] | unclear[1])))
    return np.array(points)


def _estimates(model: Effects, task: str, n: int, corrected: bool) -> Estimates:
    measured = totals(model.effects[task][:, :n], PER_CLUSTER)
    if not corrected:
        return mean_estimates(measured)
    scores = model.scores[task]
    return two_phase_means(measured, *(totals(s, PER_CLUSTER) for s in (scores[:, :n], scores)))[0]


def _draw(curves: dict[str, tuple[Floats, Floats, Floats]], file: Path) -> None:
    n_rows = -(-len(curves) // _COLUMNS)
    figure, places = plt.subplots(
        n_rows, _COLUMNS, figsize=(9, 2.5 * n_rows), layout="constrained", sharey=True, sharex=True
    )
    for axes, (model, of_model) in zip(places.ravel(), curves.items(), strict=False):
        _panel(axes, model, *of_model)
    for axes in places.ravel()[len(curves) :]:
        axes.set_axis_off()
    handles, labels = places.ravel()[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=3, frameon=False, fontsize=9)
    figure.supxlabel("prompts on which a head is ablated, per task (mean over heads)", fontsize=9)
    figure.supylabel("share of heads whose category is settled", fontsize=9)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=150)
    plt.close(figure)


def _panel(axes: Axes, model: str, settled: Floats, fixed: Floats, corrected: Floats) -> None:
    axes.plot(*fixed.T, color=_FIXED, linewidth=1.2, label="all heads on the same prompts")
    axes.plot(*corrected.T, color=_CORRECTED, linewidth=1, label="the same, with attribution")
    axes.plot(*settled.T, "o-", color=_SETTLED, linewidth=1.5, markersize=4, label="until settled")
    axes.set_title(model, fontsize=9)
    axes.set_xscale("log", base=2)
    axes.set_xticks([50, 100, 200, 400, 800])
    axes.xaxis.set_major_formatter("{x:.0f}")
    axes.set_ylim(0, 1)
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8)


_HEADER = (
    "model",
    "correlation",
    "prompts a head",
    "settled",
    "all heads: prompts for as many",
    "",
    "at most",
)


def _row(model: Effects, settled: Floats, fixed: Floats) -> tuple[str, ...]:
    prompts, share = settled[-1]
    enough = fixed[fixed[:, 1] >= share, 0]
    as_many, ratio = "more than there are", f"> {fixed[-1, 0] / prompts:.1f} ×"
    if len(enough):
        as_many, ratio = f"{enough[0]:.0f}", f"{enough[0] / prompts:.1f} ×"
    return (
        model.model,
        f"{_along(model):.2f}",
        f"{prompts:.0f}",
        f"{share:.0%}",
        as_many,
        ratio,
        f"{fixed[-1, 1]:.0%} with {fixed[-1, 0]:.0f}",
    )


def _along(model: Effects) -> float:
    """Median over heads and tasks of how attribution scores go along with effects over clusters."""
    found = [
        np.corrcoef(effects, scores)[0, 1]
        for task in STUDY_TASKS
        for effects, scores in zip(model.effects[task], model.scores[task], strict=True)
    ]
    return float(np.median(found))


_PAGE = """# What it costs to settle heads

With `scan.until: resolved` a head is ablated on as many prompts as its category needs
([how to](how_to/settle.md), [method](method.md)). Here it is beside the design that ablates every
head on the same prompts, at the same promise: a category is wrong in at most 5 %, and a
scan that is looked at keeps it over all looks. Prompts are counted per head and task.

![Share of heads whose category is settled against prompts](images/settling.png)

Most of what is saved comes from the correction by attribution scores, shown alone as well for
designs that ablate all heads on the same prompts. Settling pays for being allowed to look after
every batch with wider intervals, and finds by itself how many prompts are enough.

{table}

*Correlation*: of attribution scores with exact effects over clusters of prompts, the median over
heads and tasks. *At most*: the share that is settled with all prompts that were measured. Embedded
models have 840 prompts of each task, and settling ablates a head on {most} of them at most; SmolLM2
has 160. Both use attribution scores on all prompts, a forward and a backward pass each. Written by
`python -m benchmarks.settled` from effects of all heads on all prompts; one real order of the
prompts, so that a single row has chance in it. 1,000 drawn orders of each model, wrong verdicts and
the coverage of the intervals are in [coverage](coverage.md).
"""


if __name__ == "__main__":
    main()
