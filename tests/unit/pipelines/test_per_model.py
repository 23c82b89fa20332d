"""Pipelines of one model each, and stages: names, namespaces, and who shares what."""

from __future__ import annotations

import pickle

import pandas as pd
import pytest
from kedro.pipeline import Node, Pipeline

from circuit_scaling.pipelines.per_model import (
    MODEL,
    in_stage,
    of_every,
    per_model,
    stack,
)

SLUGS = ("tiny", "tiny_2")


def measure(entry: str, settings: str, prompts: str, heads: str) -> tuple[str, str]:
    """A node that nothing runs."""
    return entry + settings + prompts + heads, ""


def summarise(effects: str) -> str:
    """A node that reads what another of the same model wrote."""
    return effects


@pytest.fixture
def measuring() -> Pipeline:
    """Two nodes, for two models."""
    return per_model(
        "scan",
        SLUGS,
        [
            Node(
                measure,
                inputs=[MODEL, "params:scan.chunk", "prompts", "heads"],
                outputs=["effects", "log"],
                name="measure",
            ),
            Node(summarise, inputs="effects", outputs="summary", name="summarise"),
        ],
        by_model=["prompts"],
    )


def of(pipeline: Pipeline, name: str) -> Node:
    """The node of this name."""
    return next(node for node in pipeline.nodes if node.name == name)


class TestPerModel:
    def test_every_model_has_its_nodes_in_its_namespace(self, measuring: Pipeline) -> None:
        assert sorted(node.name for node in measuring.nodes) == [
            f"scan.{slug}.{name}" for slug in SLUGS for name in ("measure", "summarise")
        ]
        assert {node.namespace for node in measuring.nodes} == {f"scan.{slug}" for slug in SLUGS}

    @pytest.mark.parametrize("slug", SLUGS)
    def test_reads_the_entry_and_tables_of_its_model_and_shares_the_rest(
        self, measuring: Pipeline, slug: str
    ) -> None:
        assert of(measuring, f"scan.{slug}.measure").inputs == [
            f"params:models.{slug}",
            "params:scan.chunk",
            f"prompts__{slug}",
            "heads",
        ]

    @pytest.mark.parametrize("slug", SLUGS)
    def test_all_that_is_written_is_named_by_model_also_what_a_node_reads_again(
        self, measuring: Pipeline, slug: str
    ) -> None:
        assert of(measuring, f"scan.{slug}.measure").outputs == [
            f"effects__{slug}",
            f"log__{slug}",
        ]
        assert of(measuring, f"scan.{slug}.summarise").inputs == [f"effects__{slug}"]

    def test_one_model_can_be_run_alone(self, measuring: Pipeline) -> None:
        alone = measuring.filter(node_namespaces=["scan.tiny"])
        assert {node.namespace for node in alone.nodes} == {"scan.tiny"}

    def test_one_model_can_be_picked_by_its_tag(self, measuring: Pipeline) -> None:
        picked = measuring.filter(tags=["tiny"])
        assert {node.namespace for node in picked.nodes} == {"scan.tiny"}

    def test_a_node_says_what_it_does_and_can_be_sent_to_a_process(
        self, measuring: Pipeline
    ) -> None:
        (node,) = (n for n in measuring.nodes if n.name == "scan.tiny.summarise")
        told = pickle.loads(pickle.dumps(node)).preview()
        assert told.content == "A node that reads what another of the same model wrote."

    def test_no_models_are_no_nodes(self) -> None:
        node = Node(summarise, inputs="effects", outputs="summary", name="summarise")
        assert not per_model("scan", (), [node]).nodes


def test_a_stage_renames_nodes_and_no_datasets() -> None:
    nodes = [
        Node(measure, inputs=["params:a", "params:b.c", "d", "e"], outputs=["f", "g"], name="one"),
        Node(summarise, inputs="f", outputs="h", name="two"),
    ]
    stage = in_stage("classify", nodes)
    assert [node.name for node in stage.nodes] == ["classify.one", "classify.two"]
    assert stage.datasets() == Pipeline(nodes).datasets()


def test_tables_of_every_model_in_order_of_the_table() -> None:
    assert of_every(["reads", "writes"], SLUGS) == [
        *("reads__tiny", "reads__tiny_2"),
        *("writes__tiny", "writes__tiny_2"),
    ]


def test_stacked_tables_are_numbered_anew() -> None:
    table = pd.DataFrame({"n": [1, 2]})
    assert list(stack(table, table).index) == [0, 1, 2, 3]


def test_each_further_model_costs_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kedro checks the whole graph of every pipeline that is made: many small ones, one large."""
    checked: list[int] = []
    make = Pipeline.__init__

    def counting(self: Pipeline, *args, **kwargs) -> None:
        make(self, *args, **kwargs)
        checked.append(len(self.nodes))

    monkeypatch.setattr(Pipeline, "__init__", counting)
    work = {}
    for n in (20, 80):
        checked.clear()
        per_model("scan", [f"m{i}" for i in range(n)], [Node(summarise, "effects", "summary")])
        work[n] = sum(checked)
    assert work[80] < 4.2 * work[20]
