"""What a task is, as the configuration says it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, RootModel, model_validator

from circuit_scaling.typed import Block, Prompts, Seed, at_most

ReadoutName = Literal["contrast", "kl_to_clean", "token_loss"]


class TaskSpec(Block):
    """One entry under ``tasks``: of ``tasks.yml``, or of the configuration.

    Attributes:
        build: the file in ``prompts/tasks`` that makes the prompts.
        readout: the metric m whose change is a head's effect on this task.
        reference: the task whose prompts supply the means and donors of the ablations; it has
            the same templates and slots, without the behaviour.
        n_prompts: prompts over all data seeds; when absent, the scan's own ``n_prompts``.
        scan: false for a task that only serves as a reference set.
        templates: texts with slots such as ``{A}``; which slots are needed, ``build`` says.
        repeat: for name templates, who fills ``{S}``; for word sequences, whether the second
            half repeats the first.
        mixed: for lists, items of several categories instead of one.
        length: words or tokens of a prompt, where templates do not fix it.
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

    @model_validator(mode="after")
    def _references_fit(self) -> Tasks:
        if not self.root:
            raise ValueError("no task is configured: add one under 'tasks'")
        for name, spec in self.root.items():
            if spec.reference not in self.root:
                raise ValueError(
                    f"task '{name}' names the reference '{spec.reference}', which is no task; "
                    f"there are: {', '.join(sorted(self.root))}"
                )
            reference = self.root[spec.reference]
            for part in ("build", "templates", "length", "reference"):
                if getattr(spec, part) != getattr(reference, part):
                    raise ValueError(
                        f"task '{name}' and its reference '{spec.reference}' differ in '{part}': "
                        "a reference set is the same texts without the behaviour, and its own "
                        "reference"
                    )
        return self

    def scanned(self) -> dict[str, TaskSpec]:
        """The tasks that are measured, in the order of the configuration."""
        return {name: spec for name, spec in self.root.items() if spec.scan}
