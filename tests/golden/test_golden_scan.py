"""Numbers do not move without a new ENGINE_VERSION."""

from __future__ import annotations

import json

import numpy as np

from circuit_scaling.interventions.version import ENGINE_VERSION
from tests.golden.make import FILE, golden_scan


def test_numbers_are_those_of_this_engine_version():
    stored = json.loads(FILE.read_text())
    assert stored["engine"] == ENGINE_VERSION, "run: python -m tests.golden.make"
    found = golden_scan()
    assert set(found) == set(stored["effects"])
    for name, effects in stored["effects"].items():
        np.testing.assert_allclose(
            found[name],
            effects,
            rtol=0,
            atol=1e-5,
            err_msg=f"{name} moved: raise ENGINE_VERSION and run python -m tests.golden.make",
        )
