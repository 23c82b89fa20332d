"""``kedro run`` goes on with a scan that was stopped, and leaves nothing of it behind."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from circuit_scaling.hooks import FinishedScans
from circuit_scaling.marks import KEEPS_LAYERS
from circuit_scaling.measuring.scan.kept_layers import KeptLayers
from tests.helpers.small_scans import SETTINGS, entry


class Killed(BaseException):
    """What nothing on the way up handles."""


def test_a_run_goes_on_with_the_layers_that_were_kept(run, elsewhere, monkeypatch):
    model = "mini_gpt2_s"
    store = KeptLayers.store
    kept = elsewhere / "03_primary" / "kept" / model

    def dying(self: KeptLayers, *args: Any) -> None:
        store(self, *args)
        if len(list(kept.rglob("*.layer"))) == 2:
            raise Killed

    only_ioi = {"scan": {"agreement_tasks": []}}
    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(KeptLayers, "store", dying)
        run("scan", params=only_ioi, namespaces=[f"scan.{model}"])
    assert len(list(kept.rglob("*.layer"))) == 2

    taken: list[KeptLayers] = []
    of = KeptLayers.of
    with monkeypatch.context() as patch:
        patch.setattr(KeptLayers, "of", lambda *args: taken.append(of(*args)) or taken[-1])
        run("scan", params=only_ioi, namespaces=[f"scan.{model}"])
    (layers,) = taken
    assert layers.heads > 0
    assert not kept.exists()
    assert list((elsewhere / "03_primary" / "head_effects").rglob("*.parquet"))


def test_layers_are_kept_until_the_last_table_is_stored(tmp_path: Path):
    model = entry().model_copy(update={"slug": "mini"})
    settings = SETTINGS.model_copy(update={"keep_in": tmp_path})
    hook = FinishedScans()
    node: Any = SimpleNamespace(tags={KEEPS_LAYERS}, outputs=["effects", "profiles"])
    for other in ("mini", "maxi"):
        (tmp_path / other / "aa").mkdir(parents=True)
    hook.after_node_run(node, {"params:models.mini": model, "params:scan": settings})
    for name in ("effects", "effects", "tables_of_others"):
        hook.after_dataset_saved(name)
        assert (tmp_path / "mini" / "aa").exists()
    hook.after_dataset_saved("profiles")
    assert [folder.name for folder in tmp_path.iterdir()] == ["maxi"]
    hook.after_dataset_saved("profiles")
