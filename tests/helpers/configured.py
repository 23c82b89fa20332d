"""What ``conf/base`` says, read without Kedro."""

from __future__ import annotations

from typing import Any

import yaml

from circuit_scaling.models.roster import Rosters
from tests.conftest import PROJECT


def configured(name: str) -> dict[str, Any]:
    """``parameters_<name>.yml``; what is interpolated there stays as it is written."""
    text = (PROJECT / "conf" / "base" / f"parameters_{name}.yml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


ROSTERS = Rosters.model_validate(configured("models")["_rosters"])
"""Every roster of the project."""
