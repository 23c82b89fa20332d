"""Roster entries: which model, from where, and what it must look like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ConfigDict, Field, RootModel, field_validator, model_validator

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.models.bos import BosChoice
from circuit_scaling.models.names import of_such_a_name, of_that_name
from circuit_scaling.typed import Block, at_most

_HUB_ID = re.compile(r"\w[\w.-]*(/\w[\w.-]*)?", re.ASCII)
_DEVICE = re.compile(r"auto|cpu|mps|(cuda|xpu)(:\d+)?")
_LONGEST_FAMILY = 80
_Size = Annotated[int, Field(gt=0), at_most(2_000, "no model has as many")]


class RosterEntry(Block):
    """One model of a roster.

    Attributes:
        slug: its key in the roster, which fills it in.
        family: models of one family share a training recipe, a colour and a trend line.
        hub, folder, package: where the checkpoint is; exactly one of the three. A relative folder
            is looked for in the project, beside the configuration, and from the working directory
            upwards. A package is the import name of an installed Python package that holds the
            files; its code is not run.
        gguf: name of the one file there that holds weights, configuration and tokenizer; without
            it, the checkpoint is what ``save_pretrained`` writes.
        revision: branch, tag or commit on the hub, such as Pythia's ``step1000``.
        params_m: parameters in millions.
        n_layers, n_heads, d_model: checked against the checkpoint when it is loaded; the width
            need not be given.
        bos: whether prompts begin with the BOS token; ``auto`` is what the checkpoint was trained
            with (:func:`circuit_scaling.models.bos.prompt_prefix`).
        dtype: of the weights, quantised ones after they were dequantised; effects are always
            accumulated in float32.
        device: ``auto`` takes the GPU when there is one.
        untrained: the weights are random on purpose. Without it a model that predicts the shipped
            plain text no better than word counts do is refused
            (:func:`circuit_scaling.models.sense.check_sense`).
        chat: what the user says before every prompt, which then begins the assistant's answer, in
            the tokenizer's chat template; None: prompts stand alone.
        objectives: zoo only, task -> ``learn`` or ``random`` (random answers, for controls).
        begins_as: zoo only, the embedded model whose weights the training begins with.
        aliases: other names of the model in tables measured elsewhere.
        note: one line for the report.
    """

    # Where the weights lie and are run says nothing about them: their content is hashed.
    not_in_results: ClassVar[frozenset[str]] = frozenset({"folder", "device"})

    slug: str = ""
    family: str
    hub: str | None = None
    folder: str | None = Field(default=None, min_length=1)
    package: str | None = Field(default=None, pattern=r"^[A-Za-z_]\w*$")
    gguf: str | None = Field(default=None, pattern=r"^[^/\\]+\.gguf$")
    revision: str | None = None
    params_m: Annotated[float, at_most(10**9, "it is in millions")] = Field(gt=0)
    n_layers: _Size
    n_heads: _Size
    d_model: int | None = Field(default=None, gt=0)
    bos: BosChoice = "auto"
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    device: str = "auto"
    untrained: bool = False
    chat: str | None = None
    objectives: dict[str, Literal["learn", "random"]] = Field(default_factory=dict)
    begins_as: str | None = None
    aliases: tuple[str, ...] = ()
    note: str = ""

    @field_validator("family")
    @classmethod
    def _can_be_written(cls, family: str) -> str:
        if not family.strip() or len(family) > _LONGEST_FAMILY:
            raise ValueError(f"a family has a name of 1 to {_LONGEST_FAMILY} characters")
        if not family.isprintable() or set(family) & set("/\\"):
            raise ValueError("a family's name is in the names of files: no / and no \\ in it")
        return family

    @field_validator("hub")
    @classmethod
    def _is_hub_id(cls, hub: str | None) -> str | None:
        if hub is not None and not _HUB_ID.fullmatch(hub):
            raise ValueError(
                f"'{hub}' is no hub id (name, or owner/name); a local folder is given as 'folder'"
            )
        return hub

    @field_validator("device")
    @classmethod
    def _is_device(cls, device: str) -> str:
        if not _DEVICE.fullmatch(device):
            raise ValueError(f"'{device}' is no device: there are auto, cpu, cuda, cuda:0 …")
        return device

    @model_validator(mode="after")
    def _one_source(self) -> RosterEntry:
        if sum(place is not None for place in (self.hub, self.folder, self.package)) != 1:
            raise ValueError(
                "give exactly one of 'hub' (a hub id), 'folder' (a local folder) and 'package' (an "
                "installed Python package)"
            )
        if self.hub is None and self.revision is not None:
            raise ValueError("'revision' belongs to a hub model; a folder is what it contains")
        if self.chat is not None and self.bos != "auto":
            raise ValueError("'chat' and 'bos' exclude each other: a chat template has its own BOS")
        return self

    @property
    def source(self) -> str:
        """Where the checkpoint comes from, for people."""
        place = self.folder or self.package or f"{self.hub}@{self.revision or 'main'}"
        return f"{place}/{self.gguf}" if self.gguf else place


class Roster(RootModel[dict[str, RosterEntry]]):
    """Slug -> entry. Slugs are lower case, digits and underscores: they name files and nodes."""

    model_config = ConfigDict(frozen=True)

    @field_validator("root", mode="before")
    @classmethod
    def _named(cls, root: Any) -> Any:
        return with_slugs(root)

    @field_validator("root")
    @classmethod
    def _slugs(cls, root: dict[str, RosterEntry]) -> dict[str, RosterEntry]:
        if not root:
            raise ValueError("the roster is empty: add a model under '_rosters'")
        for slug in root:
            if not slug.isascii() or not slug.replace("_", "a").isalnum() or slug != slug.lower():
                raise ValueError(
                    f"'{slug}' cannot be a slug: use lower-case letters, digits and underscores"
                )
        return root

    @property
    def embedded(self) -> tuple[str, ...]:
        """The models that the zoo trains."""
        return tuple(slug for slug, entry in self.root.items() if entry.objectives)

    def entry(self, slug: str) -> RosterEntry:
        """The entry of ``slug``.

        Raises:
            CircuitScalingError: there is none; the message lists what there is.
        """
        if slug not in self.root:
            raise CircuitScalingError(
                f"Unknown model '{slug}'. The roster has: {', '.join(self.root)}."
            )
        return self.root[slug]


def with_slugs(models: Any) -> Any:
    """A roster as plain data in which every entry has its key as its slug."""
    if not isinstance(models, Mapping):
        return models
    return {
        slug: {**entry, "slug": slug}
        if isinstance(entry, Mapping)
        else entry.model_copy(update={"slug": slug})
        if isinstance(entry, RosterEntry)
        else entry
        for slug, entry in models.items()
    }


class Rosters(RootModel[dict[str, Roster]]):
    """Name -> roster: every model that the configuration knows."""

    model_config = ConfigDict(frozen=True)

    def find(self, name: str) -> RosterEntry | None:
        """The first entry that goes by ``name``: its slug, an alias, or its hub id.

        The name counts as it is written, in any case; where nothing has it, in another spelling
        (:func:`of_such_a_name`). A hub id means the main revision: a training checkpoint goes by
        its slug and aliases only.

        Raises:
            CircuitScalingError: models of different families or shapes go by the name, or different
                models by other spellings of it.
        """
        known = [
            (known_as, (f"{roster_name}.{slug}", entry))
            for roster_name, roster in self.root.items()
            for slug, entry in roster.root.items()
            for known_as in (slug, *entry.aliases, *_hub_id(entry))
        ]
        named = of_that_name(name, known)
        differ: set[object] = {(e.family, e.n_layers, e.n_heads) for _, e in named}
        if not named:
            named = of_such_a_name(name, known)
            differ = {entry.source for _, entry in named}
        if len(differ) > 1:
            listed = ", ".join(
                f"{where} ({entry.family}, {entry.n_layers} layers of {entry.n_heads})"
                for where, entry in dict(named).items()
            )
            raise CircuitScalingError(
                f"'{name}' may be several models of the rosters: {listed}. Write another of "
                "their names in the table, or correct the rosters."
            )
        return named[0][1] if named else None


def _hub_id(entry: RosterEntry) -> tuple[str, ...]:
    """The hub id, where the entry is what the id says: the main revision."""
    return (entry.hub,) if entry.hub and entry.revision in (None, "main") else ()


def names_of_weights(entry: RosterEntry, slug: str) -> set[str]:
    """Names that say which weights an entry has; of a hub model its slug does not."""
    return {*entry.aliases, *(_hub_id(entry) if entry.hub else (slug,))}


def names_of_model(model: str, of_run: Iterable[Roster], rosters: Rosters) -> set[str]:
    """Names of the weights of a model of a table; one that no roster has is what it is called.

    Args:
        of_run: the rosters of the run, which are asked first.
        rosters: every roster.
    """
    named = (roster.root[model] for roster in of_run if model in roster.root)
    entry = next(named, None) or rosters.find(model)
    return {model} if entry is None else names_of_weights(entry, model)
