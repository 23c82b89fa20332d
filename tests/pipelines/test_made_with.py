"""Tables carry their parameters; a run with other ones stops and names the command."""

from __future__ import annotations

import shlex

import pytest

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.tables.made_with import made_with

AFTER_CLASSIFY = "classify,scaling,transfer,causal,ablation"


@pytest.mark.parametrize(
    ("pipeline", "params", "again"),
    [
        ("report", {"classify": {"tau": 0.2}}, f"join,{AFTER_CLASSIFY},report"),
        ("scaling", {"classify": {"tau": 0.2}}, "classify,scaling"),
        ("report", {"transfer": {"k": 7}}, "transfer,report"),
        ("causal", {"classify": {"top_k": 2}}, "classify,causal"),
        ("classify", {"scan": {"seed": 3}}, "scan,join,classify"),
    ],
)
def test_stored_tables_are_not_read_with_other_parameters(
    study, run, pipeline: str, params: dict, again: str
) -> None:
    ((block, values),) = params.items()
    ((name, value),) = values.items()
    with pytest.raises(CircuitScalingError, match=f"{block}.{name} = .* \\(now {value}\\)") as told:
        run(pipeline, params=params)
    command = shlex.split(told.value.message.rpartition("again: ")[2])
    assert command[command.index("--pipelines") + 1] == again
    assert command[command.index("--params") + 1] == f"{block}.{name}={value}"


def test_what_does_not_depend_on_it_can_be_run(study, run) -> None:
    # tau is no parameter of the joined heads, and memory of nothing at all.
    found = run("classify", params={"classify": {"tau": 0.2}, "scan": {"chunk": 64}})
    assert found is not None
    run("classify")


@pytest.mark.parametrize(
    "name", ["classified_heads", "hero_heads", "causal_summary", "ablation_summary"]
)
def test_tables_carry_what_they_depend_on(study, name: str) -> None:
    carried = made_with(study.load(name))
    assert carried["classify.tau"] == 0.05
    assert carried["classify.top_k"] == 3
    assert carried["scan.primary"] == {"ablation": "zero", "positions": "all"}
    assert {"ioi", "anti_names"} <= set(carried["tasks"])
