"""Rows of the prompts table as batches of the engine."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from circuit_scaling.interventions.replay.batch import Batch

Key = TypeVar("Key", bound=Hashable)

# What makes two prompts the same question.
_ASKED = ["tokens", "answer", "distractor", "candidates"]


def batches_of(
    prompts: pd.DataFrame, task: str, reference: str, only: NDArray[np.int64] | None = None
) -> Iterator[tuple[NDArray[np.int64], Batch]]:
    """The prompts of ``task`` by token length, identical ones once.

    Args:
        prompts: the prompts table; rows of other tasks may be there.
        reference: the task whose prompts are the reference set; there may be none of it.
        only: places of prompts among the task's; only these are asked. The reference set stays
            whole, even where it is the task's own.

    Yields:
        For each length, where the task's prompts find their result, and the batch: the result of
        the task's prompt ``i`` is that of the batch's prompt ``places[i]`` (-1 where the prompt
        has another length).
    """
    rows = prompts[prompts["task"] == task]
    rows = (rows if only is None else rows.iloc[only]).reset_index(drop=True)
    references = prompts[prompts["task"] == reference]
    lengths = rows["tokens"].map(len)
    groups = {name: code for code, name in enumerate(sorted(prompts["template"].unique()))}
    for length in sorted(lengths.unique()):
        same_length = rows[lengths == length]
        asked = same_length[_ASKED].map(tuple).apply(tuple, axis=1)
        firsts = same_length[~asked.duplicated()]
        order = {question: place for place, question in enumerate(asked[~asked.duplicated()])}
        places = np.full(len(rows), -1)
        places[same_length.index] = [order[question] for question in asked]
        donors = references[references["tokens"].map(len) == length]
        yield (
            places,
            Batch(
                tokens=np.array(firsts["tokens"].tolist(), dtype=np.int64),
                answers=[list(ids) for ids in firsts["answer"]],
                distractors=[list(ids) for ids in firsts["distractor"]],
                candidates=[list(ids) for ids in firsts["candidates"]],
                groups=firsts["template"].map(groups).to_numpy(np.int64),
                reference_tokens=np.array(donors["tokens"].tolist(), dtype=np.int64).reshape(
                    len(donors), length
                ),
                reference_groups=donors["template"].map(groups).to_numpy(np.int64),
            ),
        )


def by_prompt(
    batches: Iterable[tuple[NDArray[np.int64], Batch]],
    measure: Callable[[Batch], Mapping[Key, NDArray[np.float32]]],
) -> dict[Key, NDArray[np.float32]]:
    """Measure each of a task's batches and put the last axis in the order of the prompts table.

    Args:
        batches: as :func:`batches_of` gives them.
        measure: from a batch to arrays [..., prompts of the batch] by name.

    Returns:
        float32 [..., prompts of the task] by name; NaN for prompts whose batch has no such name.
    """
    gathered: dict[Key, NDArray[np.float32]] = {}
    for places, batch in batches:
        here = places >= 0
        for name, values in measure(batch).items():
            if name not in gathered:
                # What a batch does not give is missing.
                gathered[name] = np.full((*values.shape[:-1], len(places)), np.nan, np.float32)
            gathered[name][..., here] = values[..., places[here]]
    return gathered
