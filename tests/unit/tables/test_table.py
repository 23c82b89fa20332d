"""How any table refuses: every fault at once, with rows by number and key."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from circuit_scaling.tables.scan import PROMPTS
from circuit_scaling.tables.table import TableError
from tests.helpers.table_checks import message_of, refusal, row_1, valid
from tests.helpers.valid_tables.rows import NAN


@pytest.mark.parametrize(
    "cell", [7, "words", ["a"], [[1, 2], [3, 4]], [1.0, np.inf], [NAN]], ids=str
)
def test_a_cell_that_is_no_list_of_numbers_is_refused(cell: object) -> None:
    frame = valid("prompts")
    frame.at[1, "tokens"] = cell
    message = refusal("prompts", frame)
    assert message == message_of(
        "prompts", "tokens", "not a list of finite numbers", row_1("prompts")
    )


def test_all_faults_are_named_at_once() -> None:
    frame = valid("head_effects").drop(columns="delta").assign(colour="red")
    frame.loc[[1, 2], "ablation"] = "median"
    message = refusal("head_effects", frame)
    for fault in (
        "column delta is missing",
        "column colour does not belong to it",
        "column ablation: not one of zero, mean, resample in row 1 (mini mini_s 0 1 ioi",
        "row 2 (mini mini_s 1 0 ioi",
    ):
        assert fault in message


def test_many_rows_are_counted_rather_than_listed() -> None:
    frame = pd.concat([valid("prompts")] * 3, ignore_index=True)
    frame["prompt_id"] = [f"ioi/{i}" for i in range(12)]
    message = refusal("prompts", frame.assign(split="both"))
    assert "row 0 (ioi/0), " in message
    assert message.endswith("row 4 (ioi/4) and 7 more.")


def test_rows_are_named_by_place_whatever_their_labels() -> None:
    frame = pd.concat([valid("prompts")] * 2)
    frame["prompt_id"] = [f"ioi/{i}" for i in range(8)]
    frame["split"] = ["select"] * 5 + ["both"] + ["test"] * 2
    message = refusal("prompts", frame)
    assert message == message_of("prompts", "split", "not one of select, test", "row 5 (ioi/5)")


@pytest.mark.parametrize("thing", [None, [1, 2], {"model": ["mini_s"]}], ids=str)
def test_what_is_no_frame_is_refused(thing: object) -> None:
    with pytest.raises(TableError, match="Table 'prompts' must be a DataFrame, not"):
        PROMPTS.validate(thing)


def test_a_column_alone_may_be_asked_about() -> None:
    split = valid("prompts")["split"]
    assert PROMPTS.takes(split)
    assert not PROMPTS.takes(split.replace("test", "both"))
    assert not PROMPTS.takes(valid("prompts")["tokens"].rename("split"))
