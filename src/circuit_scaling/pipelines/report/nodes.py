"""The node of the report: it only reads, and any part may be missing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from circuit_scaling import __version__
from circuit_scaling.analysis.classify.settings import ClassifySettings
from circuit_scaling.analysis.made_from import is_made_from
from circuit_scaling.commands import run_command
from circuit_scaling.datasets.commit import commit_of
from circuit_scaling.figures.ablation.heroes_vs_random import ablation_overview
from circuit_scaling.figures.causal.influence import causal_influence
from circuit_scaling.figures.causal.influence import of_task as influence_on
from circuit_scaling.figures.classify.category_shares import category_counts
from circuit_scaling.figures.classify.phase_space import all_heads_phase_space, family_grid
from circuit_scaling.figures.join.agreement import ablation_agreement as draw_agreement
from circuit_scaling.figures.join.attribution import attribution_agreement as draw_attribution
from circuit_scaling.figures.join.competence import competence as draw_competence
from circuit_scaling.figures.scaling.correlations import corr_vs_scale_cross_family
from circuit_scaling.figures.scaling.strong_heads import strong_head_scaling as draw_strong_heads
from circuit_scaling.figures.transfer.divergence import ioi_divergence
from circuit_scaling.figures.transfer.summary import ioi_transfer_summary
from circuit_scaling.figures.zoo.training import zoo_training
from circuit_scaling.models.roster import Roster
from circuit_scaling.report.chapters.import_tables import is_of
from circuit_scaling.report.context import ReportContext
from circuit_scaling.report.made_by import TABLES
from circuit_scaling.report.page import render_report

Part = pd.DataFrame | None
_log = logging.getLogger(__name__)

# What scans leave says nothing about heads that were imported into the same place.
_OF_SCANS = ("join", "causal", "ablation", "zoo")
_OF_HEADS = ("scaling", "transfer", "causal", "ablation")


def write_report(models: dict[str, Any], settings: ClassifySettings, **parts: Part) -> str:
    """The page; a part (a table by its name) that is None says which command makes it."""
    if is_of(parts["import_findings"], parts["classified_heads"]):
        parts |= dict.fromkeys(table for pipeline in _OF_SCANS for table in TABLES[pipeline])
        roster = None
    else:
        parts["import_findings"] = None
        roster = _roster_table(Roster.model_validate(models))
    outdated = [
        pipeline
        for pipeline in _OF_HEADS
        if _of_other_heads(parts["classified_heads"], [parts[name] for name in TABLES[pipeline]])
    ]
    if outdated:
        _log.warning(
            "Left out of the report, because they were made from other heads: the tables of %s. "
            "Run these pipelines again, then report.",
            " and ".join(outdated),
        )
    for pipeline in outdated:
        parts |= dict.fromkeys(TABLES[pipeline])
    figures = _figures(parts, settings.tau)
    only_drawn = {"strong_head_scaling"}
    shown: dict[str, Any] = {name: parts[name] for name in parts.keys() - only_drawn}
    return render_report(
        ReportContext(
            roster=roster,
            **shown,
            figures=figures,
            outdated=frozenset(outdated),
            run=run_command(),
            tau=settings.tau,
            project_version=__version__,
            commits=_commits(parts),
        )
    )


def _figures(parts: Mapping[str, Part], tau: float) -> dict[str, Figure]:
    """Figure name -> figure, of the parts that are there."""
    from_part: dict[str, tuple[str, Callable[[pd.DataFrame], Figure]]] = {
        "all_heads_phase_space": ("classified_heads", partial(all_heads_phase_space, tau=tau)),
        "family_grid": ("classified_heads", partial(family_grid, tau=tau)),
        "category_counts": ("head_category_summary", category_counts),
        "ioi_transfer_summary": ("transfer_summary", ioi_transfer_summary),
        "ioi_divergence": ("head_divergence", ioi_divergence),
        "corr_vs_scale_cross_family": ("corr_vs_scale", corr_vs_scale_cross_family),
        "strong_head_scaling": ("strong_head_scaling", partial(draw_strong_heads, tau=tau)),
        "competence": ("competence", draw_competence),
        "ablation_overview": ("ablation_summary", ablation_overview),
        "ablation_agreement": ("ablation_agreement", draw_agreement),
        "attribution_agreement": ("attribution_agreement", draw_attribution),
    }
    figures = {
        name: draw(frame)
        for name, (part, draw) in from_part.items()
        if (frame := parts[part]) is not None
    }
    figures |= _causal_figures(parts["causal_summary"])
    curves, accuracy = parts["zoo_curves"], parts["zoo_accuracy"]
    if curves is not None and accuracy is not None:
        figures["zoo_training"] = zoo_training(curves, accuracy)
    return figures


def _causal_figures(causal_summary: Part) -> dict[str, Figure]:
    if causal_summary is None:
        return {}
    return {
        name: causal_influence(influence_on(causal_summary, task))
        for name, task in (("causal_ioi", "ioi"), ("causal_anti", "anti_names"))
    }


def _of_other_heads(heads: Part, tables: Iterable[Part]) -> bool:
    """Whether one of the tables was made from heads that are not the present ones."""
    if heads is None:
        return False
    return not all(is_made_from(table, heads) for table in tables if table is not None)


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


def _commits(parts: Mapping[str, Part]) -> dict[str, list[str]]:
    """Commit -> the tables that were made at it."""
    made: dict[str, list[str]] = {}
    for name, table in parts.items():
        commit = None if table is None else commit_of(table)
        if commit:
            made.setdefault(commit, []).append(name)
    return made
