"""Measures of head effects, on planted tables that were measured here and so have intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.audit.measures import MEASURES
from circuit_scaling.analysis.audit.results import Unknown, Value
from tests.helpers.audit_evidence import (
    ANTI,
    BOTH,
    IOI,
    SCANNED,
    Planted,
    evidence,
    holds,
    model,
)


def correlations(*rows: tuple[str, float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "family": "gpt2",
                "model": name,
                "corr": value,
                "corr_true_low": low,
                "corr_true_high": high,
                "undefined": "" if np.isfinite(low) else "effects do not vary beyond noise",
                "n_clusters_ioi": 20,
            }
            for name, value, low, high in rows
        ]
    )


SIZES = [model(name, {}, size=10.0 * at) for at, name in enumerate("abc", 1)]


@pytest.mark.parametrize(
    ("rows", "grows", "turns"),
    [
        ([(0.1, 0.05, 0.15), (0.3, 0.2, 0.4), (0.8, 0.7, 0.9)], True, False),
        ([(0.1, -0.05, 0.25), (0.3, 0.2, 0.4), (0.8, 0.7, 0.9)], None, False),
        ([(-0.2, -0.25, -0.15), (-0.5, -0.6, -0.4), (0.3, 0.2, 0.4)], False, True),
        ([(-0.2, -0.45, -0.05), (-0.5, -0.6, -0.4), (0.3, 0.2, 0.4)], False, None),
        ([(-0.2, -0.9, 0.9), (-0.5, -0.9, 0.9), (0.3, -0.9, 0.9)], None, None),
    ],
)
def test_how_correlations_change_with_size(rows, grows, turns):
    table = correlations(*((name, *row) for name, row in zip("abc", rows, strict=True)))
    # Sizes decide the order, not the rows.
    of = evidence(*SIZES[::-1], corr_vs_scale=table)
    assert holds("correlation_grows", of) is grows
    assert holds("correlation_turns", of) is turns


def test_a_correlation_is_the_raw_one_with_the_interval_of_the_true_one():
    table = correlations(("a", 0.2, 0.25, 0.4), ("b", 0.2, np.nan, np.nan))
    of = evidence(*SIZES[:2], corr_vs_scale=table)
    found = MEASURES["correlation"](of, ["a"], {})
    assert found == Value(0.2, 0.25, 0.4, nothing=0.0, exact=False)
    assert isinstance(MEASURES["correlation"](of, ["b"], {}), Unknown)
    imported = evidence(*SIZES[:2], scanned=False, corr_vs_scale=table.assign(n_clusters_ioi=0))
    assert MEASURES["correlation"](imported, ["b"], {}).exact


def test_a_moderate_correlation():
    rows = [("a", 0.3, 0.2, 0.4), ("b", 0.3, 0.2, 0.6), ("c", 0.7, 0.6, 0.8)]
    of = evidence(*SIZES, corr_vs_scale=correlations(*rows))
    assert [holds("correlation_moderate", of, [name]) for name in "abc"] == [True, None, False]


@pytest.mark.parametrize(("low", "high", "expected"), [(0.1, 0.9, True), (-0.1, 0.9, None)])
def test_a_trend_within_families(low, high, expected):
    trend = pd.DataFrame(
        {
            "family": ["gpt2", "all families", "opt"],
            "measure": "corr",
            "slope": 0.5,
            "low": [low, 0.1, np.nan],
            "high": [high, 0.9, np.nan],
        }
    )
    assert holds("correlation_has_a_trend", evidence(*SIZES, scale_trend=trend)) is expected


def counts(*rows: tuple[str, float, float, float]) -> pd.DataFrame:
    """Shares of strong heads of 100, with their intervals; the others are weak, half are shared."""
    frame = pd.DataFrame(rows, columns=["model", "frac_strong", "low", "high"])
    both = {"frac_shared": "frac_strong", "frac_shared_low": "low", "frac_shared_high": "high"}
    return frame.assign(
        tau=0.05,
        n_heads_total=100,
        frac_strong_low=frame["low"],
        frac_strong_high=frame["high"],
        frac_weak=1 - frame["frac_strong"],
        frac_weak_low=1 - frame["high"],
        frac_weak_high=1 - frame["low"],
        **{name: frame[column] for name, column in both.items()},
    )


@pytest.mark.parametrize(
    ("rows", "more", "not_grown", "weak", "shared"),
    [
        ([(0.1, 0.08, 0.12), (0.1, 0.08, 0.11), (0.3, 0.2, 0.4)], False, None, True, True),
        ([(0.6, 0.55, 0.65), (0.2, 0.1, 0.3), (0.1, 0.05, 0.15)], True, True, False, False),
        ([(0.1, 0.01, 0.9), (0.1, 0.01, 0.9), (0.3, 0.01, 0.9)], None, None, None, None),
        ([(0.1, 0.08, 0.12), (0.5, 0.4, 0.6), (0.9, 0.8, 1.0)], False, False, False, True),
    ],
)
def test_counts_of_strong_heads(rows, more, not_grown, weak, shared):
    table = counts(*((name, *row) for name, row in zip("abc", rows, strict=True)))
    of = evidence(*SIZES, strong_head_scaling=table)
    assert holds("more_strong_heads", of) is more
    assert holds("strong_heads_do_not_grow", of, factor=2.0) is not_grown
    assert holds("mostly_weak", of) is weak
    assert holds("shared_heads_grow", of) is shared


def test_a_table_without_that_threshold_tells_nothing():
    table = counts(("a", 0.1, 0.05, 0.2), ("b", 0.5, 0.4, 0.6)).assign(tau=0.03)
    of = evidence(*SIZES[:2], strong_head_scaling=table)
    assert holds("more_strong_heads", of, ["b", "a"]) is None


def aligned(slope: float) -> Planted:
    """Strong heads whose effects correlate with a sign."""
    return {(0, at): (-0.2 - 0.1 * at, -0.5 - slope * at) for at in range(4)}


def test_strong_heads_that_align_with_size():
    planted = [{**aligned(-0.1)}, {**aligned(0.01), (1, 0): (-0.1, -0.9)}, aligned(0.2)]
    sizes = [model(n, p, size=at) for at, (n, p) in enumerate(zip("abc", planted, strict=True))]
    assert holds("strong_heads_align", evidence(*sizes)) is True
    assert holds("strong_heads_align", evidence(*sizes[::-1]), ["c", "b", "a"]) is True
    turned = [frame.assign(params_m=-frame["params_m"]) for frame in sizes]
    assert holds("strong_heads_align", evidence(*turned)) is False
    unsure = [frame.assign(resolved=False) for frame in sizes]
    assert holds("strong_heads_align", evidence(*unsure)) is None


def test_shared_heads_among_the_strong_and_how_strong_they_are():
    few = {(0, 0): IOI, (0, 1): ANTI, (0, 2): BOTH}
    many = {(0, 0): IOI, (0, 1): BOTH, (0, 2): BOTH, (0, 3): (-2.0, -2.0)}
    of = evidence(model("a", few, size=1), model("b", many, size=2))
    assert holds("shared_among_strong_grow", of) is True
    assert holds("strong_heads_strengthen", of) is True
    other = evidence(model("a", few, size=2), model("b", many, size=1))
    assert holds("shared_among_strong_grow", other) is False
    assert holds("strong_heads_strengthen", other) is False


def test_every_head_of_the_shape():
    whole = model("a", {})
    assert holds("every_head_is_there", evidence(whole)) is True
    assert holds("every_head_is_there", evidence(whole.drop(3))) is False
    outside = pd.concat([whole.drop(3), whole.tail(1).assign(layer=9)])
    assert holds("every_head_is_there", evidence(outside)) is False
    assert holds("every_head_is_there", evidence(whole.assign(n_layers=np.nan))) is None


HELPING = {(0, 0): IOI, (0, 1): IOI, (0, 2): (0.4, 0.0), (1, 0): BOTH, (1, 1): ANTI}


def test_categories_and_the_side_on_which_heads_help():
    of = evidence(model("a", HELPING))
    assert holds("category_helps", of, category="ioi_only") is True
    assert holds("category_helps", of, category="shared") is True
    against = evidence(model("a", {(0, 0): (0.4, 0.0), (0, 1): IOI}))
    assert holds("category_helps", against, category="ioi_only") is False  # one of two
    assert holds("category_helps", against, category="shared") is False  # there is none
    assert holds("categories_exist", of, categories=["shared", "weak"]) is True
    assert holds("categories_exist", against, categories=["shared", "weak"]) is False
    unsure = evidence(model("a", HELPING, resolved=False))
    assert holds("categories_exist", unsure, categories=["shared"]) is None
    assert holds("category_helps", unsure, category="shared") is None


def test_another_threshold_of_the_run_tells_no_category():
    of = evidence(model("a", HELPING))
    of.tables["classified_heads"].attrs["made_with"] = SCANNED | {"classify.tau": 0.1}
    assert holds("categories_exist", of, categories=["shared"]) is None


def test_where_families_lie_between_the_tasks():
    wide = {(0, 0): (-2.0, 0.0), (0, 1): (0.0, -2.0), (0, 2): IOI}
    narrow = {(0, 0): IOI, (0, 1): ANTI, (1, 0): BOTH}
    of = evidence(model("a", wide, family="pythia"), model("b", narrow))
    assert holds("wider_than", of, family="pythia") is True
    assert holds("wider_than", of, family="gpt2") is False
    assert holds("near_the_axes", of) is True
    assert holds("near_the_axes", evidence(model("a", {(0, 0): BOTH, (0, 1): IOI}))) is False
    sizes = [model("a", narrow, size=1), model("b", wide, size=2), model("c", narrow, size=3)]
    assert holds("widest_in_the_middle", evidence(*sizes)) is True
    assert holds("widest_in_the_middle", evidence(*sizes[:2])) is False
    assert holds("fewer_anti_heads", evidence(model("a", {}), model("b", narrow))) is True
    assert holds("fewer_anti_heads", evidence(model("b", narrow), model("a", {}))) is False


def heroes(name: str, *rows: tuple[int, int, str], stability: float = 0.9) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "model": name,
                "layer": layer,
                "head": head,
                "category": category,
                "category_stability": stability,
            }
            for layer, head, category in rows
        ]
    )


def test_the_category_of_a_head_and_whether_it_is_a_hero():
    of = evidence(model("a", HELPING), hero_heads=heroes("a", (1, 0, "shared"), (0, 0, "ioi_only")))
    asked = {"layer": 1, "head": 0}
    assert holds("has_category", of, category="shared", **asked) is True
    assert holds("has_category", of, category="ioi_only", **asked) is False
    assert holds("is_hero", of, category="shared", **asked) is True
    assert holds("is_hero", of, category="ioi_only", **asked) is False
    unsure = evidence(
        model("a", HELPING, resolved=False),
        hero_heads=heroes("a", (1, 0, "shared"), stability=0.3),
    )
    for name in ("has_category", "is_hero"):
        for category in ("shared", "ioi_only"):
            assert holds(name, unsure, category=category, **asked) is None
    found = MEASURES["has_category"](of, ["a"], {"layer": 9, "head": 0, "category": "shared"})
    assert found == Unknown("a has no row for L9H0")


@pytest.mark.parametrize(("strength", "expected"), [(-0.31, True), (-0.1, False)])
def test_a_hero_with_neighbours(strength, expected):
    planted = {(0, 0): BOTH, (0, 1): (strength, 0.0)}
    of = evidence(model("a", planted), hero_heads=heroes("a", (0, 0, "shared")))
    assert holds("heroes_have_neighbours", of) is expected


def test_layers_of_a_category():
    early = {(0, head): IOI for head in range(4)}
    of = evidence(model("a", early, shape=(8, 4)))
    assert holds("in_layers", of, category="ioi_only", layers=[0, 1]) is True
    assert holds("in_layers", of, category="ioi_only", layers=[4, 5]) is False
    assert holds("in_layers", of, category="ioi_only", layers=list(range(7))) is None
    assert holds("late", of) is False
    assert holds("roles_are_apart_early", of) is True
    late = {(7, head): BOTH for head in range(3)} | {(0, 0): BOTH, (0, 1): IOI}
    of = evidence(model("a", late, shape=(8, 4)))
    assert holds("late", of) is True
    assert holds("late", of, category="shared") is True
    assert holds("roles_are_apart_early", of) is False
    assert holds("late", evidence(model("a", late, resolved=False, shape=(8, 4)))) is None


def test_one_family_lies_earlier():
    first, last = ({(at, 0): IOI, (at, 1): ANTI, (at, 2): BOTH} for at in (0, 3))
    of = evidence(model("a", first, family="pythia"), model("b", last))
    assert holds("lies_earlier", of, family="pythia") is True
    assert holds("lies_earlier", of, family="gpt2") is False
    assert holds("lies_earlier", evidence(model("b", last)), family="gpt2") is None
