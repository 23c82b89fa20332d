"""Corrupt prompts and roles against a reading token by token; what cannot be paired is shown."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.interventions.replay.batch import Batch
from circuit_scaling.measuring.causal.corruption import (
    given_by,
    given_pairs,
    pairs_of,
    with_corrupt,
)
from circuit_scaling.measuring.causal.roles import roles_of
from circuit_scaling.measuring.causal.traced_task import some_prompts
from circuit_scaling.tables.causal import ROLES

A, B = 7, 8  # the answer is B, A is repeated


def batch(*tokens: list[int], answer: list[int] | None = None) -> Batch:
    n = len(tokens)
    return Batch(
        tokens=np.array(tokens, dtype=np.int64),
        answers=[answer or [B]] * n,
        distractors=[[A]] * n,
        candidates=[[A, B]] * n,
        groups=np.zeros(n, dtype=np.int64),
    )


@st.composite
def prompts(draw: st.DrawFn) -> list[int]:
    """Words 1 to 5 with two mentions of A and one of B, in any order."""
    names = draw(st.permutations([A, A, B]))
    gaps = [draw(st.lists(st.integers(1, 5), max_size=3)) for _ in range(4)]
    return [*gaps[0], names[0], *gaps[1], names[1], *gaps[2], names[2], *gaps[3]]


@given(prompts())
def test_only_the_last_mention_of_the_repeated_name_changes(tokens: list[int]) -> None:
    pairs = pairs_of(batch(tokens), "subject")
    assert pairs.clean[0].tolist() == tokens
    last = len(tokens) - 1 - tokens[::-1].index(A)
    assert pairs.corrupt[0].tolist() == [*tokens[:last], B, *tokens[last + 1 :]]
    assert (pairs.answers, pairs.distractors) == ([[B]], [[A]])


@given(prompts())
def test_names_change_places_everywhere(tokens: list[int]) -> None:
    pairs = pairs_of(batch(tokens), "names")
    assert pairs.clean[0].tolist() == tokens
    assert pairs.corrupt[0].tolist() == [{A: B, B: A}.get(token, token) for token in tokens]
    assert (pairs.answers, pairs.distractors) == ([[B]], [[A]])


@given(prompts())
def test_every_position_has_one_role_and_names_have_theirs(tokens: list[int]) -> None:
    roles = roles_of(batch(tokens))[:, 0]
    assert (roles.sum(axis=0) == 1).all()
    where = {role: np.flatnonzero(row).tolist() for role, row in zip(ROLES, roles, strict=True)}
    mentions = sorted([tokens.index(A), tokens.index(B)])
    last = len(tokens) - 1 - tokens[::-1].index(A)
    assert where["first_name"] == mentions[:1]
    assert where["second_name"] == mentions[1:]
    assert where["repeated_name"] == [last]
    assert where["first_token"] == ([] if tokens[0] in (A, B) else [0])


@pytest.mark.parametrize(
    ("given_batch", "words"),
    [
        (batch([1, A, B, A, 2], answer=[B, 9]), [r"\[1, 7, 8, 7, 2\]", "one token length"]),
        (batch([1, 2, B, 3, 2]), [r"\[1, 2, 8, 3, 2\]", "does not mention its name 7"]),
    ],
)
def test_what_cannot_be_paired_is_shown(given_batch: Batch, words: list[str]) -> None:
    for word in words:
        with pytest.raises(CircuitScalingError, match=word):
            pairs_of(given_batch, "subject")


@pytest.mark.parametrize(
    ("tokens", "roles"),
    [
        ([1, A, B, 2], ["first_token", "first_name", "second_name", "rest"]),
        ([1, A, 2, A], ["first_token", "rest", "rest", "repeated_name"]),
        ([1, 2, B, 2], ["first_token", "rest", "rest", "rest"]),
    ],
)
def test_a_prompt_has_only_the_roles_that_it_mentions(tokens: list[int], roles: list[str]) -> None:
    found = roles_of(batch(tokens))[:, 0]
    assert [ROLES[place] for place in found.argmax(axis=0)] == roles
    assert (found.sum(axis=0) == 1).all()


def own(clean: list[list[int]], corrupt: dict[int, list[int]]) -> pd.DataFrame:
    """A table of prompts; the corrupt ones by number, in whatever order they are given."""
    rows = [(f"ioi/{number:05d}", "ioi", tokens) for number, tokens in enumerate(clean)]
    rows += [(f"own/{number:05d}", "own", tokens) for number, tokens in corrupt.items()]
    table = pd.DataFrame(rows, columns=["prompt_id", "task", "tokens"])
    return table.assign(answer=[[B]] * len(rows), distractor=[[A]] * len(rows))


def test_own_corrupt_texts_are_paired_by_number(caplog: pytest.LogCaptureFixture) -> None:
    clean = [[1, A, B, A], [2, A, B, A], [3, A, B, A], [4, A, B, A]]
    table = own(clean, {2: [3, A, B, 5], 0: [1, A, B, 6], 1: [2, A, B]})
    found = with_corrupt(table, "ioi", "own")
    assert found["tokens"].tolist() == [clean[0], clean[2]]
    pairs = given_pairs(batch(clean[2], clean[0]), given_by(found))
    assert pairs.clean.tolist() == [clean[2], clean[0]]
    assert pairs.corrupt.tolist() == [[3, A, B, 5], [1, A, B, 6]]
    assert "Task 'ioi': 2 prompts without a corrupt version of their length" in caplog.text


@pytest.mark.parametrize("corrupt", [{}, {7: [1, A, B, 5]}, {0: [1, A, B]}])
def test_no_pair_at_all_is_said(corrupt: dict[int, list[int]]) -> None:
    with pytest.raises(CircuitScalingError, match=r"No prompt of 'ioi' .* of 'own' \(1 prompt\)"):
        with_corrupt(own([[1, A, B, A]], corrupt), "ioi", "own")


def test_fewer_prompts_lose_no_cluster_and_keep_their_order() -> None:
    table = pd.DataFrame({"task": "ioi", "cluster": list("aaabbbcc"), "place": range(8)})
    other = pd.DataFrame({"task": "anti_names", "cluster": ["a"], "place": [99]})
    table = pd.concat([table, other], ignore_index=True)
    assert some_prompts(table, "ioi", 4)["place"].tolist() == [0, 1, 3, 6]
    assert some_prompts(table, "ioi", 3)["cluster"].tolist() == ["a", "b", "c"]
    assert some_prompts(table, "ioi", None)["place"].tolist() == list(range(8))
