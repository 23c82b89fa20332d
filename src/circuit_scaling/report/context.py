"""What the report is made from: tables, figures and a few facts, each of which may be missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field

import pandas as pd
from matplotlib.figure import Figure

from circuit_scaling.figures.style import abilities
from circuit_scaling.report.blocks import Section, missing
from circuit_scaling.report.made_by import pipelines_of


@dataclass(frozen=True)
class ReportContext:
    """The material of one report; a part that is None has not been made yet.

    ``roster`` has the columns family, model, params_m, layers, heads, source, note; the other
    frames are the project's tables of the same name. ``figures`` are keyed by the name of the
    function that drew them; figures that the page has no section for are shown at its end.
    ``import_findings`` is given where the heads come from an imported table, and only then.
    ``outdated`` names the pipelines whose tables were made from other heads and are left out.
    ``run`` is what the commands that are printed begin with; it names the environment of the run.
    ``tau`` is the category threshold of ``classified_heads``. ``commits`` are those of the project
    at which the tables were made, with the names of the tables. Version and date are printed as
    they are; without a date the page is the same for the same tables.
    """

    roster: pd.DataFrame | None = None
    competence: pd.DataFrame | None = None
    classified_heads: pd.DataFrame | None = None
    head_category_summary: pd.DataFrame | None = None
    category_sensitivity: pd.DataFrame | None = None
    hero_heads: pd.DataFrame | None = None
    known_heads: pd.DataFrame | None = None
    transfer_summary: pd.DataFrame | None = None
    head_matching: pd.DataFrame | None = None
    head_divergence: pd.DataFrame | None = None
    corr_vs_scale: pd.DataFrame | None = None
    scale_trend: pd.DataFrame | None = None
    layer_profile: pd.DataFrame | None = None
    control_models: pd.DataFrame | None = None
    ablation_summary: pd.DataFrame | None = None
    ablation_agreement: pd.DataFrame | None = None
    attribution_agreement: pd.DataFrame | None = None
    causal_summary: pd.DataFrame | None = None
    hero_pairs: pd.DataFrame | None = None
    hero_similarity: pd.DataFrame | None = None
    import_findings: pd.DataFrame | None = None
    zoo_curves: pd.DataFrame | None = None
    zoo_accuracy: pd.DataFrame | None = None
    run_log: pd.DataFrame | None = None
    causal_log: pd.DataFrame | None = None
    ablation_log: pd.DataFrame | None = None
    figures: Mapping[str, Figure] = field(default_factory=dict)
    outdated: Set[str] = frozenset()
    run: str = "kedro run"
    tau: float = 0.05
    project_version: str | None = None
    commits: Mapping[str, Sequence[str]] = field(default_factory=dict)
    date: str | None = None

    def suspect(self) -> dict[tuple[str, int, int], str]:
        """(model, layer, head) -> what is suspect about it, for the heads where something is."""
        heads = self.classified_heads
        if heads is None or "suspect" not in heads:
            return {}
        found = heads[heads["suspect"].fillna("") != ""]
        keys = zip(found["model"], found["layer"], found["head"], strict=True)
        return dict(zip(keys, found["suspect"], strict=True))

    def suspect_models(self) -> set[str]:
        """Models with a suspect head."""
        return {model for model, _, _ in self.suspect()}

    def without(self, anchor: str, title: str, *tables: str) -> Section:
        """A chapter whose tables are not there: how to make them, and whether they were left out.

        They were where their pipeline has run, but on other heads.
        """
        why = "What is there was made from other heads than those of this page, and is left out."
        left_out = not self.outdated.isdisjoint(pipelines_of(*tables))
        return Section(anchor, title, (why,) if left_out else (), (missing(*tables),))

    def ability(self, model: object, task: object) -> str:
        """``able``, ``unable`` or ``unknown``: whether the clean contrast's interval is above 0.

        A control has no answer that a model could fail to give, so that all are able.
        """
        if self.competence is None:
            return "unknown"
        rows = self.competence[["model", "task", "readout", "competent"]]
        found = rows[(rows["model"] == model) & (rows["task"] == task)]
        if len(found) and found["readout"].iloc[0] != "contrast":
            return "able"
        return next(iter(abilities(found[["competent"]])), "unknown")
