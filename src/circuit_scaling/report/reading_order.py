"""The parts and chapters of the page in reading order: where a chapter is registered."""

from __future__ import annotations

from typing import NamedTuple

from circuit_scaling.report.blocks import Section
from circuit_scaling.report.chapter import Chapter
from circuit_scaling.report.chapters import (
    ablation,
    audit,
    causal,
    import_retrieval,
    import_tables,
    methods,
    provenance,
    retrieval_compare,
    retrieval_detect,
    retrieval_mask,
    scaling,
    scan,
    transfer,
    zoo,
)
from circuit_scaling.report.chapters.classify import (
    categories,
    heroes,
    known_heads,
    name_order,
    phase_space,
    sensitivity,
)
from circuit_scaling.report.chapters.join import attribution, bos, competence, disagreement
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.heads import tables_of_cards


class Part(NamedTuple):
    """Some chapters under one heading."""

    anchor: str
    title: str
    chapters: tuple[Chapter, ...]


PARTS: tuple[Part, ...] = (
    Part(
        "circuits",
        "Circuit scaling",
        (
            disagreement.CHAPTER,
            competence.CHAPTER,
            phase_space.CHAPTER,
            categories.CHAPTER,
            sensitivity.CHAPTER,
            name_order.CHAPTER,
            heroes.CHAPTER,
            known_heads.CHAPTER,
            scaling.CHAPTER,
            transfer.CHAPTER,
            causal.CHAPTER,
            ablation.CHAPTER,
            attribution.CHAPTER,
            bos.CHAPTER,
        ),
    ),
    Part(
        "retrieval",
        "Retrieval heads",
        (
            import_retrieval.CHAPTER,
            retrieval_detect.CHAPTER,
            retrieval_mask.CHAPTER,
            retrieval_compare.CHAPTER,
        ),
    ),
    Part("published", "What was published", (audit.CHAPTER,)),
    Part(
        "appendix",
        "Methods, limits and provenance",
        (methods.CHAPTER, scan.CHAPTER, zoo.CHAPTER, provenance.CHAPTER),
    ),
)
"""The disagreement of the ablations leads, provenance closes."""
CHAPTERS: tuple[Chapter, ...] = tuple(chapter for part in PARTS for chapter in part.chapters)
IMPORTED: Chapter = import_tables.CHAPTER
"""Leads where the heads come from an imported table; chapters that need a scan are left out."""


class ToldPart(NamedTuple):
    """A part of the page as it is drawn."""

    anchor: str
    title: str
    sections: tuple[Section, ...]


def all_parts(context: ReportContext) -> list[ToldPart]:
    """Every part with its chapters, but for those of whose tables no pipeline makes any."""
    told = []
    for part in PARTS:
        chapters = [chapter for chapter in part.chapters if _is_shown(chapter, context)]
        if context.imported and part is PARTS[0]:
            chapters.insert(0, IMPORTED)
        if chapters:
            sections = tuple(chapter.section(context) for chapter in chapters)
            told.append(ToldPart(part.anchor, part.title, sections))
    return told


def _is_shown(chapter: Chapter, context: ReportContext) -> bool:
    if chapter.tables and not context.can_be_made(chapter.tables):
        return False
    if chapter.may_be_absent and not chapter.is_there(context):
        return False
    if chapter.needs_questions and context.imported_retrieval:
        return False
    if not context.imported:
        return True
    return not chapter.needs_scan and (not chapter.of_own_models or chapter.is_there(context))


def all_sections(context: ReportContext) -> list[Section]:
    """The chapters of all parts."""
    return [section for part in all_parts(context) for section in part.sections]


def tables_of_the_page() -> tuple[str, ...]:
    """Every table that a chapter or the card of a head needs or uses."""
    every = (name for part in (*CHAPTERS, IMPORTED) for name in (*part.tables, *part.also))
    return tuple(dict.fromkeys((*every, *tables_of_cards())))


def figures_of_the_page() -> tuple[str, ...]:
    """The datasets of figures from which a chapter shows some."""
    return tuple(dict.fromkeys(f"{part.pipeline}_figures" for part in CHAPTERS if part.figures))
