"""Two names, one of them perhaps repeated: IOI, anti-repeat, and their ABC reference sets."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.balance import cells, groups_of, name_groups, template_of
from circuit_scaling.prompts.prompt import SPLITS, Prompt
from circuit_scaling.prompts.spec import TaskSpec
from circuit_scaling.prompts.templates import check_templates
from circuit_scaling.prompts.wordbank import WordBank

_SLOTS = ("A", "B", "S")
_FILLERS = ("place", "object")


def build(
    task: str, spec: TaskSpec, words: WordBank, data_seeds: range, rng: np.random.Generator
) -> Iterator[Prompt]:
    """Blocks of one pair of names (three names, without a repetition) and one template.

    ``{A}`` and ``{B}`` are the two names, ``{S}`` is the subject of the last clause. ``repeat``
    says who that is: ``either`` (both orders with both subjects: four prompts, ABBA and BABA in
    equal number), ``first`` (ABA in both orders: two prompts) or ``none`` (a third name, ABC in
    both orders: two prompts; it has no answer). The answer is the name that was not repeated,
    the distractor the repeated one; every name is both equally often.

    Raises:
        CircuitScalingError: a template misses a slot or has an unknown one, names somebody behind
            the subject or by a fixed word, or ends where no name can follow; the number of prompts
            cannot be balanced; no third name is left.
    """
    check_templates(task, spec.templates, _SLOTS, _FILLERS, answers=words.names)
    fewest = min(len(words.split_names(split)) for split in SPLITS)
    if spec.repeat == "none" and fewest < len(_SLOTS):
        raise CircuitScalingError(
            f"Task '{task}' needs three names on each side of the select/test split; one side has "
            f"{fewest}. Set 'prompts.names: common' or list more names."
        )
    per_block = 4 if spec.repeat == "either" else 2
    size = spec.names_per_group
    design = list(cells(spec.n_prompts or 0, per_block, data_seeds, task))
    for cell, names in name_groups(design, words, size, data_seeds.start):
        first, second, *third = names
        template = template_of(cell, groups_of(len(words.names), size), len(spec.templates))
        fillers = {
            "place": str(rng.choice(words.places)),
            "object": str(rng.choice(words.objects)),
        }
        for a, b in ((first, second), (second, first)):
            subjects = {"either": (a, b), "first": (a,), "none": tuple(third)}[spec.repeat]
            for subject in subjects:
                answer = {a: b, b: a}.get(subject)
                yield Prompt(
                    template=f"{spec.reference.removesuffix('_abc')}/{template}",
                    order={a: "BABA" if spec.repeat == "either" else "ABA", b: "ABBA"}.get(
                        subject, "ABC"
                    ),
                    text=spec.templates[template].format(A=a, B=b, S=subject, **fillers),
                    answer=(answer,) if answer else (),
                    distractor=(subject,) if answer else (),
                    candidates=words.names,
                    cluster="+".join(sorted(names)),
                    split=cell.split,
                    data_seed=cell.data_seed,
                )
