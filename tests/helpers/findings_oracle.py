"""The study's findings by loops over the rows of the tables: finding -> group -> (value, n)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations
from math import isnan, sqrt
from typing import Any

import pandas as pd

Expected = dict[str, dict[str, tuple[float, int]]]
Head = tuple[int, int]
Cell = tuple[str, str, str, int]


@dataclass(frozen=True)
class Defined:
    """What a comparison is told."""

    kinds: Mapping[str, str]
    pairs: Sequence[tuple[str, str]]
    top: int
    layer_top: int
    frequent: int
    consensus: float


def average(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def spread(values: Sequence[float]) -> float:
    return sqrt(average([(value - average(values)) ** 2 for value in values]))


def alike(one: set[Head], other: set[Head]) -> float:
    return len(one & other) / len(one | other)


def of_rankings(frame: pd.DataFrame, told: Defined) -> Expected:
    listed = _Listed(frame)
    found: Expected = defaultdict(dict)
    for head in listed.heads:
        _head(listed, head, told, found)
    for method in listed.methods:
        _method(listed, method, told, found)
    _unions(listed, told, found)
    _two_cells(listed, told, found)
    return found


class _Listed:
    """The rows, by configuration."""

    def __init__(self, frame: pd.DataFrame) -> None:
        self.cells: dict[Cell, dict[Head, tuple[int, float]]] = defaultdict(dict)
        self.methods: list[str] = []
        self.questions: list[str] = []
        for row in frame.to_dict("records"):
            cell = row["method"], row["model"], row["question"], row["token_length"]
            self.cells[cell][row["layer"], row["head"]] = row["rank"], row["score"]
            for name, seen in (("method", self.methods), ("question", self.questions)):
                if row[name] not in seen:
                    seen.append(row[name])
        self.heads = sorted({head for cell in self.cells.values() for head in cell})
        self.layers = range(max(layer for layer, _ in self.heads) + 1)

    def ranks(self, head: Head, *where: str) -> list[int]:
        """Of the configurations that list it and have these names."""
        return [
            ranks[head][0]
            for cell, ranks in self.cells.items()
            if head in ranks and set(where) <= set(cell)
        ]

    def tops(self, k: int, *where: str) -> list[set[Head]]:
        return [
            {head for head, (rank, _) in ranks.items() if rank <= k}
            for cell, ranks in self.cells.items()
            if set(where) <= set(cell)
        ]


def _named(head: Head) -> str:
    return f"L{head[0]}H{head[1]}"


def _head(listed: _Listed, head: Head, told: Defined, found: Expected) -> None:
    means, n = [], 0
    for method in listed.methods:
        key = f"{method}|{_named(head)}"
        everywhere, tops = listed.ranks(head, method), listed.tops(told.top, method)
        n += len(everywhere)
        found["universal_share"][key] = sum(head in top for top in tops) / len(tops), len(tops)
        if everywhere:
            means.append(average(everywhere))
            found["f1_mean_rank"][key] = means[-1], len(everywhere)
            _of_questions(listed, head, method, found)
            _of_pairs(listed, head, method, told, found)
        if len(everywhere) >= len(tops) / 2:
            found["f5_rank_sd"][key] = spread(everywhere), len(everywhere)
            found["f5_rank_min"][key] = min(everywhere), len(everywhere)
            found["f5_rank_max"][key] = max(everywhere), len(everywhere)
    agreed = len(means) == len(listed.methods) and all(mean < told.consensus for mean in means)
    found["f1_consensus"][_named(head)] = float(agreed), n


def _of_questions(listed: _Listed, head: Head, method: str, found: Expected) -> None:
    ranks = {question: listed.ranks(head, method, question) for question in listed.questions}
    for question in listed.questions:
        key = f"{method}|{_named(head)}|{question}"
        others = [average(own) for name, own in ranks.items() if name != question and own]
        if ranks[question]:
            found["f3_specialist_rank"][key] = average(ranks[question]), len(ranks[question])
        if others:
            found["f3_other_rank"][key] = average(others), len(others)


def _of_pairs(listed: _Listed, head: Head, method: str, told: Defined, found: Expected) -> None:
    changes, n = [], 0
    for base, instruct in told.pairs:
        before, after = listed.ranks(head, method, base), listed.ranks(head, method, instruct)
        if before and after:
            changes.append(average(after) - average(before))
            n += len(before) + len(after)
    if changes:
        found["f4_rank_change"][f"{method}|{_named(head)}"] = average(changes), n


def _method(listed: _Listed, method: str, told: Defined, found: Expected) -> None:
    tops = listed.tops(told.top, method)
    often = Counter(head for top in tops for head in top)
    kept = sorted(listed.heads, key=lambda head: (-often[head], head))[: told.frequent]
    for layer in listed.layers:
        inside = sum(often[head] for head in kept if head[0] == layer)
        share = inside / sum(often[head] for head in kept)
        found["f2_layer_share"][f"{method}|{layer}"] = share, len(tops)
    gaps = []
    for cell, ranks in listed.cells.items():
        best = [score for _, score in sorted(ranks.values())[:2]]
        if cell[0] == method and len(best) == 2:
            gaps.append((best[0] - best[1]) / best[0])
    if gaps:
        found["f6_gap"][method] = average(gaps), len(gaps)


def _unions(listed: _Listed, told: Defined, found: Expected) -> None:
    unions, n = {}, {}
    for name in [*listed.questions, *listed.methods]:
        tops = listed.tops(told.top, name)
        unions[name], n[name] = set().union(*tops), len(tops)
    for question in listed.questions:
        best = [head for top in listed.tops(told.layer_top, question) for head in top]
        for head in listed.heads:
            key = f"{question}|{_named(head)}"
            found["q4_head_frequency"][key] = best.count(head), n[question]
        for layer in listed.layers:
            count = sum(head[0] == layer for head in best)
            found["q4_layer_frequency"][f"{question}|{layer}"] = count, n[question]
    pairs = [
        *(("method_pair_jaccard_of_unions", *pair) for pair in permutations(listed.methods, 2)),
        *(("question_union_jaccard", *pair) for pair in combinations(listed.questions, 2)),
    ]
    for finding, a, b in pairs:
        found[finding][f"{a}|{b}"] = alike(unions[a], unions[b]), n[a] + n[b]
    sides, n_sides = [], 0
    for kind in ("numerical", "categorical"):
        members = [question for question in listed.questions if told.kinds.get(question) == kind]
        within = [alike(unions[a], unions[b]) for a, b in combinations(members, 2)]
        n_kind = sum(n[question] for question in members)
        if within:
            found["q2_jaccard_of_unions"][f"within_{kind}"] = average(within), n_kind
        if members:
            sides.append(set().union(*(unions[question] for question in members)))
            n_sides += n_kind
    if len(sides) == 2:
        found["q2_jaccard_of_unions"]["between"] = alike(*sides), n_sides


def _two_cells(listed: _Listed, told: Defined, found: Expected) -> None:
    """Every configuration beside every other that differs in one thing."""
    tops = dict(zip(listed.cells, listed.tops(told.top), strict=True))
    overlaps = defaultdict(list)
    for one, other in permutations(tops, 2):
        apart = [axis for axis in range(4) if one[axis] != other[axis]]
        if len(apart) != 1:
            continue
        a, b = one[apart[0]], other[apart[0]]
        method, model, question, _ = one
        counted: dict[int, tuple[str, bool, tuple[Any, ...]]] = {
            0: ("method", _before(a, b, listed.methods), (a, b)),
            1: ("model", (a, b) in told.pairs, (method, question)),
            2: ("question", _before(a, b, listed.questions), (method, model, a, b)),
            3: ("length", apart == [3] and a < b, (method, model, a, b)),
        }
        axis, counts, keys = counted[apart[0]]
        j, group = alike(tops[one], tops[other]), "|".join(map(str, keys))
        if axis == "method" or counts:
            overlaps[f"{axis}_overlap", group].append(j)
        if counts:
            overlaps["f7", "token_length" if axis == "length" else axis].append(j)
    for (finding, group), values in overlaps.items():
        if finding == "f7":
            found["f7_overlap_mean"][group] = average(values), len(values)
            found["f7_overlap_sd"][group] = spread(values), len(values)
        else:
            found[finding][group] = average(values), len(values)


def _before(a: Any, b: Any, order: list[str]) -> bool:
    return a in order and b in order and order.index(a) < order.index(b)


def of_masking(frame: pd.DataFrame, kinds: Mapping[str, str]) -> Expected:
    """Of one kind of ablation."""
    draws = defaultdict(list)
    keys = ["method", "model", "question", "token_length", "n_heads", "set_type"]
    for row in frame.to_dict("records"):
        drop = row["baseline_accuracy"] - row["accuracy"]
        if not isnan(drop):
            draws[tuple(row[key] for key in keys)].append(drop)
    pooled = defaultdict(list)
    for (method, model, question, length, k, set_type), drops in draws.items():
        drop, start = average(drops), "random_" if set_type == "random" else ""
        pooled[f"{start}drop_at_k_by_method", f"{method}|{k}"].append(drop)
        pooled[f"{start}drop_at_k", f"{method}|{question}|{k}"].append(drop)
        if set_type == "hero":
            pooled["q1_mean_drop", f"{question}|{k}"].append(drop)
            pooled["drop_at_k_by_model", f"{model}|{k}"].append(drop)
            pooled["drop_at_k_by_length", f"{length}|{k}"].append(drop)
            pooled["q3", kinds.get(question, "")].append(drop)
    found: Expected = defaultdict(dict)
    for (finding, group), values in pooled.items():
        if finding != "q3":
            found[finding][group] = average(values), len(values)
        elif group:
            found["q3_drop_mean"][group] = average(values), len(values)
            found["q3_drop_sd"][group] = spread(values), len(values)
    return found
