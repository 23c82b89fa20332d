"""Which heads are masked: the best of each method, and random ones that are none of them."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuit_scaling.measuring.retrieval.mask_sets import Mask, as_table, choose_masks
from circuit_scaling.measuring.retrieval.settings import MaskingSettings

SHAPE = (3, 4)
METHODS = ("summed_attention", "wu24", "qrhead")


def scored(
    values: dict[str, np.ndarray], question: str = "inc_year", length: int = 96
) -> pd.DataFrame:
    """Scores by method, [layers, heads] each, in an order that says nothing."""
    rows = [
        {"method": method, "layer": layer, "head": head, "score": of_method[layer, head]}
        for method, of_method in values.items()
        for layer, head in np.ndindex(of_method.shape)
    ]
    frame = pd.DataFrame(rows).assign(question=question, token_length=length)
    return frame.sample(frac=1, random_state=0).sort_values("method", kind="stable")


def random_scores(seed: int, methods: tuple[str, ...] = METHODS) -> dict[str, np.ndarray]:
    """Few values, so that there are ties."""
    rng = np.random.default_rng(seed)
    return {name: rng.integers(0, 4, SHAPE).astype(float) for name in methods}


def masking(**changes: object) -> MaskingSettings:
    return MaskingSettings(**{"ks": (1, 2), "ks_of": None, "n_random": 5} | changes)


def best(values: np.ndarray, k: int) -> tuple[tuple[int, int], ...]:
    """By insertion: a head is better than another if its score is higher, or it comes earlier."""
    ranked: list[tuple[int, int]] = []
    for head in np.ndindex(values.shape):
        place = sum(values[other] >= values[head] for other in ranked)
        ranked.insert(place, head)
    return tuple(sorted(ranked[:k]))


def of_type(masks: list[Mask], set_type: str, **fields: object) -> list[Mask]:
    return [
        mask
        for mask in masks
        if mask.set_type == set_type
        and all(getattr(mask, name) == value for name, value in fields.items())
    ]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    ks=st.sets(st.integers(1, 4), min_size=1, max_size=3),
    layers=st.sampled_from(["any", "matched"]),
    n_random=st.integers(1, 8),
)
def test_sets_are_what_they_are_called(seed, ks, layers, n_random):
    values = random_scores(seed)
    asked = masking(ks=tuple(ks), n_random=n_random, random_layers=layers, seed=seed)
    masks = choose_masks(scored(values), SHAPE, asked)
    assert masks[0] == Mask("inc_year", 96, "baseline", 0)
    assert len({mask.set_id for mask in masks}) == len(masks)
    taken = {head for of_method in values.values() for head in best(of_method, max(ks))}
    free = [head for head in np.ndindex(SHAPE) if head not in taken]
    for k in ks:
        for method, of_method in values.items():
            (top,) = of_type(masks, "hero", n_masked=k, method=method)
            assert top.heads == best(of_method, k)
            drawn = of_type(masks, "random", n_masked=k, method="" if layers == "any" else method)
            wanted = Counter(layer for layer, _ in top.heads)
            have = Counter(layer for layer, _ in free)
            enough = len(free) >= k if layers == "any" else wanted <= have
            if not enough:
                assert [bool(mask.reason) for mask in drawn] == [True]
                assert not drawn[0].heads
                continue
            assert [mask.draw for mask in drawn] == list(range(len(drawn)))
            assert len({mask.heads for mask in drawn}) == len(drawn) <= n_random
            for mask in drawn:
                assert len(set(mask.heads)) == k and list(mask.heads) == sorted(mask.heads)
                assert not taken & set(mask.heads)
                if layers == "matched":
                    assert Counter(layer for layer, _ in mask.heads) == wanted
            if layers == "any" and len(free) == k:
                assert [set(mask.heads) for mask in drawn] == [set(free)]


def test_all_sets_there_are_where_there_are_fewer_than_asked_for():
    values = {"qrhead": np.arange(12.0).reshape(SHAPE)}
    masks = choose_masks(scored(values), SHAPE, masking(ks=(9, 1), n_random=100))
    assert len(of_type(masks, "random", n_masked=1)) == 3
    (lacking,) = of_type(masks, "random", n_masked=9)
    assert lacking.reason == "9 heads needed, 3 beside the best ones"


@pytest.mark.parametrize("layers", ["any", "matched"])
def test_another_length_or_question_does_not_change_what_is_drawn(layers):
    asked, shape = masking(random_layers=layers), (4, 16)
    values, others = ({"qrhead": np.random.default_rng(seed).random(shape)} for seed in (1, 2))
    alone = choose_masks(scored(values), shape, asked)
    tables = [
        scored(others, length=64),
        scored(values),
        scored(values, question="hq_state"),
        scored(values, length=128),
    ]
    every = choose_masks(pd.concat(tables), shape, asked)
    assert [m for m in every if (m.question, m.token_length) == ("inc_year", 96)] == alone
    draws = {
        str([m.heads for m in every if m.set_type == "random" and m.set_id.startswith(key)])
        for key in ("inc_year/96/", "hq_state/96/", "inc_year/128/")
    }
    assert len(draws) == 3  # and they are not the same everywhere
    assert alone != choose_masks(scored(values), shape, masking(random_layers=layers, seed=1))


def test_random_sets_are_shared_and_matched_ones_follow_their_method():
    values = random_scores(3)
    shared = choose_masks(scored(values), SHAPE, masking())
    assert {mask.method for mask in of_type(shared, "random")} == {""}
    matched = choose_masks(scored(values), SHAPE, masking(ks=(1,), random_layers="matched"))
    assert {mask.method for mask in of_type(matched, "random")} == set(METHODS)
    names = {mask.set_id for mask in (*shared, *matched)}
    assert {"inc_year/96/baseline/0/0", "inc_year/96/hero/qrhead/2/0"} <= names
    assert {"inc_year/96/random/2/4", "inc_year/96/random/wu24/1/0"} <= names


def test_the_largest_alone_have_random_sets_if_that_is_asked_for():
    masks = choose_masks(
        scored(random_scores(0)), SHAPE, masking(ks=(1, 2, 99), random_ks="largest")
    )
    assert {mask.n_masked for mask in of_type(masks, "random")} == {2}  # 99 do not exist


def test_more_heads_than_there_are_is_a_row_with_the_reason():
    values = {"qrhead": np.arange(12.0).reshape(SHAPE)}
    masks = choose_masks(scored(values), SHAPE, masking(ks=(2, 13)))
    (top,) = of_type(masks, "hero", n_masked=13)
    assert (top.heads, top.reason) == ((), "13 heads asked for, the model has 12")
    (random,) = of_type(masks, "random", n_masked=13)
    assert random.reason == "13 heads needed, 10 beside the best ones"
    assert len(of_type(masks, "random", n_masked=2)) == 5


@pytest.mark.parametrize("layers", ["any", "matched"])
def test_a_method_that_scores_no_head_has_no_best_ones(layers):
    """Wu24 where the clean model was never right: the first heads of layer 0 are no finding."""
    values = {**random_scores(5, ("qrhead",)), "wu24": np.full(SHAPE, np.nan)}
    masks = choose_masks(scored(values), SHAPE, masking(random_layers=layers))
    lacking = of_type(masks, "hero", method="wu24")
    assert [mask.reason for mask in lacking] == [
        f"{asked} asked for, with a score by this method 0" for asked in ("1 head", "2 heads")
    ]
    alone = choose_masks(scored({"qrhead": values["qrhead"]}), SHAPE, masking(random_layers=layers))
    assert set(alone) <= set(masks)


def test_the_table_has_layers_and_heads_side_by_side():
    masks = choose_masks(scored(random_scores(7)), SHAPE, masking())
    table = as_table(masks)
    assert table["set_id"].tolist() == [mask.set_id for mask in masks]
    pairs = [
        tuple(zip(*row, strict=True)) for row in zip(table["layers"], table["heads"], strict=True)
    ]
    assert pairs == [mask.heads for mask in masks]
