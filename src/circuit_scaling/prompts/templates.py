"""Templates: texts with slots, checked before any prompt is made."""

from __future__ import annotations

import re
from collections.abc import Sequence

from circuit_scaling.errors import CircuitScalingError

_SLOT = re.compile(r"\{([^{}]*)\}")
_NO_SPACE_OF_ITS_OWN = re.compile(r"(?<! )\{|\}\w")


def check_templates(
    task: str, templates: Sequence[str], needed: Sequence[str], optional: Sequence[str] = ()
) -> None:
    """Refuse templates that would give wrong text.

    Raises:
        CircuitScalingError: there is no template; one lacks a slot or has an unknown one, has a
            brace without its partner, or does not leave every slot a leading space of its own.
    """
    if not templates:
        raise CircuitScalingError(f"Task '{task}' has no template: list some under 'templates'.")
    for template in templates:
        fault = _fault(template, needed, optional)
        if fault:
            raise CircuitScalingError(f"Template '{template}' of task '{task}' {fault}.")


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
