"""Heroes must come from the present scan, and trials from the present heroes."""

from __future__ import annotations

import pandas as pd
import pytest

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.measuring.ablation.freshness import ablation_fingerprint, check_fresh_trials
from tests.helpers import ablated_sets, small_scans
from tests.helpers.fresh_scans import ENTRY, PROMPT_SETTINGS, TASKS, fresh_scan

HEROES = ablated_sets.heroes(ioi_only=[(0, 0)], shared=[(1, 2)], weak=[(2, 2)])


def fingerprint(heroes: pd.DataFrame = HEROES, heads: str | None = None, **changes: object) -> str:
    prompts, right = fresh_scan()
    return ablation_fingerprint(
        *(ENTRY, TASKS, PROMPT_SETTINGS, small_scans.SETTINGS),
        ablated_sets.SETTINGS.model_copy(update=changes),
        prompts,
        pd.DataFrame({"fingerprint": [heads or right] * 3}),
        heroes,
    )


def test_what_the_trials_depend_on_and_what_not() -> None:
    first = fingerprint()
    assert fingerprint() == first
    assert fingerprint(HEROES[HEROES["category"] != "weak"]) == first
    assert fingerprint(ablated_sets.heroes(ioi_only=[(0, 1)], shared=[(1, 2)])) != first
    assert fingerprint(ablated_sets.heroes(shared=[(0, 0)], ioi_only=[(1, 2)])) != first
    assert fingerprint(n_random=7) != first
    assert fingerprint(seed=1) != first


def test_heroes_of_another_scan_stop() -> None:
    with pytest.raises(CircuitScalingError, match="0ld.*--pipelines scan,join,classify"):
        fingerprint(heads="0ld")


def test_trials_of_other_heroes_stop() -> None:
    check_fresh_trials("mini_s", pd.DataFrame({"fingerprint": ["aa"] * 3}), "aa", True)
    check_fresh_trials("mini_s", pd.DataFrame({"fingerprint": []}), "aa", False)
    for stored, has_heroes in ((["0ld"], True), ([], True), (["aa"], False), (["aa", "0ld"], True)):
        with pytest.raises(CircuitScalingError, match="--namespaces ablation.mini_s"):
            check_fresh_trials("mini_s", pd.DataFrame({"fingerprint": stored}), "aa", has_heroes)
