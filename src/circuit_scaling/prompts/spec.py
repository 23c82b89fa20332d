"""What a task is, as the configuration says it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, RootModel, model_validator

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.fingerprint import fingerprint_of_content
from circuit_scaling.typed import Block, Prompts, Seed, at_most

ReadoutName = Literal["contrast", "kl_to_clean", "token_loss"]
FILE = "file"
"""What ``build`` says of a task whose prompts stand in a file."""
_CORRUPT = "_corrupt"
_OF_FILES = frozenset({"file", "columns", "space", "token_ids_of", "clusters"})


def corrupt_of(name: str) -> str:
    """What the corrupt texts of a task from a file are called among the prompts."""
    return f"{name}{_CORRUPT}"


class FileColumns(Block):
    """What the columns of a task's file are called; ``name.part`` is a part of one of parquet.

    Attributes:
        clean: texts that end right before the answer.
        corrupt: of each, the same text without the behaviour, of as many tokens.
        answer, distractor: the words that are compared, one or several.
        choices: the words to choose from, where they stand in a column of their own: ``answer`` is
            then the number of the right one, from 0, and the others are distractors.
        candidates: all words that might be the answer.
        cluster: rows of one are one observation.
        template: which text a row is, for means and donors.
    """

    clean: str = "clean"
    corrupt: str = "corrupt"
    answer: str = "answer"
    distractor: str = "distractor"
    choices: str | None = None
    candidates: str = "candidates"
    cluster: str = "cluster"
    template: str = "template"


class TaskSpec(Block):
    """One entry under ``tasks``: of ``tasks.yml``, or of the configuration.

    Attributes:
        build: the file in ``prompts/tasks`` that makes the prompts.
        readout: the metric m whose change is a head's effect on this task.
        reference: the task whose prompts supply the means and donors of the ablations; it has
            the same templates and slots, without the behaviour. A task from a file need not name
            one: its corrupt texts are the reference.
        n_prompts: prompts over all data seeds; when absent, the scan's own ``n_prompts``. Of a
            file, so many rows at most.
        scan: false for a task that only serves as a reference set.
        templates: texts with slots such as ``{A}``; which slots are needed, ``build`` says.
        repeat: for name templates, who fills ``{S}``; for word sequences, whether the second
            half repeats the first.
        mixed: for lists, items of several categories instead of one.
        length: words or tokens of a prompt, where templates do not fix it.
        file: of ``build: file``, the CSV or parquet file with a row per prompt. A relative path is
            looked for in the project, beside the configuration, and in the working directory.
        columns: what the file calls its columns.
        space: whether a space stands between a text and its answer.
        token_ids_of: hub id or folder of the tokenizer whose ids stand in place of words.
        clusters: without a column of them, rows with the same answers and distractors are one
            (``words``), or each row is one (``rows``), which is then assumed to be independent.
    """

    build: str
    readout: ReadoutName = "contrast"
    reference: str
    n_prompts: Prompts | None = Field(default=None, gt=0)
    scan: bool = True
    templates: tuple[str, ...] = ()
    repeat: Literal["either", "first", "none"] = "either"
    mixed: bool = False
    length: Annotated[int, at_most(10_000, "a prompt is a sentence")] = Field(default=12, gt=3)
    file: str | None = Field(default=None, min_length=1)
    columns: FileColumns = FileColumns()
    space: bool = True
    token_ids_of: str | None = Field(default=None, min_length=1)
    clusters: Literal["words", "rows"] = "words"

    @model_validator(mode="after")
    def _file_is_named(self) -> TaskSpec:
        if (self.file is None) == (self.build == FILE):
            raise ValueError(
                "'build: file' and 'file: PATH', a CSV or parquet file of prompts, belong together"
            )
        return self

    @property
    def path(self) -> Path:
        """The file of prompts.

        Raises:
            CircuitScalingError: it is not there.
        """
        path = Path(self.file or "").expanduser()
        if not path.is_file():
            raise CircuitScalingError(
                f"There is no file '{path}' (in '{Path.cwd()}'). A relative path begins at the "
                "project, beside the configuration, or at the working directory."
            )
        return path

    def for_results(self) -> dict[str, Any]:
        """The fields on which prompts depend: of a file its content, wherever it lies.

        Raises:
            CircuitScalingError: the file is not there.
        """
        if self.build != FILE:
            return self.model_dump(mode="json", exclude=set(_OF_FILES))
        return super().for_results() | {"file": fingerprint_of_content(self.path)}

    def has_corrupt(self, name: str) -> bool:
        """Whether the reference of this task, of that name, are the corrupt texts of its file."""
        return self.build == FILE and self.reference == corrupt_of(name)

    @property
    def template_prefix(self) -> str:
        """What templates of a file's task begin with, those of its reference as its own."""
        return self.reference.removesuffix(_CORRUPT)

    @property
    def names_per_group(self) -> int:
        """Of name templates: who is named in a prompt. A name is in one such group only."""
        return 3 if self.repeat == "none" else 2


