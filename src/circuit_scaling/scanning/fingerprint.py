"""Whether stored prompts and scans still fit the configuration."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.commands import run_command
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.fingerprint import fingerprint_of
from circuit_scaling.interventions.version import ENGINE_VERSION
from circuit_scaling.models.roster import RosterEntry, identity_of
from circuit_scaling.prompts.build import prompts_fingerprint
from circuit_scaling.prompts.spec import PromptSettings, Tasks
from circuit_scaling.scanning.spec import ScanSettings


def scan_fingerprint(
    entry: RosterEntry, tasks: Tasks, settings: ScanSettings, prompts_fingerprint: str
) -> str:
    """The hash of everything that a model's scan depends on; chunk, memory and device stay out."""
    return fingerprint_of(
        {
            "model": identity_of(entry),
            "dtype": entry.dtype,
            "prompts": prompts_fingerprint,
            "tasks": {
                name: [spec.readout, spec.reference] for name, spec in tasks.scanned().items()
            },
            "scan": settings.model_dump(mode="json", exclude={"chunk", "max_memory"}),
            "engine": ENGINE_VERSION,
        }
    )


def check_fresh(
    slug: str,
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
    of_prompts = prompts_fingerprint(tasks, prompt_settings, entry.bos, identity_of(entry), prompts)
    expected = scan_fingerprint(entry, tasks, settings, of_prompts)
    found = {name for table in measured for name in table["fingerprint"]}
    if set(prompts["fingerprint"]) != {of_prompts} or found != {expected}:
        raise CircuitScalingError(
            f"The stored scan of '{slug}' was made with another checkpoint, other prompts, other "
            f"parameters or another engine (fingerprint {', '.join(sorted(found))}, now "
            f"{expected}). Scan it again: {run_command(['scan'], namespace=f'scan.{slug}')}"
        )
