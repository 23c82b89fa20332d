"""A configuration of its own, apart from that of the project."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from tests.conftest import PROJECT


def elsewhere(root: Path) -> Path:
    """A configuration of its own in ``root``: another roster of one model, another data root."""
    conf = root / "conf"
    shutil.copytree(PROJECT / "conf", conf)
    base, test = (
        yaml.safe_load((PROJECT / "conf" / env / "globals.yml").read_text())
        for env in ("base", "test")
    )
    given = base | test
    given |= {
        "roster": "mine",
        "retrieval_roster": "mine",
        "data_root": str(root / "data"),
        "zoo_root": str(root / "zoo"),
    }
    (conf / "base" / "globals.yml").write_text(yaml.safe_dump(given))
    entry = {"family": "mini_opt", "folder": "models/opt", "params_m": 0.5, "n_layers": 4}
    rosters = {"mine": {"mini_opt": entry | {"n_heads": 12, "bos": True}}}
    (conf / "base" / "parameters_models.yml").write_text(
        yaml.safe_dump(
            {
                "models": "${_rosters.${globals:roster}}",
                "retrieval_models": "${_rosters.${globals:retrieval_roster}}",
                "rosters": "${_rosters}",
            }
        )
        + yaml.safe_dump({"_rosters": rosters})
    )
    return conf


def with_model(folder: Path) -> None:
    """The embedded OPT as ``models/opt`` in ``folder``."""
    shutil.copytree(PROJECT / "data" / "01_raw" / "zoo" / "mini_opt", folder / "models" / "opt")
