"""Nodes of the ablation of sets: hero heads against random heads, exports, figures."""

from __future__ import annotations

import logging
from typing import Any

import pandas as pd

from circuit_scaling.analysis.ablation.exports import hero_ablation_for_people
from circuit_scaling.analysis.ablation.heroes_vs_random import over_models, summarise
from circuit_scaling.analysis.made_from import stamp, stamp_like
from circuit_scaling.datasets.figures import Drawn
from circuit_scaling.figures.ablation.heroes_vs_random import (
    ablation_overview,
    of_all_heroes,
    with_all_heroes,
)
from circuit_scaling.figures.ablation.heroes_vs_random import hero_vs_random_ablation as draw_model
from circuit_scaling.figures.style import file_name
from circuit_scaling.marks import marked_by
from circuit_scaling.measuring.ablation.freshness import (
    ablation_fingerprint,
    check_fresh_trials,
    trials_mark,
)
from circuit_scaling.measuring.ablation.sets import choose_sets, hero_sets, shortages
from circuit_scaling.measuring.ablation.settings import AblationSettings
from circuit_scaling.measuring.scan.settings import ScanSettings
from circuit_scaling.measuring.shared.columns import JoinSettings
from circuit_scaling.measuring.shared.of_model import of_model, prompts_of
from circuit_scaling.models.roster import Roster, RosterEntry
from circuit_scaling.pipelines.per_model import stack
from circuit_scaling.prompts.spec import PromptSettings, Tasks
from circuit_scaling.tables.ablation import ABLATION_LOG, ABLATION_TRIALS

# torch and transformers are imported inside the functions: the registry must start without them.

_log = logging.getLogger(__name__)


@marked_by(trials_mark)
def ablate_sets(
    entry: RosterEntry,
    tasks: Tasks,
    prompt_settings: PromptSettings,
    scan_settings: ScanSettings,
    columns: JoinSettings,
    settings: AblationSettings,
    **tables: pd.DataFrame,
) -> dict[str, pd.DataFrame]:
    """Load the model once, ablate all its sets on every task; without heroes, empty tables.

    ``tables`` are joint_prompts, classified_heads and hero_heads.
    """
    from circuit_scaling.measuring.ablation.trials import plan_trials, run_trials

    slug, prompts = entry.slug, prompts_of(tables["joint_prompts"], entry.slug)
    heads, heroes = (of_model(tables[name], slug) for name in ("classified_heads", "hero_heads"))
    of_scan = ablation_fingerprint(
        entry, tasks, prompt_settings, scan_settings, settings, prompts, heads, heroes
    )
    fingerprint = columns.mark(of_scan)
    sets = choose_sets(slug, (entry.n_layers, entry.n_heads), heroes, heads, settings)
    if not sets:
        _log.warning("%s: no hero heads, so that there is nothing to ablate", slug)
        return {"ablation_trials": ABLATION_TRIALS.empty(), "ablation_log": ABLATION_LOG.empty()}
    if short := shortages(sets, settings.n_random):
        _log.info("%s: %s", slug, "; ".join(short))
    trials = plan_trials(columns.tasks(tasks), scan_settings, settings, sets)
    of_columns = columns.as_columns(prompts)
    ablated = run_trials(entry, scan_settings, settings, of_columns, trials, fingerprint)
    return ablated._asdict()


def compare_sets(
    entry: RosterEntry,
    tasks: Tasks,
    prompt_settings: PromptSettings,
    scan_settings: ScanSettings,
    columns: JoinSettings,
    settings: AblationSettings,
    **tables: pd.DataFrame,
) -> pd.DataFrame:
    """Refuse trials that do not fit the heroes; else compare heroes with the other sets.

    ``tables`` are joint_prompts, classified_heads, hero_heads, ablation_trials and competence.
    """
    slug, prompts = entry.slug, prompts_of(tables["joint_prompts"], entry.slug)
    heads, heroes = (of_model(tables[name], slug) for name in ("classified_heads", "hero_heads"))
    trials = tables["ablation_trials"]
    expected = ablation_fingerprint(
        entry, tasks, prompt_settings, scan_settings, settings, prompts, heads, heroes
    )
    check_fresh_trials(slug, trials, columns.mark(expected), bool(hero_sets(heroes)))
    of_columns = columns.as_columns(prompts)
    return summarise(trials, of_columns, tables["competence"], scan_settings.primary)


def collect(classified_heads: pd.DataFrame, *tables: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The comparisons of all models, one below the other, and then their logs."""
    half = len(tables) // 2
    collected = {
        "ablation_summary": over_models(stack(*tables[:half])),
        "ablation_log": stack(*tables[half:]),
    }
    return stamp(collected, classified_heads)


def export(ablation_summary: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The CSV table for people."""
    return hero_ablation_for_people(ablation_summary)


def draw(ablation_summary: pd.DataFrame, models: dict[str, Any]) -> Drawn:
    """For each model what is left as more heads are ablated, and all models side by side."""
    drawn: Drawn = {
        "ablation_overview": (
            ablation_overview(ablation_summary),
            with_all_heroes(ablation_summary),
        )
    }
    for slug in Roster.model_validate(models).root:
        rows = ablation_summary[ablation_summary["model"] == slug]
        name = f"{file_name(slug)}_hero_vs_random_ablation"
        drawn[name] = (draw_model(rows), of_all_heroes(rows))
    return stamp_like(drawn, ablation_summary)
