"""Which tables are imported, and what they do not say, as the configuration has it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from circuit_scaling.typed import Block
from circuit_scaling.vocabulary import QuestionKind

Column = Literal[
    "family",
    "model",
    "layer",
    "head",
    "delta_ioi",
    "delta_anti",
    "task",
    "delta",
    "method",
    "question",
    "token_length",
    "score",
    "rank",
    "n_heads",
    "set_type",
    "accuracy",
    "baseline_accuracy",
]
GivenTable = Literal["joint_table", "head_rankings", "ablation_results"]
_SAID = ("family", "model", "method", "question", "token_length")


def _each_once(columns: dict[Column, str]) -> dict[Column, str]:
    for theirs, n in Counter(columns.values()).items():
        if n > 1:
            names = [name for name, called in columns.items() if called == theirs]
            raise ValueError(f"'{theirs}' cannot be {' and '.join(names)} at once")
    return columns


Columns = Annotated[dict[Column, str], AfterValidator(_each_once)]


class GivenFile(Block):
    """One file of a table, and what is known of it; a path alone is one as well.

    Attributes:
        file: its path.
        columns: what this file calls columns, beside and before what holds for all files.
        count_from: the number of its first layer and head, where it is another than in all files.
        family, model, method, question, token_length: of all its rows; it has no such column.
    """

    file: str = Field(min_length=1)
    columns: Columns = Field(default_factory=dict)
    count_from: Literal[0, 1] | None = None
    family: str | None = None
    model: str | None = None
    method: str | None = None
    question: str | None = None
    token_length: int | None = Field(default=None, ge=0)

    @property
    def path(self) -> Path:
        """Where the file is."""
        return Path(self.file).expanduser()

    @property
    def called(self) -> dict[str, str]:
        """Column -> what the file calls it, where that is another name."""
        return {str(name): theirs for name, theirs in self.columns.items()}

    @property
    def said(self) -> dict[str, str | int]:
        """Column -> the one value that it has in all rows, of columns that the file lacks."""
        return {name: value for name in _SAID if (value := getattr(self, name)) is not None}


def _as_files(given: Any) -> Any:
    """Files as a path, a block, or a list of these gives them."""
    if given is None:
        return ()
    several = given if isinstance(given, list | tuple) else [given]
    if any(not isinstance(one, str | Mapping | GivenFile) for one in several):
        raise ValueError("give the path of a file, a block {file: PATH, ...}, or a list of these")
    return tuple({"file": one} if isinstance(one, str) else one for one in several)


Files = Annotated[tuple[GivenFile, ...], BeforeValidator(_as_files)]


class ImportSettings(Block):
    """Which tables are imported. Relative paths start at the working directory.

    Attributes:
        joint_table: effects of heads: the path of a .csv or .parquet file, a block that says more
            of it, or a list of these.
        head_rankings: rankings of retrieval heads, in the same way; or a .json or .yaml file of a
            published detector.
        ablation_results: accuracies without some retrieval heads, in the same way.
        columns: what files call the columns, such as ``{delta_ioi: ioi_effect}``; in effects with a
            row per task, what ``delta_ioi`` and ``delta_anti`` name is a task.
        count_from: the number of the first layer and head.
        on_suspect: ``stop`` where a check finds something, or ``keep`` the table and carry the
            findings along.
        model_pairs: base model and instruct model, for the comparison of the two.
        question_kinds: of questions that are none of the project's own, for the comparison.
    """

    # What the files hold is in the fingerprints of their rows. The last two are no matter of the
    # imported tables: the comparison is given them by themselves, and its tables say so.
    not_in_results: ClassVar[frozenset[str]] = frozenset(
        {
            *("joint_table", "head_rankings", "ablation_results", "columns", "count_from"),
            *("on_suspect", "model_pairs", "question_kinds"),
        }
    )

    joint_table: Files = ()
    head_rankings: Files = ()
    ablation_results: Files = ()
    columns: Columns = Field(default_factory=dict)
    count_from: Literal[0, 1] = 0
    on_suspect: Literal["stop", "keep"] = "stop"
    model_pairs: tuple[tuple[str, str], ...] = ()
    question_kinds: dict[str, QuestionKind] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _one_name_each(self) -> ImportSettings:
        for file in (*self.joint_table, *self.head_rankings, *self.ablation_results):
            _each_once({**self.columns, **file.columns})
        return self

    def files(self, table: GivenTable) -> tuple[GivenFile, ...]:
        """The files of a table, each with the columns and the counting that hold for it."""
        return tuple(
            file.model_copy(
                update={
                    "columns": {**self.columns, **file.columns},
                    "count_from": self.count_from if file.count_from is None else file.count_from,
                }
            )
            for file in getattr(self, table)
        )

    def as_params(self, table: GivenTable) -> dict[str, str]:
        """What gives a table on the command line: one file of which no more is said; else nothing,
        because a suggested command begins as the run did."""
        given = getattr(self, table)
        if [file.model_fields_set for file in given] != [{"file"}]:
            return {}
        return {f"import.{table}": str(given[0].path)}
