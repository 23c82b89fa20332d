"""Every table of a scan must come from the present configuration, and from the same scan."""

from __future__ import annotations

import pandas as pd
import pytest

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.measuring.scan.freshness import check_fresh
from tests.helpers import small_scans
from tests.helpers.fresh_scans import ENTRY, PROMPT_SETTINGS, TASKS, fresh_scan


def check(*changes: str | None) -> None:
    """Check a scan whose tables carry these fingerprints; None is the right one."""
    prompts, right = fresh_scan()
    measured = [pd.DataFrame({"fingerprint": [change or right] * 2}) for change in changes]
    check_fresh(ENTRY, TASKS, PROMPT_SETTINGS, small_scans.SETTINGS, prompts, *measured)


def test_a_fresh_scan_passes() -> None:
    check(None, None)


@pytest.mark.parametrize("changes", [("0ld", None), (None, "0ld")])
def test_one_table_of_another_scan_is_enough_to_stop(changes: tuple[str | None, ...]) -> None:
    with pytest.raises(CircuitScalingError, match="0ld.*--namespaces scan.mini_s"):
        check(*changes)
