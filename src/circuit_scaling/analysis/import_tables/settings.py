"""Which tables are imported, and what they do not say, as the configuration has it."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from circuit_scaling.typed import Block
from circuit_scaling.vocabulary import QuestionKind

HeadColumn = Literal["family", "model", "layer", "head", "delta_ioi", "delta_anti"]


class ImportSettings(Block):
    """Which tables are imported. Relative paths start at the working directory.

    Attributes:
        joint_table: path of a .csv or .parquet file of head effects.
        columns: what the file of head effects calls its columns, such as
            ``{delta_ioi: ioi_effect}``.
        head_rankings, ablation_results: paths of .csv or .parquet files of the study of retrieval
            heads; either is enough.
        on_suspect: ``stop`` where a check finds something, or ``keep`` the table and carry the
            findings along.
        model_pairs: base model and instruct model, for the comparison of the two.
        question_kinds: of questions that are none of the project's own, for the comparison.
    """

    # What the files hold is in the fingerprints of their rows. The last two are no matter of the
    # imported tables: the comparison is given them by themselves, and its tables say so.
    not_in_results: ClassVar[frozenset[str]] = frozenset(
        {
            *("joint_table", "columns", "head_rankings", "ablation_results", "on_suspect"),
            *("model_pairs", "question_kinds"),
        }
    )

    joint_table: str | None = None
    columns: dict[HeadColumn, str] = Field(default_factory=dict)
    head_rankings: str | None = None
    ablation_results: str | None = None
    on_suspect: Literal["stop", "keep"] = "stop"
    model_pairs: tuple[tuple[str, str], ...] = ()
    question_kinds: dict[str, QuestionKind] = Field(default_factory=dict)
