"""What each task asks, and what its reference set leaves out."""

from __future__ import annotations

from collections import Counter, defaultdict

import pandas as pd
import pytest

from circuit_scaling.prompts.words import categories, word_list
from tests.helpers.prompt_sets import (
    REFERENCES,
    names_in,
    shipped_prompts,
    tokenizer,
    zoo_prompts,
)

CATEGORY_OF = {item: c for c, items in categories().items() for item in items}


def of_task(task: str) -> pd.DataFrame:
    prompts = shipped_prompts("zoo")
    return prompts[prompts["task"] == task]


def words(ids: list[int]) -> list[str]:
    return [tokenizer("zoo").decode([i]).strip() for i in ids]


def test_ioi_asks_for_the_name_that_was_not_repeated() -> None:
    for row in of_task("ioi").itertuples():
        first, second, subject = names_in(row.text)
        assert first != second
        assert subject == {"ABBA": second, "BABA": first}[row.order]
        assert words(row.distractor) == [subject]
        assert words(row.answer) == [{first: second, second: first}[subject]]


def test_abba_and_baba_are_equally_many_in_every_template_and_pair() -> None:
    ioi = of_task("ioi")
    for _, group in (*ioi.groupby(["split", "template"]), *ioi.groupby("cluster")):
        orders = group["order"].value_counts()
        assert orders["ABBA"] == orders["BABA"] == len(group) / 2


def test_a_pair_comes_in_both_orders_with_the_same_words_around_it() -> None:
    for _, block in of_task("ioi").groupby(["data_seed", "cluster", "template"]):
        heard = Counter(tuple(names_in(text)) for text in block["text"])
        a, b = block["cluster"].iloc[0].split("+")
        assert set(heard) == {(a, b, a), (a, b, b), (b, a, a), (b, a, b)}
        assert len(set(heard.values())) == 1


def test_anti_names_asks_for_the_name_that_was_not_repeated_whichever_it_was() -> None:
    rows = of_task("anti_names")
    for row in rows.itertuples():
        first, second, subject = names_in(row.text)
        assert subject in (first, second)
        assert words(row.distractor) == [subject]
        assert words(row.answer) == [{first: second, second: first}[subject]]
    for _, group in (*rows.groupby(["split", "template"]), *rows.groupby("cluster")):
        answered_first = [names_in(r.text)[0] in words(r.answer) for r in group.itertuples()]
        assert sum(answered_first) == len(group) / 2


def test_anti_names_first_asks_for_the_second_name_after_the_first_is_repeated() -> None:
    rows = of_task("anti_names_first")
    for row in rows.itertuples():
        first, second, subject = names_in(row.text)
        assert subject == first != second
        assert (row.order, words(row.answer), words(row.distractor)) == ("ABA", [second], [first])
    for _, block in rows.groupby(["data_seed", "cluster"]):
        firsts = Counter(names_in(text)[0] for text in block["text"])
        assert len(firsts) == 2
        assert len(set(firsts.values())) == 1


@pytest.mark.parametrize("task", ["ioi_abc", "anti_names_abc"])
def test_the_name_references_repeat_no_name_and_have_no_answer(task: str) -> None:
    rows = of_task(task)
    assert set(rows["order"]) == {"ABC"}
    assert rows["text"].map(lambda text: len(set(names_in(text)))).eq(3).all()
    assert rows["answer"].map(len).eq(0).all()
    assert rows["distractor"].map(len).eq(0).all()
    firsts = rows.groupby(["data_seed", "cluster"])["text"].agg(lambda s: {*map(first_name, s)})
    assert firsts.map(len).eq(2).all()  # both orders of every pair


def first_name(text: str) -> str:
    return names_in(text)[0]


