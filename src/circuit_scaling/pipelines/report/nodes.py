"""The node of the report: it only reads, and any part may be missing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from circuit_scaling import __version__
from circuit_scaling.analysis.classify import ClassifySettings
from circuit_scaling.figures.agreement import ablation_agreement as draw_agreement
from circuit_scaling.figures.attribution import attribution_agreement as draw_attribution
from circuit_scaling.figures.category_shares import category_counts
from circuit_scaling.figures.clean_metric import competence as draw_competence
from circuit_scaling.figures.corr_scale import corr_vs_scale_cross_family
from circuit_scaling.figures.divergence import ioi_divergence
from circuit_scaling.figures.hero_ablation import hero_vs_random
from circuit_scaling.figures.influence import causal_influence
from circuit_scaling.figures.influence import of_task as influence_on
from circuit_scaling.figures.phase_space import all_heads_phase_space, family_grid
from circuit_scaling.figures.strong_heads import strong_head_scaling as draw_strong_heads
from circuit_scaling.figures.training import zoo_training
from circuit_scaling.figures.transfer import ioi_transfer_summary
from circuit_scaling.models.roster import Roster
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.imported import is_of
from circuit_scaling.report.page import render_report

Part = pd.DataFrame | None


def write_report(
    models: dict[str, Any],
    settings: ClassifySettings,
    competence: Part,
    classified_heads: Part,
    head_category_summary: Part,
    category_sensitivity: Part,
    hero_heads: Part,
    transfer_summary: Part,
    head_matching: Part,
    head_divergence: Part,
    corr_vs_scale: Part,
    strong_head_scaling: Part,
    scale_trend: Part,
    layer_profile: Part,
    control_models: Part,
    ablation_summary: Part,
    ablation_agreement: Part,
    attribution_agreement: Part,
    causal_summary: Part,
    hero_pairs: Part,
    hero_similarity: Part,
    import_findings: Part,
    zoo_curves: Part,
    zoo_accuracy: Part,
    run_log: Part,
) -> str:
    """The page; a part that is None says which command makes it."""
    if is_of(import_findings, classified_heads):
        # What scans have left in the same place says nothing about these heads.
        competence = ablation_agreement = attribution_agreement = run_log = None
        ablation_summary = zoo_curves = zoo_accuracy = None
        causal_summary = hero_pairs = hero_similarity = None
        roster = None
    else:
        import_findings = None
        roster = _roster_table(Roster.model_validate(models))
    of_one_table: dict[str, tuple[Callable[[pd.DataFrame], Figure], Part]] = {
        "category_counts": (category_counts, head_category_summary),
        "ioi_transfer_summary": (ioi_transfer_summary, transfer_summary),
        "ioi_divergence": (ioi_divergence, head_divergence),
        "corr_vs_scale_cross_family": (corr_vs_scale_cross_family, corr_vs_scale),
        "competence": (draw_competence, competence),
        "hero_vs_random": (hero_vs_random, ablation_summary),
        "ablation_agreement": (draw_agreement, ablation_agreement),
        "attribution_agreement": (draw_attribution, attribution_agreement),
    }
    figures = {name: draw(part) for name, (draw, part) in of_one_table.items() if part is not None}
    if classified_heads is not None:
        figures["all_heads_phase_space"] = all_heads_phase_space(classified_heads, settings.tau)
        figures["family_grid"] = family_grid(classified_heads, settings.tau)
    if strong_head_scaling is not None:
        figures["strong_head_scaling"] = draw_strong_heads(strong_head_scaling, settings.tau)
    figures |= _causal_figures(causal_summary)
    if zoo_curves is not None and zoo_accuracy is not None:
        figures["zoo_training"] = zoo_training(zoo_curves, zoo_accuracy)
    return render_report(
        ReportContext(
            roster=roster,
            competence=competence,
            classified_heads=classified_heads,
            head_category_summary=head_category_summary,
            category_sensitivity=category_sensitivity,
            hero_heads=hero_heads,
            transfer_summary=transfer_summary,
            head_matching=head_matching,
            head_divergence=head_divergence,
            corr_vs_scale=corr_vs_scale,
            scale_trend=scale_trend,
            layer_profile=layer_profile,
            control_models=control_models,
            ablation_summary=ablation_summary,
            ablation_agreement=ablation_agreement,
            attribution_agreement=attribution_agreement,
            causal_summary=causal_summary,
            hero_pairs=hero_pairs,
            hero_similarity=hero_similarity,
            import_findings=import_findings,
            zoo_curves=zoo_curves,
            zoo_accuracy=zoo_accuracy,
            run_log=run_log,
            figures=figures,
            tau=settings.tau,
            project_version=__version__,
            git_sha=_commit(),
        )
    )


def _causal_figures(causal_summary: Part) -> dict[str, Figure]:
    if causal_summary is None:
        return {}
    return {
        name: causal_influence(influence_on(causal_summary, task))
        for name, task in (("causal_ioi", "ioi"), ("causal_anti", "anti_names"))
    }


def _roster_table(roster: Roster) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "family": entry.family,
                "model": slug,
                "params_m": entry.params_m,
                "layers": entry.n_layers,
                "heads": entry.n_heads,
                "source": entry.source,
                "note": entry.note,
            }
            for slug, entry in roster.root.items()
        ]
    )


def _commit() -> str | None:
    """The commit that is checked out, where this is a checkout."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        head = folder / ".git" / "HEAD"
        if head.is_file():
            content = head.read_text().strip()
            reference = folder / ".git" / content.removeprefix("ref: ")
            if not content.startswith("ref: "):
                return content[:12]
            return reference.read_text().strip()[:12] if reference.is_file() else None
    return None
