"""A model whose prompts and scan are those that the present configuration would make."""

from __future__ import annotations

import pandas as pd

from circuit_scaling.measuring.scan.freshness import scan_fingerprint
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.models.sources import identity_of
from circuit_scaling.prompts.build import prompts_fingerprint
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings
from tests.conftest import PROJECT
from tests.helpers import small_scans

TASKS, PROMPT_SETTINGS = shipped_tasks(), PromptSettings(n_prompts=40)
ENTRY = RosterEntry(
    slug="mini_s",
    family="mini_gpt2",
    folder=str(PROJECT / "data" / "01_raw" / "zoo" / "mini_gpt2_s"),
    params_m=1.0,
    n_layers=4,
    n_heads=12,
)


def fresh_scan() -> tuple[pd.DataFrame, str]:
    """Its prompts with their fingerprint, and the fingerprint of its scan."""
    rows = small_scans.prompts("ioi", {"pair 00": 2, "pair 01": 2})
    of_prompts = prompts_fingerprint(TASKS, PROMPT_SETTINGS, False, identity_of(ENTRY), rows)
    prompts = rows.assign(fingerprint=of_prompts)
    return prompts, scan_fingerprint(ENTRY, TASKS, small_scans.SETTINGS, prompts)
