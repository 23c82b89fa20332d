"""Balance: every name as often right as wrong, no name in two pairs or on both sides."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest

from circuit_scaling.prompts.balance import cells
from circuit_scaling.prompts.words import word_list
from tests.helpers.prompt_sets import (
    NAME_TASKS,
    names_in,
    shipped_prompts,
    tokenizer,
    zoo_prompts,
)

PAIR_TASKS = ("ioi", "ioi_abc", "anti_names", "anti_names_abc", "anti_names_balanced")
FOUR_IN_A_BLOCK = ("ioi", "anti_names_balanced")  # both orders with both subjects
LIST_AND_PAIR_TASKS = (*PAIR_TASKS, "anti_lists", "anti_lists_mixed")
TABLE_OF = {task: task.removesuffix("_abc").removesuffix("_mixed") for task in LIST_AND_PAIR_TASKS}
COMMON = word_list("names")
# Fewer pairs than blocks, one pair per block, and names on a side that cannot be paired up.
SIZES = [(160, 96), (400, 96), (1040, 96), (160, 8), (400, 22), (80, 12)]


def of_task(prompts: pd.DataFrame, task: str) -> pd.DataFrame:
    return prompts[prompts["task"] == task]


def words_of(prompts: pd.DataFrame, column: str) -> Counter[str]:
    return Counter(tokenizer("zoo").decode([i]).strip() for row in prompts[column] for i in row)


def test_every_task_is_spread_evenly_over_data_seeds_and_splits() -> None:
    sizes = shipped_prompts("zoo").groupby(["task", "data_seed", "split"]).size()
    assert set(sizes) == {160 // 5 // 2}
    assert len(sizes) == 10 * 5 * 2


@pytest.mark.parametrize("task", NAME_TASKS)
@pytest.mark.parametrize(("n_prompts", "n_names"), SIZES)
def test_every_name_is_answer_as_often_as_distractor(
    task: str, n_prompts: int, n_names: int
) -> None:
    prompts = of_task(zoo_prompts(TABLE_OF[task], n_prompts, COMMON[:n_names]), task)
    for _, block in prompts.groupby(["data_seed", "split"]):
        assert words_of(block, "answer") == words_of(block, "distractor")


@pytest.mark.parametrize("task", PAIR_TASKS)
@pytest.mark.parametrize(
    ("n_prompts", "n_names"), [(n, names) for n, names in SIZES if names // 2 % 2 == 0]
)
def test_names_are_used_equally_often_within_one_block(
    task: str, n_prompts: int, n_names: int
) -> None:
    given = COMMON[:n_names]
    prompts = of_task(zoo_prompts(TABLE_OF[task], n_prompts, given), task)
    per_block = 4 if task in FOUR_IN_A_BLOCK else 2
    for split, names in (("select", given[0::2]), ("test", given[1::2])):
        clusters = prompts.loc[prompts["split"] == split, "cluster"]
        uses = Counter(name for pair in clusters for name in pair.split("+"))
        blocks = [uses[name] / per_block for name in names]
        assert max(blocks) - min(blocks) <= 1
        assert sum(blocks) == 2 * len(clusters) / per_block  # nobody else was used


@pytest.mark.parametrize("task", PAIR_TASKS)
@pytest.mark.parametrize(("n_prompts", "n_names"), SIZES)
def test_within_a_data_seed_no_name_is_in_two_pairs(
    task: str, n_prompts: int, n_names: int
) -> None:
    prompts = of_task(zoo_prompts(TABLE_OF[task], n_prompts, COMMON[:n_names]), task)
    for _, of_seed in prompts.groupby("data_seed"):
        pairs = of_seed["cluster"].unique()
        members = [name for pair in pairs for name in pair.split("+")]
        assert len(members) == len(set(members)) == 2 * len(pairs)


@pytest.mark.parametrize("task", PAIR_TASKS)
def test_the_cluster_is_the_pair_that_stands_in_the_text(task: str) -> None:
    for row in of_task(shipped_prompts("zoo"), task).itertuples():
        assert row.cluster.split("+") == sorted(names_in(row.text)[:2])


@pytest.mark.parametrize("n_names", [96, 22])
def test_no_name_is_on_both_sides_third_names_included(n_names: int) -> None:
    prompts = pd.concat(zoo_prompts(task, 160, COMMON[:n_names]) for task in NAME_TASKS)
    assert set(prompts["task"]) == set(PAIR_TASKS)
    sides = {
        split: {name for text in rows["text"] for name in names_in(text)}
        for split, rows in prompts.groupby("split")
    }
    assert sides["select"] <= set(COMMON[:n_names:2])
    assert not sides["select"] & sides["test"]


@pytest.mark.parametrize("task", [*LIST_AND_PAIR_TASKS, "plain_text"])
def test_no_cluster_is_on_both_sides(task: str) -> None:
    of_cluster = of_task(shipped_prompts("zoo"), task).groupby("cluster")["split"].nunique()
    assert set(of_cluster) == {1}
    assert len(of_cluster) >= 10  # fewer would leave every interval missing


@pytest.mark.parametrize("task", LIST_AND_PAIR_TASKS)
@pytest.mark.parametrize("n_prompts", [160, 400])
def test_both_sides_read_every_template_equally_often(task: str, n_prompts: int) -> None:
    prompts = zoo_prompts(TABLE_OF[task], n_prompts)
    uses = of_task(prompts, task).groupby(["split", "template"]).size().unstack("split")
    n_templates = 4 if "lists" in task else 8
    assert len(uses) == n_templates
    assert uses["select"].equals(uses["test"])
    assert uses["select"].max() - uses["select"].min() <= (4 if task in FOUR_IN_A_BLOCK else 2)


def test_cells_cover_the_design_once() -> None:
    design = list(cells(48, 4, range(7, 9), "ioi"))
    assert len(design) == 12 == len(set(design))
    assert {c.data_seed for c in design} == {7, 8}
    for split in ("select", "test"):
        assert [c.turn for c in design if c.split == split] == list(range(6))
        assert [c.index for c in design if c.split == split] == [0, 1, 2] * 2
