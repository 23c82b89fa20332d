"""docs/real_models.md from the tables of ``make real``; nothing is measured here."""

from __future__ import annotations

import argparse
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy

from benchmarks import real_retrieval
from benchmarks.markdown import table
from circuit_scaling.analysis.cluster_effects import task_totals
from circuit_scaling.statistics.concentration import share_of_strongest
from circuit_scaling.statistics.means import ClusterMeans, cluster_means
from circuit_scaling.tables.made_with import made_with
from circuit_scaling.vocabulary import STUDY_TASKS

_ROOT = Path(__file__).parents[1]
_TOP = 8
_ALPHA = 0.05
_TABLES = (
    *("classified_heads", "joint_effects", "competence", "prompts_needed", "ablation_agreement"),
    *("ablation_summary", "causal_summary", "bos_effects", "run_log", "name_order"),
    *real_retrieval.TABLES,
)
_INTRO = """\
# What a real model showed

Made by `python -m benchmarks.real_models` from the tables of `make real`; every number is read from
them, and brackets are 95 % intervals over names, in the templates that there are. Δ: change of the
logit contrast when the head is ablated; negative, the head helps.
"""


def write_page(data: Path, page: Path) -> None:
    """Write the page from the newest tables below ``data``."""
    tables = {name: frame for name in _TABLES if (frame := _newest(data, name)) is not None}
    parts = [_INTRO]
    for model in tables["classified_heads"]["model"].unique():
        of_model = {
            name: frame[frame["model"] == model] if "model" in frame else frame
            for name, frame in tables.items()
        }
        parts += [f"## {model}\n", *_chapters(of_model)]
    page.write_text("\n".join(parts).rstrip() + "\n", encoding="utf-8")


def _newest(data: Path, name: str) -> pd.DataFrame | None:
    stored = sorted(data.glob(f"*/{name}.parquet/*/{name}.parquet"))
    return pd.read_parquet(stored[-1]) if stored else None


def _chapters(tables: dict[str, pd.DataFrame]) -> Iterator[str]:
    scan = tables["run_log"][tables["run_log"]["stage"] == "scan"].iloc[0]
    heads = tables["classified_heads"]
    yield (
        f"{len(heads)} heads in {int(heads['n_layers'].iloc[0])} layers; weights:"
        f" {scan['weights']}. Prompts begin {'with' if heads['bos'].iloc[0] else 'without'} BOS.\n"
    )
    yield "### Can it do the tasks?\n"
    yield _competence(tables["competence"])
    yield "### How many heads are told from τ?\n"
    yield _needed(tables["prompts_needed"])
    means = {t: cluster_means(task_totals(tables["joint_effects"], heads, t)) for t in STUDY_TASKS}
    yield "### The strongest heads\n"
    yield from _strongest(heads, means)
    yield "### What is known of IOI in general, and what is seen here\n"
    yield from _known(heads, tables["joint_effects"], means["ioi"])
    yield "### Profile scores\n"
    yield from _profiles(heads, means["ioi"])
    yield "### Where the ablations disagree\n"
    yield _agreement(tables["ablation_agreement"])
    if len(tables.get("bos_effects", ())):
        yield "### With BOS and without\n"
        yield from _bos(tables["bos_effects"])
    if len(tables.get("name_order", ())):
        yield "### What the order of names alone does\n"
        yield _order(tables["name_order"])
    yield "### Heroes against random heads of the same layers\n"
    yield _ablated(tables["ablation_summary"])
    yield "### Verdicts\n"
    yield _verdicts(tables["causal_summary"])
    yield from real_retrieval.retrieval_chapters(tables)


def _competence(frame: pd.DataFrame) -> str:
    answered = frame[frame["readout"] == "contrast"]
    rows = [
        (
            r["task"],
            f"{r['clean_metric']:.2f} {_interval(r['low'], r['high'])}",
            f"{r['accuracy']:.0%} {_interval(r['accuracy_low'], r['accuracy_high'], '.0%')}",
            f"{r['candidate_accuracy']:.0%}",
            r["n_prompts"],
            {True: "yes", False: "no"}.get(r["competent"], "not known"),
        )
        for r in answered.to_dict("records")
    ]
    names = ("task", "contrast", "right", "best of all candidates", "prompts", "competent")
    return table(names, rows)


def _needed(frame: pd.DataFrame) -> str:
    rows = [
        (
            r["task"],
            r["n_prompts"],
            f"{r['frac_resolved']:.0%}",
            *(
                "–" if np.isnan(r[f"prompts_{s}"]) else f"{r[f'prompts_{s}']:,.0f}"
                for s in (50, 80, 95)
            ),
        )
        for r in frame.to_dict("records")
    ]
    return table(("task", "prompts", "resolved", "for 50 %", "for 80 %", "for 95 %"), rows)


