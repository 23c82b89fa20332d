"""The chapters of the page in reading order."""

from __future__ import annotations

from circuit_scaling.figures.style import order_models
from circuit_scaling.report.blocks import Drawing, Section
from circuit_scaling.report.chapters.ablation import ablation
from circuit_scaling.report.chapters.causal import causal
from circuit_scaling.report.chapters.classify.heads import (
    categories,
    heroes,
    phase_space,
    sensitivity,
)
from circuit_scaling.report.chapters.classify.known_heads import known
from circuit_scaling.report.chapters.import_tables import NEEDS_A_SCAN, imported
from circuit_scaling.report.chapters.join.attribution import attribution
from circuit_scaling.report.chapters.join.disagreement import disagreement
from circuit_scaling.report.chapters.models import competence, roster, training
from circuit_scaling.report.chapters.provenance import provenance
from circuit_scaling.report.chapters.scaling import scaling
from circuit_scaling.report.chapters.transfer import transfer
from circuit_scaling.report.context import ReportContext


def all_sections(context: ReportContext) -> list[Section]:
    """Every chapter; the disagreement of the ablations leads, provenance closes.

    Of an imported table, its checks lead, and chapters that need a scan are left out.
    A figure for which no chapter asks stands in a chapter of its own, so that nothing is lost.
    """
    order = _model_order(context)
    sections = [
        disagreement(context),
        roster(context),
        competence(context, order),
        phase_space(context),
        categories(context, order),
        sensitivity(context, order),
        heroes(context, order),
        known(context, order),
        scaling(context, order),
        transfer(context),
        causal(context, order),
        ablation(context, order),
        attribution(context),
        training(context, order),
    ]
    findings = context.import_findings
    if findings is not None:
        lead = imported(findings, context.classified_heads, order)
        sections = [lead, *(s for s in sections if s.anchor not in NEEDS_A_SCAN)]
    blocks = [block for section in sections for block in section.blocks]
    placed = {block.name for block in blocks if isinstance(block, Drawing)}
    further = sorted(set(context.figures) - placed)
    if further:
        drawings = tuple(Drawing(name, name.replace("_", " ")) for name in further)
        sections.append(Section("further", "Further figures", (), drawings))
    return [*sections, provenance(context, order)]


def _model_order(context: ReportContext) -> list[str]:
    """Models in the order of every table: by family and size, from the first table that knows."""
    for frame in (context.roster, context.classified_heads, context.competence):
        if frame is not None and len(frame):
            return order_models(frame)
    return []
