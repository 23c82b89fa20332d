"""A chapter of the page: what it needs, what it shows, and how it is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from circuit_scaling.report.blocks import Block, Missing, Section, Table, without_unknown
from circuit_scaling.report.context import ReportContext

_OTHER_HEADS = "What is there was made from other heads than those of this page, and is left out."


class Told(NamedTuple):
    """What a chapter says, and what it shows below that."""

    sentences: Sequence[str]
    blocks: Sequence[Block] = ()


@dataclass(frozen=True)
class Chapter:
    """One chapter; :mod:`circuit_scaling.report.reading_order` has them all.

    Attributes:
        anchor, title: its address on the page and its heading.
        pipeline: the one that draws its figures, in the dataset ``<pipeline>_figures``.
        tables: all of them are needed; without one the chapter says what to run.
        also: tables that it uses as far as they are there.
        figures: those that it shows, by name.
        tell: the sentences and blocks, when the tables are there.
        needs_scan: whether it has nothing to say of an imported table.
        needs_questions: whether it has nothing to say of imported rankings and accuracies.
        may_be_absent: whether it is left out where its tables are not there.
        of_own_models: whether it is about other models than those of the heads; beside an imported
            table it is then shown only where its own tables are there.
    """

    anchor: str
    title: str
    pipeline: str
    tell: Callable[[ReportContext], Told]
    tables: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    needs_scan: bool = False
    needs_questions: bool = False
    may_be_absent: bool = False
    of_own_models: bool = False

    def is_there(self, context: ReportContext) -> bool:
        """Whether all tables that it needs have been made."""
        return all(name in context.tables for name in self.tables)

    def section(self, context: ReportContext) -> Section:
        """The chapter as it is drawn."""
        if self.is_there(context):
            told = self.tell(context)
            blocks = tuple(told.blocks)
            if context.imported or context.imported_retrieval:
                blocks = _without_unknown(blocks)
            return Section(self.anchor, self.title, tuple(told.sentences), blocks)
        left_out = not context.outdated.isdisjoint(context.pipelines_of(*self.tables))
        sentences = (_OTHER_HEADS,) if left_out else ()
        return Section(self.anchor, self.title, sentences, (Missing(self.tables),))


def _without_unknown(blocks: Sequence[Block]) -> tuple[Block, ...]:
    """What an imported table does not hold is said once, and has no empty columns."""
    kept = (without_unknown(block) if isinstance(block, Table) else block for block in blocks)
    return tuple(block for block in kept if block is not None)
