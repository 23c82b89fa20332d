"""One task with BOS and without: each version is what a scan of its own gives."""

from __future__ import annotations

import numpy as np
import pytest

import circuit_scaling
from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.measuring.scan.scan import scan_model
from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.models.loading import load_tokenizer
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.prompts.build import build_prompts
from circuit_scaling.prompts.shipped import shipped_tasks
from circuit_scaling.prompts.spec import PromptSettings, Tasks
from circuit_scaling.tables.scan import BOS_EFFECTS
from tests.conftest import PROJECT

FOLDER = PROJECT / "data" / "01_raw" / "zoo" / "mini_opt"
ENTRY = RosterEntry(
    slug="mini_opt", family="mini_opt", folder=str(FOLDER), params_m=0.5, n_layers=4, n_heads=12
)
IOI = Tasks({name: shipped_tasks().root[name] for name in ("ioi", "ioi_abc")})
SETTINGS = ScanSettings(
    primary=AblationKind(ablation="zero", positions="all"),
    ablations=(),
    positions=(),
    bos_task="ioi",
    draws=1,
    chunk=256,
)


@pytest.mark.parametrize("own", ["auto", False])
def test_each_version_is_what_a_scan_of_its_own_gives(own: bool | str) -> None:
    entry = ENTRY.model_copy(update={"bos": own})
    reads = load_tokenizer(entry)
    assert bool(reads.prefix) == (own == "auto")  # OPT was trained with BOS
    prompts, _ = build_prompts(
        IOI, PromptSettings(n_prompts=80), reads.tokenizer, prefix=reads.prefix
    )
    table = BOS_EFFECTS.validate(scan_model(entry, IOI, SETTINGS, prompts).bos_effects)
    assert len(table) == 48
    for name, bos in (("with", True), ("without", False)):
        alone = circuit_scaling.scan(FOLDER, "ioi", n_prompts=80, bos=bos)
        np.testing.assert_allclose(table[f"delta_{name}"], alone["delta"], atol=1e-5)
        np.testing.assert_allclose(table[f"se_{name}"], alone["se"], atol=1e-5)
        assert table[f"accuracy_{name}"].iloc[0] == alone.attrs["accuracy"]
    difference = table["delta_with"] - table["delta_without"]
    np.testing.assert_allclose(table["difference"], difference, atol=1e-5)
    assert (table["q"] < 0.05).any()  # without BOS the model does not do the task


def test_a_task_that_is_not_scanned_is_named() -> None:
    reads = load_tokenizer(ENTRY)
    prompts, _ = build_prompts(
        IOI, PromptSettings(n_prompts=80), reads.tokenizer, prefix=reads.prefix
    )
    wrong = SETTINGS.model_copy(update={"bos_task": "riddles"})
    with pytest.raises(CircuitScalingError, match=r"scan.bos_task names riddles"):
        scan_model(ENTRY, IOI, wrong, prompts)


def test_a_chat_has_no_version_without_bos() -> None:
    reads = load_tokenizer(ENTRY)
    prompts, _ = build_prompts(
        IOI, PromptSettings(n_prompts=80), reads.tokenizer, prefix=reads.prefix
    )
    chat = ENTRY.model_copy(update={"chat": "Go on.", "untrained": True})
    with pytest.raises(CircuitScalingError, match=r"with and without BOS: its prompts are a chat"):
        scan_model(chat, IOI, SETTINGS, prompts)
