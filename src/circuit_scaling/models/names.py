"""By which names a model is known: slugs, aliases and hub ids, as people write them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")

# Ids that once had no organisation on the hub moved to these; both ids are of the same weights.
_MOVED_TO = ("openai-community/", "distilbert/")


def of_that_name(name: str, known: Iterable[tuple[str, T]]) -> list[T]:
    """What is known by ``name``, in any case, under the old hub id or the new one."""
    return [thing for other, thing in known if _plain(other) == _plain(name)]


def of_such_a_name(name: str, known: Iterable[tuple[str, T]]) -> list[T]:
    """What is known by a name that says the same with another spelling.

    ``-``, ``_`` and ``.`` are the same, and a name without an organisation fits a hub id with any;
    a name with an organisation is a hub id and fits no other organisation.
    """
    wanted = _loose(name)
    return [
        thing
        for other, thing in known
        if _loose(other) == wanted or ("/" not in name and _loose(other).endswith(f"/{wanted}"))
    ]


def of_these_weights(names: Collection[str], checkpoints: Sequence[str]) -> list[str]:
    """Those of the ``checkpoints``, given by their hub ids, that one of the ``names`` means."""
    known = [(checkpoint, checkpoint) for checkpoint in checkpoints]
    meant: set[str] = set()
    for name in names:
        meant |= set(of_that_name(name, known) or of_such_a_name(name, known))
    return sorted(meant)


def family_in(name: str, families: Iterable[str]) -> str | None:
    """Of the ``families`` the longest with which a model's name begins, in any spelling.

    ``pythia-6.9b`` and ``EleutherAI/Pythia_6.9b`` name pythia; ``gpt-neox-20b`` does not name
    gpt_neo.
    """
    last = _loose(name).rpartition("/")[2]
    found = [family for family in families if f"{last}-".startswith(f"{_loose(family)}-")]
    return max(found, key=len, default=None)


def _plain(name: str) -> str:
    plain = name.casefold()
    for organisation in _MOVED_TO:
        plain = plain.removeprefix(organisation)
    return plain


def _loose(name: str) -> str:
    return re.sub("[-_.]", "-", _plain(name))
