"""The prompts table as a whole: the same twice, independent tasks, provenance, batches."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.measuring.shared.batches import batches_of
from circuit_scaling.prompts.build import build_prompts, prompts_fingerprint
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings, Tasks
from circuit_scaling.tables.scan import PROMPTS
from tests.helpers.prompt_sets import (
    REFERENCES,
    SETTINGS,
    shipped_prompts,
    some_tasks,
    tokenizer,
)

SMALL = PromptSettings(n_prompts=40)


def build(tasks: Tasks, settings: PromptSettings = SMALL, **options: Any) -> pd.DataFrame:
    return build_prompts(tasks, settings, tokenizer("zoo"), **options)[0]


def test_the_same_configuration_gives_the_same_table() -> None:
    again = build(shipped_tasks(), SETTINGS)
    pd.testing.assert_frame_equal(again, shipped_prompts("zoo"))


def test_adding_a_task_changes_no_other() -> None:
    tasks = shipped_tasks().root
    more = Tasks(
        {
            "a_new_one": tasks["anti_names_abc"].model_copy(update={"reference": "a_new_one"}),
            **dict(reversed(tasks.items())),
        }
    )
    after = build(more, SETTINGS).set_index("prompt_id").drop(columns="fingerprint")
    before = shipped_prompts("zoo").set_index("prompt_id").drop(columns="fingerprint")
    assert len(after) == len(before) + 160
    pd.testing.assert_frame_equal(after.loc[before.index], before)
    assert after.loc[after["task"] == "a_new_one", "text"].tolist() != (
        before.loc[before["task"] == "anti_names_abc", "text"].tolist()
    )


def test_another_seed_gives_other_prompts() -> None:
    first, second = (build(some_tasks("ioi"), PromptSettings(n_prompts=40, seed=s)) for s in (0, 9))
    assert set(second["data_seed"]) == {9, 10, 11, 12, 13}
    assert (first["text"] != second["text"]).mean() > 0.9


def test_a_task_may_have_its_own_number_of_prompts() -> None:
    tasks = some_tasks("ioi").root
    sized = Tasks({**tasks, "ioi": tasks["ioi"].model_copy(update={"n_prompts": 80})})
    assert build(sized)["task"].value_counts().to_dict() == {"ioi": 80, "ioi_abc": 40}


def test_a_reference_set_may_serve_two_tasks_of_other_names() -> None:
    task, reference = (shipped_tasks().root[name] for name in ("ioi", "ioi_abc"))
    tasks = Tasks(
        {
            "either": task.model_copy(update={"reference": "three_names"}),
            "first": task.model_copy(update={"reference": "three_names", "repeat": "first"}),
            "three_names": reference.model_copy(update={"reference": "three_names"}),
        }
    )
    prompts = build(tasks, PromptSettings(n_prompts=160))
    for name in ("either", "first"):
        for _, batch in batches_of(prompts, name, "three_names"):
            assert set(batch.groups) <= set(batch.reference_groups)


@pytest.mark.parametrize(
    "change",
    [
        {"prefix": (0,)},
        {"model": "another checkpoint"},
        {"settings": PromptSettings(n_prompts=40, seed=1)},
        {"settings": PromptSettings(n_prompts=80)},
        {"tasks": some_tasks("ioi", "induction")},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_fingerprint_tells_what_the_prompts_were_made_from(change: dict[str, Any]) -> None:
    (here,) = build(some_tasks("ioi"))["fingerprint"].unique()
    (there,) = build(**{"tasks": some_tasks("ioi"), **change})["fingerprint"].unique()
    assert here != there


def stored(prompts: pd.DataFrame, folder: Path) -> pd.DataFrame:
    prompts.to_parquet(folder / "prompts.parquet")
    return pd.read_parquet(folder / "prompts.parquet")


def test_a_stored_table_keeps_its_fingerprint_and_a_changed_one_loses_it(tmp_path: Path) -> None:
    tasks = some_tasks("ioi", "plain_text")
    back = PROMPTS.validate(stored(build(tasks), tmp_path))
    (written,) = back["fingerprint"].unique()
    assert prompts_fingerprint(tasks, SMALL, False, "", back) == written
    back.at[3, "tokens"] = back.at[3, "tokens"][::-1]
    assert prompts_fingerprint(tasks, SMALL, False, "", back) != written


@pytest.mark.parametrize("read", [lambda prompts, _: prompts, stored], ids=["built", "stored"])
@pytest.mark.parametrize("task", [*REFERENCES, "ioi_abc", "plain_text"])
def test_batches_hold_every_prompt_once_with_references_of_its_template(
    task: str, read: Callable[[pd.DataFrame, Path], pd.DataFrame], tmp_path: Path
) -> None:
    prompts = read(shipped_prompts("zoo"), tmp_path)
    reference = shipped_tasks().root[task].reference
    rows = prompts[prompts["task"] == task].reset_index(drop=True)
    found = np.zeros(len(rows), dtype=int)
    for places, batch in batches_of(prompts, task, reference):
        assert len(places) == len(rows)
        for row, place in zip(rows.itertuples(), places, strict=True):
            if place < 0:
                assert len(row.tokens) != batch.tokens.shape[1]
                continue
            found[row.Index] += 1
            assert batch.tokens[place].tolist() == list(row.tokens)
            for name, ids in (("answers", row.answer), ("distractors", row.distractor)):
                assert getattr(batch, name)[place] == list(ids)
            assert batch.candidates[place] == list(row.candidates)
        assert sorted(set(places[places >= 0])) == list(range(len(batch.tokens)))
        assert len({tuple(tokens) for tokens in batch.tokens.tolist()}) == len(batch.tokens)
        assert batch.reference_tokens.shape[1] == batch.tokens.shape[1]
        assert set(batch.groups) <= set(batch.reference_groups)
        donors = prompts[prompts["task"] == reference]["tokens"].map(tuple)
        assert set(map(tuple, batch.reference_tokens.tolist())) <= set(donors)
    assert (found == 1).all()


def test_identical_prompts_are_computed_once() -> None:
    prompts = shipped_prompts("zoo")
    rows = prompts[prompts["task"] == "plain_text"]
    assert rows["text"].nunique() < len(rows)  # windows of short passages meet
    ((places, batch),) = batches_of(prompts, "plain_text", "plain_text")
    assert len(batch.tokens) == rows["tokens"].map(tuple).nunique()
    assert len(places) == len(rows)


def test_the_same_text_with_another_question_is_another_prompt() -> None:
    rows = shipped_prompts("zoo")
    rows = rows[rows["task"] == "induction"].iloc[[0, 0, 0]].reset_index(drop=True)
    others = [i for i in rows.at[0, "candidates"] if i not in rows.at[0, "answer"]]
    rows["distractor"] = [[others[0]], [others[1]], [others[0]]]
    ((places, batch),) = batches_of(rows, "induction", "induction_unrepeated")
    assert places.tolist() == [0, 1, 0]
    assert batch.distractors == [[others[0]], [others[1]]]
