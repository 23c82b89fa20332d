"""Two names, one of them perhaps repeated: IOI, anti-repeat, and their ABC reference sets."""

from __future__ import annotations

import string
from collections.abc import Iterator

import numpy as np

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.prompts.balance import cells, name_pairs
from circuit_scaling.prompts.prompt import Prompt
from circuit_scaling.prompts.spec import TaskSpec
from circuit_scaling.prompts.wordbank import WordBank

_SLOTS = {"A", "B", "S"}
_FILLERS = {"place", "object"}


def build(
    task: str, spec: TaskSpec, words: WordBank, data_seeds: range, rng: np.random.Generator
) -> Iterator[Prompt]:
    """Blocks of one pair of names and one template.

    ``{A}`` and ``{B}`` are the two names, ``{S}`` is the subject of the last clause. ``repeat``
    says who that is: ``either`` (both orders with both subjects: four prompts, ABBA and BABA in
    equal number), ``first`` (ABA in both orders: two prompts) or ``none`` (a third name, ABC in
    both orders: two prompts; it has no answer). The answer is the name that was not repeated,
    the distractor the repeated one; every name is both equally often.

    Raises:
        CircuitScalingError: a template misses a slot or has an unknown one; the number of prompts
            cannot be balanced.
    """
    _check_templates(task, spec.templates)
    per_block = 4 if spec.repeat == "either" else 2
    design = list(cells(spec.n_prompts or 0, per_block, data_seeds, task))
    for number, (cell, first, second) in enumerate(name_pairs(design, words, rng)):
        template = number % len(spec.templates)
        fillers = {
            "place": str(rng.choice(words.places)),
            "object": str(rng.choice(words.objects)),
        }
        others = [n for n in words.split_names(cell.split) if n not in (first, second)]
        third = str(rng.choice(others)) if spec.repeat == "none" else ""
        for a, b in ((first, second), (second, first)):
            subjects = {"either": (a, b), "first": (a,), "none": (third,)}[spec.repeat]
            for subject in subjects:
                answer = {a: b, b: a}.get(subject)
                yield Prompt(
                    template=f"{task.removesuffix('_abc')}/{template}",
                    order={a: "BABA" if spec.repeat == "either" else "ABA", b: "ABBA"}.get(
                        subject, "ABC"
                    ),
                    text=spec.templates[template].format(A=a, B=b, S=subject, **fillers),
                    answer=(answer,) if answer else (),
                    distractor=(subject,) if answer else (),
                    candidates=words.names,
                    cluster="+".join(sorted((first, second))),
                    split=cell.split,
                    data_seed=cell.data_seed,
                )


def _check_templates(task: str, templates: tuple[str, ...]) -> None:
    if not templates:
        raise CircuitScalingError(f"Task '{task}' has no template: list some under 'templates'.")
    for template in templates:
        slots = {slot for _, slot, _, _ in string.Formatter().parse(template) if slot is not None}
        missing, unknown = _SLOTS - slots, slots - _SLOTS - _FILLERS
        if missing or unknown:
            named = ", ".join("{%s}" % slot for slot in sorted(missing or unknown))
            raise CircuitScalingError(
                f"Template '{template}' of task '{task}' "
                f"{'lacks' if missing else 'has the unknown slot'} {named}: it needs {{A}}, {{B}} "
                "and {S}, and may use {place} and {object}."
            )
        if not template.startswith(tuple(string.ascii_letters)) or template.endswith(" "):
            raise CircuitScalingError(
                f"Template '{template}' of task '{task}' must begin with a word, so that every "
                "name has its leading space, and must not end with a space."
            )
