"""Which nodes run: judged one after the other, with what is handed on in memory."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from kedro.pipeline import Node, Pipeline

from circuit_scaling.runners.steps import State, Steps


def _some(*_inputs: object) -> int:
    return 0


def node(name: str, inputs: str, outputs: str) -> Node:
    """A node that reads and writes datasets named by words; those in capitals are stored."""
    return Node(_some, inputs.split() or None, outputs.split(), name=name)


def is_stored(name: str) -> bool:
    """Datasets in capitals are."""
    return name.isupper()


def run(pipeline: Pipeline, stale: set[str], failing: set[str] = frozenset()) -> list[str]:
    """The names of the nodes that are run, where those in ``stale`` have to be."""
    steps = Steps(pipeline, is_stored, lambda n: "it is stale" if n.name in stale else None)
    done = []
    while ready := steps.ready():
        for each in ready:
            steps.begin(each)
            if each.name in failing:
                steps.failed(each, ValueError(each.name))
            else:
                done.append(each.name)
                steps.done(each)
    return done


STUDY = Pipeline(
    [
        node("scan_a", "", "A"),
        node("scan_b", "", "B"),
        node("join_a", "A", "a"),
        node("join_b", "B", "b"),
        node("stack", "a b", "JOINT"),
        node("classify", "JOINT", "HEADS"),
        node("draw", "HEADS", "FIGURES"),
    ]
)


def test_nothing_is_run_where_all_is_right() -> None:
    assert run(STUDY, set()) == []


def test_what_is_handed_on_in_memory_is_made_for_who_needs_it() -> None:
    assert sorted(run(STUDY, {"stack"})) == ["join_a", "join_b", "stack"]
    assert run(STUDY, {"draw"}) == ["draw"]


def test_each_node_is_judged_when_what_it_is_made_from_is_there() -> None:
    done: list[str] = []
    steps = Steps(
        STUDY,
        is_stored,
        # Stale once the scan is there, which only then can be known.
        lambda n: "stale" if n.name == "scan_a" or (n.name == "stack" and done) else None,
    )
    while ready := steps.ready():
        for each in ready:
            steps.begin(each)
            steps.done(each)
            done.append(each.name)
    assert done == ["scan_a", "join_a", "join_b", "stack"]


def test_after_a_failure_only_what_needs_it_is_left_out() -> None:
    steps = Steps(STUDY, is_stored, lambda n: "it is stale")
    while ready := steps.ready():
        for each in ready:
            steps.begin(each)
            if each.name == "scan_b":
                steps.failed(each, ValueError("no memory"))
            else:
                steps.done(each)
    assert [n.name for n in steps.of(State.FAILED)] == ["scan_b"]
    left_out = {n.name for n in steps.of(State.NOT_BEGUN)}
    assert left_out == {"join_b", "stack", "classify", "draw"}
    assert {n.name for n in steps.of(State.DONE)} <= {"scan_a", "join_a"}
    assert str(steps.failures[STUDY.filter(node_names=["scan_b"]).nodes[0]]) == "no memory"


def test_memory_is_given_back_when_the_last_reader_is_done() -> None:
    steps = Steps(STUDY, is_stored, lambda n: "it is stale")
    spent = {}
    while ready := steps.ready():
        for each in ready[:1]:
            steps.begin(each)
            steps.done(each)
            spent[each.name] = steps.spent(each)
    assert spent["stack"] == ["a", "b"]
    assert not any(names for name, names in spent.items() if name != "stack")


@st.composite
def pipelines(draw: st.DrawFn) -> tuple[Pipeline, set[str]]:
    """Random graphs, some of whose datasets are stored, and some stale nodes."""
    size = draw(st.integers(2, 9))
    nodes, names = [], []
    for place in range(size):
        read = draw(st.sets(st.sampled_from(names), max_size=3)) if names else set()
        stored = draw(st.booleans()) or place == size - 1
        made = f"d{place}".upper() if stored else f"d{place}"
        nodes.append(node(f"n{place}", " ".join(sorted(read)), made))
        names.append(made)
    stale = draw(st.sets(st.sampled_from([n.name for n in nodes])))
    return Pipeline(nodes), stale


@given(pipelines())
def test_it_runs_what_a_simple_rule_says(drawn: tuple[Pipeline, set[str]]) -> None:
    pipeline, stale = drawn
    # Needed: a stale node that stores something, and whatever hands it on what it reads.
    needed = {n.name for n in pipeline.nodes if n.name in stale and is_stored(n.outputs[0])}
    makers = {name: n for n in pipeline.nodes for name in n.outputs}
    waiting = [n for n in pipeline.nodes if n.name in needed]
    while waiting:
        for name in waiting.pop().inputs:
            if not is_stored(name) and makers[name].name not in needed:
                needed.add(makers[name].name)
                waiting.append(makers[name])
    assert set(run(pipeline, stale)) == needed


@given(pipelines(), st.integers(0, 100))
def test_no_node_runs_before_those_that_it_reads(
    drawn: tuple[Pipeline, set[str]], seed: int
) -> None:
    pipeline, _ = drawn
    steps = Steps(pipeline, is_stored, lambda n: "it is asked for")
    rng = random.Random(seed)
    begun: list[Node] = []
    order: list[str] = []
    while ready := steps.ready() or begun:
        for each in [n for n in ready if n not in begun]:
            steps.begin(each)
            begun.append(each)
        ended = rng.choice(begun)
        begun.remove(ended)
        steps.done(ended)
        order.append(ended.name)
    for each in pipeline.nodes:
        if each.name in order:
            before = [parent.name for parent in pipeline.node_dependencies[each]]
            assert all(order.index(name) < order.index(each.name) for name in before)
    stored = [n.name for n in pipeline.nodes if is_stored(n.outputs[0])]
    assert set(stored) <= set(order)


def test_a_node_that_is_asked_for_twice_is_judged_once() -> None:
    asked: list[str] = []

    def why(each: Node) -> None:
        asked.append(each.name)

    steps = Steps(STUDY, is_stored, why)
    steps.ready()
    steps.ready()
    assert asked == ["scan_a", "scan_b", "stack", "classify", "draw"]