def _strongest(heads: pd.DataFrame, means: dict[str, ClusterMeans]) -> Iterator[str]:
    for task, words in (("ioi", "IOI"), ("anti_names", "anti-repetition")):
        rows = []
        for i in np.argsort(-np.abs(means[task].mean))[:_TOP]:
            head = heads.iloc[i]
            q, stability = f"{head[f'q_{task}']:.2g}", f"{head['category_stability']:.0%}"
            rows.append((_name(head), _delta(means[task], i), q, head["category"], stability))
        yield f"By |Δ| on {words}:\n"
        yield table(("head", "Δ", "q", "category", "stability"), rows)


def _known(heads: pd.DataFrame, effects: pd.DataFrame, means: ClusterMeans) -> Iterator[str]:
    tau = made_with(heads)["classify.tau"]
    delta, q = means.mean, heads["q_ioi"].to_numpy()
    depth = (heads["layer"].to_numpy() + 0.5) / heads["n_layers"].to_numpy()
    strong = (means.low >= tau) | (means.high <= -tau)
    order = np.argsort(-np.abs(delta))
    ten = order[:10]
    share = share_of_strongest(task_totals(effects, heads, "ioi"), 10)
    yield (
        f"- **Few strong heads.** {strong.sum()} of {len(heads)} heads have |Δ| above"
        f" τ = {tau:g} by their interval. The ten strongest carry {share.share:.0%}"
        f" {_interval(share.low, share.high, '.0%')} of the"
        " sum of |Δ|; ten heads of equal strength would carry"
        f" {10 / len(heads):.0%}. Noise spreads the sum over weak heads, so that this is a lower"
        " bound.\n"
    )
    late = int((depth[ten] > 0.5).sum())
    low, high = scipy.stats.binomtest(late, len(ten)).proportion_ci(method="wilson")
    verdict = "seen" if low > 0.5 else "not shown"
    yield (
        f"- **Late.** {verdict}: {late} of the ten strongest heads lie in the upper half of the"
        f" layers, {late / 10:.0%} {_interval(low, high, '.0%')} (Wilson, heads as a sample). Mean"
        f" depth {depth[ten].mean():.2f}.\n"
    )
    raises = np.flatnonzero((means.low > 0) & (q < _ALPHA))
    raises = raises[np.argsort(-delta[raises])][:5]
    named = "; ".join(f"{_name(heads.iloc[i])} {_delta(means, i)}" for i in raises)
    total = int(((delta > 0) & (q < _ALPHA)).sum())
    yield (
        f"- **Heads whose removal raises the metric.** {'seen' if total else 'not shown'}:"
        f" {total} heads with q < {_ALPHA:g}{f', the strongest {named}' if named else ''}.\n"
    )
    depths = {
        name: depth[heads[name].to_numpy().argsort()[::-1][:5]]
        for name in ("duplicate_token", "induction", "previous_token")
    }
    for name in ("duplicate_token", "induction"):
        yield _earlier(name, depths[name], "the ten strongest heads", depth[ten])
    first = depths["previous_token"]
    yield _earlier("previous_token", first, "induction heads", depths["induction"])


def _earlier(name: str, here: np.ndarray, other: str, there: np.ndarray) -> str:
    test = scipy.stats.ttest_ind(here, there, equal_var=False)
    interval = test.confidence_interval(0.95)
    difference = float(here.mean() - there.mean())
    told = (
        "seen" if interval.high < 0 else "the reverse is seen" if interval.low > 0 else "not shown"
    )
    return (
        f"- **{name.replace('_', '-')} heads before {other}.** {told}: the five heads with the"
        f" highest score lie {difference:+.2f} {_interval(interval.low, interval.high)} of the"
        f" depth from them (Welch, heads as a sample).\n"
    )


def _profiles(heads: pd.DataFrame, means: ClusterMeans) -> Iterator[str]:
    yield (
        "Attention on random repeated tokens, without a sample of prompts and so without an"
        " interval; Δ_ioi of the same heads beside it.\n"
    )
    rows = []
    for name in ("previous_token", "duplicate_token", "induction"):
        for i in np.argsort(-heads[name].to_numpy())[:5]:
            head = heads.iloc[i]
            rows.append((name, _name(head), f"{head[name]:.2f}", _delta(means, i)))
    yield table(("score", "head", "value", "Δ_ioi"), rows)


