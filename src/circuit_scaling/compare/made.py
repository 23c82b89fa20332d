"""How two runs were made differently: parameters, engine, checkpoints, prompts, tables, models."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from circuit_scaling.compare.runs import HEADS, Run
from circuit_scaling.vocabulary import first_few

_NOT_THERE = "–"
_SHOWN = 6


@dataclass(frozen=True)
class Difference:
    """One thing that the runs were made differently with; what is not there is a dash."""

    what: str
    a: str
    b: str


def differences(a: Run, b: Run) -> Iterator[Difference]:
    """Everything that the runs' tables say of how they were made, where it is not the same.

    Parameters count where both runs say them: those of a stage that only one has are no difference.
    """
    common = sorted(a.tables & b.tables)
    in_a, in_b = ({k: v for t in common for k, v in _parameters(run, t)} for run in (a, b))
    for name in sorted(in_a.keys() & in_b.keys()):
        if in_a[name] != in_b[name]:
            yield Difference(f"parameter {name}", str(in_a[name]), str(in_b[name]))
    yield from _told("commit of the project", a.commit(_heads(a)), b.commit(_heads(b)))
    libraries_a, libraries_b = _libraries(a), _libraries(b)
    for name in libraries_a.keys() & libraries_b.keys():
        yield from _told(name, libraries_a[name], libraries_b[name])
    yield from _of_models(a, b)
    only_a, only_b = sorted(a.tables - b.tables), sorted(b.tables - a.tables)
    if only_a or only_b:
        yield Difference("tables of one alone", _listed(only_a), _listed(only_b))


def _parameters(run: Run, table: str) -> Iterator[tuple[str, Any]]:
    """The parameters of a table, each as deep as its dotted name can go."""
    waiting = [*run.made_with(table).items()]
    while waiting:
        name, value = waiting.pop()
        if isinstance(value, Mapping):
            waiting += [(f"{name}.{part}", inner) for part, inner in value.items()]
        else:
            yield name, value


def _told(what: str, a: str, b: str) -> Iterator[Difference]:
    if a != b:
        yield Difference(what, a or _NOT_THERE, b or _NOT_THERE)


def _heads(run: Run) -> str:
    return next((name for name in HEADS if name in run.tables), HEADS[0])


def _libraries(run: Run) -> dict[str, str]:
    """What the scans ran with: library -> its version, several where models had different ones."""
    log = run.table("run_log")
    found: dict[str, set[str]] = {}
    for line in [] if log is None else log["versions"]:
        for name, version in json.loads(line).items():
            found.setdefault(name, set()).add(version)
    return {name: ", ".join(sorted(versions)) for name, versions in found.items()}


def _of_models(a: Run, b: Run) -> Iterator[Difference]:
    """Models of one run alone, and those whose measurement, commit or prompts are others."""
    of_a, of_b = _by_model(a), _by_model(b)
    if of_a is None or of_b is None:
        return
    pairs = ((of_a, of_b), (of_b, of_a))
    only = [_listed([model for model in x.index if model not in y.index]) for x, y in pairs]
    if only != [_NOT_THERE, _NOT_THERE]:
        yield Difference("models of one alone", *only)
    both = [str(model) for model in of_a.index if model in of_b.index]
    engines = [{model: run.engine(model) for model in both} for run in (a, b)]
    yield from _grouped("engine of", *engines)
    for column, what in (("revision", "commit of"), ("bos", "BOS of"), ("fingerprint", "scan of")):
        told = [{model: str(frame.at[model, column]) for model in both} for frame in (of_a, of_b)]
        yield from _grouped(what, *told)
    yield from _prompts(a, b, both)


def _grouped(what: str, a: Mapping[str, str], b: Mapping[str, str]) -> Iterator[Difference]:
    """The models that differ, those with the same difference together."""
    differ = [model for model in a if a[model] != b[model]]
    of_pair: dict[tuple[str, str], list[str]] = {}
    for model in differ:
        of_pair.setdefault((a[model], b[model]), []).append(model)
    if len(of_pair) > 1 and len(of_pair) == len(differ):  # each has its own: that is all to say
        of_pair = {("each has its own", "each another"): differ}
    for (of_a, of_b), models in of_pair.items():
        yield from _told(f"{what} {_listed(models)}", of_a, of_b)


def _by_model(run: Run) -> pd.DataFrame | None:
    """The first head of each model, which has what all of its heads have."""
    table = run.table(_heads(run))
    return None if table is None else table.groupby("model", sort=False).first()


def _prompts(a: Run, b: Run, models: list[str]) -> Iterator[Difference]:
    """Of models whose prompts are others: how many of them both runs have."""
    of_a, of_b = a.table("joint_prompts"), b.table("joint_prompts")
    if of_a is None or of_b is None:
        return
    told: list[dict[str, str]] = [{}, {}]
    for model in models:
        texts = [_texts(table, model) for table in (of_a, of_b)]
        if texts[0] != texts[1]:
            common = len(texts[0] & texts[1])
            for side, own in zip(told, texts, strict=True):
                side[model] = f"{len(own) - common} of {len(own)} only here"
    for one, other in zip(told[0].items(), told[1].values(), strict=True):
        yield Difference(f"prompts of {one[0]}", one[1], other)


def _texts(prompts: pd.DataFrame, model: str) -> set[tuple[str, str]]:
    rows = prompts[prompts["model"] == model]
    return set(zip(rows["task"], rows["text"], strict=True))


def _listed(names: list[str]) -> str:
    return first_few(names, _SHOWN) or _NOT_THERE
