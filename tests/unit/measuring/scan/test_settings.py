"""Precision is part of what a scan is; chunk and memory are not."""

from __future__ import annotations

import pandas as pd
import pytest
from pydantic import ValidationError

from circuit_scaling.measuring.scan.freshness import scan_fingerprint
from circuit_scaling.measuring.scan.settings import AblationKind, ScanSettings
from circuit_scaling.models.roster import RosterEntry
from circuit_scaling.prompts.shipped import shipped_tasks
from tests.conftest import PROJECT

ZOO = PROJECT / "data" / "01_raw" / "zoo"


def _entry(slug: str, **changes: object) -> RosterEntry:
    shape = {"params_m": 0.5, "n_layers": 4, "n_heads": 12, **changes}
    return RosterEntry.model_validate({"family": "x", "folder": str(ZOO / slug), **shape})


def _settings(**changes: object) -> ScanSettings:
    primary = AblationKind(ablation="zero", positions="all")
    settings = {"primary": primary, "ablations": (), "positions": (), "draws": 1}
    return ScanSettings.model_validate({**settings, **changes})


def _fingerprint(settings: ScanSettings, **entry: object) -> str:
    prompts = pd.DataFrame({"fingerprint": ["prompts"], "bos": [True], "revision": [""]})
    return scan_fingerprint(_entry("mini_opt", **entry), shipped_tasks(), settings, prompts)


def test_precision_and_dtype_change_the_fingerprint_chunk_and_memory_do_not():
    plain = _fingerprint(_settings())
    assert _fingerprint(_settings(chunk=512)) == plain
    assert _fingerprint(_settings(max_memory="8GiB")) == plain
    others = [
        _fingerprint(_settings(precision="tf32")),
        _fingerprint(_settings(precision="bf16")),
        _fingerprint(_settings(), dtype="bfloat16"),
    ]
    assert len({plain, *others}) == 4


def test_memory_is_written_as_people_write_it():
    assert _settings(max_memory="8GiB").max_memory == 8 * 2**30
    assert _settings(max_memory="500MB").max_memory == 500 * 10**6
    assert _settings().max_memory is None


@pytest.mark.parametrize(
    "wrong", [{"precision": "float16"}, {"max_memory": "much"}, {"chunk": 0}, {"chunk": "some"}]
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        _settings(**wrong)