class PromptSettings(Block):
    """How many prompts are made and from which names.

    Attributes:
        n_prompts: prompts per task over all data seeds.
        data_seeds: independent draws of places and objects; names are dealt once for all of them.
        seed: the first data seed.
        names: ``common`` for the shipped list, which is one token in every family of the study,
            or a list of names; those that are not one token are dropped and counted.
    """

    n_prompts: Prompts = Field(default=400, gt=0)
    data_seeds: Annotated[int, at_most(1_000, "prompts are spread over all")] = Field(
        default=5, gt=0
    )
    seed: Seed = 0
    names: Literal["common"] | tuple[str, ...] = "common"


class Tasks(RootModel[dict[str, TaskSpec]]):
    """All tasks of a run by name, with references that exist and fit."""

    model_config = ConfigDict(frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _corrupt_texts_are_references(cls, given: Any) -> Any:
        """Tasks from files that name no reference have their own."""
        if not isinstance(given, Mapping):
            return given
        return {
            name: {"reference": corrupt_of(name), **entry}
            if isinstance(entry, Mapping) and entry.get("build") == FILE
            else entry
            for name, entry in given.items()
        }

    @model_validator(mode="after")
    def _references_fit(self) -> Tasks:
        if not self.root:
            raise ValueError("no task is configured: add one under 'tasks'")
        for name, spec in self.root.items():
            if spec.has_corrupt(name):
                if spec.reference in self.root:
                    raise ValueError(
                        f"'{spec.reference}' are the corrupt texts of task '{name}': call the "
                        "other task of that name otherwise"
                    )
                continue
            if spec.reference not in self.root:
                raise ValueError(
                    f"task '{name}' names the reference '{spec.reference}', which is no task; "
                    f"there are: {', '.join(sorted(self.root))}"
                )
            reference = self.root[spec.reference]
            parts = ("build", "templates", "length", "reference")
            for part in ("build", "reference") if spec.build == FILE else parts:
                if getattr(spec, part) != getattr(reference, part):
                    raise ValueError(
                        f"task '{name}' and its reference '{spec.reference}' differ in '{part}' "
                        f"({getattr(spec, part)!r:.40} and {getattr(reference, part)!r:.40}): "
                        "a reference set is the same texts without the behaviour, and its own "
                        "reference"
                    )
        return self

    def for_results(self) -> dict[str, Any]:
        """Every task as far as its prompts depend on it.

        Raises:
            CircuitScalingError: a file of prompts is not there.
        """
        found = {}
        for name, spec in self.root.items():
            try:
                found[name] = spec.for_results()
            except CircuitScalingError as error:
                raise CircuitScalingError(f"Task '{name}': {error.message}") from error
        return found

    def made(self) -> Tasks:
        """Those whose prompts are made of words, and not read from files."""
        kept = {name: spec for name, spec in self.root.items() if spec.build != FILE}
        return Tasks.model_construct(root=kept)

    def scanned(self) -> dict[str, TaskSpec]:
        """The tasks that are measured, in the order of the configuration."""
        return {name: spec for name, spec in self.root.items() if spec.scan}
