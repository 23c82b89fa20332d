"""Every table of a scan must come from the present configuration, and from the same scan."""

from __future__ import annotations

import pandas as pd
import pytest

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.measuring.scan.freshness import check_fresh, scan_fingerprint
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


def check(*changes: str | None) -> None:
    """Check a scan whose tables carry these fingerprints; None is the right one."""
    rows = small_scans.prompts("ioi", {"pair 00": 2, "pair 01": 2})
    of_prompts = prompts_fingerprint(TASKS, PROMPT_SETTINGS, False, identity_of(ENTRY), rows)
    prompts = rows.assign(fingerprint=of_prompts)
    right = scan_fingerprint(ENTRY, TASKS, small_scans.SETTINGS, prompts)
    measured = [pd.DataFrame({"fingerprint": [change or right] * 2}) for change in changes]
    check_fresh(ENTRY, TASKS, PROMPT_SETTINGS, small_scans.SETTINGS, prompts, *measured)


def test_a_fresh_scan_passes() -> None:
    check(None, None)


@pytest.mark.parametrize("changes", [("0ld", None), (None, "0ld")])
def test_one_table_of_another_scan_is_enough_to_stop(changes: tuple[str | None, ...]) -> None:
    with pytest.raises(CircuitScalingError, match="0ld.*--namespaces scan.mini_s"):
        check(*changes)
