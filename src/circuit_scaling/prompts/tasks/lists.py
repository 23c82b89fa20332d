"""A list of items of one category: what has not been listed yet, against what has."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.balance import cells
from circuit_scaling.prompts.prompt import SPLITS, Prompt
from circuit_scaling.prompts.spec import TaskSpec
from circuit_scaling.prompts.templates import check_templates
from circuit_scaling.prompts.wordbank import WordBank

_LISTED = 3
_AT_THE_END = re.compile(r"\{items\}( and| or)?$")


def build(
    task: str, spec: TaskSpec, words: WordBank, data_seeds: range, rng: np.random.Generator
) -> Iterator[Prompt]:
    """Three items of a category in a row; the cluster is the category.

    Within a category the items are listed in turn (cyclic windows of a shuffled order), so that
    each is listed equally often. ``mixed`` makes the reference set: three items of three other
    categories, without an answer. Categories belong to one side of the split.

    Raises:
        CircuitScalingError: a template without ``{items}`` at its end; too few usable categories.
    """
    every_item = tuple(item for items in words.lists.values() for item in items)
    check_templates(task, spec.templates, ("items",), answers=every_item, also=_goes_on)
    usable = [c for c, items in words.lists.items() if len(items) > _LISTED]
    sides = {split: usable[i :: len(SPLITS)] for i, split in enumerate(SPLITS)}
    if min(map(len, sides.values())) < _LISTED:
        raise CircuitScalingError(
            f"Task '{task}' needs three categories with more than {_LISTED} one-token items on "
            f"each side of the split; usable: {', '.join(usable) or 'none'}."
        )
    order = {c: rng.permutation(np.array(words.lists[c], dtype=object)) for c in usable}
    turn: dict[str, int] = dict.fromkeys(usable, 0)
    for cell in cells(spec.n_prompts or 0, 1, data_seeds, task):
        side = sides[cell.split]
        category = side[(cell.data_seed + cell.index) % len(side)]
        start, turn[category] = turn[category], turn[category] + 1
        if spec.mixed:
            chosen = rng.choice(side, size=_LISTED, replace=False)
            listed = tuple(str(rng.choice(words.lists[str(c)])) for c in chosen)
            answer: tuple[str, ...] = ()
        else:
            window = np.roll(order[category], -start)
            listed = tuple(str(item) for item in window[:_LISTED])
            answer = tuple(item for item in words.lists[category] if item not in listed)
        template = cell.turn % len(spec.templates)
        yield Prompt(
            template=f"{spec.reference.removesuffix('_mixed')}/{template}",
            order="",
            text=spec.templates[template].format(items=", ".join(listed) + ","),
            answer=answer,
            distractor=listed if answer else (),
            candidates=every_item,
            cluster=category,
            split=cell.split,
            data_seed=cell.data_seed,
        )


def _goes_on(template: str) -> str:
    """What is wrong where a list does not go on at the end of the text."""
    if _AT_THE_END.search(template) and template.count("{items}") == 1:
        return ""
    return (
        "must have {items} once, at its end (or before 'and' or 'or'): a prompt ends right before "
        "its answer, the next item"
    )
