"""Balance: every name as often right as wrong, no name in two clusters or on both sides."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pytest

from circuit_scaling.prompts.balance import cells, name_groups, template_of
from circuit_scaling.prompts.wordbank import make_word_bank
from circuit_scaling.prompts.words import word_list
from tests.helpers.prompt_sets import (
    NAME_TASKS,
    names_in,
    shipped_prompts,
    tokenizer,
    zoo_prompts,
)

PAIR_TASKS = ("ioi", "anti_names", "anti_names_first")
TRIPLE_TASKS = ("ioi_abc", "anti_names_abc")
NAMED = (*PAIR_TASKS, *TRIPLE_TASKS)
GROUP = {**dict.fromkeys(PAIR_TASKS, 2), **dict.fromkeys(TRIPLE_TASKS, 3)}
FOUR_IN_A_BLOCK = ("ioi", "anti_names")  # both orders with both subjects
LIST_AND_NAME_TASKS = (*NAMED, "anti_lists", "anti_lists_mixed")
TABLE_OF = {task: task.removesuffix("_abc").removesuffix("_mixed") for task in LIST_AND_NAME_TASKS}
COMMON = word_list("names")
# Fewer groups than blocks, a group for every block, and names on a side that are left over.
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


@pytest.mark.parametrize("task", NAMED)
@pytest.mark.parametrize(("n_prompts", "n_names"), SIZES)
def test_groups_of_names_are_used_equally_often(task: str, n_prompts: int, n_names: int) -> None:
    given = COMMON[:n_names]
    prompts = of_task(zoo_prompts(TABLE_OF[task], n_prompts, given), task)
    per_block = 4 if task in FOUR_IN_A_BLOCK else 2
    for split, names in (("select", given[0::2]), ("test", given[1::2])):
        clusters = prompts.loc[prompts["split"] == split, "cluster"]
        blocks = clusters.value_counts() / per_block
        assert set("+".join(blocks.index).split("+")) <= set(names)
        assert len(blocks) == min(len(clusters) // per_block, n_names // 2 // GROUP[task])
        assert blocks.max() - blocks.min() <= 1


@pytest.mark.parametrize("n_prompts", [160, 1040])
@pytest.mark.parametrize("n_names", [96, 22])
def test_over_all_data_seeds_and_tasks_no_name_is_in_two_clusters(
    n_prompts: int, n_names: int
) -> None:
    prompts = pd.concat(zoo_prompts(task, n_prompts, COMMON[:n_names]) for task in NAME_TASKS)
    for tasks in (PAIR_TASKS, TRIPLE_TASKS):
        clusters = prompts.loc[prompts["task"].isin(tasks), "cluster"].unique()
        members = [name for cluster in clusters for name in cluster.split("+")]
        assert len(members) == len(set(members)) == GROUP[tasks[0]] * len(clusters)


def test_another_seed_deals_other_groups() -> None:
    words = make_word_bank(tokenizer("zoo"))
    design = list(cells(400, 4, range(5), "ioi"))
    first, again, other = (
        {names for _, names in name_groups(design, words, 2, seed)} for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("n_groups", [23, 24, 8, 1])
def test_no_group_of_names_is_tied_to_a_template(n_groups: int) -> None:
    turns = 8 * n_groups
    design = [c for c in cells(turns * 8, 4, range(1), "ioi") if c.split == "select"]
    met = {(cell.turn % n_groups, template_of(cell, n_groups, 8)) for cell in design}
    assert len(design) == len(met) == turns  # every group with every template, once


@pytest.mark.parametrize("task", NAMED)
def test_the_cluster_is_who_is_named_in_the_text(task: str) -> None:
    for row in of_task(shipped_prompts("zoo"), task).itertuples():
        assert row.cluster.split("+") == sorted(set(names_in(row.text)))


@pytest.mark.parametrize("n_names", [96, 22])
def test_no_name_is_on_both_sides_third_names_included(n_names: int) -> None:
    prompts = pd.concat(zoo_prompts(task, 160, COMMON[:n_names]) for task in NAME_TASKS)
    assert set(prompts["task"]) == set(NAMED)
    sides = {
        split: {name for text in rows["text"] for name in names_in(text)}
        for split, rows in prompts.groupby("split")
    }
    assert sides["select"] <= set(COMMON[:n_names:2])
    assert not sides["select"] & sides["test"]


@pytest.mark.parametrize("task", [*LIST_AND_NAME_TASKS, "plain_text"])
def test_no_cluster_is_on_both_sides(task: str) -> None:
    of_cluster = of_task(shipped_prompts("zoo"), task).groupby("cluster")["split"].nunique()
    assert set(of_cluster) == {1}
    assert len(of_cluster) >= 10  # fewer would leave every interval missing


@pytest.mark.parametrize("task", LIST_AND_NAME_TASKS)
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
