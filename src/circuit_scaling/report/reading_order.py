"""The chapters of the page in reading order: the one place where a chapter is registered."""

from __future__ import annotations

from circuit_scaling.report.blocks import Section
from circuit_scaling.report.chapter import Chapter
from circuit_scaling.report.chapters import (
    ablation,
    audit,
    causal,
    import_tables,
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

CHAPTERS: tuple[Chapter, ...] = (
    disagreement.CHAPTER,
    scan.CHAPTER,
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
    retrieval_detect.CHAPTER,
    retrieval_mask.CHAPTER,
    retrieval_compare.CHAPTER,
    audit.CHAPTER,
    attribution.CHAPTER,
    bos.CHAPTER,
    zoo.CHAPTER,
    provenance.CHAPTER,
)
"""The disagreement of the ablations leads, provenance closes."""
IMPORTED: Chapter = import_tables.CHAPTER
"""Leads where the heads come from an imported table; chapters that need a scan are left out."""


def all_sections(context: ReportContext) -> list[Section]:
    """Every chapter as it is drawn, but for those of whose tables no pipeline makes any."""
    chapters = tuple(c for c in CHAPTERS if not c.tables or context.can_be_made(c.tables))
    if context.imported:
        of_others = {c.anchor for c in chapters if c.of_own_models and not c.is_there(context)}
        kept = (c for c in chapters if not c.needs_scan and c.anchor not in of_others)
        chapters = (IMPORTED, *kept)
    return [chapter.section(context) for chapter in chapters]


def tables_of_the_page() -> tuple[str, ...]:
    """Every table that a chapter needs or uses."""
    every = (name for part in (*CHAPTERS, IMPORTED) for name in (*part.tables, *part.also))
    return tuple(dict.fromkeys(every))


def figures_of_the_page() -> tuple[str, ...]:
    """The datasets of figures from which a chapter shows some."""
    return tuple(dict.fromkeys(f"{part.pipeline}_figures" for part in CHAPTERS if part.figures))
