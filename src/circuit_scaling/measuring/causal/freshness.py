"""Whether stored tracings still fit the scan, the heroes and the configuration."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from circuit_scaling.commands import run_command
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.fingerprint import fingerprint_of
from circuit_scaling.interventions.version import ENGINE_VERSION
from circuit_scaling.measuring.causal.heroes import Subjects, subjects_of
from circuit_scaling.measuring.causal.settings import CausalSettings
from circuit_scaling.measuring.scan.settings import ScanSettings
from circuit_scaling.measuring.shared.columns import JoinSettings
from circuit_scaling.measuring.shared.stale import check_made_with
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.prompts.spec import PromptSettings, Tasks

_OF_HEROES = ("causal_traces", "head_reads", "head_writes")
_LATER = {"min_share", "n_permutations", "seed"}
"""What is only used when the models' tables have been put together."""


def tracing_fingerprint(scan: str, subjects: Subjects, settings: CausalSettings) -> str:
    """The hash of everything that a model's tracing depends on.

    Args:
        scan: the fingerprint of the model's scan, which holds checkpoint, dtype, prompts and
            precision; chunk, memory and device stay out, as there.
    """
    return fingerprint_of(
        {
            "scan": scan,
            "heroes": [[*head, subjects.category(head)] for head in subjects.heroes],
            "categories": [[*head, name] for head, name in sorted(subjects.categories.items())],
            "causal": settings.model_dump(mode="json", exclude=_LATER),
            "engine": ENGINE_VERSION,
        }
    )


def tracing_mark(
    entry: RosterEntry,
    tasks: Tasks,
    prompt_settings: PromptSettings,
    scan: ScanSettings,
    columns: JoinSettings,
    settings: CausalSettings,
    **tables: pd.DataFrame,
) -> str:
    """The hash of everything that the tables of a tracing hold: their fingerprint, and the family.

    Tasks, prompts and ``scan`` are in the fingerprint of the heads that are traced.

    Args:
        tables: joint_prompts, classified_heads and hero_heads.

    Raises:
        CircuitScalingError: the model was not classified, or its heroes are not among its heads.
    """
    heads = tables["classified_heads"]
    subjects = subjects_of(entry, heads, tables["hero_heads"], settings)
    of_scan = columns.mark(scan_of(entry.slug, heads))
    traced = tracing_fingerprint(of_scan, subjects, settings)
    return fingerprint_of({"tracing": traced, "family": entry.family})


def scan_of(slug: str, classified_heads: pd.DataFrame) -> str:
    """The fingerprint of the scan that a model's categories come from.

    Raises:
        CircuitScalingError: the model was not classified.
    """
    found = classified_heads.loc[classified_heads["model"] == slug, "fingerprint"].unique()
    if len(found) != 1:
        raise CircuitScalingError(
            f"'{slug}' has no categories yet. Make them: {run_command(['join', 'classify'])}"
        )
    return str(found[0])


def check_traced(
    slug: str,
    classified_heads: pd.DataFrame,
    subjects: Subjects,
    columns: JoinSettings,
    settings: CausalSettings,
    traced: Mapping[str, pd.DataFrame],
) -> None:
    """Stop where a stored tracing was made from something else than what is there now.

    Args:
        traced: the model's tables by name. Of heroes, traces, reads and writes must be there; one
            hero alone has no pairs.

    Raises:
        CircuitScalingError: it was; the message has the command that traces the model again.
    """
    scan = columns.mark(scan_of(slug, classified_heads))
    expected = tracing_fingerprint(scan, subjects, settings)
    check_made_with(
        expected if subjects.traced else None,
        (name for table in traced.values() for name in table["fingerprint"]),
        what=f"The stored tracing of '{slug}' was made",
        others="another scan, other heroes",
        again=f"Trace it again: {run_command(['causal'], namespace=f'causal.{slug}')}",
        fits=not (subjects.heroes and any(traced[name].empty for name in _OF_HEROES)),
    )
