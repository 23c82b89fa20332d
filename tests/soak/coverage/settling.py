"""Heads measured until they are settled: wrong verdicts, intervals over all looks, and the cost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from benchmarks.settled_effects import PER_CLUSTER, Effects, every_model
from benchmarks.settled_scan import played, totals
from circuit_scaling.measuring.scan.settings import SettleSettings
from circuit_scaling.statistics.categories import categorise, straddles
from circuit_scaling.statistics.means import mean_estimates
from circuit_scaling.statistics.settling import Looks
from circuit_scaling.statistics.two_phase import two_phase_means
from circuit_scaling.vocabulary import STRONG_CATEGORIES, STUDY_TASKS
from tests.helpers.simulated_effects import POPULATIONS
from tests.soak.coverage.section import COVERAGE, Section, percent

Floats = NDArray[np.float64]
TAU = 0.05
ERROR = SettleSettings().error / len(STUDY_TASKS)  # of a head on one task
SCANS = 1000
PROMPTS = 800
SIZES = (64, 128, 256, 400)  # prompts at the looks, of 800
_CLUSTERS = PROMPTS // PER_CLUSTER
_WRONG = (0.0, 100 * SettleSettings().error)
_TOP = 3  # heroes of a category
_FIXED = tuple(range(12, 302, 4))  # clusters of the designs that are compared with


def planted() -> Section:
    """Effects at tau, just inside it, and none at all, with noise of every shape."""
    rng = np.random.default_rng(4)
    looks = Looks(SIZES, TAU, ERROR)
    rows = []
    for name, draw in POPULATIONS.items():
        for along in (0.0, 0.9, 0.98):
            for true, noise in ((TAU, 0.1), (0.9 * TAU, 0.1), (0.0, 1.0)):
                control = draw(rng, (20 * SCANS, _CLUSTERS))
                own = draw(rng, control.shape)
                values = noise * (along * control + np.sqrt(1 - along**2) * own) + true
                truth = np.full(len(values), true)
                found = played(values, control, looks, PER_CLUSTER, truth)
                wrong = found.settled & ((np.abs(found.mean) >= TAU) != (true >= TAU))
                rows.append(
                    [
                        *(name, f"{along:g}", f"{true:g}", f"{noise:g}"),
                        percent(found.held),
                        percent(found.settled),
                        percent(wrong),
                        float(found.n_prompts.mean()),
                    ]
                )
    return Section(
        "Settled effects, planted",
        f"Effects on one task, looked at after {', '.join(map(str, SIZES[:-1]))} and {SIZES[-1]}"
        f" of {PROMPTS} prompts, in clusters of {PER_CLUSTER}, until they are told from τ = {TAU}"
        f" or further prompts would hardly tell them; in % of {20 * SCANS:,} repetitions. Noise of"
        " the given size over clusters goes along with the control (attribution scores in a scan)"
        " by the given correlation. *Interval*: how often the intervals of all looks hold the truth"
        " together, promised in 95 %. *Wrong*: settled on the wrong side, promised in at most"
        f" {100 * ERROR:g} % on each of two tasks, so that a category is wrong in at most"
        f" {_WRONG[1]:g} %; effects at τ and none under large noise are the hardest there are.",
        ("noise", "along", "effect", "size", "interval", "settled", "wrong", "prompts"),
        rows,
        {"interval": (COVERAGE[0], 100.0), "wrong": (0.0, 100 * ERROR)},
    )


def real() -> Section:
    """Effects of the embedded models and of SmolLM2, drawn again, 1000 scans of each."""
    rng = np.random.default_rng(5)
    return Section(
        "Settled effects, real",
        f"Both tasks of a model, {SCANS} scans: {_CLUSTERS} clusters are drawn with replacement"
        " from those measured, so that the truth is known, and heads are settled at"
        f" τ = {TAU} on at most {SIZES[-1]} of the {PROMPTS} prompts, with attribution scores on"
        " all of them. *Prompts*: on which a head is ablated on average, per task. *Wrong*:"
        " settled categories that are not the true ones, in % of all heads; ± two Monte-Carlo"
        " errors over scans. *Fixed*: what a design costs in which every head is ablated on the"
        " same number of prompts, as a multiple of what settling costs: the design that settles as"
        " many heads with the same promise, and the one with as many wrong categories of all heads,"
        " settled or not."
        f" *{PROMPTS} each*: the share that is settled with all {PROMPTS} prompts of every head."
        " Attribution scores cost a forward and a backward pass for each prompt, for all heads"
        " together, and are not counted.",
        (
            *("model", "heads", "interval", "prompts", "settled", "wrong", "±"),
            *("fixed: as many settled", "fixed: as many wrong", f"{PROMPTS} each"),
        ),
        [_of_model(model, rng) for model in every_model()],
        {"interval": (COVERAGE[0], 100.0), "wrong": _WRONG},
    )


def _of_model(model: Effects, rng: np.random.Generator) -> list[object]:
    looks = Looks(SIZES, TAU, ERROR)
    true = {task: values.mean(axis=1) for task, values in model.effects.items()}
    right = np.stack([np.abs(true[task]) >= TAU for task in STUDY_TASKS])
    cost, told, wrong, missed, held = [], [], [], [], []
    fixed = np.zeros((len(_FIXED), 2))  # resolved, and wrong
    for _ in range(SCANS):
        drawn = {
            task: rng.integers(0, values.shape[1], _CLUSTERS)
            for task, values in model.effects.items()
        }
        found = [
            played(
                model.effects[task][:, drawn[task]],
                model.scores[task][:, drawn[task]],
                looks,
                PER_CLUSTER,
                true[task],
            )
            for task in STUDY_TASKS
        ]
        settled = found[0].settled & found[1].settled
        off = (np.stack([np.abs(one.mean) >= TAU for one in found]) != right).any(axis=0)
        cost.append(np.mean([one.n_prompts for one in found]))
        told.append(settled.mean())
        wrong.append((settled & off).mean())
        missed.append(off.mean())
        held.append(np.mean([one.held for one in found]))
    for _ in range(SCANS // 5):
        sample = [
            model.effects[task][:, rng.integers(0, model.effects[task].shape[1], _FIXED[-1])]
            for task in STUDY_TASKS
        ]
        fixed += np.array([_fixed([part[:, :n] for part in sample], right) for n in _FIXED])
    fixed /= SCANS // 5
    prompts = float(np.mean(cost))
    as_resolved = _first(fixed[:, 0] >= np.mean(told))
    as_wrong = _first(fixed[:, 1] <= np.mean(missed))
    return [
        model.model,
        len(right[0]),
        100 * float(np.mean(held)),
        f"{prompts:.0f}",
        100 * float(np.mean(told)),
        100 * float(np.mean(wrong)),
        f"{200 * float(np.std(wrong)) / np.sqrt(SCANS):.2f}",
        *(
            f"{n / prompts:.1f} ×" if n else f"> {_FIXED[-1] * PER_CLUSTER / prompts:.1f} ×"
            for n in (as_resolved, as_wrong)
        ),
        100 * float(fixed[_FIXED.index(_CLUSTERS), 0]),
    ]


def _fixed(sample: list[Floats], right: NDArray[np.bool_]) -> tuple[float, float]:
    """Shares of heads that are resolved with these clusters, and of wrong categories of all."""
    found = [mean_estimates(totals(part, PER_CLUSTER)) for part in sample]
    unclear = np.stack([straddles(*one.interval(ERROR), TAU) for one in found]).any(axis=0)
    off = (np.stack([np.abs(one.mean) >= TAU for one in found]) != right).any(axis=0)
    return float(1 - unclear.mean()), float(off.mean())


def _first(reached: NDArray[np.bool_]) -> int:
    """Prompts of the first design that reaches it and keeps it; 0: none does."""
    ever = np.flatnonzero(reached)
    return _FIXED[int(ever[0])] * PER_CLUSTER if len(ever) else 0


def heroes() -> Section:
    """Whether heroes that are chosen on unequal numbers of prompts are as good as on equal ones."""
    rng = np.random.default_rng(6)
    return Section(
        "Heroes of settled heads",
        f"The {_TOP} strongest heads of each category, chosen on the select half of the clusters"
        f" of {SCANS // 5} drawn scans each. *Right*: how many of them truly are in their category,"
        " in %. *Strength*: their true strength as a share of that of the strongest heads there"
        " are in the category, in %. *Settled*: heads are ablated until they are settled. *As"
        " dear*: every head on as many prompts as settled heads have on average, without"
        f" attribution scores. *All*: every head on all {PROMPTS} prompts.",
        (
            *("model", "right: settled", "as dear", "all"),
            *("strength: settled", "as dear", "all"),
        ),
        [_heroes_of(model, rng) for model in every_model()],
        {},
    )


def _heroes_of(model: Effects, rng: np.random.Generator) -> list[object]:
    looks = Looks(SIZES, TAU, ERROR)
    true = np.stack([model.effects[task].mean(axis=1) for task in STUDY_TASKS])
    quality: list[list[tuple[float, float]]] = [[], [], []]
    for _ in range(SCANS // 5):
        on_select: list[list[Floats]] = [[], [], []]
        for task in STUDY_TASKS:
            drawn = rng.integers(0, model.effects[task].shape[1], _CLUSTERS)
            effects, scores = model.effects[task][:, drawn], model.scores[task][:, drawn]
            found = played(effects, scores, looks, PER_CLUSTER)
            # Every other cluster is on the select side.
            on_select[0].append(_of_side(effects[:, ::2], scores[:, ::2], found.n_prompts))
            as_dear = round(found.n_prompts.mean() / PER_CLUSTER / 2)
            on_select[1].append(effects[:, ::2][:, :as_dear].mean(axis=1))
            on_select[2].append(effects[:, ::2].mean(axis=1))
        for way, deltas in enumerate(on_select):
            quality[way].append(_quality(np.stack(deltas), true))
    means = [np.mean(of_way, axis=0) for of_way in quality]
    return [model.model, *(100 * float(mean[part]) for part in (0, 1) for mean in means)]


def _of_side(effects: Floats, scores: Floats, n_prompts: NDArray[np.int64]) -> Floats:
    """Estimates of each head from half of the clusters that it was ablated on: [heads]."""
    mean = np.empty(len(effects))
    for size in np.unique(n_prompts):
        heads, n = n_prompts == size, size // PER_CLUSTER // 2
        estimates, _ = two_phase_means(
            totals(effects[heads, :n], PER_CLUSTER),
            totals(scores[heads, :n], PER_CLUSTER),
            totals(scores[heads], PER_CLUSTER),
        )
        mean[heads] = estimates.mean
    return mean


def _quality(deltas: Floats, true: Floats) -> tuple[float, float]:
    """Share of heroes in the right category, and their true strength beside the best there are."""
    seen, right = categorise(*deltas, TAU), categorise(*true, TAU)
    strength, real_strength = np.abs(deltas).sum(axis=0), np.abs(true).sum(axis=0)
    hits, got, best = [], 0.0, 0.0
    for category in STRONG_CATEGORIES:
        heads = np.flatnonzero(seen == category)
        chosen = heads[np.argsort(-strength[heads], kind="stable")][:_TOP]
        hits += (right[chosen] == category).tolist()
        of_category = np.sort(real_strength[right == category])[::-1][:_TOP]
        inside = chosen[right[chosen] == category]
        got, best = got + real_strength[inside].sum(), best + of_category.sum()
    return float(np.mean(hits)), got / best
