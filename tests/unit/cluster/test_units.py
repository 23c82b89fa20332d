"""A model's stage is a unit; what needs all models lies between, in as few parts as can be."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kedro.pipeline import Node, Pipeline

from circuit_scaling.cluster.units import Unit, units_of
from circuit_scaling.marks import MEASURES


def node(name: str, reads: str, writes: str, measures: bool = False) -> Node:
    """A node in the namespace that its name begins with."""
    namespace, _, own = name.rpartition(".")
    return Node(
        lambda *_: None,
        inputs=reads.split() or None,
        outputs=writes.split(),
        name=own,
        namespace=namespace or None,
        tags=MEASURES if measures else None,
    )


def stored(*in_memory: str) -> Callable[[str], bool]:
    return lambda name: name not in in_memory


def by_name(pipeline: Pipeline, *in_memory: str) -> dict[str, Unit]:
    return {unit.name: unit for unit in units_of(pipeline, stored(*in_memory))}


STUDY = Pipeline(
    [
        node("scan.a.measure", "", "effects_a", measures=True),
        node("scan.b.measure", "", "effects_b", measures=True),
        node("join.join_a", "effects_a", "joint_a"),
        node("join.join_b", "effects_b", "joint_b"),
        node("join.stack", "joint_a joint_b", "joint"),
        node("draw.draw", "joint", "figure"),
        node("trace.a.measure", "joint", "traces_a", measures=True),
        node("trace.a.compare", "traces_a joint", "verdict_a"),
        node("trace.b.measure", "joint", "traces_b", measures=True),
        node("trace.b.compare", "traces_b joint", "verdict_b"),
        node("trace.collect", "verdict_a verdict_b", "verdicts"),
        node("report.write", "verdicts figure", "page"),
    ]
)
HANDED_ON = ("joint_a", "joint_b", "verdict_a", "verdict_b")


def test_each_unit_waits_for_what_it_reads_and_for_nothing_else():
    units = by_name(STUDY, *HANDED_ON)
    after = {name: set(unit.after) for name, unit in units.items()}
    assert after == {
        "scan.a": set(),
        "scan.b": set(),
        "join": {"scan.a", "scan.b"},
        "draw": {"join"},  # nobody's measurement waits for a figure
        "trace.a": {"join"},
        "trace.b": {"join"},
        "trace, report": {"trace.a", "trace.b", "join", "draw"},
    }


def test_what_is_handed_on_in_memory_is_run_by_whoever_reads_it():
    units = by_name(STUDY, *HANDED_ON)
    assert units["join"].nodes == ("join.join_a", "join.join_b", "join.stack")
    assert set(units["trace, report"].nodes) == {
        "trace.a.compare",
        "trace.b.compare",
        "trace.collect",
        "report.write",
    }
    assert units["trace.a"].nodes == ()
    assert units["trace.a"].options == ("--namespaces", "trace.a")
    assert units["join"].options == ("--nodes", "join.join_a,join.join_b,join.stack")


def test_two_parts_of_the_same_stages_have_two_names():
    first = node("all.join", "effects_a", "joint")
    last = node("all.draw", "traces_a", "figure")
    scan, trace = STUDY.nodes[0], node("trace.a.measure", "joint", "traces_a", measures=True)
    units = by_name(Pipeline([scan, first, trace, last]))
    assert units["all (2)"].after == {"trace.a"}
    assert units["all"].after == {"scan.a"}


@pytest.mark.parametrize(
    "handed_on", ["effects_a", "settings"], ids=["out of a measurement", "into it"]
)
def test_a_stage_that_hands_on_in_memory_is_not_run_apart(handed_on: str):
    pipeline = Pipeline(
        [
            node("prepare", "", "settings"),
            node("scan.a.measure", "settings", "effects_a", measures=True),
            node("join", "effects_a", "joint"),
        ]
    )
    assert set(by_name(pipeline)) == {"prepare", "scan.a", "join"}
    [unit] = units_of(pipeline, stored("effects_a", "settings"))
    assert set(unit.nodes) == {"prepare", "scan.a.measure", "join"}
    assert not any(unit.model for unit in units_of(pipeline, stored(handed_on)))


def test_a_namespace_in_which_nothing_is_measured_is_not_run_apart():
    pipeline = Pipeline([node("join.a.join", "", "joint_a"), node("join.b.join", "", "joint_b")])
    [unit] = units_of(pipeline, stored())
    assert (unit.name, unit.model, len(unit.nodes)) == ("join.a, join.b", "", 2)


@st.composite
def pipelines(draw: st.DrawFn) -> tuple[Pipeline, tuple[str, ...]]:
    """Any acyclic graph of nodes, some of which measure, and what is handed on in memory."""
    size = draw(st.integers(1, 12))
    nodes = []
    for at in range(size):
        reads = draw(st.sets(st.integers(0, at - 1), max_size=3)) if at else set()
        measures = draw(st.booleans())
        name = f"stage.m{at}.n{at}" if measures else f"part{draw(st.integers(0, 2))}.n{at}"
        nodes.append(node(name, " ".join(f"t{read}" for read in sorted(reads)), f"t{at}", measures))
    in_memory = draw(st.sets(st.integers(0, size - 1), max_size=4))
    return Pipeline(nodes), tuple(f"t{at}" for at in in_memory)


@pytest.mark.filterwarnings("ignore:Namespace")  # an interrupted one is what is tried, too
@given(pipelines())
def test_every_node_is_run_once_all_that_it_reads_is_there(made: tuple[Pipeline, tuple[str, ...]]):
    """Played through: a unit sees what is stored by those that it waits for, and nothing else."""
    pipeline, in_memory = made
    units = units_of(pipeline, stored(*in_memory))
    seen_after: dict[str, set[str]] = {}
    for unit in units:
        assert unit.name not in seen_after, "two units of one name"
        seen = set().union(*(seen_after[name] for name in unit.after))
        handed: set[str] = set()
        for one in pipeline.nodes:
            if one.name in unit.nodes or (unit.model and one.namespace == unit.name):
                missing = set(one.inputs) - seen - handed
                assert not missing, f"{one.name} of {unit.name} lacks {missing}"
                handed |= set(one.outputs)
        seen_after[unit.name] = seen | handed - set(in_memory)
    kept = {name for node in pipeline.nodes for name in node.outputs} - set(in_memory)
    assert set().union(*seen_after.values()) == kept
