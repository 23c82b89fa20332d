"""Measures of rankings and masked accuracies, on planted findings that have intervals."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.audit.compared import Compared, methods_in
from circuit_scaling.analysis.audit.evidence import Evidence
from circuit_scaling.analysis.audit.measures import MEASURES
from circuit_scaling.analysis.audit.results import Seen, Unknown, Value, Verdicts, together
from tests.helpers.configured import ROSTERS

MEASURED = {"retrieval.asks": {}, "masking.ks": [50], "comparison.top": 50}
Row = tuple[str, str, float, float, float]


def evidence(*rows: Row, measured: bool = True, absent: tuple = ()) -> Evidence:
    """Findings (finding, group, value, interval) about base and instruct, on all four lengths."""
    axes = pd.MultiIndex.from_product(
        [
            ["summed_attention", "wu24", "qrhead"],
            ["llama3_8b", "llama3_8b_instruct"],
            ["inc_state", "inc_year", "employee_count", "hq_state"],
            [2048, 4096, 6144, 8128],
        ],
        names=["method", "model", "question", "token_length"],
    ).to_frame(index=False)
    ranked = axes.merge(pd.DataFrame({"layer": [0, 1], "head": [3, 5], "rank": [1, 2]}), "cross")
    ranked = ranked.assign(
        score=0.5, n_samples=12.0, n_layers=32.0, n_heads=32.0, answered=True, fingerprint="0f"
    )
    first = ranked["model"].eq("llama3_8b") & ranked["layer"].eq(1)
    ranked.loc[first, "rank"] = 100
    tables = {
        "retrieval_findings": pd.DataFrame(
            [(*row, 32) for row in rows],
            columns=["finding", "group", "value", "ci_low", "ci_high", "n"],
        ),
        "absent_findings": pd.DataFrame(
            list(absent), columns=["finding", "group", "n_groups", "reason"]
        ),
        "head_rankings": ranked,
        "ablation_results": axes,
    }
    for table in tables.values():
        table.attrs["made_with"] = MEASURED if measured else {}
    return Evidence(tables, ROSTERS)


def result(name: str, of: Evidence, **arguments):
    found = MEASURES[name](of, of.models("head_rankings"), arguments)
    return together(found, in_general=False) if isinstance(found, Verdicts) else found


def holds(name: str, of: Evidence, **arguments) -> bool | None:
    found = result(name, of, **arguments)
    assert isinstance(found, Seen), found
    return found.holds


def test_a_finding_is_found_by_the_names_of_the_study():
    of = evidence(
        ("drop_at_k_by_model", "llama3_8b_instruct|50", 0.25, 0.2, 0.3),
        ("drop_at_k_by_length", "8128|50", 0.25, 0.2, 0.3),
        ("universal_share", "wu24|L24H27", 0.9, 0.8, 1.0),
        ("universal_share_chance", "wu24", 0.05, np.nan, np.nan),
        ("f1_mean_rank", "wu24|L20H14", 20, 15, 25),
        ("f7_overlap_mean", "method", 0.1, 0.05, 0.2),
        ("method_overlap_chance", "wu24|qrhead", 0.02, np.nan, np.nan),
        ("method_overlap_chance", "qrhead|wu24", 0.04, np.nan, np.nan),
        ("f5_rank_max", "wu24|L17H28", 271, np.nan, np.nan),
    )
    model = "meta-llama/Meta-Llama-3-8B-Instruct"
    found = result("of_accuracies", of, finding="drop_at_k_by_model", keys=[model, 50])
    assert found[:5] == (0.25, 0.2, 0.3, 0.0, False)
    found = result("of_accuracies", of, finding="drop_at_k_by_length", keys=[8192, 50])
    assert found.value == 0.25
    nothing = {
        ("universal_share", "wu24", "L24H27"): 0.05,
        ("f1_mean_rank", "wu24", "L20H14"): 512.5,
        ("f7_overlap_mean", "method"): 0.03,
        ("f5_rank_max", "wu24", "L17H28"): None,
    }
    for (finding, *keys), level in nothing.items():
        found = result("of_rankings", of, finding=finding, keys=keys)
        assert found.nothing == pytest.approx(level) if level else found.nothing is None
    assert result("of_rankings", of, finding="f5_rank_max", keys=["wu24", "L17H28"]).exact


def test_a_finding_that_there_is_not_says_why():
    of = evidence(absent=[("f6_gap", "", 3, "no two heads have scores")])
    found = result("of_rankings", of, finding="f6_gap", keys=["wu24"])
    assert found == Unknown("no two heads have scores")
    found = result("of_accuracies", of, finding="q1_mean_drop", keys=["inc_year", 50])
    assert found == Unknown("there is no q1_mean_drop of inc_year|50")


@pytest.mark.parametrize(
    ("first", "second", "greater"),
    [
        ((0.5, 0.4, 0.6), (0.2, 0.1, 0.3), True),
        ((0.5, 0.2, 0.8), (0.2, 0.1, 0.3), None),
        ((0.2, 0.1, 0.3), (0.5, 0.4, 0.6), False),
    ],
)
def test_comparisons(first, second, greater):
    of = evidence(
        ("f6_gap", "wu24", *first),
        ("f6_gap", "qrhead", *second),
        ("q3_drop_mean", "numerical", *first),
        ("q3_drop_mean", "categorical", *second),
    )
    pair = {"high": ["wu24"], "low": [["qrhead"]]}
    assert holds("rankings_differ", of, finding="f6_gap", **pair) is greater
    lower = {"low": ["qrhead"], "high": [["wu24"]]}
    assert holds("rankings_lower", of, finding="f6_gap", **lower) is greater
    kinds = {"high": ["numerical"], "low": [["categorical"]]}
    assert holds("accuracies_differ", of, finding="q3_drop_mean", **kinds) is greater
    groups = [["numerical"], ["categorical"]]
    unequal = holds("accuracies_unequal", of, finding="q3_drop_mean", groups=groups)
    assert unequal is (None if greater is None else True)
    absent = result("rankings_differ", of, finding="f6_gap", high=["wu24"], low=[["summed"]])
    assert isinstance(absent, Unknown)


@pytest.mark.parametrize(
    ("beyond", "expected"), [((0.2, 0.4), True), ((-0.1, 0.4), None), ((-0.4, -0.1), False)]
)
def test_best_heads_against_random_ones(beyond, expected):
    rows = [
        (f"{finding}", f"{method}|{k}", 0.3, *interval)
        for method in ("summed_attention", "wu24", "qrhead")
        for finding, interval in (
            ("drop_beyond_random_at_k", beyond),
            ("drop_at_k_by_method", (0.2, 0.4)),
            ("random_drop_at_k_by_method", (0.2, 0.4)),
        )
        for k in (5, 50)
    ]
    assert holds("best_heads_matter", evidence(*rows)) is expected
    without = [row for row in rows if row[0] != "drop_beyond_random_at_k"]
    assert holds("best_heads_matter", evidence(*without)) is None
    fewer = [row for row in rows if row[1] != "wu24|50"]
    fewer.append(("drop_beyond_random_at_k", "wu24|50", -0.2, -0.4, -0.1))  # the largest k counts
    assert holds("best_heads_matter", evidence(*fewer)) is False
    imported = [
        (finding, f"{method}|50", value, np.nan, np.nan)
        for method in ("summed_attention", "wu24", "qrhead")
        for finding, value in (("drop_at_k_by_method", 0.3), ("random_drop_at_k_by_method", 0.1))
    ]
    assert holds("best_heads_matter", evidence(*imported, measured=False)) is True


@pytest.mark.parametrize(("high", "expected"), [(0.5, True), (0.7, None)])
def test_an_overlap_against_what_halves_of_the_samples_share(high, expected):
    rows = [("f7_overlap_mean", "model", 0.4, 0.3, high)]
    ceilings = [("ranking_ceiling", m, c, np.nan, np.nan) for m, c in (("wu24", 0.6), ("a", 0.9))]
    of = evidence(*rows, *ceilings)
    assert holds("overlap_is_below_the_ceiling", of, dimension="model") is expected
    found = result("overlap_is_below_the_ceiling", evidence(*rows), dimension="model")
    assert isinstance(found, Unknown)


def plain(finding: str, **values: float) -> list[Row]:
    return [(finding, group, value, np.nan, np.nan) for group, value in values.items()]


def test_the_consensus():
    of = evidence(*plain("f1_consensus", L20H14=1.0, L14H31=1.0, L0H0=0.0))
    assert result("consensus_count", of) == Value(2.0, exact=True)
    assert result("consensus_share", of).value == pytest.approx(2 / 1024)
    assert holds("consensus_is", of, heads=["L14H31", "L20H14"]) is True
    assert holds("consensus_is", of, heads=["L20H14"]) is False


def test_mean_ranks_of_one_model():
    of, asked = evidence(), {"method": "wu24", "head": "L1H5"}
    base, instruct = (f"meta-llama/Meta-Llama-3-8B{end}" for end in ("", "-Instruct"))
    assert result("mean_rank", of, model=base, **asked).value == 100
    assert result("mean_rank", of, model=instruct, **asked).value == 2
    found = result("mean_rank", of, model=base, method="wu24", head="L9H9")
    assert found == Unknown("no method lists L9H9")


def test_volatile_heads():
    rows = plain("f5_rank_sd", **{"wu24|L17H28": 83.0, "wu24|L0H1": 20.0, "qrhead|L6H3": 360.0})
    rows += plain("f5_rank_min", **{"wu24|L17H28": 1.0, "qrhead|L6H3": 41.0})
    rows += plain("f5_rank_max", **{"wu24|L17H28": 271.0, "qrhead|L6H3": 1008.0})
    of = evidence(*rows)
    assert holds("most_volatile", of, method="wu24", head="L17H28") is True
    assert holds("most_volatile", of, method="wu24", head="L0H1") is False
    assert holds("some_swing", of, best=1, worst=1000) is False
    assert holds("some_swing", of, best=41, worst=1000) is True


def test_heads_that_are_found_most_often_ties_apart():
    shares = {"L1H1": 1.0, "L2H2": 0.9, "L3H3": 0.8, "L4H4": 0.8, "L5H5": 0.1}
    of = evidence(*plain("universal_share", **{f"wu24|{h}": s for h, s in shares.items()}))
    for third, expected in (("L3H3", True), ("L4H4", True), ("L5H5", False)):
        heads = ["L1H1", "L2H2", third]
        assert holds("found_most_often", of, method="wu24", heads=heads) is expected
    assert holds("found_by", of, head="L4H4", methods=["wu24"]) is True
    assert holds("found_by", of, head="L5H5", methods=["wu24"]) is False
    found = result("found_most_often", of, method="wu24", heads=["L9H9"])
    assert isinstance(found, Unknown)


def test_layers_and_heads_of_methods_and_questions():
    shares = {"wu24|5": 0.4, "wu24|16": 0.3, "wu24|2": 0.1, "qrhead|9": 0.9}
    rows = plain("f2_layer_share", **shares)
    for question, (first, head) in {
        "inc_state": (14, "L14H1"),
        "inc_year": (14, "L14H1"),
        "employee_count": (16, "L14H1"),
        "hq_state": (3, "L16H2"),
    }.items():
        often = {14: 5.0, 16: 5.0, 3: 1.0} | {first: 9.0}
        rows += plain("q4_layer_frequency", **{f"{question}|{at}": n for at, n in often.items()})
        heads = {"L14H1": 1.0, "L16H2": 1.0, "L3H3": 9.0} | {head: 5.0}
        rows += plain("q4_head_frequency", **{f"{question}|{h}": n for h, n in heads.items()})
    of = evidence(*rows)
    assert holds("leading_layers", of, method="wu24", layers=[16, 5]) is True
    assert holds("leading_layers", of, method="wu24", layers=[2, 5]) is False
    assert holds("methods_prefer_layers", of, n=1) is True
    assert holds("layers_dominate", of, layers=[14, 16]) is True  # for three questions of four
    assert holds("layers_dominate", of, layers=[3, 14]) is False
    assert holds("questions_prefer_layers", of, n=2) is True
    assert holds("questions_prefer_layers", of, n=3) is False
    assert holds("questions_prefer_heads", of, layers=[14, 16]) is True
    assert holds("questions_prefer_heads", of, layers=[3]) is False


@pytest.mark.parametrize(
    ("best", "others", "expected"),
    [
        ((2, 1, 10), (400, 300, 500), True),
        ((2, 1, 80), (400, 300, 500), None),
        ((90, 70, 110), (400, 300, 500), False),
        ((2, 1, 10), (150, 100, 190), False),
    ],
)
def test_a_specialist(best, others, expected):
    of = evidence(
        ("f3_specialist_rank", "summed_attention|L16H9|hq_state", *best),
        ("f3_other_rank", "summed_attention|L16H9|hq_state", *others),
    )
    asked = {"head": "L16H9", "question": "hq_state", "best": 50, "others": 200}
    assert holds("is_specialist", of, **asked) is expected


def test_what_was_compared():
    of = evidence()
    assert holds("as_designed", of) is True
    assert Compared(of, ["head_rankings"]).differs(()) == ""
    rankings = of.tables["head_rankings"]
    fewer = Evidence({"head_rankings": rankings[rankings["token_length"] < 8000]}, ROSTERS)
    assert holds("as_designed", fewer) is False
    told = Compared(fewer, ["head_rankings"]).differs(())
    assert told == "here it is over the lengths 2048, 4096, 6144"
    assert Compared(fewer, ["head_rankings"]).differs({2048}) == ""
    assert methods_in({"keys": ["wu24", "L0H0"]}) == ("wu24",)
    assert methods_in({"keys": [2048]}) == ("summed_attention", "wu24", "qrhead")
