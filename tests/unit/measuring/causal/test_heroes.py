"""Which heads are traced; heroes that do not fit, and tracings that are stale, stop with a line."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.measuring.causal.freshness import check_traced, scan_of, tracing_fingerprint
from circuit_scaling.measuring.causal.heroes import Subjects, subjects_of
from circuit_scaling.measuring.causal.influence import self_repair
from circuit_scaling.measuring.causal.settings import CausalSettings
from circuit_scaling.measuring.shared.columns import JoinSettings
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.statistics.means import ClusterMeans
from tests.helpers.causal_tables import SETTINGS

COLUMNS = JoinSettings()
ENTRY = RosterEntry(
    slug="mini_s", family="mini", folder="anywhere", params_m=1, n_layers=2, n_heads=2
)
CLASSIFIED = pd.DataFrame(
    {
        "model": "mini_s",
        "layer": [0, 0, 1, 1],
        "head": [0, 1, 0, 1],
        "category": ["weak", "shared", "anti_only", "weak"],
        "category_select": ["weak", "shared", "ioi_only", "weak"],
        "fingerprint": "aa",
    }
)
HEROES = CLASSIFIED.iloc[[2, 1, 0]].drop(columns="fingerprint")
HEROES = HEROES.assign(category=HEROES["category_select"])


def subjects(settings: CausalSettings = SETTINGS, heroes: pd.DataFrame = HEROES) -> Subjects:
    return subjects_of(ENTRY, CLASSIFIED, heroes, settings)


def test_weak_heads_are_listed_and_never_traced() -> None:
    found = subjects()
    assert found.heroes == found.traced == ((1, 0), (0, 1))
    assert found.categories[0, 0] == "weak"
    every = subjects(SETTINGS.model_copy(update={"heads": "all"}))
    assert every.heroes == found.heroes
    assert every.traced == ((0, 0), (0, 1), (1, 0), (1, 1))


def test_a_hero_is_called_what_it_was_chosen_as_and_others_by_all_prompts() -> None:
    found = subjects()
    assert found.category((1, 0)) == "ioi_only"
    assert found.categories[1, 0] == "anti_only"  # what another hero routes into there
    assert found.category((1, 1)) == "weak"


def test_a_model_without_heroes_has_nothing_to_trace() -> None:
    assert subjects(heroes=HEROES.head(0)).traced == ()
    assert subjects(heroes=HEROES.assign(model="another")).traced == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [({"layer": 2}, "L2H0 of 'mini_s' is outside"), ({"head": 3}, "outside its 2 layers of 2")],
)
def test_a_hero_outside_the_shape_is_named(change: dict[str, int], words: str) -> None:
    with pytest.raises(CircuitScalingError, match=words):
        subjects(heroes=HEROES.head(1).assign(**change))


def test_a_hero_of_another_category_is_named() -> None:
    with pytest.raises(CircuitScalingError, match="L1H0.*--pipelines classify"):
        subjects(heroes=HEROES.head(1).assign(category="shared"))


def test_a_stale_tracing_stops_with_the_command() -> None:
    mark = tracing_fingerprint("aa", subjects(), SETTINGS)
    names = ("causal_traces", "head_reads", "head_writes")
    fresh = {name: pd.DataFrame({"fingerprint": [mark]}) for name in names}
    check_traced("mini_s", CLASSIFIED, subjects(), COLUMNS, SETTINGS, fresh)
    later = SETTINGS.model_copy(update={"min_share": 0.3, "n_permutations": 999, "seed": 1})
    check_traced("mini_s", CLASSIFIED, subjects(), COLUMNS, later, fresh)
    changes = (
        (CLASSIFIED.assign(fingerprint="bb"), subjects(), SETTINGS),
        (CLASSIFIED, subjects(heroes=HEROES.head(1)), SETTINGS),
        (CLASSIFIED, subjects(), SETTINGS.model_copy(update={"max_prompts": 4})),
        (CLASSIFIED, subjects(heroes=HEROES.head(0)), SETTINGS),
    )
    for classified, now, settings in changes:
        with pytest.raises(CircuitScalingError, match="--namespaces causal.mini_s"):
            check_traced("mini_s", classified, now, COLUMNS, settings, fresh)
    for name in names:
        for other in (pd.DataFrame({"fingerprint": ["bb"]}), fresh[name].head(0)):
            with pytest.raises(CircuitScalingError, match="--namespaces causal.mini_s"):
                check_traced(
                    "mini_s", CLASSIFIED, subjects(), COLUMNS, SETTINGS, fresh | {name: other}
                )


def test_a_model_without_categories_is_named() -> None:
    assert scan_of("mini_s", CLASSIFIED) == "aa"
    with pytest.raises(CircuitScalingError, match="'mini_l' has no categories.*join,classify"):
        scan_of("mini_l", CLASSIFIED)


def _means(mean: list[float], half: list[float]) -> ClusterMeans:
    values, width = np.array(mean), np.array(half)
    return ClusterMeans(values, width / 2, values - width, values + width, np.full_like(width, 0.5))


def test_self_repair_only_where_a_direct_effect_is_partly_undone() -> None:
    direct = _means([2, -2, 2, 2, 2, 0.1, 1], [0.5, 0.5, 3, 0.5, 0.5, 0.05, np.nan])
    indirect = _means([-1, 0.5, -1, -1, 1, -4, -0.5], [0.2, 0.2, 0.2, 2, 0.2, 0.2, 0.1])
    found = self_repair(direct, indirect)
    np.testing.assert_allclose(found[:2], [0.5, 0.25])
    # direct straddles 0; indirect straddles 0; same sign; indirect is the larger; no interval
    assert np.isnan(found[2:]).all()
