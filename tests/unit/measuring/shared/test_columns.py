"""Which task feeds which column: default, another one, and one that cannot."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.measuring.shared.columns import JoinSettings
from circuit_scaling.prompts.shipped import shipped_tasks

TASKS = shipped_tasks()
PUBLISHED = JoinSettings(anti_names="anti_names_first")
FRAME = pd.DataFrame(
    {"task": ["ioi", "anti_names", "anti_names_first", "plain_text"], "delta": [1, 2, 3, 4]}
)


def test_by_default_nothing_is_renamed() -> None:
    pd.testing.assert_frame_equal(JoinSettings().as_columns(FRAME), FRAME)
    assert JoinSettings().mark("aa") == "aa"
    assert JoinSettings().tasks(TASKS).root == TASKS.root


def test_the_published_form_feeds_the_column_and_the_balanced_one_is_left_out() -> None:
    fed = PUBLISHED.as_columns(FRAME)
    assert dict(zip(fed["task"], fed["delta"], strict=True)) == {
        "ioi": 1,
        "anti_names": 3,
        "plain_text": 4,
    }
    assert PUBLISHED.tasks(TASKS).root["anti_names"] == TASKS.root["anti_names_first"]
    assert PUBLISHED.mark("aa") not in ("aa", JoinSettings().mark("aa"))


def test_a_task_without_an_answer_feeds_no_column() -> None:
    wrong = JoinSettings(ioi="plain_text", anti_names="riddles")
    assert wrong.unknown(TASKS) == ["plain_text", "riddles"]
    assert PUBLISHED.unknown(TASKS) == []
