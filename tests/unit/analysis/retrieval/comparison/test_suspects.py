"""Plausibility of rankings and sets: what is healthy passes, and what is not is told."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.analysis.retrieval.comparison import suspects
from circuit_scaling.analysis.retrieval.comparison.checked import Checked, as_table, as_text
from circuit_scaling.analysis.retrieval.known_heads import published_retrieval_heads
from circuit_scaling.models.roster import Rosters
from circuit_scaling.tables.retrieval import ABLATION_RESULTS, HEAD_RANKINGS, RETRIEVAL_CHECKS
from tests.helpers import given_retrieval, synthetic_retrieval

BASE = "meta-llama/Meta-Llama-3-8B"
LLAMA = {"family": "llama3", "params_m": 8030, "n_layers": 32, "n_heads": 32}
ROSTERS = Rosters.model_validate(
    {"retrieval": {"base": {**LLAMA, "hub": BASE}, "other": {**LLAMA, "folder": "x"}}}
)


def rankings(lengths: tuple[int, ...] = given_retrieval.LENGTHS, seed: int = 0) -> pd.DataFrame:
    """As they are imported: nothing is known but scores and ranks."""
    given = given_retrieval.rankings(lengths, seed)
    told = given.reindex(columns=list(HEAD_RANKINGS.columns))
    return HEAD_RANKINGS.typed(told.assign(family="x", fingerprint="0f"))


def broken(at: tuple[int, ...], lengths: tuple[int, ...] = given_retrieval.LENGTHS) -> pd.DataFrame:
    """At some lengths the first method ranks the heads of the first model by other scores."""
    healthy, other = rankings(lengths), rankings(lengths, seed=1)
    here = healthy["token_length"].isin(at)
    here &= (healthy["method"] == "mine") & (healthy["model"] == "tiny_base")
    return healthy.where(~here, other).astype(healthy.dtypes)


def only(checked: list[Checked]) -> Checked:
    (one,) = checked
    return one


@pytest.mark.parametrize("lengths", [(100, 200), (100, 200, 400), (100, 150, 200, 300, 400, 800)])
def test_healthy_lengths_pass(lengths: tuple[int, ...]) -> None:
    assert only(suspects.attention(rankings(lengths))).outcome == "passed"


@pytest.mark.parametrize(
    ("lengths", "at"),
    [
        ((100, 200), (200,)),
        ((100, 200, 400), (200,)),
        ((100, 200, 400, 800), (400, 800)),
    ],
)
def test_lengths_that_fall_apart_are_named(lengths: tuple[int, ...], at: tuple[int, ...]) -> None:
    found = only(suspects.attention(broken(at, lengths)))
    assert (found.outcome, found.where) == ("suspect", "mine, tiny_base")
    sound = [length for length in lengths if length not in at]
    groups = sorted([sound, list(at)])
    named = [", ".join(map(str, group)) for group in groups]
    assert f"rankings at {named[0]} tokens and at {named[1]} correlate with" in found.detail
    heads = given_retrieval.LAYERS * given_retrieval.HEADS
    assert found.n_rows == min(len(sound), len(at)) * heads * len(given_retrieval.QUESTIONS)


def test_a_list_of_the_best_heads_is_enough() -> None:
    for table, outcome in ((rankings(), "passed"), (broken((400,)), "suspect")):
        best = table[table["rank"] <= 12].assign(score=np.nan)
        assert only(suspects.attention(best)).outcome == outcome


def test_what_says_nothing_of_lengths_is_left_out() -> None:
    """A ranking without scores is one by place; one of few samples is noise."""
    spoilt = broken((400,))
    there = spoilt["token_length"] == 400
    for told in (
        spoilt.assign(score=spoilt["score"].where(~there)),
        spoilt.assign(n_samples=np.where(there, 9.0, 10.0)),
    ):
        assert only(suspects.attention(told)).outcome == "passed"
    for table in (rankings((100,)), rankings((0,)), rankings().query("rank < 9")):
        assert only(suspects.attention(table)).outcome == "not possible"
    one_question = rankings((100, 200)).query("question == 'age'")
    assert only(suspects.attention(one_question)).outcome == "not possible"


def test_the_projects_own_rankings_pass() -> None:
    measured = synthetic_retrieval.head_rankings()
    assert only(suspects.attention(measured)).outcome == "passed"
    assert only(suspects.few_samples(measured)).outcome == "passed"


def test_ranks_on_few_samples_are_counted_among_the_first_heads() -> None:
    table = rankings()
    assert only(suspects.few_samples(table)).outcome == "not possible"
    samples = np.where(table["rank"] <= 10, 10.0, 1.0)  # far behind, few are no matter
    assert only(suspects.few_samples(table.assign(n_samples=samples))).outcome == "passed"
    first = (table["rank"] == 1) & (table["method"] == "yours") & (table["question"] == "age")
    found = suspects.few_samples(table.assign(n_samples=np.where(first, 3.0, 40.0)))
    assert [one.where for one in found] == ["yours, tiny_base", "yours, tiny_instruct"]
    assert "in 3 of 6 rankings" in found[0].detail
    assert "the fewest on 3 (age at 100 tokens, " in found[0].detail
    assert found[0].n_rows == 3


def masked(ranked: pd.DataFrame, places: list[int]) -> pd.DataFrame:
    """For each ranking the set of the heads at these places."""
    rows = []
    for key, ranking in ranked.groupby(given_retrieval.AXES, sort=False):
        chosen = ranking.sort_values("rank").iloc[places]
        heads = {"layers": chosen["layer"].tolist(), "heads": chosen["head"].tolist()}
        rows.append({**dict(zip(given_retrieval.AXES, key, strict=True)), **heads})
    table = pd.DataFrame(rows).assign(set_type="hero", n_heads=len(places), draw=0)
    return table.reindex(columns=list(ABLATION_RESULTS.columns))


def test_a_set_is_the_first_heads_of_its_ranking() -> None:
    ranked = rankings()
    assert only(suspects.prefixes(ranked, masked(ranked, [2, 0, 1]))).outcome == "passed"
    found = suspects.prefixes(ranked, masked(ranked, [0, 1, 3]))
    assert len(found) == 4
    assert "not the first of their ranking: 6 sets of best heads" in found[0].detail
    tied = ranked.assign(rank=ranked["rank"].replace(4, 3))
    assert only(suspects.prefixes(tied, masked(ranked, [0, 1, 3]))).outcome == "passed"
    listed = ranked[ranked["rank"] < 3]
    assert suspects.prefixes(listed, masked(ranked, [0, 1, 2]))[0].outcome == "suspect"
    for sets, table in ((masked(ranked, []), ranked), (masked(ranked, [0]), ranked.iloc[:0])):
        assert only(suspects.prefixes(table, sets)).outcome == "not possible"


def of_llama(seed: int, first: list[tuple[int, int]], **changed: Any) -> pd.DataFrame:
    """A ranking of 1,024 heads at random, but for those that come first."""
    rng = np.random.default_rng(seed)
    rest = [(place // 32, place % 32) for place in rng.permutation(1024)]
    order = [*first, *(head for head in rest if head not in first)]
    table = pd.DataFrame(order, columns=["layer", "head"]).assign(
        method="mine", model="base", question="age", token_length=100, rank=range(1, 1025)
    )
    return table.reindex(columns=list(HEAD_RANKINGS.columns)).assign(**changed)


def test_published_heads_must_not_stand_where_chance_puts_them() -> None:
    known = published_retrieval_heads().query("checkpoint == @BASE")
    heads = list(zip(known["layer"], known["head"], strict=True))
    found = of_llama(0, heads[:6])
    assert only(suspects.published_heads(found, ROSTERS)).outcome == "passed"
    lost = pd.concat([found, of_llama(1, [], token_length=200)])
    told = only(suspects.published_heads(lost, ROSTERS))
    assert (told.outcome, told.where, told.n_rows) == ("suspect", "mine, base", 1024)
    assert "200 tokens: " in told.detail
    assert f"of the {len(heads)} heads of DeCoRe are among the 50 best" in told.detail
    for model in ("other", "stranger"):
        none = suspects.published_heads(of_llama(1, [], model=model), ROSTERS)
        assert only(none).outcome == "not possible"


def test_outcomes_are_a_table_and_one_list() -> None:
    ranked = broken((400,))
    ranked = ranked.assign(n_samples=np.where(ranked["rank"] == 1, 2.0, 12.0))
    every = suspects.plausibility(ranked, masked(ranked, [1]), ROSTERS)
    table = RETRIEVAL_CHECKS.validate(as_table(every))
    assert set(table["outcome"]) == {"suspect", "not possible"}
    text = as_text(every).splitlines()
    headings = [line for line in text if not line.startswith("  - ")]
    assert len(headings) == len({line.partition(".")[0] for line in headings}) == 3
    assert len(text) == 3 + 1 + 4 + 4
    empty = HEAD_RANKINGS.empty(), ABLATION_RESULTS.empty()
    outcomes = RETRIEVAL_CHECKS.validate(as_table(suspects.plausibility(*empty, ROSTERS)))
    assert set(outcomes["outcome"]) == {"not possible"}
