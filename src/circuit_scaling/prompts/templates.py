"""Templates: texts with slots, checked before any prompt is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from itertools import pairwise

from circuit_scaling.errors import CircuitScalingError

_SLOT = re.compile(r"\{([^{}]*)\}")
_NO_SPACE_OF_ITS_OWN = re.compile(r"(?<! )\{|\}\w")
_SENTENCE_ENDS = tuple(".!?…")
_GLUED = tuple("\"'“‘«([/-")  # what follows these has no space before it
_RIGHT_BEFORE = "a prompt ends right before its answer"


def check_templates(
    task: str,
    templates: Sequence[str],
    needed: Sequence[str],
    optional: Sequence[str] = (),
    answers: Collection[str] = (),
    also: Callable[[str], str] = lambda _template: "",
) -> None:
    """Refuse templates that would give wrong text, or a prompt that does not end at its answer.

    Args:
        needed: slots in the order in which they stand first; the last one comes last, and only
            optional ones follow it.
        answers: words that may be the answer, so that the text itself must not hold them.
        also: a further fault of a template, in words; empty where there is none.

    Raises:
        CircuitScalingError: there is no template; one lacks a slot or has an unknown one, has a
            brace without its partner, does not leave every slot a leading space of its own, names
            what may be the answer, or ends where no answer can follow.
    """
    if not templates:
        raise CircuitScalingError(f"Task '{task}' has no template: list some under 'templates'.")
    for template in templates:
        fault = (
            _fault(template, needed, optional)
            or _gives_away(template, needed, answers)
            or also(template)
            or _no_end(template)
        )
        if fault:
            raise CircuitScalingError(f"Template '{template}' of task '{task}' {fault}.")


def _gives_away(template: str, needed: Sequence[str], answers: Collection[str]) -> str:
    """What is named too early or too often for there to be a question at the end."""
    *others, last = (f"{{{slot}}}" for slot in needed)
    behind = template.partition(last)[2]
    named = [slot for slot in others if slot in behind]
    if named:
        return (
            f"has {', '.join(named)} behind {last}: {_RIGHT_BEFORE}, and what stands there names "
            "it or what it is compared with. End the text before it"
        )
    for first, second in pairwise(others):
        if template.index(first) > template.index(second):
            return f"has {second} before {first}: {first} stands for what comes first"
    given = sorted(set(re.findall(r"\w+", _SLOT.sub("", template))) & set(answers))
    if given:
        return (
            f"has '{given[0]}' as a fixed word, which may be the answer of a prompt: use a slot, "
            "or another word"
        )
    return ""


def _no_end(template: str) -> str:
    """Why the answer, a word with a leading space, cannot follow."""
    if template.endswith(_SENTENCE_ENDS):
        return f"ends with a sentence: {_RIGHT_BEFORE}. Leave out '{template[-1]}', or go on"
    if template.endswith(_GLUED):
        return (
            f"ends with {template[-1]}: the answer has a leading space, and nothing that follows "
            "this has one. Leave it out"
        )
    return ""


def _fault(template: str, needed: Sequence[str], optional: Sequence[str]) -> str:
    if {"{", "}"} & set(_SLOT.sub("", template)):
        return "has a brace without its partner"
    slots = set(_SLOT.findall(template))
    wants = f"it needs {_named(needed)}" + (f" and may use {_named(optional)}" if optional else "")
    missing = [slot for slot in needed if slot not in slots]
    if missing:
        return f"lacks {_named(missing)}: {wants}"
    unknown = sorted(slots - {*needed, *optional})
    if unknown:
        return f"has the unknown slot {_named(unknown)}: {wants}"
    if _NO_SPACE_OF_ITS_OWN.search(template) or template != template.strip():
        return (
            "must begin with a word, have a space before every slot, no letter right after one "
            "and no space at its end, so that every word is one token with its leading space"
        )
    return ""


def _named(slots: Sequence[str]) -> str:
    return ", ".join(f"{{{slot}}}" for slot in slots)
