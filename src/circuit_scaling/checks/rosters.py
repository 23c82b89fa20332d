"""The rosters, entry by entry, so that one wrong entry does not hide what else is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from circuit_scaling.checks.blocks import wrong_in
from circuit_scaling.checks.problem import Problem
from circuit_scaling.configuration import ROSTERS
from circuit_scaling.models.roster import Roster, RosterEntry

ALL = "rosters"
_STAND_IN = RosterEntry(family="none", hub="none", params_m=1, n_layers=1, n_heads=1)


def wrong_rosters(parameters: Mapping[str, Any]) -> list[Problem]:
    """What is wrong in the rosters of the run, and in the others, which name imported models."""
    found = [
        problem
        for name in ROSTERS
        if name in parameters
        for problem in _wrong(name, parameters[name])
    ]
    every = parameters.get(ALL)
    if not isinstance(every, Mapping):
        return found + (wrong_in(ALL, every, dict[str, Roster]) if ALL in parameters else [])
    seen = [slug_and for name in ROSTERS for slug_and in _entries(parameters.get(name))]
    for name, roster in every.items():
        left = roster
        if isinstance(roster, Mapping) and roster:
            left = dict(pair for pair in _entries(roster) if pair not in seen)
        if left or left is roster:
            found += _wrong(f"{ALL}.{name}", left)
    return found


def without_wrong_entries(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with the entries that are right, so that the rest can be looked at.

    Where none is right, there is one that stands in, because pipelines cannot be built of none.
    """
    kept = {
        name: dict(pair for pair in _entries(parameters.get(name)) if not _wrong(name, [pair]))
        for name in ROSTERS
    }
    stand_in = {"none": _STAND_IN.model_dump(exclude={"slug"})}
    return {**parameters, **{name: entries or stand_in for name, entries in kept.items()}}


def _wrong(name: str, roster: Any) -> list[Problem]:
    if isinstance(roster, list) and all(isinstance(pair, tuple) for pair in roster):
        roster = dict(roster)
    if not isinstance(roster, Mapping) or not roster:
        return wrong_in(name, roster, Roster)
    return [p for slug, entry in roster.items() for p in wrong_in(name, {slug: entry}, Roster)]


def _entries(roster: Any) -> Iterator[tuple[str, Any]]:
    yield from roster.items() if isinstance(roster, Mapping) else ()
