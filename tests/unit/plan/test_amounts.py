"""What a scan is foretold to take where heads are settled one by one."""

from __future__ import annotations

from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings, SettleSettings
from circuit_scaling.plan.amounts import scan_amount
from circuit_scaling.plan.operations import Sizes
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings, Tasks

SIZES = Sizes(5, 4, 32, 32, 16, 3 * 32 * 96, 1000, parallel=False)
_ABC = shipped_tasks().root["ioi_abc"].model_copy(update={"scan": False})
IOI = Tasks(root={"ioi": shipped_tasks().root["ioi"], "ioi_abc": _ABC})
ALL = ScanSettings(
    primary=AblationKind(ablation="zero", positions="all"),
    ablations=("zero", "mean"),
    positions=("all",),
    agreement_tasks=("ioi",),
    draws=1,
)


def operations(scan: ScanSettings, n_prompts: int = 400) -> int:
    return scan_amount(SIZES, IOI, PromptSettings(n_prompts=n_prompts), scan).operations


def test_settling_takes_at_most_what_is_allowed() -> None:
    settled = ALL.model_copy(update={"until": "resolved"})
    few = settled.model_copy(update={"settle": SettleSettings(max_prompts=100)})
    assert operations(few) < operations(settled) < operations(ALL)
    other = settled.model_copy(update={"settle": SettleSettings(tasks=("anti_names",))})
    assert operations(other) == operations(ALL)