def _agreement(frame: pd.DataFrame) -> str:
    rows = [
        (
            r["task"],
            f"{r['ablation_a']}, {r['positions_a']}",
            f"{r['ablation_b']}, {r['positions_b']}",
            f"{r['spearman']:.2f}",
            "–" if np.isnan(r["category_changes"]) else f"{r['category_changes']:.0f}",
            r["n_heads_compared"],
        )
        for r in frame.sort_values("spearman").to_dict("records")
    ]
    note = "Rank correlation over all heads; it has no interval, and is not a claim beyond them.\n"
    return (
        note + "\n" + table(("task", "one", "other", "Spearman", "other category", "heads"), rows)
    )


def _bos(frame: pd.DataFrame) -> Iterator[str]:
    first = frame.iloc[0]
    for name, words in (("with", "With BOS"), ("without", "Without")):
        interval = _interval(first[f"accuracy_low_{name}"], first[f"accuracy_high_{name}"], ".0%")
        yield f"{words}: right on {first[f'accuracy_{name}']:.0%} {interval} of the prompts.\n"
    differ = frame[frame["q"] < _ALPHA]
    top = differ.loc[differ["difference"].abs().nlargest(5).index]
    rows = [
        (
            f"L{r['layer']}H{r['head']}",
            f"{r['delta_with']:.2f}",
            f"{r['delta_without']:.2f}",
            f"{r['difference']:.2f} {_interval(r['low'], r['high'])}",
        )
        for r in top.to_dict("records")
    ]
    yield f"On {first['task']}, {len(differ)} of {len(frame)} heads differ (q < {_ALPHA:g}).\n"
    if rows:
        yield table(("head", "Δ with", "Δ without", "difference"), rows)


def _order(frame: pd.DataFrame) -> str:
    differ = int((frame["q"] < _ALPHA).sum())
    changed = int((frame["category"] != frame["category_first"]).sum())
    return (
        f"{differ} of {len(frame)} heads have another effect where always the first name is"
        f" repeated (q < {_ALPHA:g}); {changed} would be in another category.\n"
    )


def _ablated(frame: pd.DataFrame) -> str:
    of_all = frame[frame["primary"] & frame["mean_diff"].notna()]
    of_all = of_all.loc[of_all.groupby(["task", "hero_set"])["k"].idxmax()]
    rows = [
        (
            r["task"],
            r["hero_set"],
            r["k"],
            f"{r['mean_diff']:.2f} {_interval(r['low'], r['high'])}",
            f"{r['matched_mean_diff']:.2f} {_interval(r['matched_low'], r['matched_high'])}",
            f"{r['matched_difference']:.2f}"
            f" {_interval(r['matched_difference_low'], r['matched_difference_high'])}",
            f"{r['matched_p']:.2g}",
            f"{r['matched_n']:.0f}",
        )
        for r in of_all.to_dict("records")
    ]
    names = ("task", "heroes", "k", "heroes, Δ", "random, Δ", "difference", "p", "random sets")
    return table(names, rows)


def _verdicts(frame: pd.DataFrame) -> str:
    rows = [
        (
            f"L{r['layer']}H{r['head']}",
            r["category"],
            r["task"],
            _told(r, "denoising_normalised"),
            _told(r, "share_logits"),
            r["verdict"] + (f" {r['routes_into']}" if r["routes_into"] else ""),
        )
        for r in frame.to_dict("records")
    ]
    names = ("head", "category", "task", "influence, normalised", "share to the logits", "verdict")
    return table(names, rows)


def _told(row: dict[Hashable, Any], name: str) -> str:
    if np.isnan(row[name]):
        return "–"
    return f"{row[name]:.2f} {_interval(row[f'{name}_low'], row[f'{name}_high'])}"


def _delta(means: ClusterMeans, i: int) -> str:
    return f"{means.mean[i]:.2f} {_interval(means.low[i], means.high[i])}"


def _name(row: pd.Series) -> str:
    return f"L{row['layer']}H{row['head']}"


def _interval(low: float, high: float, form: str = ".2f") -> str:
    return "[no interval]" if np.isnan(low) or np.isnan(high) else f"[{low:{form}}, {high:{form}}]"


def main() -> None:
    """Read the tables of ``make real``, write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.real_models", description=__doc__)
    parser.add_argument("--data", type=Path, default=_ROOT / "data" / "real")
    options = parser.parse_args()
    write_page(options.data, _ROOT / "docs" / "real_models.md")


if __name__ == "__main__":
    main()
