"""Whether heroes and ablated sets still fit the configuration."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.commands import run_command
from circuit_scaling.fingerprint import fingerprint_of
from circuit_scaling.measuring.ablation.sets import hero_sets
from circuit_scaling.measuring.ablation.settings import AblationSettings
from circuit_scaling.measuring.scan.freshness import check_heads
from circuit_scaling.measuring.scan.settings import ScanSettings
from circuit_scaling.measuring.shared.columns import JoinSettings
from circuit_scaling.measuring.shared.of_model import of_model, prompts_of
from circuit_scaling.measuring.shared.stale import check_made_with
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.prompts.spec import PromptSettings, Tasks


def ablation_fingerprint(
    entry: RosterEntry,
    tasks: Tasks,
    prompt_settings: PromptSettings,
    scan: ScanSettings,
    settings: AblationSettings,
    prompts: pd.DataFrame,
    classified_heads: pd.DataFrame,
    hero_heads: pd.DataFrame,
) -> str:
    """The hash of everything that the ablated sets of a model depend on.

    The scan's own fingerprint is a part of it: model, prompts, ablations, engine version, and
    through them the strengths that rank the weakest heads.

    Args:
        classified_heads, hero_heads: rows of the model.

    Raises:
        CircuitScalingError: the heads were measured with something else than the present
            configuration; the message has the command that measures and classifies them again.
    """
    of_scan = check_heads(entry, tasks, prompt_settings, scan, prompts, classified_heads)
    return fingerprint_of(
        {
            "scan": of_scan,
            "heroes": {
                name: [list(head) for head in heads]
                for name, heads in hero_sets(hero_heads).items()
            },
            "ablation": settings.model_dump(mode="json"),
        }
    )


def trials_mark(
    entry: RosterEntry,
    tasks: Tasks,
    prompt_settings: PromptSettings,
    scan_settings: ScanSettings,
    columns: JoinSettings,
    settings: AblationSettings,
    **tables: pd.DataFrame,
) -> str:
    """The hash of everything that the trials of a model hold: their fingerprint, and the family.

    Args:
        tables: joint_prompts, classified_heads and hero_heads.

    Raises:
        CircuitScalingError: as :func:`ablation_fingerprint`.
    """
    heads, heroes = (
        of_model(tables[name], entry.slug) for name in ("classified_heads", "hero_heads")
    )
    prompts = prompts_of(tables["joint_prompts"], entry.slug)
    trials = ablation_fingerprint(
        entry, tasks, prompt_settings, scan_settings, settings, prompts, heads, heroes
    )
    return fingerprint_of({"trials": columns.mark(trials), "family": entry.family})


def check_fresh_trials(slug: str, trials: pd.DataFrame, expected: str, has_heroes: bool) -> None:
    """Stop where stored trials were made from something else than the present heroes.

    Args:
        expected: `ablation_fingerprint`.
        has_heroes: whether the model has heroes; without, its table is empty.

    Raises:
        CircuitScalingError: they were; the message has the command that makes them again.
    """
    check_made_with(
        expected if has_heroes else None,
        trials["fingerprint"],
        what=f"The stored ablation trials of '{slug}' were made",
        others="other heroes, other prompts",
        again=f"Make them again: {run_command(['ablation'], namespace=f'ablation.{slug}')}",
    )
