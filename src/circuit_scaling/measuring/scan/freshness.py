"""Whether stored prompts and scans still fit the configuration."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.commands import run_command
from circuit_scaling.fingerprint import fingerprint_of
from circuit_scaling.interventions.version import ENGINE_VERSION
from circuit_scaling.measuring.scan.settings import ScanSettings
from circuit_scaling.measuring.shared.of_model import revision_of
from circuit_scaling.measuring.shared.stale import check_made_with
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.models.sources import identity_of
from circuit_scaling.prompts.build import prompts_fingerprint
from circuit_scaling.prompts.spec import PromptSettings, Tasks


def prompts_mark(entry: RosterEntry, tasks: Tasks, settings: PromptSettings) -> str:
    """The hash of everything that a model's prompts depend on.

    Of a hub model id and revision count, and not the commit that the revision stands for today:
    what was measured stays measured on the commit that was found then.
    """
    return fingerprint_of(
        {
            "model": identity_of(entry),
            "begins": entry.bos if entry.chat is None else entry.chat,
            "tasks": tasks.for_results(),
            "settings": settings.model_dump(mode="json"),
            "engine": ENGINE_VERSION,
        }
    )


def scan_mark(
    entry: RosterEntry, tasks: Tasks, settings: ScanSettings, tau: float, prompts: pd.DataFrame
) -> str:
    """The hash of everything that the tables of a scan hold: their fingerprint, and the family.

    ``tau`` is only spoken of while a model is scanned, and counts for nothing.
    """
    of_scan = scan_fingerprint(entry, tasks, settings, prompts)
    return fingerprint_of({"scan": of_scan, "family": entry.family})


def scan_fingerprint(
    entry: RosterEntry, tasks: Tasks, settings: ScanSettings, prompts: pd.DataFrame
) -> str:
    """The hash of everything that a model's scan depends on; chunk, memory and device stay out.

    Args:
        prompts: the prompts table; it says which commit of a hub model is scanned.
    """
    return fingerprint_of(
        {
            "model": identity_of(entry, revision_of(prompts)),
            "dtype": entry.dtype,
            "prompts": prompts["fingerprint"].iloc[0],
            "tasks": {
                name: [spec.readout, spec.reference] for name, spec in tasks.scanned().items()
            },
            "scan": settings.for_results(),
            "engine": ENGINE_VERSION,
        }
    )


def fresh_prompts(
    entry: RosterEntry, tasks: Tasks, settings: PromptSettings, prompts: pd.DataFrame
) -> bool:
    """Whether stored prompts are those that the present configuration would make.

    ``bos: auto`` is what was found when they were made.
    """
    begin: bool | str
    if entry.chat is not None:
        begin = entry.chat
    else:
        begin = bool(prompts["bos"].iloc[0]) if entry.bos == "auto" else entry.bos
    model = identity_of(entry, revision_of(prompts))
    expected = prompts_fingerprint(tasks, settings, begin, model, prompts)
    return set(prompts["fingerprint"]) == {expected}


def check_fresh(
    entry: RosterEntry,
    tasks: Tasks,
    prompt_settings: PromptSettings,
    settings: ScanSettings,
    prompts: pd.DataFrame,
    *measured: pd.DataFrame,
) -> None:
    """Stop where a stored scan was made from something else than the present configuration.

    Args:
        measured: the tables of the scan that carry its fingerprint.

    Raises:
        CircuitScalingError: it was; the message has the command that scans the model again.
    """
    expected = scan_fingerprint(entry, tasks, settings, prompts)
    check_made_with(
        expected,
        (name for table in measured for name in table["fingerprint"]),
        what=f"The stored scan of '{entry.slug}' was made",
        others="another checkpoint, other prompts",
        again=f"Scan it again: {run_command(['scan'], namespace=f'scan.{entry.slug}')}",
        fits=fresh_prompts(entry, tasks, prompt_settings, prompts),
    )


def check_heads(
    entry: RosterEntry,
    tasks: Tasks,
    prompt_settings: PromptSettings,
    settings: ScanSettings,
    prompts: pd.DataFrame,
    heads: pd.DataFrame,
) -> str:
    """The fingerprint of the scan that a model's classified heads come from.

    Args:
        heads: rows of the model in ``classified_heads``.

    Raises:
        CircuitScalingError: the heads were measured with something else than the present
            configuration; the message has the command that measures and classifies them again.
    """
    expected = scan_fingerprint(entry, tasks, settings, prompts)
    check_made_with(
        expected,
        heads["fingerprint"],
        what=f"The heads of '{entry.slug}' were measured",
        others="another checkpoint, other prompts",
        again=f"Measure them again: {run_command(['scan', 'join', 'classify'])}",
        fits=fresh_prompts(entry, tasks, prompt_settings, prompts),
    )
    return expected
