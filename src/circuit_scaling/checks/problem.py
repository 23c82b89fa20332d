"""One thing that is wrong, and all of them as one error."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.vocabulary import first_few

_SHOWN = 12


@dataclass(frozen=True)
class Problem:
    """Something that the user can mend before a run.

    Attributes:
        where: the setting, such as ``scan.draws``; empty where the words name the place.
        what: what is wrong with it, and the way out, in whole sentences.
    """

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}" if self.where else self.what


def refuse(problems: Sequence[Problem]) -> None:
    """Nothing where nothing is wrong.

    Raises:
        CircuitScalingError: says everything that is wrong; a single problem is one line.
    """
    said = list(dict.fromkeys(map(str, problems)))
    if len(said) == 1:
        setting = bool(problems[0].where)
        raise CircuitScalingError(f"{'The configuration is not valid: ' * setting}{said[0]}")
    if said:
        listed = "".join(f"\n- {problem}" for problem in said)
        raise CircuitScalingError(f"{len(said)} things are wrong; nothing was run:{listed}")


def instead(name: str, known: Collection[str]) -> str:
    """What a name that is not known may have meant, or what there is."""
    like = get_close_matches(name, sorted(known), n=1)
    if like:
        return f"Did you mean '{like[0]}'?"
    return f"There are: {first_few(sorted(known), _SHOWN) or 'none'}."
