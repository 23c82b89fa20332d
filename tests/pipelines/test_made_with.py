"""Tables carry their parameters; a run with other ones stops and names the command."""

from __future__ import annotations

import shlex

import pytest

from circuit_scaling.errors import CircuitScalingError
from circuit_scaling.tables.made_with import made_with

AFTER_CLASSIFY = "classify,scaling,transfer,causal,ablation"


def options(command: str) -> dict[str, str]:
    """The options of a suggested command, but for the environment of the tests."""
    words = [word for word in shlex.split(command)[2:] if word != "--resume"]
    given = dict(zip(words[::2], words[1::2], strict=True))
    assert given.pop("--env") == "test"
    return given


@pytest.mark.parametrize(
    ("pipeline", "params", "again"),
    [
        ("report", {"classify": {"tau": 0.2}}, f"join,{AFTER_CLASSIFY},audit,report"),
        ("scaling", {"classify": {"tau": 0.2}}, "classify,scaling"),
        ("report", {"transfer": {"k": 7}}, "transfer,audit,report"),
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
    remade, _, kept = told.value.message.rpartition("again: ")[2].partition(" Or keep ")
    assert "--resume" in shlex.split(remade)
    assert options(remade) == {"--pipelines": again, "--params": f"{block}.{name}={value}"}
    was = told.value.message.partition(f"{block}.{name} = ")[2].partition(" ")[0]
    expected = {"--pipelines": pipeline, "--params": f"{block}.{name}={was}"}
    assert options(kept.partition("made: ")[2]) == expected


def test_what_does_not_depend_on_it_can_be_run(study, run) -> None:
    # tau is no parameter of the joined heads, and memory of nothing at all.
    wanted = ["classified_heads"]
    params = {"classify": {"tau": 0.2}, "scan": {"chunk": 64}}
    assert run("classify", params=params, to_outputs=wanted) is not None
    run("classify", to_outputs=wanted)


@pytest.mark.parametrize(
    "name", ["classified_heads", "hero_heads", "causal_summary", "ablation_summary"]
)
def test_tables_carry_what_they_depend_on(study, name: str) -> None:
    carried = made_with(study.load(name))
    assert carried["classify.tau"] == 0.05
    assert carried["classify.top_k"] == 3
    assert carried["scan.primary"] == {"ablation": "zero", "positions": "all"}
    assert {"ioi", "anti_names"} <= set(carried["tasks"])
