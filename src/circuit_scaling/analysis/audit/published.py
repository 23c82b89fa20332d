"""The published findings of both studies, each with its source and what would reproduce it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple

import yaml
from pydantic import Field, TypeAdapter, field_validator

from circuit_scaling.typed import Block

FOLDER = Path(__file__).with_name("published_findings")
"""A file per subject, and ``studies.yml``, which says what an entry means and names the others."""
ANY: Final = "any"
Study = Literal["circuit scaling", "retrieval heads"]
Checkpoints = tuple[str, ...] | Literal["any"]
_Given = tuple[str, ...] | str
"""Hub ids, the name of a list of them, or ``any``."""
_NUMBER = re.compile(r"[−+]?(\d+)(\.\d+)?")
_ROUNDING = 1e-9
_WORDS = {
    "summed_attention": "Summed Attention",
    "wu24": "Wu24",
    "qrhead": "QRHead",
    "inc_state": "the state of incorporation",
    "inc_year": "the year of incorporation",
    "employee_count": "the number of employees",
    "hq_state": "the state of the headquarters",
    "within_numerical": "both numerical",
    "within_categorical": "both categorical",
    "between": "one of each kind",
    "token_length": "length",
    "q3_drop_mean": "mean fall of accuracy",
    "q3_drop_sd": "standard deviation of the falls",
    "f5_rank_min": "best rank",
    "f5_rank_max": "worst rank",
    "f5_rank_sd": "standard deviation of the ranks",
    "f7_overlap_mean": "mean overlap",
    "f7_overlap_sd": "standard deviation of the overlaps",
}
"""Arguments as claims say them."""


class Printed(NamedTuple):
    """All values that are printed as a number was: from ``low`` to ``high``."""

    low: float
    high: float

    @classmethod
    def of(cls, text: str) -> Printed:
        """The values that round to ``text``, such as ``−0.22``, ``+638`` or ``0.15–0.38``.

        Raises:
            ValueError: it is no number and no two of them.
        """
        ends = []
        for part in text.split("–"):
            if not (found := _NUMBER.fullmatch(part)):
                raise ValueError(f"'{text}' is no printed number")
            half = 0.5 * 10.0 ** -max(len(found[2] or "") - 1, 0)
            value = float(part.replace("−", "-"))
            ends += [value - half, value + half]
        return cls(min(ends), max(ends))

    def holds(self, value: float) -> bool:
        """Whether ``value`` rounds to it."""
        return self.low - _ROUNDING <= value <= self.high + _ROUNDING


class Finding(Block):
    """One number or claim of a study.

    Attributes:
        id: its name here.
        sources: ``file § section`` of the study, once for each time that it is said there.
        claim: in our words.
        published: with the digits that were printed, or the word that was; None: all is in words.
        unit: ``%`` or nothing.
        definition: what exactly reproduces it.
        measure: what computes it, by its name in ``MEASURES``.
        arguments: of the measure.
        checkpoints: the hub ids of the models that it is about; ``any`` for models in general.
    """

    id: str = Field(pattern=r"^[a-z0-9_]+$")
    study: Study
    sources: tuple[str, ...] = Field(min_length=1)
    claim: str
    published: str | None = None
    unit: Literal["", "%"] = ""
    definition: str
    measure: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    checkpoints: Checkpoints

    @field_validator("sources")
    @classmethod
    def _placed(cls, sources: tuple[str, ...]) -> tuple[str, ...]:
        for source in sources:
            if not re.fullmatch(r"\S+\.md § \S.*", source):
                raise ValueError(f"'{source}' does not say file § section")
        return sources


class _Listed(list[Any]):
    """A list that is written with commas."""

    def __format__(self, _: str) -> str:
        return ", ".join(map(str, self))


def _said(value: Any) -> Any:
    """An argument as a claim says it; of a hub id the model's name."""
    if isinstance(value, list | tuple):
        return _Listed(map(_said, value))
    if not isinstance(value, str):
        return value
    return _WORDS.get(value, value.rpartition("/")[2])


class _Studies(Block):
    """``studies.yml``: the files of each study, in their order, and named lists of checkpoints."""

    files: dict[Study, tuple[str, ...]]
    checkpoints: dict[str, tuple[str, ...]]

    def named(self, given: _Given) -> Checkpoints:
        """The checkpoints of that list, where a list is named.

        Raises:
            ValueError: there is no such list.
        """
        if isinstance(given, tuple):
            return given
        if given == ANY:
            return ANY
        if given not in self.checkpoints:
            raise ValueError(f"there is no list '{given}' of checkpoints")
        return self.checkpoints[given]


class _Entry(Block):
    """What differs between findings of one kind; the rest stands once, in their group."""

    id: str
    published: str | None = None
    claim: str | None = None
    sources: tuple[str, ...] | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)
    checkpoints: _Given | None = None


class _Group(Block):
    """Findings with one definition; ``{...}`` in a text is a finding's number or argument."""

    sources: tuple[str, ...]
    claim: str = ""
    unit: Literal["", "%"] = ""
    definition: str
    measure: str
    arguments: dict[str, Any] = Field(default_factory=dict)
    checkpoints: _Given = ()
    findings: tuple[_Entry, ...] = Field(min_length=1)

    def expanded(self, study: Study, studies: _Studies) -> Iterator[Finding]:
        """Each finding with all that the group says of it.

        Raises:
            ValueError: it is not complete (of pydantic), or names a list that does not exist.
        """
        for entry in self.findings:
            arguments = self.arguments | entry.arguments
            given = self.checkpoints if entry.checkpoints is None else entry.checkpoints
            checkpoints = studies.named(given)
            said = {
                "published": entry.published,
                "checkpoint": _said(checkpoints[0]) if checkpoints else "",
                **{name: _said(value) for name, value in arguments.items()},
            }
            yield Finding(
                id=entry.id,
                study=study,
                sources=entry.sources or self.sources,
                claim=(entry.claim or self.claim).format(**said),
                published=entry.published,
                unit=self.unit,
                definition=self.definition.format(**said),
                measure=self.measure,
                arguments=arguments,
                checkpoints=checkpoints,
            )


_GROUPS = TypeAdapter(tuple[_Group, ...])


@cache
def published_findings() -> tuple[Finding, ...]:
    """Every finding of the files, in their order.

    Raises:
        ValueError: an entry is not complete, or says something that no field is for.
    """
    studies = _Studies.model_validate(_read("studies"))
    return tuple(
        finding
        for study, files in studies.files.items()
        for file in files
        for group in _GROUPS.validate_python(_read(file))
        for finding in group.expanded(study, studies)
    )


def _read(file: str) -> Any:
    return yaml.safe_load((FOLDER / f"{file}.yml").read_text(encoding="utf-8"))


@cache
def all_checkpoints() -> tuple[str, ...]:
    """Every checkpoint that a finding is about."""
    named = (f.checkpoints for f in published_findings() if f.checkpoints != ANY)
    return tuple(dict.fromkeys(name for checkpoints in named for name in checkpoints))