@pytest.mark.parametrize("task", ["ioi", "anti_names"])
def test_a_task_and_its_reference_have_the_same_words_but_for_names_and_fillers(task: str) -> None:
    fillers = {*word_list("names"), *word_list("places"), *word_list("objects")}

    def skeletons(of: str) -> dict[str, set[str]]:
        found = defaultdict(set)
        for row in of_task(of).itertuples():
            found[row.template].add(
                " ".join(w for w in row.text.split() if w.strip(",.") not in fillers)
            )
        return found

    here, there = skeletons(task), skeletons(REFERENCES[task])
    assert here == there
    assert len(here) == 8
    assert all(len(texts) == 1 for texts in here.values())


def test_lists_ask_for_what_has_not_been_listed() -> None:
    for row in of_task("anti_lists").itertuples():
        listed, left = words(row.distractor), words(row.answer)
        assert row.text.endswith(", ".join(listed) + ",")
        assert {CATEGORY_OF[item] for item in (*listed, *left)} == {row.cluster}
        assert sorted((*listed, *left)) == sorted(categories()[row.cluster])
        assert set(words(row.candidates)) == set(CATEGORY_OF)


@pytest.mark.parametrize(("n_prompts", "spread"), [(160, 3), (480, 0)])
def test_every_item_of_a_category_is_listed_about_equally_often(
    n_prompts: int, spread: int
) -> None:
    prompts = zoo_prompts("anti_lists", n_prompts)
    rows = prompts[prompts["task"] == "anti_lists"]
    assert set(rows["cluster"]) == set(categories())
    for category, group in rows.groupby("cluster"):
        listed = Counter(item for ids in group["distractor"] for item in words(ids))
        uses = [listed[item] for item in categories()[str(category)]]
        assert max(uses) - min(uses) <= spread


def test_the_list_reference_mixes_three_categories_of_its_side() -> None:
    side = of_task("anti_lists").groupby("cluster")["split"].first()
    for row in of_task("anti_lists_mixed").itertuples():
        listed = [w for w in row.text.replace(",", "").split() if w in CATEGORY_OF][-3:]
        assert len({CATEGORY_OF[item] for item in listed}) == 3
        assert {side[CATEGORY_OF[item]] for item in listed} == {row.split}
        assert (row.answer, row.distractor) == ([], [])


def test_induction_asks_for_what_followed_the_first_time() -> None:
    for row in of_task("induction").itertuples():
        sequence = row.text.split()
        earlier = sequence.index(sequence[-1])
        assert earlier < len(sequence) - 1
        assert words(row.answer) == [sequence[earlier + 1]]
        (distractor,) = words(row.distractor)
        assert distractor in sequence
        assert distractor not in words(row.answer)
        assert set(words(row.candidates)) == set(sequence)
        assert len(sequence) == 9


def test_the_induction_reference_repeats_nothing() -> None:
    for row in of_task("induction_unrepeated").itertuples():
        assert len(set(row.text.split())) == 9
        assert (row.answer, row.distractor, row.candidates) == ([], [], [])


def test_random_words_are_drawn_anew_for_each_prompt() -> None:
    for task in ("induction", "induction_unrepeated"):
        assert of_task(task)["text"].is_unique
        assert of_task(task)["cluster"].is_unique


def test_plain_text_is_a_window_of_a_passage() -> None:
    passages = [" " + passage for passage in word_list("passages")]
    for row in of_task("plain_text").itertuples():
        assert len(row.tokens) == 24
        assert row.text in passages[int(row.cluster.removeprefix("passage "))]
        assert (row.answer, row.distractor, row.candidates) == ([], [], [])


def test_no_name_is_also_a_word_of_a_template_or_a_filler() -> None:
    others = [*word_list("places"), *word_list("objects"), *CATEGORY_OF]
    for task in ("ioi", "ioi_abc", "anti_names", "anti_names_abc"):
        assert of_task(task)["text"].map(lambda text: len(names_in(text))).eq(3).all()
    assert not set(others) & set(word_list("names"))
    assert len(CATEGORY_OF) == sum(map(len, categories().values()))
